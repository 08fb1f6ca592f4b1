import json
from datetime import timedelta

import pytest
import trio

from joinsim.api import Cluster, Kubeconfig, User
from joinsim.api.objects import CERTIFICATE_SIGNING_REQUESTS, CLUSTER_ROLE_BINDINGS, SECRETS
from joinsim.events import (
    CertificateReceived,
    CsrSubmitted,
    FileWritten,
    NodeRegistered,
    RequestServed,
    ServiceStarted,
    ServiceStopped,
)
from joinsim.join import KubeletSettings
from joinsim.join.credentials import bootstrap_kubeconfig
from joinsim.join.kubelet import Kubelet
from joinsim.join.paths import (
    BOOTSTRAP_KUBELET_CONF,
    CURRENT_CERTIFICATE,
    KUBEADM_FLAGS,
    KUBELET_CONF,
    KUBELET_PKI,
)
from joinsim.pki import CertificateAuthority, KeyPair, Validity, parse_bundle, to_pem, validity
from joinsim.wire import HttpClient, RequestFailed
from joinsim.world import LinkRule, Refuse, ServiceExit
from tests.join.material import key_pair
from tests.pair import TOKEN, JoinPair

AUTO_APPROVAL = CLUSTER_ROLE_BINDINGS.path("kubeadm:node-autoapprove-bootstrap")


def events(pair, kind):
    return [event for _, event in pair.world.journal.of(kind)]


def with_bootstrap(pair, token=TOKEN.value):
    """What kubeadm leaves for the kubelet, without kubeadm."""
    found = Kubeconfig({"": Cluster(f"https://{pair.control_plane.endpoint}", pair.control_plane.ca_pem)})
    pair.worker.files.write(BOOTSTRAP_KUBELET_CONF, bootstrap_kubeconfig(found, token).dump().encode(), 0o600)


def start(pair):
    async def run():
        await Kubelet(pair.worker, pair.world.journal, KubeletSettings()).run()

    pair.worker.services.start("kubelet", run)


def certified(pair, *, not_after):
    """A client certificate on disk and the kubelet.conf that points at it."""
    now = pair.world.clock.now()
    authority = CertificateAuthority(
        KeyPair.from_pem(pair.control_plane.host.files.read("/etc/kubernetes/pki/ca.key")),
        parse_bundle(pair.control_plane.ca_pem)[0],
    )
    key = key_pair("an older key")
    period = Validity(now - timedelta(days=1), now + not_after)
    certificate = authority.issue_client("system:node:worker-1", ["system:nodes"], key.public_key, period, 99)
    pair.worker.files.write(CURRENT_CERTIFICATE, to_pem([certificate]) + key.private_pem(), 0o600)
    user = User(client_certificate=CURRENT_CERTIFICATE, client_key=CURRENT_CERTIFICATE)
    server = f"https://{pair.control_plane.endpoint}"
    conf = Kubeconfig.basic(server, pair.control_plane.ca_pem, "default-cluster", "default-auth", user)
    pair.worker.files.write(KUBELET_CONF, conf.dump().encode(), 0o600)
    return key


# --- which credential ----------------------------------------------------------------------------


def test_a_bootstrap_kubeconfig_leads_to_a_certificate(play):
    async def body(world):
        pair = await JoinPair.create(world)
        with_bootstrap(pair)
        start(pair)
        await trio.sleep(2)
        [requested] = [
            e for e in events(pair, RequestServed) if e.verb == "create" and "certificatesigning" in e.path
        ]
        assert requested.user == "system:bootstrap:abcdef"
        [received] = events(pair, CertificateReceived)
        assert received.common_name == "system:node:worker-1"
        assert events(pair, NodeRegistered)

    play(body)


@pytest.mark.parametrize("bootstrap", [True, False], ids=["with a bootstrap file", "without"])
def test_a_certificate_that_holds_is_used_and_no_other_asked_for(play, bootstrap):
    async def body(world):
        pair = await JoinPair.create(world)
        certified(pair, not_after=timedelta(days=100))
        if bootstrap:
            with_bootstrap(pair)
        start(pair)
        await trio.sleep(2)
        assert not events(pair, CsrSubmitted)
        [registered] = events(pair, NodeRegistered)
        assert registered.user == "system:node:worker-1"

    play(body)


