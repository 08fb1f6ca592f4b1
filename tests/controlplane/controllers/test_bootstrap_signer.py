import base64
import json
from datetime import timedelta

import pytest
import trio

from joinsim.api.objects import CONFIG_MAPS, SECRETS
from joinsim.controlplane.controllers.bootstrap_signer import signing_token
from joinsim.events import RequestServed
from joinsim.gofmt import rfc3339
from tests.controlplane.api import NOW, SetClock, a_token_secret
from tests.pair import JoinPair

SECRETS_PATH = "/api/v1/namespaces/kube-system/secrets"
INFO_PATH = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
MOMENT = 0.05


async def a_cluster(world):
    pair = await JoinPair.create(world)
    return pair, pair.administrator()


def info(pair):
    return pair.control_plane.store.get(CONFIG_MAPS, "cluster-info", "kube-public")


def signed_by(pair):
    prefix = "jws-kubeconfig-"
    return sorted(key.removeprefix(prefix) for key in info(pair)["data"] if key.startswith(prefix))


def expected_signature(payload, token_id, secret):
    """RFC 7515 by hand: an independent HMAC over header and payload, the payload taken out."""
    import hashlib
    import hmac

    def encode(content):
        return base64.urlsafe_b64encode(content).rstrip(b"=")

    header = encode(b'{"alg":"HS256","kid":"' + token_id.encode() + b'"}')
    signature = hmac.new(secret.encode(), header + b"." + encode(payload.encode()), hashlib.sha256).digest()
    return f"{header.decode()}..{encode(signature).decode()}"


def test_a_token_that_is_there_at_the_start_signs(play):
    async def body(world):
        pair, _ = await a_cluster(world)
        data = info(pair)["data"]
        assert signed_by(pair) == ["abcdef"]
        expected = expected_signature(data["kubeconfig"], "abcdef", "0123456789abcdef")
        assert data["jws-kubeconfig-abcdef"] == expected

    play(body)


def test_a_token_signs_and_stops_signing_at_once_when_it_comes_changes_and_goes(play):
    async def body(world):
        pair, admin = await a_cluster(world)
        stored = await admin.create(SECRETS_PATH, a_token_secret())
        await trio.sleep(MOMENT)
        assert signed_by(pair) == ["abcdef", "foobar"]
        off = {
            **stored,
            "data": {**stored["data"], "usage-bootstrap-signing": base64.b64encode(b"false").decode()},
        }
        stored = await admin.update(f"{SECRETS_PATH}/bootstrap-token-foobar", off)
        await trio.sleep(MOMENT)
        assert signed_by(pair) == ["abcdef"]
        await admin.update(
            f"{SECRETS_PATH}/bootstrap-token-foobar", {**stored, "data": a_token_secret()["data"]}
        )
        await trio.sleep(MOMENT)
        assert signed_by(pair) == ["abcdef", "foobar"]
        await admin.delete(f"{SECRETS_PATH}/bootstrap-token-foobar")
        await trio.sleep(MOMENT)
        assert signed_by(pair) == ["abcdef"]

    play(body)


def test_a_new_payload_is_signed_anew_and_a_bad_signature_is_made_good(play):
    async def body(world):
        pair, admin = await a_cluster(world)
        for change in (
            {"kubeconfig": "other payload\n"},
            {"jws-kubeconfig-abcdef": "forged"},
            {"jws-kubeconfig-zzzzzz": "forged", "else": "kept"},
        ):
            before = info(pair)
            await admin.update(INFO_PATH, {**before, "data": {**before["data"], **change}})
            await trio.sleep(MOMENT)
            data = info(pair)["data"]
            assert signed_by(pair) == ["abcdef"]
            expected = expected_signature(data["kubeconfig"], "abcdef", "0123456789abcdef")
            assert data["jws-kubeconfig-abcdef"] == expected
        assert data["kubeconfig"] == "other payload\n"
        assert data["else"] == "kept"

    play(body)


def test_without_a_payload_the_signatures_stay_as_they_are(play):
    async def body(world):
        pair, admin = await a_cluster(world)
        before = info(pair)
        rest = {key: value for key, value in before["data"].items() if key != "kubeconfig"}
        await admin.update(INFO_PATH, {**before, "data": rest})
        await admin.create(SECRETS_PATH, a_token_secret())
        await trio.sleep(MOMENT)
        assert signed_by(pair) == ["abcdef"]

    play(body)


def test_without_cluster_info_nothing_is_signed_until_it_comes_back(play):
    async def body(world):
        pair, admin = await a_cluster(world)
        payload = info(pair)["data"]["kubeconfig"]
        await admin.delete(INFO_PATH)
        await admin.create(SECRETS_PATH, a_token_secret())
        await trio.sleep(MOMENT)
        assert info(pair) is None
        await admin.create(
            INFO_PATH.rpartition("/")[0],
            {"metadata": {"name": "cluster-info"}, "data": {"kubeconfig": payload}},
        )
        await trio.sleep(MOMENT)
        assert signed_by(pair) == ["abcdef", "foobar"]

    play(body)


