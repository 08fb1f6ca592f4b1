import base64
import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from joinsim.api import compute_detached_signature, is_valid_signature
from tests.properties.spelling import near_misses
from tests.properties.test_bootstrap_tokens import ids, secrets

contents = st.text(max_size=200)


def expected(content, token_id, secret):
    """RFC 7515, appendix F, with Python's own HMAC and base64: an account apart from the package's."""
    header = base64.b64encode(b'{"alg":"HS256","kid":"%s"}' % token_id.encode(), b"-_").replace(b"=", b"")
    payload = base64.b64encode(content.encode(), b"-_").replace(b"=", b"")
    digest = hmac.digest(secret.encode(), header + b"." + payload, "sha256")
    return (header + b".." + base64.b64encode(digest, b"-_").replace(b"=", b"")).decode()


@given(contents, ids, secrets)
def test_a_signature_is_the_one_of_the_rfc_and_verifies(content, token_id, secret):
    signature = compute_detached_signature(content, token_id, secret)
    assert signature == expected(content, token_id, secret)
    assert is_valid_signature(signature, content, token_id, secret)


@given(st.data(), contents, ids, secrets)
def test_a_signature_with_one_mistake_does_not_verify(data, content, token_id, secret):
    signature = expected(content, token_id, secret)
    changed = data.draw(near_misses(st.just(signature)))
    assert is_valid_signature(changed, content, token_id, secret) == (changed == signature)


@given(st.data(), contents.filter(bool), ids, secrets)
def test_a_text_with_one_mistake_does_not_verify(data, content, token_id, secret):
    changed = data.draw(near_misses(st.just(content)))
    signature = expected(content, token_id, secret)
    assert is_valid_signature(signature, changed, token_id, secret) == (changed == content)


@given(contents, ids, ids, secrets, secrets)
def test_a_signature_is_bound_to_the_id_and_the_secret(content, token_id, other_id, secret, other_secret):
    signature = expected(content, token_id, secret)
    assert is_valid_signature(signature, content, other_id, secret) == (other_id == token_id)
    assert is_valid_signature(signature, content, token_id, other_secret) == (other_secret == secret)


@given(contents, ids, secrets)
def test_a_signature_does_not_hold_the_secret(content, token_id, secret):
    assert secret not in compute_detached_signature(content, token_id, secret)


@given(contents, ids, secrets)
def test_the_digest_is_not_of_the_bare_text(content, token_id, secret):
    bare = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
    assert not compute_detached_signature(content, token_id, secret).endswith(bare)