def test_a_certificate_that_has_expired_is_replaced_by_the_bootstrap_token(play):
    async def body(world):
        pair = await JoinPair.create(world)
        key = certified(pair, not_after=timedelta(seconds=-1))
        with_bootstrap(pair)
        start(pair)
        await trio.sleep(2)
        [requested] = [
            e for e in events(pair, RequestServed) if e.verb == "create" and "certificatesigning" in e.path
        ]
        assert requested.user == "system:bootstrap:abcdef"
        assert not KeyPair.from_pem(pair.worker.files.read(CURRENT_CERTIFICATE)).matches(key.public_key)
        assert events(pair, NodeRegistered)

    play(body)


def test_the_table_of_credentials_is_all_there_is(vectors):
    """The three cases of upstream's table are the three tests above."""
    cases = json.loads((vectors / "kubelet_client_config.json").read_text())["cases"]
    assert [(case["bootstrap_kubeconfig"], case["kubeconfig"]) for case in cases] == [
        (None, "valid"),
        ("present (token)", "valid, cert not expired"),
        ("present (token)", "client cert expired/invalid"),
    ]


@pytest.mark.parametrize("expired", [True, False], ids=["an expired certificate", "no certificate"])
def test_without_any_credential_the_kubelet_ends_and_is_started_again(play, expired):
    async def body(world):
        pair = await JoinPair.create(world)
        if expired:
            certified(pair, not_after=timedelta(seconds=-1))
        start(pair)
        await trio.sleep(25)
        stopped = [event.message for event in events(pair, ServiceStopped)]
        assert len(stopped) == 3
        assert set(stopped) == {
            f"unable to load bootstrap kubeconfig: stat {BOOTSTRAP_KUBELET_CONF}: no such file or directory"
        }
        starts = [record.at for record, _ in world.journal.of(ServiceStarted)]
        assert starts[1] - starts[0] == pytest.approx(10.13)
        # One that has its credential in the end goes on.
        with_bootstrap(pair)
        await trio.sleep(15)
        assert events(pair, NodeRegistered)

    play(body)


@pytest.mark.parametrize("content", [b"{", b"clusters: []", b""], ids=["no YAML", "no cluster", "empty"])
def test_a_bootstrap_kubeconfig_that_cannot_be_used_ends_the_kubelet(play, content):
    async def body(world):
        pair = await JoinPair.create(world)
        pair.worker.files.write(BOOTSTRAP_KUBELET_CONF, content)
        with pytest.raises(ServiceExit) as caught:
            await Kubelet(pair.worker, world.journal, KubeletSettings()).run()
        assert str(caught.value).startswith("unable to load bootstrap kubeconfig: ")

    play(body)


# --- what it writes ------------------------------------------------------------------------------


