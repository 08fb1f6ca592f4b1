import pytest

from tests.controlplane.api import CONFIG_MAPS_PATH, Api

UNLESS = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
WITH_TOKEN = "Forbidden: resourceVersionMatch is forbidden when continue is provided"
NO_EXACT = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
UNKNOWN = 'Unsupported value: "exact": supported values: "Exact", "NotOlderThan", ""'
NOT_FOR_LIST = "Forbidden: sendInitialEvents is forbidden for list"
REQUIRES = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
ONLY_NOT_OLDER = 'Unsupported value: "Exact": supported values: "NotOlderThan"'
MATCH = "resourceVersionMatch"


@pytest.mark.parametrize(
    ("query", "problems"),
    [
        ("resourceVersionMatch=Exact", [(MATCH, UNLESS)]),
        ("resourceVersionMatch=Exact&resourceVersion=0", [(MATCH, NO_EXACT)]),
        ("resourceVersionMatch=exact&resourceVersion=1", [(MATCH, UNKNOWN)]),
        ("resourceVersionMatch=Exact&resourceVersion=1&continue=x", [(MATCH, WITH_TOKEN)]),
        ("resourceVersionMatch=exact", [(MATCH, UNLESS), (MATCH, UNKNOWN)]),
        ("sendInitialEvents=false", [("sendInitialEvents", NOT_FOR_LIST)]),
        ("watch=1&sendInitialEvents=true", [(MATCH, REQUIRES)]),
        (
            "watch=1&sendInitialEvents=true&resourceVersionMatch=Exact",
            [(MATCH, REQUIRES), (MATCH, ONLY_NOT_OLDER)],
        ),
        (
            "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&continue=x",
            [(MATCH, WITH_TOKEN)],
        ),
    ],
)
def test_options_that_do_not_go_together_are_all_told(query, problems):
    answer = Api().ask("GET", f"{CONFIG_MAPS_PATH}?{query}")
    said = [f"{field}: {problem}" for field, problem in problems]
    told = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    assert answer.status == 422
    assert answer.message == f'ListOptions.meta.k8s.io "" is invalid: {told}'
    assert answer.body["details"]["kind"] == "ListOptions"
    causes = [(cause["field"], cause["message"]) for cause in answer.body["details"]["causes"]]
    assert causes == problems
