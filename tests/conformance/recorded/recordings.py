"""The recordings of ``kubeadm join``: what was run, in which situation, and what came of it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from joinsim.api.objects import JsonObject, mapping, strings, text
from joinsim.api.yaml_codec import load_yaml
from joinsim.gofmt import parse_duration
from joinsim.join import (
    BootstrapTokenDiscovery,
    Discovery,
    FileDiscovery,
    JoinConfiguration,
    NodeRegistration,
    Timeouts,
)
from tests.conformance.recorded.kubeadm_divergences import VOLATILE

FOLDER = Path(__file__).parents[2] / "recorded" / "kubeadm-join"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def normal(content: str) -> str:
    """A text without what differs between two runs of one kubeadm."""
    for volatile in VOLATILE:
        content = re.sub(volatile.pattern, volatile.replacement, content, flags=re.MULTILINE)
    return content


@dataclass(frozen=True)
class Asked:
    """One request: when (seconds, from any zero), and what is compared of it."""

    at: float
    user: str
    verb: str
    path: str
    status: int
    agent: str
    message: str

    def __str__(self) -> str:
        return normal(f"{self.user or '-'} {self.verb} {self.path} {self.status}")


_REQUEST = re.compile(r"(\d\d):(\d\d):(\d\d\.\d{3}) (\S+) (\w+) (\S+) (\d{3}) (\w+)/\S+ ?(.*)")


def _asked(line: str) -> Asked:
    found = _REQUEST.fullmatch(line)
    assert found is not None, line
    hours, minutes, seconds, user, verb, path, status, agent, message = found.groups()
    at = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    return Asked(at, "" if user == "-" else user, verb, path, int(status), agent, message)


@dataclass(frozen=True)
class Recording:
    """One run of the real kubeadm."""

    name: str
    content: JsonObject

    @classmethod
    def load(cls, name: str) -> Recording:
        return cls(name, json.loads((FOLDER / f"{name}.json").read_text()))

    @property
    def joined(self) -> bool:
        return self.content["exit_code"] == 0

    @property
    def seconds(self) -> float:
        return float(self.content["seconds"])

    @property
    def error(self) -> str:
        return text(self.content, "error").removeprefix("error: ")

    @property
    def output(self) -> list[str]:
        return strings(self.content, "stdout")

    @cached_property
    def requests(self) -> list[Asked]:
        return sorted(map(_asked, strings(self.content, "requests")), key=lambda asked: asked.at)

    def requests_of(self, agent: str) -> list[Asked]:
        return [asked for asked in self.requests if asked.agent == agent]

    @property
    def tree(self) -> Iterator[tuple[str, str, str]]:
        """The files that were left: kind and permissions, path, target of a link."""
        for line in strings(self.content, "tree"):
            left, _, target = line.partition(" -> ")
            permissions, _, path = left.split(" ", 2)
            if not permissions.startswith("d"):
                yield permissions, path, target

    def file(self, name: str) -> str:
        """The contents of a file that was left, by the end of its path."""
        [found] = [body for path, body in mapping(self.content, "files").items() if path.endswith(name)]
        return str(found)

    # --- what kubeadm was told ---------------------------------------------------------------

    @cached_property
    def configuration(self) -> JoinConfiguration:
        """The command line or configuration file of this run, as the engine takes it."""
        if "config_file" in self.content:
            return _from_file(load_yaml(text(self.content, "config_file")), self._flags)
        return _from_flags(self._flags)

    @property
    def _flags(self) -> dict[str, str]:
        words = shlex.split(text(self.content, "command"))[2:]
        flags: dict[str, str] = {"": ""}
        while words:
            word = words.pop(0)
            if not word.startswith("-"):
                flags[""] = word
                continue
            name, _, value = word.lstrip("-").partition("=")
            takes_next = not value and words and not words[0].startswith("-")
            flags[name] = words.pop(0) if takes_next else value
        return flags


def _registration(name: str, socket: str, flags: dict[str, str]) -> NodeRegistration:
    ignored = flags.get("ignore-preflight-errors", "")
    return NodeRegistration(name, socket, ignore_preflight_errors=tuple(filter(None, ignored.split(","))))


def _from_flags(flags: dict[str, str]) -> JoinConfiguration:
    token, file = None, None
    if "discovery-file" in flags:
        file = FileDiscovery(flags["discovery-file"])
    else:
        pins = tuple(filter(None, [flags.get("discovery-token-ca-cert-hash", "")]))
        unsafe = "discovery-token-unsafe-skip-ca-verification" in flags
        token = BootstrapTokenDiscovery(flags["token"], flags[""], pins, unsafe)
    tls_bootstrap_token = flags.get("tls-bootstrap-token", flags.get("token", ""))
    return JoinConfiguration(
        Discovery(token, file, tls_bootstrap_token),
        _registration(flags["node-name"], flags.get("cri-socket", ""), flags),
    )


def _from_file(document: object, flags: dict[str, str]) -> JoinConfiguration:
    token, file = None, None
    told = mapping(document, "discovery", "bootstrapToken")
    if told:
        token = BootstrapTokenDiscovery(
            text(told, "token"),
            text(told, "apiServerEndpoint"),
            tuple(strings(told, "caCertHashes")),
            told.get("unsafeSkipCAVerification") is True,
        )
    path = text(document, "discovery", "file", "kubeConfigPath")
    if path:
        file = FileDiscovery(path)
    timeouts = {name: parse_duration(str(value)) for name, value in mapping(document, "timeouts").items()}
    return JoinConfiguration(
        Discovery(token, file, text(document, "discovery", "tlsBootstrapToken")),
        _registration(
            text(document, "nodeRegistration", "name"), text(document, "nodeRegistration", "criSocket"), flags
        ),
        timeouts=Timeouts(
            timeouts["discovery"],
            timeouts["kubeletHealthCheck"],
            timeouts["kubernetesAPICall"],
            timeouts["tlsBootstrap"],
        ),
    )