def test_kubelet_conf_is_written_before_there_is_a_certificate(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.administrator().delete(AUTO_APPROVAL)
        with_bootstrap(pair)
        start(pair)
        await trio.sleep(1)
        conf = Kubeconfig.parse(pair.worker.files.read(KUBELET_CONF).decode())
        assert conf.current_context == "default-context"
        context = conf.contexts["default-context"]
        assert (context.cluster, context.user, context.namespace) == (
            "default-cluster",
            "default-auth",
            "default",
        )
        assert conf.clusters["default-cluster"].certificate_authority_data == pair.control_plane.ca_pem
        assert not pair.worker.files.exists(CURRENT_CERTIFICATE)

    play(body)


def test_the_certificate_is_named_after_its_moment_and_pointed_at(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await trio.sleep(3661)
        with_bootstrap(pair)
        start(pair)
        await trio.sleep(2)
        path = f"{KUBELET_PKI}/kubelet-client-2026-01-01-01-01-01.pem"
        entries = {entry.path: entry for entry in pair.worker.files.entries(KUBELET_PKI)}
        assert entries[CURRENT_CERTIFICATE].target == path
        assert entries[path].mode == 0o600
        certificate = parse_bundle(pair.worker.files.read(path))[0]
        assert KeyPair.from_pem(pair.worker.files.read(path)).matches(certificate.public_key())
        assert FileWritten(path, "0600") in events(pair, FileWritten)

    play(body)


def test_the_serving_certificate_is_self_signed_and_good_for_a_year(play):
    async def body(world):
        pair = await JoinPair.create(world)
        with_bootstrap(pair)
        start(pair)
        await trio.sleep(1)
        leaf, authority = parse_bundle(pair.worker.files.read(f"{KUBELET_PKI}/kubelet.crt"))
        leaf.verify_directly_issued_by(authority)
        authority.verify_directly_issued_by(authority)
        start_of, end = validity(leaf)
        assert end - start_of == timedelta(days=365, hours=1)
        key = KeyPair.from_pem(pair.worker.files.read(f"{KUBELET_PKI}/kubelet.key"))
        assert key.matches(leaf.public_key())

    play(body)


def test_it_takes_its_name_from_its_flags(play):
    async def body(world):
        pair = await JoinPair.create(world)
        with_bootstrap(pair)
        pair.worker.files.write(
            KUBEADM_FLAGS, b'KUBELET_KUBEADM_ARGS="--v=2 --hostname-override=w-9 --x=a=b"\n'
        )
        start(pair)
        await trio.sleep(2)
        assert [event.node for event in events(pair, NodeRegistered)] == ["w-9"]

    play(body)


# --- its health ----------------------------------------------------------------------------------


def test_it_is_healthy_for_its_own_machine_only(play):
    async def body(world):
        pair = await JoinPair.create(world)
        with_bootstrap(pair)
        start(pair)
        await trio.sleep(1)
        own = HttpClient(pair.worker.dialer, "http://127.0.0.1:10248", pair.worker.clock)
        assert (await own.send("GET", "/healthz")).body == b"ok"
        assert (await own.send("GET", "/metrics")).status == 404
        await own.aclose()
        far = HttpClient(
            pair.control_plane.host.dialer, f"http://{pair.worker.address}:10248", pair.worker.clock
        )
        with pytest.raises(RequestFailed, match="connection refused"):
            await far.send("GET", "/healthz")

    play(body)


def stops_of(play, *, outage=False, delete_token_at=None, seconds=1000.0):
    """When a kubelet that is never approved gives up, and what it says then."""

    async def body(world):
        pair = await JoinPair.create(world)
        admin = pair.administrator()
        await admin.delete(AUTO_APPROVAL)
        with_bootstrap(pair)
        start(pair)
        if delete_token_at is not None:
            await trio.sleep(delete_token_at)
            await admin.delete(SECRETS.path("bootstrap-token-abcdef", "kube-system"))
            listed = await admin.get(CERTIFICATE_SIGNING_REQUESTS.path())
            for csr in listed["items"]:
                await admin.delete(CERTIFICATE_SIGNING_REQUESTS.path(csr["metadata"]["name"]))
        if outage:
            world.network.lay(LinkRule(Refuse(), source="worker-1", target="control-plane"))
        await trio.sleep(seconds)
        return [(record.at, event.message) for record, event in world.journal.of(ServiceStopped)]

    return play(body)


def test_five_minutes_without_a_certificate_end_it_though_the_server_answers(play):
    stops = stops_of(play)
    assert {message for _, message in stops} == {
        "It has been 5m0s since a valid client cert was found, but the server is responsive, exiting."
    }
    # The watchdog looks every ten seconds, and a restart takes ten.
    assert [round(at) for at, _ in stops] == [310, 630, 950]


def test_a_refused_token_counts_as_a_server_that_answers(play):
    assert len(stops_of(play, delete_token_at=20, seconds=400)) == 1


def test_while_the_server_is_away_it_does_not_give_up(play):
    assert stops_of(play, delete_token_at=20, outage=True) == []
