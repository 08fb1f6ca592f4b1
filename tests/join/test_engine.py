import stat
from functools import partial

import pytest
import trio

from joinsim.api import BootstrapToken, Kubeconfig, TokenRecord
from joinsim.api.objects import (
    CERTIFICATE_SIGNING_REQUESTS,
    CLUSTER_ROLE_BINDINGS,
    CONFIG_MAPS,
    NODES,
    ROLE_BINDINGS,
    SECRETS,
    items,
    name_of,
    text,
)
from joinsim.backends.fake import FakeCluster
from joinsim.errors import ApiError, Reason
from joinsim.events import (
    CertificateReceived,
    CsrIssued,
    CsrRejected,
    CsrSubmitted,
    FileRemoved,
    FileWritten,
    JoinCompleted,
    JoinFailed,
    NodeRegistered,
    PhaseCompleted,
    PhaseStarted,
    RequestServed,
    ServiceStopped,
)
from joinsim.join import BootstrapTokenDiscovery, Discovery, JoinConfiguration, NodeRegistration, Timeouts
from joinsim.join.paths import BOOTSTRAP_KUBELET_CONF, CURRENT_CERTIFICATE, KUBELET_CONF, KUBELET_CONFIG
from joinsim.pki import KeyPair, PublicKeyPin, parse_bundle
from joinsim.scenario.administrator import Administrator
from joinsim.world import LinkRule, Refuse, RootedFiles
from tests.pair import TOKEN, JoinPair

AUTO_APPROVAL = CLUSTER_ROLE_BINDINGS.path("kubeadm:node-autoapprove-bootstrap")


def events(pair, kind):
    return [event for _, event in pair.world.journal.of(kind)]


async def timed(pair, config=None, **options):
    began = trio.current_time()
    outcome = await pair.join(config, **options)
    return outcome, trio.current_time() - began


def with_token(pair, token, **fields):
    told = BootstrapTokenDiscovery(token, pair.control_plane.endpoint, pair.pins)
    return JoinConfiguration(Discovery(told), **fields)


def administrator(pair):
    return Administrator(FakeCluster(pair.control_plane), pair.world.journal)


async def later(seconds, action, *args, **options):
    await trio.sleep(seconds)
    await action(*args, **options)


def test_a_worker_joins(play):
    async def body(world):
        pair = await JoinPair.create(world)
        outcome = await pair.join()
        assert outcome.joined
        assert outcome.output[-6:] == (
            "This node has joined the cluster:",
            "* Certificate signing request was sent to apiserver and a response was received.",
            "* The Kubelet was informed of the new secure connection details.",
            "",
            "Run 'kubectl get nodes' on the control-plane to see this node join the cluster.",
            "",
        )

    play(body)


