"""Whether the parts of a scenario fit together: every name that is used is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from joinsim.api import BootstrapToken, TokenError
from joinsim.backends.fake import CONTROL_PLANE
from joinsim.join.phases import PHASES
from joinsim.redaction import mask_token
from joinsim.scenario.documents import Path
from joinsim.scenario.expected import AttackExpectation, CsrExpectation, NodeExpectation, PropertyExpectation
from joinsim.scenario.schema import Document, Publication, Step
from joinsim.scenario.suggestions import listed, shown, suggestion
from joinsim.scenario.values import is_literal_token

__all__ = ["Misfit", "misfits"]

_WHO_IS_TRUSTED = ("cluster", "nobody")
_TOKEN_NAME = "the name of a token"
_PHASES = (
    "configuration",
    *(phase.name for phase in PHASES),
    *(f"{phase.name}/{child}" for phase in PHASES for child in phase.children),
)


@dataclass(frozen=True)
class Misfit:
    """Where something is wrong, what, and whether that is the key there and not its value."""

    path: Path
    problem: str
    about_key: bool = False


def misfits(scenario: Document) -> Iterator[Misfit]:
    """Everything in a scenario that refers to something that is not there, or contradicts itself."""
    yield from _Checks(scenario).all()


class _Checks:
    def __init__(self, scenario: Document) -> None:
        self._scenario = scenario
        created = [step.create_token.name for step in scenario.timeline if step.create_token]
        self._tokens = [*scenario.cluster.tokens, *created]

    def all(self) -> Iterator[Misfit]:
        scenario = self._scenario
        yield from self._hosts()
        for name, count in Counter(self._tokens).items():
            if count > 1:
                yield Misfit(
                    ("timeline",), f"expected each token to be made once, found {name} {count} times"
                )
        for name, node in scenario.nodes.items():
            path: Path = ("nodes", name)
            yield from self._token((*path, "discovery", "token"), node.discovery.token)
            yield from self._token((*path, "tlsBootstrapToken"), node.tls_bootstrap_token)
            yield from self._joins_once(path, name)
        for name, server in scenario.file_servers.items():
            for index, trusting in enumerate(server.trusted_by):
                yield from self._node(("fileServers", name, "trustedBy", index), trusting)
        yield from self._token_ids()
        yield from self._adversaries()
        yield from self._attacks_once()
        for index, step in enumerate(scenario.timeline):
            yield from self._step(("timeline", index), step)
        for index, expectation in enumerate(scenario.expect):
            yield from self._expectation(("expect", index), expectation)

    def _hosts(self) -> Iterator[Misfit]:
        """Everything with a name on the network has one of its own."""
        taken = {CONTROL_PLANE: "the control plane"}
        groups = (
            ("nodes", "a node", self._scenario.nodes),
            ("fileServers", "a file server", self._scenario.file_servers),
            ("adversaries", "an adversary", self._scenario.adversaries),
        )
        for key, what, names in groups:
            for name in names:
                if name in taken:
                    yield Misfit(
                        (key, name),
                        f"expected a name of its own, found that of {taken[name]}",
                        about_key=True,
                    )
                taken[name] = what
        for name in _WHO_IS_TRUSTED:
            if name in self._scenario.adversaries:
                problem = f"expected a name that is no answer to whom a node trusts, found {name}"
                yield Misfit(("adversaries", name), problem, about_key=True)

    def _joins_once(self, path: Path, name: str) -> Iterator[Misfit]:
        joining = [step.join for step in self._scenario.timeline if step.join is not None]
        # A step that joins a node that is not there says so itself.
        if joining.count(name) != 1 and set(joining) <= set(self._scenario.nodes):
            found = joining.count(name) or "none"
            yield Misfit(path, f"expected one step of the timeline to join {name}, found {found}")

    def _named(
        self,
        path: Path,
        what: str,
        name: str | None,
        names: Collection[str],
        *,
        about_key: bool = False,
    ) -> Iterator[Misfit]:
        if name is not None and name not in names:
            known = (
                f"expected {what} ({listed(sorted(names))})" if names else f"expected {what}, there is none"
            )
            # What stands in the place of a token's name may be the token, mistyped.
            found = mask_token(name) if what == _TOKEN_NAME else name
            yield Misfit(path, f"{known}, found {found}{suggestion(name, names)}", about_key)

    def _node(self, path: Path, name: str | None) -> Iterator[Misfit]:
        yield from self._named(path, "a node", name, self._scenario.nodes)

    def _token(self, path: Path, reference: str | None) -> Iterator[Misfit]:
        if reference is not None and not is_literal_token(reference):
            yield from self._named(path, _TOKEN_NAME, reference, self._tokens)

    def _whole_token(self, path: Path, reference: str) -> Iterator[Misfit]:
        """What a node has may be no token; what an adversary signs with has to be one."""
        if is_literal_token(reference):
            try:
                BootstrapToken.parse(reference)
            except TokenError:
                yield Misfit(path, f"expected a bootstrap token, found {shown(mask_token(reference))}")

    def _adversaries(self) -> Iterator[Misfit]:
        machines = [*self._scenario.nodes, *self._scenario.file_servers, CONTROL_PLANE]
        for name, adversary in self._scenario.adversaries.items():
            path: Path = ("adversaries", name)
            for index, machine in enumerate(adversary.position.between):
                yield from self._named((*path, "position", "between", index), "a machine", machine, machines)
            for index, holding in enumerate(adversary.holds):
                yield from self._token((*path, "holds", index, "token"), holding.token)
                yield from self._whole_token((*path, "holds", index, "token"), holding.token)

    def _token_ids(self) -> Iterator[Misfit]:
        """A cluster keeps one token by each id; another of the same id would take its place."""
        taken: dict[str, str] = {}
        for name, token in self._scenario.cluster.tokens.items():
            token_id = (token.value or "").partition(".")[0]
            if token_id in taken:
                path: Path = ("cluster", "tokens", name, "value")
                yield Misfit(path, f"expected an id of its own, found {token_id}, that of {taken[token_id]}")
            elif token_id:
                taken[token_id] = name

    def _attacks_once(self) -> Iterator[Misfit]:
        begun: set[tuple[str | None, str]] = set()
        for index, step in enumerate(self._scenario.timeline):
            if step.attack is not None:
                if (step.by, step.attack) in begun:
                    problem = f"expected one step for this attack by {step.by}, found another"
                    yield Misfit(("timeline", index, "attack"), problem)
                begun.add((step.by, step.attack))

    # --- the timeline and what is expected -------------------------------------------------

    def _step(self, path: Path, step: Step) -> Iterator[Misfit]:
        for key, name in (("join", step.join), ("approve", step.approve), ("deny", step.deny)):
            yield from self._node((*path, key), name)
        yield from self._named((*path, "delete-token"), _TOKEN_NAME, step.delete_token, self._tokens)
        yield from self._named((*path, "by"), "an adversary", step.by, self._scenario.adversaries)
        if step.on is not None:
            kind, name = step.on.subject
            yield from self._node((*path, "on", kind), name)
        if step.publish is not None:
            yield from self._publication((*path, "publish"), step.publish)

    def _publication(self, path: Path, publication: Publication) -> Iterator[Misfit]:
        yield from self._node((*path, "node"), publication.node)
        if publication.url is not None:
            server = urlsplit(publication.url).hostname or ""
            yield from self._named((*path, "url"), "a file server", server, self._scenario.file_servers)
        if not isinstance(publication.credentials, str):
            yield from self._token((*path, "credentials", "token"), publication.credentials.token)

    def _expectation(
        self,
        path: Path,
        expectation: NodeExpectation | CsrExpectation | PropertyExpectation | AttackExpectation,
    ) -> Iterator[Misfit]:
        for parameter, values in expectation.when.items():
            yield from self._when((*path, "when", parameter), parameter, values)
        if isinstance(expectation, NodeExpectation):
            yield from self._node((*path, "node"), expectation.node)
            trusted = [*_WHO_IS_TRUSTED, *self._scenario.adversaries]
            yield from self._named((*path, "phase"), "a phase", expectation.phase, _PHASES)
            yield from self._named((*path, "trusts"), "whom to trust", expectation.trusts, trusted)
        elif isinstance(expectation, CsrExpectation):
            yield from self._node((*path, "csr"), expectation.csr)
            if expectation.requestor and expectation.requestor.startswith("token:"):
                name = expectation.requestor.removeprefix("token:")
                yield from self._named((*path, "requestor"), _TOKEN_NAME, name, self._tokens)
        elif isinstance(expectation, AttackExpectation):
            attacks = {step.attack for step in self._scenario.timeline if step.attack}
            yield from self._named(
                (*path, "attack"), "an attack of the timeline", expectation.attack, attacks
            )

    def _when(self, path: Path, parameter: str, values: tuple[object, ...]) -> Iterator[Misfit]:
        matrix = self._scenario.matrix
        yield from self._named(path, "a parameter of the matrix", parameter, matrix, about_key=True)
        for value in values:
            if parameter in matrix and value not in matrix[parameter]:
                known = listed([str(choice) for choice in matrix[parameter]])
                problem = f"expected a value that the matrix gives {parameter} ({known}), found {value}"
                yield Misfit(path, problem)
