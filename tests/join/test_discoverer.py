import base64
import json
import re

import pytest
import trio

from joinsim.api import Cluster, Context, Kubeconfig, User
from joinsim.api.objects import mapping, strings, text
from joinsim.api.yaml_codec import load_yaml
from joinsim.backends import FakeGround
from joinsim.backends.file_server import FileServer
from joinsim.errors import Reason
from joinsim.events import DiscoveryAccepted, DiscoveryFetched, DiscoveryRetried, RequestServed
from joinsim.gofmt import parse_duration
from joinsim.join import (
    BootstrapTokenDiscovery,
    Discovery,
    FileDiscovery,
    JoinConfiguration,
    NodeRegistration,
    Timeouts,
)
from joinsim.join.paths import BOOTSTRAP_KUBELET_CONF
from joinsim.wire import Response, serve_connection
from joinsim.world import Delay, Divert, Drop, LinkRule, Refuse
from tests.pair import TOKEN, JoinPair

FILE = "/root/discovery.conf"


def events(pair, kind):
    return [event for _, event in pair.world.journal.of(kind)]


def cluster_of(pair, server="", **fields):
    fields.setdefault("certificate_authority_data", pair.control_plane.ca_pem)
    return Cluster(server or f"https://{pair.control_plane.endpoint}", **fields)


def by_file(pair, kubeconfig, *, tls_token=TOKEN.value, timeout=300.0):
    pair.worker.files.write(FILE, kubeconfig.dump().encode())
    return JoinConfiguration(
        Discovery(file=FileDiscovery(FILE), tls_bootstrap_token=tls_token),
        timeouts=Timeouts(discovery=timeout),
    )


def with_user(pair, **credential):
    return Kubeconfig({"c": cluster_of(pair)}, {"u": User(**credential)}, {"x": Context("c", "u")}, "x")


async def timed(pair, config):
    began = trio.current_time()
    outcome = await pair.join(config)
    return outcome, trio.current_time() - began


# --- tokens --------------------------------------------------------------------------------------


def test_pinned_discovery_fetches_twice_and_the_second_time_verified(play):
    async def body(world):
        pair = await JoinPair.create(world)
        assert (await pair.join()).joined
        assert [event.verified for event in events(pair, DiscoveryFetched)] == [False, True]
        [accepted] = events(pair, DiscoveryAccepted)
        assert accepted == DiscoveryAccepted(
            "token-pinned", f"https://{pair.control_plane.endpoint}", pair.pins
        )

    play(body)


def unpinned(pair, **fields):
    told = BootstrapTokenDiscovery(TOKEN.value, pair.control_plane.endpoint, (), True)
    return JoinConfiguration(Discovery(told), **fields)


def test_unpinned_discovery_fetches_once_and_never_verified(play):
    async def body(world):
        pair = await JoinPair.create(world)
        assert (await pair.join(unpinned(pair))).joined
        assert [event.verified for event in events(pair, DiscoveryFetched)] == [False]

    play(body)


def test_pins_count_even_where_verification_may_be_skipped(play):
    async def body(world):
        pair = await JoinPair.create(world)
        told = BootstrapTokenDiscovery(
            TOKEN.value, pair.control_plane.endpoint, ("sha256:" + "0" * 64,), True
        )
        outcome = await pair.join(JoinConfiguration(Discovery(told)))
        assert outcome.refusal.reason is Reason.PIN_MISMATCH

    play(body)


@pytest.mark.parametrize(("back_after", "joins_after"), [(3, 5), (12, 15), (299, None), (295.5, None)])
def test_an_api_server_that_appears_in_time_is_found_at_the_next_beat(play, back_after, joins_after):
    async def body(world):
        pair = await JoinPair.create(world)
        rule = LinkRule(Refuse(), target="control-plane")
        world.network.lay(rule)

        async def come_back():
            await trio.sleep(back_after)
            world.network.lift(rule)

        world.nursery.start_soon(come_back)
        outcome, seconds = await timed(pair, pair.pinned())
        assert outcome.joined == (joins_after is not None)
        if joins_after is not None:
            assert seconds == pytest.approx(joins_after + 0.5, abs=0.01)
            return
        assert seconds == pytest.approx(300)
        assert outcome.refusal.timed_out
        assert str(outcome.refusal).endswith("connect: connection refused")
        assert len(events(pair, DiscoveryRetried)) == 59

    play(body)