def test_the_phases_are_told_as_they_begin_and_end(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.join()
        names = ["preflight", "kubelet-start", "kubelet-wait-bootstrap"]
        assert [event.phase for event in events(pair, PhaseStarted)] == names
        assert [event.phase for event in events(pair, PhaseCompleted)] == names
        assert events(pair, JoinCompleted) == [JoinCompleted("worker-1")]

    play(body)


def test_kubeadm_itself_only_ever_reads(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.join()
        verbs = {e.verb for e in events(pair, RequestServed) if e.user_agent.startswith("kubeadm/")}
        assert verbs == {"get"}

    play(body)


def test_the_key_of_the_certificate_is_made_on_the_node_and_stays_there(play):
    overheard = []

    async def body(world):
        pair = await JoinPair.create(world, overhear=overheard.append)
        await pair.join()
        key = KeyPair.from_pem(pair.worker.files.read(CURRENT_CERTIFICATE))
        [submitted] = events(pair, CsrSubmitted)
        [issued] = events(pair, CsrIssued)
        [received] = events(pair, CertificateReceived)
        pin = str(PublicKeyPin.of(key.public_key))
        assert pin == submitted.public_key == issued.public_key == received.public_key
        private = key.private_pem()
        for host in world.hosts.values():
            holding = [e.path for e in host.files.entries() if private in host.files.read(e.path)]
            assert bool(holding) == (host is pair.worker)
        assert not any(b"PRIVATE KEY" in request.body for request in overheard)
        assert "PRIVATE KEY" not in world.journal.text()

    play(body)


def test_the_journal_never_shows_the_tokens_secret(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.join()
        assert TOKEN.secret not in world.journal.text()

    play(body)


def test_two_runs_with_one_seed_give_the_same_bytes_and_another_seed_other_keys(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.join()
        return world.journal.text()

    assert play(body, seed=5) == play(body, seed=5) != play(body, seed=6)


# --- tokens that are wrong -----------------------------------------------------------------------


def test_a_wrong_secret_fails_at_once(play):
    async def body(world):
        pair = await JoinPair.create(world)
        outcome, seconds = await timed(pair, with_token(pair, "abcdef.ffffffffffffffff"))
        assert seconds < 0.1
        assert (outcome.refusal.reason, outcome.refusal.timed_out) == (Reason.SIGNATURE_INVALID, False)

    play(body)


def test_an_unknown_id_takes_the_whole_timeout(play):
    async def body(world):
        pair = await JoinPair.create(world)
        outcome, seconds = await timed(pair, with_token(pair, "zzzzzz.0123456789abcdef"))
        assert seconds == pytest.approx(300)
        assert (outcome.refusal.reason, outcome.refusal.timed_out) == (Reason.SIGNATURE_MISSING, True)
        [failed] = events(pair, JoinFailed)
        assert (failed.phase, failed.reason, failed.timed_out) == ("preflight", "signature-missing", True)

    play(body)


def test_a_token_that_is_created_while_a_node_waits_is_found(play):
    async def body(world):
        pair = await JoinPair.create(world)
        record = TokenRecord(BootstrapToken.parse("zzzzzz.0123456789abcdef"))
        world.nursery.start_soon(later, 62, administrator(pair).create_token, record)
        outcome, seconds = await timed(pair, with_token(pair, "zzzzzz.0123456789abcdef"))
        assert outcome.joined
        assert seconds == pytest.approx(65.5, abs=0.05)

    play(body)


def test_a_token_that_does_not_sign_is_never_found(play):
    async def body(world):
        tokens = (TokenRecord(TOKEN, usages=("authentication",)),)
        pair = await JoinPair.create(world, tokens=tokens)
        outcome, _ = await timed(pair)
        assert (outcome.refusal.reason, outcome.refusal.timed_out) == (Reason.SIGNATURE_MISSING, True)

    play(body)


def test_a_token_that_only_signs_is_found_out_at_the_first_read(play):
    async def body(world):
        pair = await JoinPair.create(world, tokens=(TokenRecord(TOKEN, usages=("signing",), groups=()),))
        outcome, seconds = await timed(pair)
        assert outcome.refusal.reason is Reason.CONFIGURATION_UNAVAILABLE
        assert seconds == pytest.approx(0.35, abs=0.01)
        assert str(outcome.refusal) == (
            "error execution phase preflight: unable to fetch the kubeadm-config ConfigMap: failed to get config "
            "map: Unauthorized"
        )

    play(body)


def test_discovery_and_tls_bootstrap_may_use_two_tokens(play):
    async def body(world):
        signing = BootstrapToken.parse("ssssss.0123456789abcdef")
        tokens = (
            TokenRecord(signing, usages=("signing",), groups=()),
            TokenRecord(TOKEN, usages=("authentication",)),
        )
        pair = await JoinPair.create(world, tokens=tokens)
        told = BootstrapTokenDiscovery(signing.value, pair.control_plane.endpoint, pair.pins)
        assert (await pair.join(JoinConfiguration(Discovery(told, tls_bootstrap_token=TOKEN.value)))).joined

    play(body)


def test_a_wrong_pin_fails_at_once_and_two_pins_are_no_worse_than_one(play):
    async def body(world):
        pair = await JoinPair.create(world)
        wrong = "sha256:" + "0" * 64
        told = BootstrapTokenDiscovery(TOKEN.value, pair.control_plane.endpoint, (wrong,))
        outcome, seconds = await timed(pair, JoinConfiguration(Discovery(told)))
        assert seconds < 0.1
        assert (outcome.refusal.reason, outcome.refusal.timed_out) == (Reason.PIN_MISMATCH, False)
        told = BootstrapTokenDiscovery(TOKEN.value, pair.control_plane.endpoint, (wrong, *pair.pins))
        assert (await pair.join(JoinConfiguration(Discovery(told)))).joined

    play(body)


# --- the cluster's configuration -----------------------------------------------------------------


async def change_config_map(pair, name, **data):
    path = CONFIG_MAPS.path(name, "kube-system")
    admin = pair.administrator()
    found = await admin.get(path)
    await admin.update(path, {**found, "data": data})


def test_what_kube_proxy_is_told_may_be_forbidden_or_missing(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.administrator().delete(ROLE_BINDINGS.path("kube-proxy", "kube-system"))
        outcome, seconds = await timed(pair)
        assert outcome.joined
        assert seconds == pytest.approx(0.85, abs=0.01)
        served = [e for e in events(pair, RequestServed) if "configmaps/kube-proxy?" in e.path]
        assert [e.status for e in served] == [403] * 7

    play(body)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (
            "kubeadm-config",
            {"other": ""},
            "unable to fetch the kubeadm-config ConfigMap: unexpected error when reading kubeadm-config "
            "ConfigMap: ClusterConfiguration key value pair missing",
        ),
        (
            "kubelet-config",
            {"other": ""},
            "unexpected error when reading kubelet-config ConfigMap: kubelet key value pair missing",
        ),
        (
            "kubeadm-config",
            {"ClusterConfiguration": "kubernetesVersion: v1.34.9\n"},
            "this version of kubeadm only supports deploying clusters with the control plane version >= 1.35.0. "
            "Current version: v1.34.9",
        ),
    ],
    ids=["no ClusterConfiguration", "no kubelet", "too old"],
)
def test_a_configuration_that_cannot_be_used_is_refused(play, name, data, said):
    async def body(world):
        pair = await JoinPair.create(world)
        await change_config_map(pair, name, **data)
        outcome = await pair.join()
        assert (outcome.refusal.phase, outcome.refusal.reason) == (
            "preflight",
            Reason.CONFIGURATION_UNAVAILABLE,
        )
        assert str(outcome.refusal).endswith(said)
        assert not pair.worker.files.exists(BOOTSTRAP_KUBELET_CONF)

    play(body)


@pytest.mark.parametrize("version", ["v1.35.0", "v1.36.0-rc.1", "v1.37.0", "1.36.2"])
def test_a_control_plane_one_version_older_or_any_newer_is_joined(play, version):
    async def body(world):
        pair = await JoinPair.create(world)
        await change_config_map(
            pair, "kubeadm-config", ClusterConfiguration=f"kubernetesVersion: {version}\nclusterName: prod\n"
        )
        config = pair.pinned(skip_phases=("kubelet-wait-bootstrap",))
        assert (await pair.join(config)).joined
        written = Kubeconfig.parse(pair.worker.files.read(BOOTSTRAP_KUBELET_CONF).decode())
        assert [*written.clusters] == ["prod"]
        # The context keeps its name; only where it points is changed.
        assert written.current_context == "tls-bootstrap-token-user@kubernetes"
        assert written.contexts[written.current_context].cluster == "prod"

    play(body)


@pytest.mark.parametrize("name", ["kubeadm-config", "kubelet-config"])
def test_a_missing_config_map_is_asked_for_a_third_of_a_second(play, name):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.administrator().delete(CONFIG_MAPS.path(name, "kube-system"))
        outcome, seconds = await timed(pair)
        assert outcome.refusal.reason is Reason.CONFIGURATION_UNAVAILABLE
        assert str(outcome.refusal).endswith(f'configmaps "{name}" not found')
        assert seconds == pytest.approx(0.35, abs=0.01)

    play(body)


# --- the node's name -----------------------------------------------------------------------------


async def with_a_node(pair, name="worker-1", **conditions):
    node = {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": name},
        "status": {"conditions": [{"type": kind, "status": status} for kind, status in conditions.items()]},
    }
    await pair.administrator().create(NODES.path(), node)


def test_a_ready_node_of_the_same_name_is_not_replaced(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await with_a_node(pair, MemoryPressure="False", Ready="True")
        outcome = await pair.join()
        assert (outcome.refusal.phase, outcome.refusal.reason) == ("kubelet-start", Reason.NODE_EXISTS)
        assert not events(pair, CsrSubmitted)
        # What was written before stays, the credential too.
        left = {entry.path: entry.mode for entry in pair.worker.files.entries("/etc/kubernetes")}
        assert left == {BOOTSTRAP_KUBELET_CONF: 0o600, "/etc/kubernetes/pki/ca.crt": 0o644}
        assert not pair.worker.services.is_running("kubelet")

    play(body)


@pytest.mark.parametrize(
    "conditions", [{}, {"Ready": "False"}, {"Ready": "Unknown"}, {"DiskPressure": "True"}]
)
def test_a_node_that_is_not_ready_may_be_joined_again(play, conditions):
    async def body(world):
        pair = await JoinPair.create(world)
        await with_a_node(pair, **conditions)
        assert (await pair.join()).joined

    play(body)


def test_a_node_that_may_not_be_looked_at_is_a_refusal(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.administrator().delete(CLUSTER_ROLE_BINDINGS.path("kubeadm:get-nodes"))
        outcome = await pair.join()
        assert (outcome.refusal.phase, outcome.refusal.reason) == ("kubelet-start", Reason.NODE_UNREADABLE)
        assert str(outcome.refusal).startswith(
            'error execution phase kubelet-start: cannot get Node "worker-1": nodes "worker-1" is forbidden: '
            'User "system:bootstrap:abcdef" cannot get resource "nodes"'
        )

    play(body)


def test_a_node_may_have_another_name_than_its_machine(play):
    async def body(world):
        pair = await JoinPair.create(world)
        outcome = await pair.join(pair.pinned(node_registration=NodeRegistration("Node-A")))
        assert outcome.joined
        await trio.sleep(1)
        [registered] = events(pair, NodeRegistered)
        assert (registered.node, registered.user) == ("node-a", "system:node:node-a")

    play(body)


# --- approval ------------------------------------------------------------------------------------


async def closed(world, **settings):
    pair = await JoinPair.create(world, **settings)
    await pair.administrator().delete(AUTO_APPROVAL)
    return pair


def test_without_approval_a_join_gives_up_after_its_timeout_to_the_moment(play):
    async def body(world):
        pair = await closed(world)
        outcome, seconds = await timed(pair)
        assert (outcome.refusal.phase, outcome.refusal.reason) == (
            "kubelet-wait-bootstrap",
            Reason.TLS_BOOTSTRAP_TIMEOUT,
        )
        assert outcome.refusal.timed_out
        assert str(outcome.refusal) == (
            "error execution phase kubelet-wait-bootstrap: failed while waiting for TLS bootstrap: context "
            "deadline exceeded"
        )
        # Half a second until the kubelet is healthy, then five minutes.
        assert seconds == pytest.approx(300.5, abs=0.01)
        assert "\t- The kubelet is not running" in outcome.output
        assert not pair.worker.files.exists(BOOTSTRAP_KUBELET_CONF)
        assert pair.worker.files.exists(KUBELET_CONF)

    play(body)


@pytest.mark.parametrize(("after", "ends"), [(0.2, 0.5), (30, 30.5), (299, 299.5), (299.4, 299.5)])
def test_an_approval_in_time_is_noticed_within_a_second(play, after, ends):
    async def body(world):
        pair = await closed(world)
        world.nursery.start_soon(partial(later, after, administrator(pair).decide, "worker-1", approve=True))
        outcome, seconds = await timed(pair)
        assert outcome.joined
        assert seconds == pytest.approx(ends, abs=0.011)
        assert len(events(pair, CsrSubmitted)) == 1

    play(body)


def test_an_approval_too_late_makes_a_node_all_the_same(play):
    """kubeadm has given up, but the kubelet has not; it kept its request in memory."""

    async def body(world):
        pair = await closed(world)
        world.nursery.start_soon(partial(later, 301, administrator(pair).decide, "worker-1", approve=True))
        outcome = await pair.join()
        assert not outcome.joined
        await trio.sleep(10)
        assert events(pair, NodeRegistered)

    play(body)


def test_a_denied_kubelet_asks_again_and_kubeadm_waits_on(play):
    async def body(world):
        pair = await closed(world)
        admin = administrator(pair)
        world.nursery.start_soon(partial(later, 5, admin.decide, "worker-1", approve=False))
        world.nursery.start_soon(partial(later, 20, admin.decide, "worker-1", approve=True))
        outcome, seconds = await timed(pair)
        assert outcome.joined
        assert seconds == pytest.approx(20.5, abs=0.011)
        [first, second] = [(record.at, event) for record, event in world.journal.of(CsrSubmitted)]
        assert 2 <= second[0] - 5 <= 2.3
        assert first[1].public_key != second[1].public_key
        [rejected] = events(pair, CsrRejected)
        assert rejected.error == (
            "cannot watch on the certificate signing request: certificate signing request is denied, "
            "reason: KubectlDeny, message: This CSR was denied by kubectl certificate deny."
        )

    play(body)


def test_a_deleted_request_is_made_again(play):
    async def body(world):
        pair = await closed(world)
        client = pair.administrator()

        async def delete():
            listed = await client.get(CERTIFICATE_SIGNING_REQUESTS.path())
            [csr] = items(listed, "items")
            await client.delete(CERTIFICATE_SIGNING_REQUESTS.path(name_of(csr)))

        world.nursery.start_soon(later, 5, delete)
        world.nursery.start_soon(partial(later, 20, administrator(pair).decide, "worker-1", approve=True))
        assert (await pair.join()).joined
        [rejected] = events(pair, CsrRejected)
        assert rejected.error.endswith(" was deleted")

    play(body)


def test_a_deleted_token_lets_the_kubelet_wait_but_not_ask_again(play):
    async def body(world):
        pair = await closed(world)
        admin = administrator(pair)
        world.nursery.start_soon(partial(later, 5, admin.delete_token, "abcdef"))
        world.nursery.start_soon(partial(later, 25, admin.decide, "worker-1", approve=False))
        outcome, _ = await timed(pair, pair.pinned(timeouts=Timeouts(tls_bootstrap=120)))
        assert outcome.refusal.reason is Reason.TLS_BOOTSTRAP_TIMEOUT
        errors = [event.error for event in events(pair, CsrRejected)]
        assert "request is denied" in errors[0]
        assert set(errors[1:]) == {"cannot create certificate signing request: Unauthorized"}

    play(body)


def test_an_api_server_that_goes_away_while_a_request_is_pending_is_found_again(play):
    """What was decided meanwhile it learns by listing and watching anew."""

    async def body(world):
        pair = await closed(world)
        rule = LinkRule(Refuse(), target="control-plane", source="worker-1")
        admin = administrator(pair)

        async def outage():
            await trio.sleep(10)
            world.network.lay(rule)
            await trio.sleep(10)
            await admin.decide("worker-1", approve=True)
            await trio.sleep(20)
            world.network.lift(rule)

        world.nursery.start_soon(outage)
        outcome, seconds = await timed(pair)
        assert outcome.joined
        assert 40 <= seconds <= 42
        assert len(events(pair, CsrSubmitted)) == 1

    play(body)


# --- what is left ----------------------------------------------------------------------------------


def test_the_bootstrap_credential_is_gone_at_the_end(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.join()
        assert not pair.worker.files.exists(BOOTSTRAP_KUBELET_CONF)
        assert events(pair, FileRemoved) == [FileRemoved(BOOTSTRAP_KUBELET_CONF)]
        for entry in pair.worker.files.entries():
            assert TOKEN.secret.encode() not in pair.worker.files.read(entry.path), entry.path

    play(body)


def test_files_with_secrets_are_their_owners_alone(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.join()
        written = {event.path: event.mode for event in events(pair, FileWritten)}
        assert written[BOOTSTRAP_KUBELET_CONF] == "0600"
        for entry in pair.worker.files.entries():
            if not entry.target and b"PRIVATE KEY" in pair.worker.files.read(entry.path):
                assert entry.mode == 0o600, entry.path
        modes = {entry.path: f"{entry.mode:04o}" for entry in pair.worker.files.entries() if not entry.target}
        assert {path: written[path] for path in modes} == modes

    play(body)


def test_kubelet_conf_points_at_the_certificate_and_holds_no_credential(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.join()
        kubeconfig = Kubeconfig.parse(pair.worker.files.read(KUBELET_CONF).decode())
        user = kubeconfig.current_user()
        assert (user.client_certificate, user.client_key) == (CURRENT_CERTIFICATE, CURRENT_CERTIFICATE)
        assert (user.token, user.client_certificate_data, user.client_key_data) == ("", b"", b"")
        [certificate] = parse_bundle(pair.worker.files.read(CURRENT_CERTIFICATE))
        assert certificate.subject.rfc4514_string() == "CN=system:node:worker-1,O=system:nodes"

    play(body)


def test_a_ca_file_that_is_there_is_left_alone(play):
    async def body(world):
        pair = await JoinPair.create(world)
        path = "/etc/kubernetes/pki/ca.crt"
        pair.worker.files.write(path, b"mine")
        registration = NodeRegistration(ignore_preflight_errors=("FileAvailable--etc-kubernetes-pki-ca.crt",))
        assert (await pair.join(pair.pinned(node_registration=registration))).joined
        assert pair.worker.files.read(path) == b"mine"

    play(body)


def test_an_ignored_kubelet_conf_without_its_certificate_is_written_anew(play):
    async def body(world):
        pair = await JoinPair.create(world)
        pair.worker.files.write(KUBELET_CONF, b"stale")
        registration = NodeRegistration(ignore_preflight_errors=("all",))
        assert (await pair.join(pair.pinned(node_registration=registration))).joined
        assert Kubeconfig.parse(pair.worker.files.read(KUBELET_CONF).decode()).clusters

    play(body)


def test_a_joined_node_that_joins_again_as_itself_is_told_that_it_exists(play):
    async def body(world):
        pair = await JoinPair.create(world)
        assert (await pair.join()).joined
        await trio.sleep(2)
        registration = NodeRegistration(ignore_preflight_errors=("all",))
        outcome = await pair.join(pair.pinned(node_registration=registration))
        assert outcome.refusal.reason is Reason.NODE_EXISTS

    play(body)


def test_an_unknown_phase_to_skip_is_refused(play):
    async def body(world):
        pair = await JoinPair.create(world)
        outcome = await pair.join(pair.pinned(skip_phases=("control-plane-join/etcd",)))
        assert (outcome.refusal.phase, outcome.refusal.reason) == (
            "configuration",
            Reason.INVALID_CONFIGURATION,
        )
        assert str(outcome.refusal) == "invalid phase name: control-plane-join/etcd"

    play(body)


def test_the_node_is_ready_in_the_end(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.join()
        await trio.sleep(2)
        node = await pair.administrator().get(NODES.path("worker-1"))
        ready = [c for c in items(node, "status", "conditions") if text(c, "type") == "Ready"]
        assert [text(condition, "status") for condition in ready] == ["True"]

    play(body)


def test_the_bootstrap_token_is_worth_nothing_to_the_node_once_it_is_deleted(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.join()
        await pair.administrator().delete(SECRETS.path("bootstrap-token-abcdef", "kube-system"))
        await trio.sleep(11)
        with pytest.raises(ApiError):
            await pair.client(TOKEN.value).get(NODES.path("worker-1"))

    play(body)


def test_a_join_onto_a_real_folder_leaves_the_same_files_with_the_same_modes(play, tmp_path):
    async def body(world):
        pair = await JoinPair.create(world)
        if real:
            pair.worker.files = RootedFiles(tmp_path)
        assert (await pair.join()).joined
        return [(entry.path, entry.mode, entry.target) for entry in pair.worker.files.entries()]

    real = False
    expected = play(body)
    real = True
    assert play(body) == expected
    assert stat.S_IMODE((tmp_path / "var/lib/kubelet").stat().st_mode) == 0o700
    current = tmp_path / "var/lib/kubelet/pki/kubelet-client-current.pem"
    # As the node sees it; from outside its root the link leads nowhere.
    assert str(current.readlink()).startswith("/var/lib/kubelet/pki/kubelet-client-2026-")


def test_a_kubelet_that_runs_is_stopped_before_its_configuration_changes(play):
    async def body(world):
        pair = await JoinPair.create(world)
        pair.worker.services.start("kubelet", trio.sleep_forever)
        await trio.sleep(0.1)
        assert (await pair.join()).joined
        order = [
            record.event
            for record in world.journal
            if record.event == ServiceStopped("kubelet")
            or (isinstance(record.event, FileWritten) and record.event.path == KUBELET_CONFIG)
        ]
        assert order[0] == ServiceStopped("kubelet")
        assert len(order) == 2

    play(body)
