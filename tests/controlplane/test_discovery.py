import json

import pytest

from joinsim.controlplane.discovery import aggregated_document, etag_of, legacy_document


def body_of(recorded, name):
    return json.loads((recorded / "exchanges" / f"{name}.json").read_text())["response"]["body"]


def by_name(document):
    return {
        (group["metadata"].get("name", ""), resource["resource"]): resource
        for group in document["items"]
        for resource in group["versions"][0]["resources"]
    }


NOT_SERVED = {("nodes", "proxy"), ("namespaces", "finalize"), ("namespaces", "status")}


def test_what_is_served_is_described_as_it_was_recorded(recorded):
    real = by_name(body_of(recorded, "g_api_aggregated"))
    for name, described in by_name(aggregated_document("/api")).items():
        expected = {**real[name]}
        subresources = expected.pop("subresources", [])
        kept = [each for each in subresources if (name[1], each["subresource"]) not in NOT_SERVED]
        assert described == {**expected, **({"subresources": kept} if kept else {})}


def test_the_older_list_of_a_group_is_as_it_was_recorded(recorded):
    assert legacy_document("/apis/certificates.k8s.io/v1", "") == body_of(recorded, "g_apis_certificates")
    assert legacy_document("/apis/certificates.k8s.io", "") == body_of(recorded, "g_apis_certificates_group")


def test_the_list_of_groups_keeps_the_recorded_order(recorded):
    real = body_of(recorded, "g_apis_plain")["groups"]
    served = legacy_document("/apis", "")["groups"]
    assert served == [group for group in real if group in served]


def test_the_core_group_says_where_the_server_is(recorded):
    real = body_of(recorded, "g_api_plain")
    assert legacy_document("/api", real["serverAddressByClientCIDRs"][0]["serverAddress"]) == real


@pytest.mark.parametrize(
    "path", ["/apis/apps", "/apis/apps/v1", "/api/v2", "/apis/certificates.k8s.io/v2", "/x"]
)
def test_what_is_not_served_has_no_document(path):
    assert legacy_document(path, "") is None
    assert aggregated_document(path) is None


def test_a_tag_has_the_form_of_the_recorded_one(recorded):
    headers = json.loads((recorded / "exchanges" / "g_api_aggregated.json").read_text())["response"][
        "headers"
    ]
    tag = etag_of(b"anything")
    assert len(tag) == len(headers["Etag"])
    assert tag == tag.upper()