def test_an_api_server_that_does_not_answer_costs_ten_seconds_an_attempt(play):
    async def body(world):
        pair = await JoinPair.create(world)
        world.network.lay(LinkRule(Drop(), target="control-plane"))
        outcome, seconds = await timed(pair, pair.pinned(timeouts=Timeouts(discovery=25)))
        # Attempts at 0, 10 and 20 s; the last one is not cut short by the timeout.
        assert seconds == pytest.approx(30)
        assert outcome.refusal.timed_out
        assert "context deadline exceeded (Client.Timeout exceeded while awaiting headers)" in str(
            outcome.refusal
        )

    play(body)


def test_a_slow_network_only_makes_it_later(play):
    async def body(world):
        pair = await JoinPair.create(world)
        world.network.lay(LinkRule(Delay(0.3), target="control-plane"))
        outcome, seconds = await timed(pair, pair.pinned())
        assert outcome.joined
        assert 3 < seconds < 20
        assert not events(pair, DiscoveryRetried)

    play(body)


def test_a_server_of_another_ca_is_tried_until_the_second_timeout_is_up(play):
    """It relays the genuine cluster-info but has no certificate of the pinned CA."""

    async def body(world):
        pair = await JoinPair.create(world)
        relay = FileServer(world.add_host("relay"))
        info = (await pair.client().get("/api/v1/namespaces/kube-public/configmaps/cluster-info"))["data"]
        body = json.dumps({"kind": "ConfigMap", "apiVersion": "v1", "data": info}).encode()
        relay.publish("/api/v1/namespaces/kube-public/configmaps/cluster-info", body)
        await world.nursery.start(relay.run)
        world.network.lay(LinkRule(Divert("relay", 443), source="worker-1", target="control-plane"))
        outcome, seconds = await timed(pair, pair.pinned(timeouts=Timeouts(discovery=20)))
        assert seconds == pytest.approx(20)
        assert (outcome.refusal.reason, outcome.refusal.timed_out) == (Reason.CLUSTER_INFO_UNAVAILABLE, True)
        assert "tls: failed to verify certificate: x509: " in str(outcome.refusal)
        assert not events(pair, DiscoveryAccepted)

    play(body)


def test_a_genuine_cluster_info_relayed_to_an_unpinned_node_leads_it_to_the_genuine_server(play):
    async def body(world):
        pair = await JoinPair.create(world)
        relay = FileServer(world.add_host("relay"))
        info = (await pair.client().get("/api/v1/namespaces/kube-public/configmaps/cluster-info"))["data"]
        body = json.dumps({"kind": "ConfigMap", "apiVersion": "v1", "data": info}).encode()
        relay.publish("/api/v1/namespaces/kube-public/configmaps/cluster-info", body)
        await world.nursery.start(relay.run)
        told = BootstrapTokenDiscovery(TOKEN.value, f"{relay.host.address}:443", (), True)
        assert (await pair.join(JoinConfiguration(Discovery(told)))).joined
        [accepted] = events(pair, DiscoveryAccepted)
        assert accepted.server == f"https://{pair.control_plane.endpoint}"

    play(body)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Response(200, [("Content-Type", "application/json")], b"[]"), "is not a JSON object"),
        (Response(200, [("Content-Type", "text/html")], b"<html>"), "is not JSON"),
        (Response(500, [("Content-Type", "text/plain")], b"oops"), "the server"),
    ],
    ids=["a list", "HTML", "500"],
)
def test_an_answer_that_is_no_config_map_is_tried_again(play, answer, said):
    async def body(world):
        pair = await JoinPair.create(world)
        strange = FileServer(world.add_host("strange"))

        async def respond(request):
            return answer

        strange._answer = respond
        await world.nursery.start(strange.run)
        told = BootstrapTokenDiscovery(TOKEN.value, f"{strange.host.address}:443", (), True)
        config = JoinConfiguration(Discovery(told), timeouts=Timeouts(discovery=12))
        outcome, seconds = await timed(pair, config)
        assert seconds == pytest.approx(12)
        assert outcome.refusal.reason is Reason.CLUSTER_INFO_UNAVAILABLE
        assert said in str(outcome.refusal)
        assert len(events(pair, DiscoveryRetried)) == 2

    play(body)


