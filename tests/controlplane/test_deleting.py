import pytest

from joinsim.api.objects import CONFIG_MAPS
from tests.controlplane.api import CONFIG_MAPS_PATH, NOW, Api, a_config_map

ONE = f"{CONFIG_MAPS_PATH}/settings"
HOLD, OTHER = "example.com/hold", "example.com/other"
MERGE = [("Content-Type", "application/merge-patch+json")]


def being_deleted(*finalizers):
    api = Api()
    api.ask("POST", CONFIG_MAPS_PATH, a_config_map(finalizers=[*finalizers]))
    return api, api.ask("DELETE", ONE)


def finalizers(api, *left):
    return api.ask("PATCH", ONE, {"metadata": {"finalizers": [*left]}}, headers=MERGE)


def test_what_has_finalizers_is_marked_and_shown():
    api, answer = being_deleted(HOLD)
    assert answer.status == 200
    metadata = answer.body["metadata"]
    assert metadata["deletionTimestamp"] == NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert metadata["deletionGracePeriodSeconds"] == 0
    assert api.ask("GET", ONE).body == answer.body


def test_it_goes_with_the_last_of_them(play):
    async def run(world):
        api, marked = being_deleted(HOLD, OTHER)
        version = marked.body["metadata"]["resourceVersion"]
        watch = api.follow(f"{CONFIG_MAPS_PATH}?watch=1&resourceVersion={version}&timeoutSeconds=1")
        assert finalizers(api, OTHER).status == 200
        assert api.ask("GET", ONE).status == 200
        assert finalizers(api).status == 200
        assert api.ask("GET", ONE).status == 404
        return [event["type"] for event in await watch.rest()]

    assert play(run) == ["MODIFIED", "DELETED"]


def test_a_dry_run_of_taking_the_last_one_away_leaves_it():
    api, _ = being_deleted(HOLD)
    patch = {"metadata": {"finalizers": None}}
    assert api.ask("PATCH", f"{ONE}?dryRun=All", patch, headers=MERGE).status == 200
    assert api.ask("GET", ONE).status == 200


def test_deleting_it_again_changes_nothing():
    api, marked = being_deleted(HOLD)
    api.clock.pass_(60)
    assert api.ask("DELETE", ONE).body == marked.body


def test_no_finalizer_is_added_to_what_is_being_deleted():
    api, _ = being_deleted(HOLD)
    answer = finalizers(api, HOLD, OTHER)
    said = (
        "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
        f'[]string{{"{OTHER}"}}'
    )
    assert (answer.status, answer.message) == (
        422,
        f'ConfigMap "settings" is invalid: metadata.finalizers: {said}',
    )


def test_the_mark_can_neither_be_taken_away_nor_set():
    api, marked = being_deleted(HOLD)
    mark = marked.body["metadata"]["deletionTimestamp"]
    assert api.ask("PUT", ONE, a_config_map(finalizers=[HOLD])).body["metadata"]["deletionTimestamp"] == mark
    other = {"deletionTimestamp": "2027-01-01T00:00:00Z", "deletionGracePeriodSeconds": 7}
    api.ask("POST", CONFIG_MAPS_PATH, a_config_map("free", finalizers=[HOLD], **other))
    assert "deletionTimestamp" not in api.ask("GET", f"{CONFIG_MAPS_PATH}/free").body["metadata"]
    changed = api.ask("PUT", f"{CONFIG_MAPS_PATH}/free", a_config_map("free", finalizers=[HOLD], **other))
    assert changed.body["metadata"].keys() & other.keys() == set()


# --- collections ------------------------------------------------------------------------------


def with_three(**fields):
    api = Api()
    for name, tier in (("one", "front"), ("two", "back"), ("three", "front")):
        api.ask("POST", CONFIG_MAPS_PATH, a_config_map(name, labels={"tier": tier}, **fields))
    return api


def left(api):
    return [each["metadata"]["name"] for each in api.store.all(CONFIG_MAPS, "default")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", []),
        ("labelSelector=tier%3Dfront", ["two"]),
        ("fieldSelector=metadata.name%3Dtwo", ["one", "three"]),
        ("labelSelector=tier%3Dfront&fieldSelector=metadata.name%3Dtwo", ["one", "three", "two"]),
        ("limit=1", ["three", "two"]),
    ],
)
def test_of_a_collection_goes_what_a_selector_chooses(query, expected):
    api = with_three()
    answer = api.ask("DELETE", f"{CONFIG_MAPS_PATH}?{query}")
    assert (answer.status, answer.body["kind"]) == (200, "ConfigMapList")
    assert left(api) == expected
    gone = {item["metadata"]["name"] for item in answer.body["items"]}
    assert gone == {"one", "two", "three"} - set(expected)


def test_other_namespaces_keep_theirs():
    api = with_three()
    before = len(api.store.all(CONFIG_MAPS, "kube-system"))
    api.ask("DELETE", CONFIG_MAPS_PATH)
    assert len(api.store.all(CONFIG_MAPS, "kube-system")) == before > 0


def test_of_a_collection_with_finalizers_all_are_marked():
    api = with_three(finalizers=[HOLD])
    api.ask("DELETE", CONFIG_MAPS_PATH)
    assert all("deletionTimestamp" in each["metadata"] for each in api.store.all(CONFIG_MAPS, "default"))


@pytest.mark.parametrize("query", ["labelSelector=a%3D%3D%3Db", "fieldSelector=data.x%3D1", "limit=x"])
def test_a_collection_whose_selection_makes_no_sense_stays(query):
    api = with_three()
    assert api.ask("DELETE", f"{CONFIG_MAPS_PATH}?{query}").status == 400
    assert len(left(api)) == 3


def test_a_collection_of_all_namespaces_is_not_deleted_at_once():
    assert with_three().ask("DELETE", "/api/v1/configmaps").status == 405