def test_nothing_is_written_where_nothing_changes(play):
    async def body(world):
        pair, admin = await a_cluster(world)
        before = info(pair)["metadata"]["resourceVersion"]
        await admin.create(SECRETS_PATH, a_token_secret(data={"usage-bootstrap-signing": None}))
        await admin.create(SECRETS_PATH, {"metadata": {"name": "plain"}})
        await trio.sleep(MOMENT)
        assert info(pair)["metadata"]["resourceVersion"] == before
        updates = [event for _, event in world.journal.of(RequestServed) if event.verb == "update"]
        # The one at the start is the only one that was even tried.
        assert len(updates) == 1

    play(body)


def test_expiry_takes_the_signature_away_only_with_the_secret(play):
    async def body(world):
        pair, admin = await a_cluster(world)
        # Without its permission the cleaner leaves the token where it is.
        role = "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings/system:controller:token-cleaner"
        await admin.delete(role)
        expiration = rfc3339(world.clock.now() + timedelta(seconds=30))
        await admin.create(SECRETS_PATH, a_token_secret(data={"expiration": expiration}))
        await trio.sleep(60)
        assert signed_by(pair) == ["abcdef", "foobar"]
        await admin.delete(f"{SECRETS_PATH}/bootstrap-token-foobar")
        await trio.sleep(MOMENT)
        assert signed_by(pair) == ["abcdef"]

    play(body)


def test_a_token_cleaned_at_its_expiry_loses_its_signature(play):
    async def body(world):
        pair, admin = await a_cluster(world)
        expiration = rfc3339(world.clock.now() + timedelta(seconds=30))
        await admin.create(SECRETS_PATH, a_token_secret(data={"expiration": expiration}))
        await trio.sleep(28)
        assert signed_by(pair) == ["abcdef", "foobar"]
        await trio.sleep(3)
        assert signed_by(pair) == ["abcdef"]
        assert pair.control_plane.store.get(SECRETS, "bootstrap-token-foobar", "kube-system") is None

    play(body)


def test_which_secrets_may_sign_is_as_in_the_controllers_own_table(vectors):
    for case in json.loads((vectors / "signer_secret_validity.json").read_text())["cases"]:
        data = {key: value for key, value in case["data"].items() if value is not None}
        offset = {"+1h": 3600, "-1h": -3600}.get(data.get("expiration"))
        if offset:
            data["expiration"] = rfc3339(NOW + timedelta(seconds=offset))
        secret = a_token_secret(case["secret_name"])
        secret["data"] = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        assert (signing_token(secret, SetClock()) is not None) is case["valid"], case["name"]


@pytest.mark.parametrize(
    "data",
    [{"usage-bootstrap-signing": "True"}, {"expiration": "2026-01-01T00:00:00Z"}, {"token-id": "foobaz"}],
    ids=str,
)
def test_a_secret_that_fails_one_check_may_not_sign(data):
    assert signing_token(a_token_secret(data=data), SetClock()) is None


@pytest.mark.parametrize(
    "data",
    [{"auth-extra-groups": "nonsense"}, {"usage-bootstrap-authentication": None}, {"token-secret": "short"}],
    ids=str,
)
def test_what_authentication_asks_for_besides_is_nothing_to_the_signer(data):
    assert signing_token(a_token_secret(data=data), SetClock()) is not None


def test_cluster_info_is_signed_as_in_the_controllers_own_table(play, vectors):
    def run(case):
        async def body(world):
            pair = await JoinPair.create(world, tokens=())
            admin = pair.administrator()
            await admin.delete(INFO_PATH)
            for data in case["secrets"]:
                secret = a_token_secret(f"bootstrap-token-{data['token-id']}")
                secret["data"] = {
                    key: base64.b64encode(value.encode()).decode() for key, value in data.items()
                }
                await admin.create(SECRETS_PATH, secret)
            await trio.sleep(MOMENT)
            before = pair.control_plane.store.version
            if case["configmap_data"] is not None:
                new = {"metadata": {"name": "cluster-info"}, "data": case["configmap_data"]}
                created = await admin.create(INFO_PATH.rpartition("/")[0], new)
                # The signer may have been there before the answer was.
                before = int(created["metadata"]["resourceVersion"])
            await trio.sleep(MOMENT)
            written = pair.control_plane.store.version - before
            return written, info(pair)

        return play(body)

    for case in json.loads((vectors / "bootstrap_controllers.json").read_text())["signer"]:
        written, found = run(case)
        assert written == len(case["writes"]), case["origin"]
        expected = case["writes"][-1]["data"] if case["writes"] else case["configmap_data"]
        assert (found and found["data"]) == expected, case["origin"]
