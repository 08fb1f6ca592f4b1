import pytest

from joinsim.controlplane.request_info import read_request_info
from joinsim.wire import Request


def read(method, target):
    return read_request_info(Request(method, target))


def told(method, target):
    """Verb, group, version, namespace, resource/subresource and name, as one line."""
    info = read(method, target)
    group_version = f"{info.group}/{info.version}" if info.group else info.version
    return " ".join([info.verb, group_version, info.namespace or "-", info.full_resource, info.name or "-"])


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/api/v1/nodes/n1", "get v1 - nodes n1"),
        ("HEAD", "/api/v1/nodes/n1", "get v1 - nodes n1"),
        ("GET", "/api/v1/nodes", "list v1 - nodes -"),
        ("GET", "/api/v1/nodes/", "list v1 - nodes -"),
        ("GET", "//api//v1//nodes//n1", "get v1 - nodes n1"),
        ("GET", "/api/v1/namespaces/ns/configmaps/c", "get v1 ns configmaps c"),
        ("GET", "/api/v1/namespaces/ns/configmaps", "list v1 ns configmaps -"),
        ("GET", "/api/v1/namespaces", "list v1 - namespaces -"),
        ("GET", "/api/v1/namespaces/ns", "get v1 ns namespaces ns"),
        ("PUT", "/api/v1/namespaces/ns/status", "update v1 ns namespaces/status ns"),
        ("PUT", "/api/v1/namespaces/ns/finalize", "update v1 ns namespaces/finalize ns"),
        ("GET", "/api/v1/namespaces/ns/pods/p/log", "get v1 ns pods/log p"),
        ("POST", "/api/v1/nodes", "create v1 - nodes -"),
        ("PATCH", "/api/v1/nodes/n1/status", "patch v1 - nodes/status n1"),
        ("DELETE", "/api/v1/nodes/n1", "delete v1 - nodes n1"),
        ("DELETE", "/api/v1/nodes", "deletecollection v1 - nodes -"),
        ("OPTIONS", "/api/v1/nodes", " v1 - nodes -"),
        ("GET", "/apis/g.io/v1/things/t/part", "get g.io/v1 - things/part t"),
        ("GET", "/apis/g.io/v1/namespaces/ns/things", "list g.io/v1 ns things -"),
        ("GET", "/api/v1/watch/nodes", "watch v1 - nodes -"),
        ("GET", "/api/v1/watch/namespaces/ns/configmaps/c", "watch v1 ns configmaps c"),
        ("POST", "/api/v1/nodes/n1/proxy/a/b", "create v1 - nodes/proxy n1"),
    ],
)
def test_a_path_is_read_as_the_api_server_reads_it(method, target, expected):
    assert told(method, target) == expected


@pytest.mark.parametrize(
    "target",
    ["/", "/api", "/api/v1", "/api/v1/", "/apis", "/apis/g.io", "/apis/g.io/v1", "/version", "/API/v1/nodes"],
)
def test_a_path_without_a_resource_keeps_its_method_in_lower_case(target):
    info = read("POST", target)
    assert (info.is_resource, info.verb, info.path) == (False, "post", target)


@pytest.mark.parametrize("value", ["1", "true", "True", "TRUE", "t", "yes", ""])
def test_a_list_with_a_watch_parameter_is_a_watch(value):
    assert read("GET", f"/api/v1/nodes?watch={value}").verb == "watch"


@pytest.mark.parametrize("value", ["0", "false", "False", "FALSE"])
def test_only_nought_and_false_turn_a_parameter_off(value):
    info = read("GET", f"/api/v1/nodes?watch={value}&allowWatchBookmarks={value}")
    assert info.verb == "list"
    assert not info.flag("allowWatchBookmarks")


def test_a_parameter_that_is_not_there_is_off():
    assert not read("GET", "/api/v1/nodes").flag("watch")


def test_of_two_parameters_with_one_name_the_first_counts():
    assert read("GET", "/api/v1/nodes?watch=0&watch=1").verb == "list"


def test_watching_is_for_collections_only():
    assert read("GET", "/api/v1/nodes/n1?watch=true").verb == "get"


@pytest.mark.parametrize(
    ("selector", "name"),
    [
        ("metadata.name%3Dn1", "n1"),
        ("metadata.name%3D%3Dn1", "n1"),
        ("spec.unschedulable%3Dfalse,metadata.name%3Dn1", "n1"),
        ("metadata.name%21%3Dn1", ""),
        ("metadata.namespace%3Dn1", ""),
        ("metadata.name", ""),
        ("", ""),
    ],
)
def test_a_selector_for_one_name_names_the_object(selector, name):
    assert read("GET", f"/api/v1/nodes?fieldSelector={selector}").name == name
    assert read("GET", f"/api/v1/nodes?watch=1&fieldSelector={selector}").name == name


def test_a_selector_names_no_object_of_a_deletion():
    info = read("DELETE", "/api/v1/nodes?fieldSelector=metadata.name%3Dn1")
    assert (info.verb, info.name) == ("deletecollection", "")


def test_a_percent_in_a_path_is_decoded_before_it_is_read():
    assert read("GET", "/api/v1/nodes/n%31").name == "n1"


def test_a_target_in_absolute_form_is_read_by_its_path():
    assert told("GET", "https://10.0.0.1:6443/api/v1/nodes/n1") == "get v1 - nodes n1"