def test_no_credential_is_sent_before_the_cluster_is_believed(play):
    overheard = []

    async def body(world):
        pair = await JoinPair.create(world, overhear=overheard.append)
        overheard.clear()
        await pair.join(unpinned(pair))

    play(body)
    discovery = [request for request in overheard if "cluster-info" in request.target]
    assert discovery
    assert not any("authorization" in request.headers for request in discovery)
    assert all(
        "authorization" in request.headers for request in overheard if "kubeadm-config" in request.target
    )


# --- files ---------------------------------------------------------------------------------------


def test_a_file_with_a_token_joins_though_cluster_info_is_forbidden_to_tokens(play):
    async def body(world):
        pair = await JoinPair.create(world)
        config = by_file(pair, with_user(pair, token=TOKEN.value), tls_token="")
        assert (await pair.join(config)).joined
        statuses = [e.status for e in events(pair, RequestServed) if "cluster-info?" in e.path]
        assert statuses == [403]
        [accepted] = events(pair, DiscoveryAccepted)
        assert accepted.method == "file"

    play(body)


def test_a_file_without_a_credential_needs_a_tls_bootstrap_token(play):
    async def body(world):
        pair = await JoinPair.create(world)
        plain = Kubeconfig({"": cluster_of(pair)})
        outcome = await pair.join(by_file(pair, plain, tls_token=""))
        assert (outcome.refusal.phase, outcome.refusal.reason) == ("preflight", Reason.CREDENTIALS_MISSING)
        assert (await pair.join(by_file(pair, plain))).joined

    play(body)


def test_a_tls_bootstrap_token_replaces_the_credential_of_the_file(play):
    async def body(world):
        pair = await JoinPair.create(world)
        admin = pair.control_plane.admin_kubeconfig()
        assert (await pair.join(by_file(pair, admin))).joined
        users = {e.user for e in events(pair, RequestServed) if "kubeadm-config" in e.path}
        assert users == {"system:bootstrap:abcdef"}

    play(body)


def test_a_file_with_a_bad_token_costs_the_whole_timeout_even_with_a_good_one_beside_it(play):
    async def body(world):
        pair = await JoinPair.create(world)
        outcome, seconds = await timed(pair, by_file(pair, with_user(pair, token="bogus"), timeout=20))
        assert seconds == pytest.approx(20)
        assert str(outcome.refusal).endswith("after timeout of 20s: Unauthorized")

    play(body)


def test_a_file_of_another_ca_never_reaches_the_server(play):
    async def body(world):
        pair = await JoinPair.create(world)
        foreign = FileServer(world.add_host("foreign")).authority_pem
        plain = Kubeconfig({"": cluster_of(pair, certificate_authority_data=foreign)})
        outcome, seconds = await timed(pair, by_file(pair, plain, timeout=20))
        assert seconds == pytest.approx(20)
        assert "x509: certificate signed by unknown authority" in str(outcome.refusal)
        assert not [e for e in events(pair, RequestServed) if e.user_agent.startswith("kubeadm/")]

    play(body)


def test_a_ca_that_cannot_be_read_is_an_outcome_and_no_crash(play):
    async def body(world):
        pair = await JoinPair.create(world)
        broken = Kubeconfig({"": cluster_of(pair, certificate_authority_data=b"no certificate")})
        outcome, _ = await timed(pair, by_file(pair, broken, timeout=20))
        assert outcome.refusal is not None
        assert outcome.refusal.phase == "preflight"

    play(body)


