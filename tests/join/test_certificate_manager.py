import base64
import re
from datetime import timedelta

import trio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from joinsim.api import Cluster, Kubeconfig, User
from joinsim.api.objects import (
    CERTIFICATE_SIGNING_REQUESTS,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    items,
    mapping,
    name_of,
)
from joinsim.events import CertificateReceived, CsrRejected, CsrSubmitted, RequestServed
from joinsim.join.certificate_manager import CertificateManager
from joinsim.join.node_credentials import NodeCredentials
from joinsim.join.paths import CURRENT_CERTIFICATE
from joinsim.pki import (
    CertificateAuthority,
    KeyPair,
    PublicKeyPin,
    Validity,
    parse_bundle,
)
from joinsim.world import Delay, LinkRule, Refuse
from tests.join.material import key_pair
from tests.pair import TOKEN, JoinPair

CSRS = CERTIFICATE_SIGNING_REQUESTS
AUTO_APPROVAL = CLUSTER_ROLE_BINDINGS.path("kubeadm:node-autoapprove-bootstrap")
AGENT = "kubelet/v1.36.2 (linux/amd64) kubernetes/joinsim"


def manager_of(pair):
    credentials = NodeCredentials(pair.worker, pair.world.journal, AGENT)
    return CertificateManager(
        pair.worker, pair.world.journal, credentials, node_name="worker-1", user_agent=AGENT
    )


def bootstrap_of(pair, token=TOKEN.value):
    cluster = Cluster(f"https://{pair.control_plane.endpoint}", pair.control_plane.ca_pem)
    return Kubeconfig.basic(
        cluster.server, cluster.certificate_authority_data, "kubernetes", "u", User(token=token)
    )


def events(pair, kind):
    return [event for _, event in pair.world.journal.of(kind)]


async def issue_by_hand(pair, *, key=None, authority=None, subject="system:node:worker-1"):
    """What a signer of one's own does: approve the one request, and put a certificate into it."""
    admin = pair.administrator()
    [csr] = [csr for csr in items(await admin.get(CSRS.path()), "items") if not mapping(csr, "status")]
    name = name_of(csr)
    request = x509.load_pem_x509_csr(base64.b64decode(csr["spec"]["request"]))
    now = pair.world.clock.now()
    period = Validity(now, now + timedelta(days=1))
    signer = authority or CertificateAuthority(
        KeyPair.from_pem(pair.control_plane.host.files.read("/etc/kubernetes/pki/ca.key")),
        parse_bundle(pair.control_plane.ca_pem)[0],
    )
    public = key.public_key if key is not None else request.public_key()
    certificate = signer.issue_client(subject, ["system:nodes"], public, period, 4242)
    condition = {"type": "Approved", "status": "True", "reason": "ByHand", "message": "by hand"}
    # Both at once, in the store: the API server would sign it itself otherwise.
    stored = pair.control_plane.store.get(CSRS, name, "")
    pem = certificate.public_bytes(Encoding.PEM)
    status = {"conditions": [condition], "certificate": base64.b64encode(pem).decode()}
    pair.control_plane.store.update(CSRS, {**stored, "status": status})


async def closed(world):
    pair = await JoinPair.create(world)
    await pair.administrator().delete(AUTO_APPROVAL)
    return pair


def test_a_certificate_is_obtained_and_installed(play):
    async def body(world):
        pair = await JoinPair.create(world)
        manager = manager_of(pair)
        await manager.obtain(bootstrap_of(pair))
        assert manager.server_healthy
        [received] = events(pair, CertificateReceived)
        content = pair.worker.files.read(CURRENT_CERTIFICATE)
        assert received.public_key == str(PublicKeyPin.of(parse_bundle(content)[0]))
        assert received.not_after == "2026-12-31T23:55:00Z"

    play(body)


def test_a_certificate_for_another_key_is_refused_and_asked_for_again(play):
    async def body(world):
        pair = await closed(world)
        world.nursery.start_soon(manager_of(pair).obtain, bootstrap_of(pair))
        await trio.sleep(1)
        await issue_by_hand(pair, key=key_pair("mallory"))
        await trio.sleep(1)
        assert [event.error for event in events(pair, CsrRejected)] == [
            "tls: private key does not match public key"
        ]
        assert not pair.worker.files.exists(CURRENT_CERTIFICATE)
        await trio.sleep(3)
        await issue_by_hand(pair)
        await trio.sleep(1)
        assert pair.worker.files.exists(CURRENT_CERTIFICATE)
        assert len(events(pair, CsrSubmitted)) == 2

    play(body)


def test_a_certificate_in_another_name_is_taken_and_found_out_by_the_api_server(play):
    async def body(world):
        pair = await closed(world)
        world.nursery.start_soon(pair.join)
        await trio.sleep(1)
        await issue_by_hand(pair, subject="system:node:somebody-else")
        await trio.sleep(5)
        [received] = events(pair, CertificateReceived)
        assert received.common_name == "system:node:somebody-else"
        users = {
            e.user: e.status
            for e in events(pair, RequestServed)
            if e.verb == "create" and e.path == "/api/v1/nodes"
        }
        assert users["system:node:somebody-else"] == 403

    play(body)


