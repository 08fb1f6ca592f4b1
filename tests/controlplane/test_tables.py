import json
from datetime import UTC, datetime

import pytest

from joinsim.api.objects import BY_PLURAL, CERTIFICATE_SIGNING_REQUESTS, NODES, RESOURCES
from joinsim.controlplane.tables import COLUMNS, table_of
from joinsim.gofmt import human_duration, parse_rfc3339

NOW = datetime(2026, 1, 1, 0, 10, tzinfo=UTC)
CREATED = "2026-01-01T00:00:00Z"


def cells(resource, **content):
    metadata = {"name": "x", "creationTimestamp": CREATED, **content.pop("metadata", {})}
    table = table_of(resource, [{"metadata": metadata, **content}], {}, NOW)
    names = [column["name"] for column in table["columnDefinitions"]]
    return dict(zip(names, table["rows"][0]["cells"], strict=True))


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.kind)
def test_every_kind_has_columns_and_the_first_is_its_name(resource):
    first = COLUMNS[resource][0]
    assert (first.name, first.format) == ("Name", "name")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("g_table_nodes", ("", "v1", "nodes")),
        ("g_table_csr_one", ("certificates.k8s.io", "v1", "certificatesigningrequests")),
        ("g_table_clusterrolebinding_one", ("rbac.authorization.k8s.io", "v1", "clusterrolebindings")),
        ("g_table_secrets", ("", "v1", "secrets")),
    ],
)
def test_the_columns_are_those_that_were_recorded(recorded, name, path):
    body = json.loads((recorded / "exchanges" / f"{name}.json").read_text())["response"]["body"]
    told = [{**column, "description": ""} for column in body["columnDefinitions"]]
    assert [{**column.as_json(), "description": ""} for column in COLUMNS[BY_PLURAL[path]]] == told


@pytest.mark.parametrize(
    ("conditions", "certificate", "told"),
    [
        ([], "", "Pending"),
        (["Approved"], "", "Approved"),
        (["Approved"], "x", "Approved,Issued"),
        (["Approved", "Failed"], "", "Approved,Failed"),
        (["Failed", "Approved"], "", "Approved,Failed"),
        (["Denied"], "", "Denied"),
        (["Failed"], "", "Pending,Failed"),
    ],
)
def test_the_condition_of_a_request(conditions, certificate, told):
    state = {"conditions": [{"type": kind} for kind in conditions], "certificate": certificate}
    assert cells(CERTIFICATE_SIGNING_REQUESTS, status=state)["Condition"] == told


def test_the_duration_of_a_request_is_that_which_it_asks_for():
    assert cells(CERTIFICATE_SIGNING_REQUESTS, spec={})["RequestedDuration"] == "<none>"
    assert (
        cells(CERTIFICATE_SIGNING_REQUESTS, spec={"expirationSeconds": 31536000})["RequestedDuration"]
        == "365d"
    )


def test_a_node_that_says_nothing_of_itself():
    assert cells(NODES) == {
        "Name": "x",
        "Status": "Unknown",
        "Roles": "<none>",
        "Age": "10m",
        "Version": "",
        "Internal-IP": "<none>",
        "External-IP": "<none>",
        "OS-Image": "<unknown>",
        "Kernel-Version": "<unknown>",
        "Container-Runtime": "<unknown>",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ready", "told"), [("True", "Ready"), ("False", "NotReady"), ("Unknown", "NotReady")]
)
def test_a_node_that_takes_no_pods(ready, told):
    found = cells(
        NODES,
        metadata={"labels": {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/edge": ""}},
        spec={"unschedulable": True},
        status={"conditions": [{"type": "Ready", "status": ready}]},
    )
    assert (found["Status"], found["Roles"]) == (f"{told},SchedulingDisabled", "edge,worker")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (121, "2m1s"), (599, "9m59s"),
        (600, "10m"), (10799, "179m"), (10800, "3h"), (3600 * 7 + 60, "7h1m"), (3600 * 8, "8h"),
        (3600 * 47, "47h"), (3600 * 48, "2d"), (3600 * 49, "2d1h"), (3600 * 191, "7d23h"), (3600 * 192, "8d"),
        (86400 * 729, "729d"), (86400 * 730, "2y"), (86400 * 731, "2y1d"), (86400 * 2919, "7y364d"),
        (86400 * 2920, "8y"), (86400 * 3000, "8y"),
    ],
)  # fmt: skip
def test_an_age_grows_coarser_with_time(seconds, told):
    assert human_duration(seconds) == told


@pytest.mark.parametrize(
    ("include", "kind"), [("Metadata", "PartialObjectMetadata"), ("Object", "Node"), ("None", None)]
)
def test_what_goes_with_a_row(include, kind):
    node = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n", "creationTimestamp": CREATED}}
    shown = table_of(NODES, [node], {}, parse_rfc3339(CREATED), include)["rows"][0]["object"]
    assert (shown or {}).get("kind") == kind