def test_a_file_that_accepts_anybody_and_finds_no_ca_is_refused(play):
    async def body(world):
        pair = await JoinPair.create(world)
        bare = cluster_of(pair, certificate_authority_data=b"", insecure_skip_tls_verify=True)
        info = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
        found = await pair.administrator().get(info)
        await pair.administrator().update(info, {**found, "data": {"other": ""}})
        outcome = await pair.join(by_file(pair, Kubeconfig({"": bare})))
        assert str(outcome.refusal).startswith(
            "error execution phase preflight: could not get CA certificate from discovery kubeconfig: "
        )

    play(body)


# --- URLs ----------------------------------------------------------------------------------------


async def web(pair, *, trusted=True):
    server = FileServer(pair.world.add_host("web"))
    await pair.world.nursery.start(server.run)
    if trusted:
        pair.worker.add_trusted(server.authority_pem)
    return server


def by_url(url):
    return JoinConfiguration(Discovery(file=FileDiscovery(url), tls_bootstrap_token=TOKEN.value))


def test_a_file_from_a_trusted_url_is_as_good_as_one_on_disk(play):
    async def body(world):
        pair = await JoinPair.create(world)
        server = await web(pair)
        server.publish("/d.conf", Kubeconfig({"": cluster_of(pair)}).dump().encode())
        assert (await pair.join(by_url("https://web/d.conf"))).joined
        [accepted] = events(pair, DiscoveryAccepted)
        assert accepted.method == "url"
        assert events(pair, DiscoveryFetched)[0] == DiscoveryFetched("https://web/d.conf", True)

    play(body)