def test_a_certificate_of_another_ca_is_taken_and_worth_nothing(play):
    async def body(world):
        pair = await closed(world)
        now = world.clock.now()
        foreign = CertificateAuthority.create("x", key_pair("x"), Validity(now, now + timedelta(days=9)), 5)
        world.nursery.start_soon(pair.join)
        await trio.sleep(1)
        await issue_by_hand(pair, authority=foreign)
        await trio.sleep(5)
        assert events(pair, CertificateReceived)
        late = [r.event for r in world.journal if isinstance(r.event, RequestServed) and r.at > 2]
        assert {e.user for e in late if e.path == "/api/v1/nodes"} <= {"", "system:anonymous"}

    play(body)


def test_a_refusal_is_an_answer_of_a_healthy_server(play):
    async def body(world):
        pair = await JoinPair.create(world)
        manager = manager_of(pair)
        with trio.move_on_after(1):
            await manager.obtain(bootstrap_of(pair, "zzzzzz.0123456789abcdef"))
        assert manager.server_healthy
        [event] = events(pair, CsrRejected)
        assert event.error == "cannot create certificate signing request: Unauthorized"

    play(body)


def test_a_token_that_may_not_ask_is_a_refusal_too(play):
    async def body(world):
        pair = await JoinPair.create(world)
        await pair.administrator().delete(CLUSTER_ROLE_BINDINGS.path("kubeadm:kubelet-bootstrap"))
        manager = manager_of(pair)
        with trio.move_on_after(1):
            await manager.obtain(bootstrap_of(pair))
        assert manager.server_healthy
        [event] = events(pair, CsrRejected)
        assert "is forbidden" in event.error

    play(body)


def test_no_server_is_not_a_healthy_one(play):
    async def body(world):
        pair = await JoinPair.create(world)
        manager = manager_of(pair)
        world.network.lay(LinkRule(Refuse(), source="worker-1"))
        with trio.move_on_after(7):
            await manager.obtain(bootstrap_of(pair))
        assert manager.server_healthy is False
        moments = [record.at for record, _ in world.journal.of(CsrRejected)]
        assert len(moments) == 3
        assert all(event.error.endswith("connection refused") for event in events(pair, CsrRejected))

    play(body)


def test_who_may_post_but_not_list_waits_in_vain_without_posting_again(play):
    """The requester needs ``list`` too: it asks again each second, for fifteen minutes."""

    async def body(world):
        pair = await closed(world)
        admin = pair.administrator()
        path = CLUSTER_ROLES.path("system:node-bootstrapper")
        role = await admin.get(path)
        rules = [
            {
                "apiGroups": ["certificates.k8s.io"],
                "resources": ["certificatesigningrequests"],
                "verbs": ["create"],
            }
        ]
        await admin.update(path, {**role, "rules": rules})
        with trio.move_on_after(60.5):
            await manager_of(pair).obtain(bootstrap_of(pair))
        lists = [
            e.status for e in events(pair, RequestServed) if e.verb == "list" and "fieldSelector" in e.path
        ]
        assert lists == [403] * 61
        assert len(events(pair, CsrSubmitted)) == 1

    play(body)


def test_a_request_that_nobody_decides_is_given_up_after_fifteen_minutes(play):
    async def body(world):
        pair = await closed(world)
        with trio.move_on_after(910):
            await manager_of(pair).obtain(bootstrap_of(pair))
        [event] = events(pair, CsrRejected)
        assert event.error.endswith("timed out waiting for the condition")
        [first, second] = [record.at for record, _ in world.journal.of(CsrSubmitted)]
        assert 902 <= second - first <= 902.3

    play(body)


def test_a_watch_that_ends_is_followed_by_another_with_a_duration_of_its_own(play):
    async def body(world):
        pair = await closed(world)
        with trio.move_on_after(899):
            await manager_of(pair).obtain(bootstrap_of(pair))
        watches = [
            e.path for e in events(pair, RequestServed) if e.verb == "watch" and "fieldSelector" in e.path
        ]
        seconds = [int(re.search(r"timeoutSeconds=([0-9]+)", path)[1]) for path in watches]
        assert 2 <= len(seconds) <= 3
        assert all(300 <= each < 600 for each in seconds)
        assert sum(seconds[:-1]) < 899
        assert all("sendInitialEvents=true" in path for path in watches)

    play(body)


def test_a_slow_network_does_not_lose_the_answer(play):
    async def body(world):
        pair = await JoinPair.create(world)
        world.network.lay(LinkRule(Delay(2.0), source="worker-1"))
        with trio.fail_after(60):
            await manager_of(pair).obtain(bootstrap_of(pair))

    play(body)
