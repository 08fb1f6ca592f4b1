"""Whatever a server answers, discovery ends up trusting only what a token and the pins vouch for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import event, given
from hypothesis import strategies as st

from joinsim.api import BootstrapToken, Cluster, Kubeconfig
from joinsim.join.discovery import Accept, Fetch, Refuse, TokenDiscovery
from joinsim.join.file_discovery import FileDiscovery
from tests.join.material import ENDPOINT, TOKEN, authority, named, pin, unnamed

KEYS = ("kubernetes", "mallory", "other")
ROTATED = BootstrapToken.parse("abcdef.ffffffffffffffff")


# --- an oracle that shares no code with the package ------------------------------------------------


def signed(content: str, token: BootstrapToken = TOKEN) -> str:
    """RFC 7515, appendix F, with HS256."""

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    header = encoded(json.dumps({"alg": "HS256", "kid": token.id}, separators=(",", ":")).encode())
    message = f"{header}.{encoded(content.encode())}".encode()
    digest = hmac.new(token.secret.encode(), message, hashlib.sha256).digest()
    return f"{header}..{encoded(digest)}"


def pins_in(bundle: bytes) -> set[str]:
    """The SHA-256 of each public key in a PEM bundle."""
    found = set()
    for certificate in x509.load_pem_x509_certificates(bundle):
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        found.add(f"sha256:{hashlib.sha256(key).hexdigest()}")
    return found


# --- what servers say ------------------------------------------------------------------------------

bundles = st.lists(st.sampled_from(KEYS), min_size=0, max_size=3)
servers = st.sampled_from([f"https://{ENDPOINT}", "https://mallory:6443", ""])
kubeconfigs = st.one_of(
    st.builds(lambda names, server: unnamed(*names, server=server), bundles, servers),
    st.builds(
        lambda names, server: named(Cluster(server, b"".join(authority(name).pem for name in names))),
        bundles,
        servers,
    ),
)
contents = st.one_of(
    st.just(unnamed("kubernetes").dump()),
    kubeconfigs.map(Kubeconfig.dump),
    kubeconfigs.map(lambda kubeconfig: kubeconfig.dump() + "\n"),
    st.text(max_size=40),
)


@st.composite
def answers(draw) -> dict[str, str]:
    content = draw(contents)
    signature = draw(
        st.sampled_from([signed(content), signed(content), signed(content, ROTATED), signed("x"), "", None])
        | st.text(max_size=30)
    )
    data = {"kubeconfig": content}
    if signature is not None:
        data["jws-kubeconfig-abcdef"] = signature
    if draw(st.booleans()):
        data["jws-kubeconfig-zzzzzz"] = signed(content)
    if draw(st.integers(0, 9)) == 0:
        del data["kubeconfig"]
    return data


happenings = st.lists(st.one_of(answers(), st.just("repeat"), st.booleans()), min_size=1, max_size=8)
given_pins = st.lists(
    st.sampled_from(
        [*map(pin, KEYS), pin().upper().replace("SHA256", "sha256"), "sha256:" + "0" * 64, "junk"]
    ),
    max_size=3,
)


@given(given_pins, st.sampled_from([0.0, 4.0, 20.0, 300.0]), happenings, st.floats(0, 12))
def test_nothing_is_accepted_that_token_and_pins_do_not_vouch_for(pins, timeout, happened, takes):
    machine = TokenDiscovery(TOKEN, ENDPOINT, pins, timeout)
    now, latest = 100.0, None
    fetched: list[tuple[bool, dict[str, str]]] = []
    step = machine.begin(now)
    for what in happened:
        assert isinstance(step, Fetch)
        assert step.at >= now
        # Whatever was heard, no credential is sent, and nobody is asked but the endpoint.
        assert step.connection.current_user() is None
        [(_, cluster)] = step.connection.clusters.items()
        assert cluster.server == f"https://{ENDPOINT}"
        assert step.verified == (not cluster.insecure_skip_tls_verify)
        if step.verified:
            assert pins_in(cluster.certificate_authority_data) & {written.lower() for written in pins}
        now = step.at + takes
        if what == "repeat" and latest is not None:
            what = latest
        if isinstance(what, dict):
            latest = what
            fetched.append((step.verified, what))
            step = machine.fetched(what, now)
        else:
            step = machine.failed("no", now, forbidden=what is True)
        if not isinstance(step, Fetch):
            break
    event(type(step).__name__)
    if isinstance(step, Refuse):
        assert step.at >= now
        assert not step.timed_out or step.at <= max(100 + 2 * timeout, now) + takes
    if isinstance(step, Accept):
        first = next(data for verified, data in fetched if not verified and "jws-kubeconfig-abcdef" in data)
        assert first["jws-kubeconfig-abcdef"] == signed(first["kubeconfig"])
        assert step.kubeconfig == Kubeconfig.parse(first["kubeconfig"])
        _, cluster = step.kubeconfig.pick_cluster()
        if pins:
            assert pins_in(cluster.certificate_authority_data) & {written.lower() for written in pins}
            verified, last = fetched[-1]
            assert verified
            assert last["kubeconfig"] == first["kubeconfig"]
            assert step.method == "token-pinned"
        else:
            assert not any(verified for verified, _ in fetched)
            assert step.method == "token"


@given(given_pins, st.dictionaries(st.text(max_size=30), st.text(max_size=200), max_size=4))
def test_no_answer_without_the_tokens_signature_is_ever_accepted(pins, data):
    machine = TokenDiscovery(TOKEN, ENDPOINT, pins, 300)
    machine.begin(0)
    assert not isinstance(machine.fetched(data, 0), Accept)


@given(st.sampled_from([0.0, 1.0, 5.0, 7.3, 300.0]), st.lists(st.floats(0, 15), max_size=100))
def test_a_server_that_never_has_a_signature_is_given_up_within_the_timeout_and_a_request(timeout, durations):
    machine = TokenDiscovery(TOKEN, ENDPOINT, [pin()], timeout)
    step, now = machine.begin(0), 0.0
    for duration in durations:
        assert isinstance(step, Fetch)
        assert step.at < max(timeout, 1e-9)
        now = step.at + duration
        step = machine.fetched({}, now)
        if isinstance(step, Refuse):
            assert step.timed_out
            assert step.at == max(timeout, now)
            return
    assert now < timeout or not durations


# --- files -----------------------------------------------------------------------------------------

files = st.one_of(
    kubeconfigs,
    st.builds(
        lambda server: named(Cluster(server, insecure_skip_tls_verify=True)), st.just(f"https://{ENDPOINT}")
    ),
)


@given(files, st.lists(answers() | st.booleans(), min_size=1, max_size=4))
def test_a_files_own_trust_and_server_are_never_replaced(kubeconfig, happened):
    machine = FileDiscovery(kubeconfig.dump(), "file", 300, lambda path: b"")
    step, now = machine.begin(0), 0.0
    _, cluster = kubeconfig.pick_cluster()
    for what in happened:
        if not isinstance(step, Fetch):
            break
        assert step.connection == kubeconfig
        now = step.at
        if isinstance(what, dict):
            step = machine.fetched(what, now)
            assert isinstance(step, Accept)
        else:
            step = machine.failed("no", now, forbidden=what)
            assert isinstance(step, Accept) == what
    if isinstance(step, Accept):
        name, accepted = step.kubeconfig.pick_cluster()
        assert name == kubeconfig.pick_cluster()[0]
        assert accepted.server == cluster.server
        assert step.kubeconfig.users == kubeconfig.users
        if cluster.certificate_authority_data:
            assert accepted == cluster


@given(st.text(max_size=200))
def test_no_text_is_too_odd_for_a_discovery_file(content):
    step = FileDiscovery(content, "file", 300, lambda path: b"").begin(0)
    assert isinstance(step, Refuse)
    assert not step.timed_out