def test_an_untrusted_url_is_refused_at_once_and_not_tried_again(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await web(pair, trusted=False)
        outcome, seconds = await timed(pair, by_url("https://web/d.conf"))
        assert seconds < 0.1
        assert (outcome.refusal.reason, outcome.refusal.timed_out) == (
            Reason.DISCOVERY_FILE_UNAVAILABLE,
            False,
        )
        assert str(outcome.refusal).endswith(
            'Get "https://web/d.conf": tls: failed to verify certificate: x509: certificate signed by unknown '
            "authority"
        )

    play(body)


def test_an_http_url_is_refused_before_anything_is_done(play):
    async def body(world):
        pair = await JoinPair.create(world)
        outcome = await pair.join(by_url("http://web/d.conf"))
        assert (outcome.refusal.phase, outcome.refusal.reason) == (
            "configuration",
            Reason.INVALID_CONFIGURATION,
        )
        assert outcome.output == ()

    play(body)


def test_what_a_url_answers_is_parsed_whatever_its_status(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await web(pair)
        outcome = await pair.join(by_url("https://web/missing"))
        assert outcome.refusal.reason is Reason.DISCOVERY_FILE_MALFORMED

    play(body)


@pytest.mark.parametrize(("hops", "joins"), [(1, True), (10, True), (11, False)])
def test_a_url_is_followed_through_ten_redirects(play, hops, joins):
    async def body(world):
        pair = await JoinPair.create(world)
        server = await web(pair)
        content = Kubeconfig({"": cluster_of(pair)}).dump().encode()

        async def answer(request):
            left = int(request.path.strip("/"))
            if left:
                return Response(302, [("Location", f"/{left - 1}")], b"")
            return Response(200, [], content)

        server._answer = answer
        outcome = await pair.join(by_url(f"https://web/{hops}"))
        assert outcome.joined == joins
        if not joins:
            assert outcome.refusal.reason is Reason.DISCOVERY_FILE_UNAVAILABLE
            assert str(outcome.refusal).endswith("stopped after 10 redirects")

    play(body)


def test_a_redirect_to_plain_http_is_followed_and_told(play):
    """Go's client follows it; the journal says that nobody vouched for what came."""

    async def body(world):
        pair = await JoinPair.create(world)
        server = await web(pair)
        content = Kubeconfig({"": cluster_of(pair)}).dump().encode()

        async def redirect(request):
            return Response(302, [("Location", "http://web:80/plain")], b"")

        async def plain(request):
            return Response(200, [], content)

        async def serve():
            listener = server.host.listen(80)
            while True:
                world.nursery.start_soon(serve_connection, await listener.accept(), plain)

        server._answer = redirect
        world.nursery.start_soon(serve)
        await trio.sleep(0.01)
        assert (await pair.join(by_url("https://web/d.conf"))).joined
        assert events(pair, DiscoveryFetched)[0] == DiscoveryFetched("http://web:80/plain", False)

    play(body)


# --- what kubeadm did against a live API server -----------------------------------------------------

CANNED = {
    "unknown id": "the recorded dry run falls back on objects of its own",
    "conn refused": "as above",
}


def live_config(case, pair):
    own = {"127.0.0.1": pair.control_plane.host.address, "localhost": "control-plane", "<TMP>": "/tmp"}
    own |= {"<PIN>": pair.pins[0].removeprefix("sha256:")}
    own |= {"<CA>": base64.b64encode(pair.control_plane.ca_pem).decode()}

    def here(content):
        for theirs, ours in own.items():
            content = content.replace(theirs, ours)
        return content

    for path, content in case["files"].items():
        pair.worker.files.write(here(path), here(content).encode())
    document = load_yaml(here(case["config"]))
    told = mapping(document, "discovery", "bootstrapToken")
    token = file = None
    if told:
        token = BootstrapTokenDiscovery(
            text(told, "token"),
            text(told, "apiServerEndpoint"),
            tuple(strings(told, "caCertHashes")),
            told.get("unsafeSkipCAVerification") is True,
        )
    if text(document, "discovery", "file", "kubeConfigPath"):
        file = FileDiscovery(text(document, "discovery", "file", "kubeConfigPath"))
    registration = mapping(document, "nodeRegistration")
    config = JoinConfiguration(
        Discovery(token, file, text(document, "discovery", "tlsBootstrapToken")),
        NodeRegistration(text(registration, "name"), text(registration, "criSocket")),
        timeouts=Timeouts(discovery=parse_duration(text(document, "timeouts", "discovery"))),
        # Leaves the bootstrap kubeconfig where it is, as the recorded dry run did.
        skip_phases=("kubelet-wait-bootstrap",),
    )
    return config, {ours: theirs for theirs, ours in own.items()}


def live_run(case):
    async def body(world):
        pair = await JoinPair.create(world, port=26443)
        admin = pair.control_plane.admin_kubeconfig().current_user()
        pair.worker.files.write("/tmp/sa-adm.crt", admin.client_certificate_data)
        pair.worker.files.write("/tmp/sa-adm.key", admin.client_key_data)
        if "(n1)" in case["title"]:
            taken = pair.pinned(node_registration=NodeRegistration("n1"))
            assert (await pair.join(taken, host=world.add_host("n1"))).joined
            await trio.sleep(1)
        config, back = live_config(case, pair)
        outcome, seconds = await timed(pair, config)
        files = pair.worker.files
        left = files.read(BOOTSTRAP_KUBELET_CONF).decode() if files.exists(BOOTSTRAP_KUBELET_CONF) else None

        def there(content):
            for ours, theirs in back.items():
                content = content.replace(ours, theirs)
            return re.sub(r"(client-\S+-data): \S+", r"\1: <…>", content)

        return outcome, seconds, left and there(left), there(str(outcome.refusal or "")), there

    return FakeGround().run(body, seed=1)


def test_dry_runs_against_a_live_api_server_ended_the_same_way(vectors):
    cases = json.loads((vectors / "join_discovery_live.json").read_text())["cases"]
    assert CANNED.keys() <= {case["title"] for case in cases}
    for case in cases:
        if case["title"] in CANNED:
            continue
        outcome, seconds, left, said, there = live_run(case)
        assert outcome.joined == (case["rc"] == 0), case["title"]
        assert said == case["stderr"].partition("\n")[0].removeprefix("error: "), case["title"]
        expected = case["bootstrap_kubelet_conf"]
        # "control-plane" stands for the recording's localhost.
        assert left == (expected and there(expected)), case["title"]
        assert seconds == pytest.approx(case["seconds"], abs=0.5), case["title"]
