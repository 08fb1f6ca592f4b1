import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
import trio

from joinsim.api.objects import CERTIFICATE_SIGNING_REQUESTS
from joinsim.controlplane.controllers.csr_cleaner import is_past_its_time
from joinsim.gofmt import rfc3339
from joinsim.pki import CertificateAuthority, KeyPair, Validity, to_pem
from tests.pair import JoinPair

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(state):
    if state in ("none", "garbage"):
        return base64.b64encode(state.encode()).decode() if state == "garbage" else ""
    ends = NOW + timedelta(hours=1 if state == "unexpired" else -1)
    period = Validity(NOW - timedelta(days=1), ends)
    authority = CertificateAuthority.create("ca", KeyPair.generate(), period, 1)
    return base64.b64encode(to_pem([authority.certificate])).decode()


def ago(minutes):
    return rfc3339(NOW - timedelta(minutes=minutes))


def csr(created=1, state="none", **conditions):
    decided = [{"type": kind, "lastUpdateTime": ago(minutes)} for kind, minutes in conditions.items()]
    return {
        "metadata": {"creationTimestamp": ago(created)},
        "status": {"conditions": decided, "certificate": certificate(state)},
    }


def test_the_table_of_what_goes_when(vectors):
    for case in json.loads((vectors / "csr_cleaner.json").read_text())["cases"]:
        decided = {each["type"]: each["lastUpdate_minutes_ago"] for each in case["conditions"]}
        found = is_past_its_time(csr(case["created_minutes_ago"], case["certificate"], **decided), NOW)
        assert found is case["deleted"], case["name"]


@pytest.mark.parametrize(
    ("request_", "gone"),
    [
        (csr(Denied=60), False),
        (csr(Denied=61), True),
        (csr(state="unexpired", Approved=60), False),
        (csr(state="unexpired", Approved=61), True),
        (csr(Approved=24 * 60), False),
        (csr(Approved=24 * 60 + 1), True),
        (csr(created=24 * 60), False),
        (csr(created=24 * 60 + 1), True),
        (csr(state="expired", Approved=1), True),
        (csr(state="garbage", Approved=1), False),
    ],
)
def test_each_limit_is_passed_and_not_only_reached(request_, gone):
    assert is_past_its_time(request_, NOW) is gone


def test_an_issued_request_is_gone_within_two_hours_and_not_within_one(play):
    async def body(world):
        pair = await JoinPair.create(world)
        assert (await pair.join()).joined
        admin = pair.administrator()

        async def names():
            listed = await admin.get(CERTIFICATE_SIGNING_REQUESTS.path())
            return [each["metadata"]["name"] for each in listed["items"]]

        assert len(await names()) == 1
        await trio.sleep(3590)
        assert len(await names()) == 1
        await trio.sleep(3700)
        assert await names() == []

    play(body)
