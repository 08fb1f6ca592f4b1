"""joinsim: who ends up trusting whom when a machine joins a Kubernetes cluster.

>>> import joinsim
>>> [scenario] = joinsim.load_text('''
... joinsim: 1
... summary: A worker joins with a token and the pin of the cluster's CA.
... claim: C18
... cluster: {tokens: {join: {}}}
... nodes:
...   worker-1: {discovery: {token: join, pin: cluster}}
... timeline:
...   - {at: 0s, join: worker-1}
... expect:
...   - {node: worker-1, outcome: joined, trusts: cluster}
... ''')
>>> joinsim.run_scenario(scenario).status
<Status.PASSED: 'passed'>
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joinsim.errors import (
        ApiError,
        BackendError,
        JoinRefused,
        JoinsimError,
        ProtocolError,
        Reason,
        ScenarioError,
    )
    from joinsim.journal import Journal, Record
    from joinsim.scenario import Check, Scenario, Status, Verdict, load_file, load_text, run_scenario

__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "BackendError",
    "Check",
    "JoinRefused",
    "JoinsimError",
    "Journal",
    "ProtocolError",
    "Reason",
    "Record",
    "Scenario",
    "ScenarioError",
    "Status",
    "Verdict",
    "load_file",
    "load_text",
    "run_scenario",
]

_HOMES = ("joinsim.errors", "joinsim.journal", "joinsim.scenario")


def __getattr__(name: str) -> object:
    """A public name, imported when it is first asked for: who wants one part does not load all."""
    if name in __all__:
        for home in map(import_module, _HOMES):
            if name in home.__all__:
                value = globals()[name] = getattr(home, name)
                return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
