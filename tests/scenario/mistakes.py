"""A scenario with everything in it, and the mistakes that an author can make in it.

A mistake is a replacement in the text. ``§`` stands before the token at which the error has to
point; it is taken out before the text is read, so the position is known without any YAML.
"""

from __future__ import annotations

from dataclasses import dataclass

WHOLE = """\
joinsim: 1
summary: Everything at once.
claim: [one, two]
seed: 7
deadline: 2h
cluster:
  version: "1.36"
  tokens:
    join: {ttl: 24h, usages: [signing, authentication]}
    fixed:
      value: abcdef.0123456789abcdef
  approval: manual
  clusterInfo: public
  startsAt: 1s
  keyAlgorithm: ECDSA-P256
  certificateValidity: 8760h
nodes:
  worker-1:
    discovery: {token: join, pin: [cluster]}
    tlsBootstrapToken: fixed
    heartbeats: true
    config:
      timeouts: {tlsBootstrap: "${timeout}", kubernetesAPICall: 1m}
      nodeRegistration:
        name: worker.one
        taints: [{key: a, effect: NoSchedule}]
        kubeletExtraArgs:
          - {name: v, value: "2"}
        ignorePreflightErrors: [all]
      skipPhases: []
  worker-2:
    discovery:
      file: /root/discovery.conf
  worker-3:
    discovery: {url: "https://files.example/discovery.conf"}
fileServers:
  files.example:
    trustedBy: [worker-3]
adversaries:
  mallory:
    position: {between: [worker-1, control-plane]}
    holds:
      - token: join
matrix:
  timeout: [5m, 10m]
timeline:
  - {at: 0s, by: mallory, attack: impersonate-control-plane}
  - at: 1s
    publish: {node: worker-2, path: /root/discovery.conf, credentials: {token: fixed}}
  - {at: 1s, publish: {url: "https://files.example/discovery.conf", credentials: admin}}
  - {at: 2s, join: worker-1}
  - {at: 2s, join: worker-2}
  - {at: 2s, join: worker-3}
  - {on: {csr: worker-1, state: pending}, after: 30s, approve: worker-1}
  - {on: {join: worker-3, state: ended}, deny: worker-3}
  - {at: 1m, create-token: {name: later, ttl: 1h}}
  - {at: 2m, delete-token: later}
  - {at: 3m, delete-binding: "kubeadm:bootstrap-signer-clusterinfo"}
  - {at: 4m, restore-binding: "kubeadm:bootstrap-signer-clusterinfo"}
expect:
  - {when: {timeout: 5m}, node: worker-1, outcome: joined, trusts: mallory, takes: [0s, 10s]}
  - node: worker-2
    outcome: refused
    phase: preflight
    reason: credentials-missing
    error: could not find
  - {csr: worker-1, state: issued, requestor: "token:join", approver: kubernetes-admin}
  - {property: genuine-control-plane, broken: true}
  - {attack: impersonate-control-plane, fired: true}
"""

UNKNOWN_KEYS = {
    "top": ("seed: 7", "§sead: 7"),
    "cluster": ("  approval: manual", "  §aproval: manual"),
    "token": ("{ttl: 24h", "{§tll: 24h"),
    "node": ("heartbeats: true", "§heartbeat: true"),
    "discovery": ("pin: [cluster]", "§pins: [cluster]"),
    "config": ("skipPhases: []", "§skipPhase: []"),
    "timeouts": ("tlsBootstrap: ", "§tlsBootstap: "),
    "timeouts in snake case": ("tlsBootstrap: ", "§tls_bootstrap: "),
    "nodeRegistration": ("taints: [{", "§taint: [{"),
    "taint": ("{key: a, effect", "{key: a, §colour: red, effect"),
    "kubelet argument": ("{name: v, ", "{name: v, §val: 3, "),
    "file server": ("trustedBy: [", "§trusted: ["),
    "adversary": ("    position: {", "    §moves: 1\n    position: {"),
    "position": ("{between: [", "{§by: x, between: ["),
    "holding": ("      - token: join", "      - token: join\n        §key: x"),
    "step": ("{at: 2s, join: worker-1}", "{at: 2s, §jion: worker-1}"),
    "step in snake case": ("create-token: {", "§create_token: {"),
    "trigger": ("state: pending}", "§status: pending}"),
    "publication": ("path: /root/discovery.conf, cred", "§pathe: /root/discovery.conf, cred"),
    "credentials": ("{token: fixed}", "{§tokn: fixed}"),
    "new token": ("{name: later, ", "{name: later, §live: 1, "),
    "node expectation": ("trusts: mallory", "§trust: mallory"),
    "csr expectation": ("approver: kub", "§approved: kub"),
    "property expectation": ("broken: true", "§brocken: true"),
    "attack expectation": ("fired: true", "§fire: true"),
    "two kinds in one": ("fired: true", "fired: true, §broken: true"),
    "nothing near": ("seed: 7", "§xyzzy: 7"),
    "in another case": ("seed: 7", "§Seed: 7"),
    "merge key": ("seed: 7", "§<<: {seed: 7}"),
    "like a tag of a union": ("seed: 7", '§"<node>": 7'),
    "like a mark for keys": ("seed: 7", '§"[key]": 7'),
    "with a line break": ("seed: 7", '§"se\\ned": 7'),
    "a token": ("{token: join, pin: [cluster]}", "{§abcdef.0123456789abcdef}"),
}

WRONG_TYPES = {
    "text for a mapping": ("nodes:\n", "nodes: §none\nnotes:\n"),
    "list for a mapping": ("position: {between: [worker-1, control-plane]}", "position: §[worker-1]"),
    "list for a node": ("  worker-2:\n    discovery:\n      file: /root/discovery.conf", "  worker-2: §[]"),
    "mapping for a list": ("holds:\n      - token: join", "holds: §{token: join}"),
    "text for a list": ("usages: [signing, authentication]", "usages: §signing"),
    "number for text": ("summary: Everything at once.", "summary: §5"),
    "true for text": ("summary: Everything at once.", "summary: §true"),
    "nothing for text": ("summary: Everything at once.", "summary:§"),
    "list for text": ("summary: Everything at once.", "summary: §[a]"),
    "text for a number": ("seed: 7", 'seed: §"7"'),
    "true for a number": ("seed: 7", "seed: §true"),
    "fraction for a whole number": ("seed: 7", "seed: §7.5"),
    "endless number": ("seed: 7", "seed: §1e999"),
    "number too long to read": ("seed: 7", "seed: §" + "7" * 5000),
    "text for true": ("heartbeats: true", 'heartbeats: §"yes"'),
    "yes for true": ("heartbeats: true", "heartbeats: §yes"),
    "number for true": ("broken: true", "broken: §1"),
    "true for the version of the format": ("joinsim: 1", "joinsim: §true"),
    "fraction for the version of the format": ("joinsim: 1", "joinsim: §1.0"),
    "number for a version": ('version: "1.36"', "version: §1.36"),
    "one machine": ("between: [worker-1, control-plane]", "between: §[worker-1]"),
    "no machine": ("between: [worker-1, control-plane]", "between: §[]"),
    "three machines": ("between: [worker-1, control-plane]", "between: §[worker-1, worker-2, worker-3]"),
    "one time": ("takes: [0s, 10s]", "takes: §[10s]"),
    "text for an expectation": (
        "  - {attack: impersonate-control-plane, fired: true}",
        "  - §impersonate-control-plane",
    ),
    "expectation of nothing known": ("{attack: imp", "§{atack: imp"),
    "empty expectation": ("  - {attack: impersonate-control-plane, fired: true}", "  - §{}"),
    "mapping in a list of text": ("claim: [one, two]", "claim: [one, §{two: 2}]"),
    "number for a name": ("{at: 2s, join: worker-1}", "{at: 2s, join: §1}"),
    "number as key": ("seed: 7", "§7: 7"),
    "nothing as key": ("seed: 7", "§~: 7"),
    "list as key": ("seed: 7", "§[a]: 7"),
    "mapping as key": ("seed: 7", "? §{a: 1}\n: 7"),
    "key with a false tag": ("seed: 7", "§!!int abc: 7"),
    "value with a false tag": ("seed: 7", "seed: §!!int abc"),
    "false truth": ("heartbeats: true", "heartbeats: §!!bool maybe"),
    "false nothing": ("seed: 7", "seed: §!!null x"),
    "not a number": ("seed: 7", "seed: §!!float nan"),
    "tag": ("seed: 7", "seed: §!seed 7"),
    "tagged mapping": ("fileServers:\n", "fileServers: §!!omap\n"),
    "date with a tag": ("summary: Everything at once.", "summary: §!!timestamp 2026-01-01"),
}

BAD_VALUES = {
    "duration without a unit": ("deadline: 2h", "deadline: §7200"),
    "duration in days": ("deadline: 2h", "deadline: §2d"),
    "duration with a blank": ("ttl: 24h", "ttl: §24 h"),
    "duration in words": ("ttl: 24h", "ttl: §a day"),
    "duration in capitals": ("at: 1m,", "at: §1M,"),
    "negative duration": ("after: 30s", "after: §-30s"),
    "no duration": ("after: 30s", 'after: §""'),
    "duration with a line break": ("after: 30s", 'after: §"30s\\n"'),
    "duration with an escape sequence": ("after: 30s", 'after: §"\\e[31m30s"'),
    "times the wrong way round": (
        "  - {when: {timeout: 5m}, node: worker-1, outcome: joined, trusts: mallory, takes: [0s, 10s]}",
        "  - §{node: worker-1, outcome: joined, takes: [10s, 9s]}",
    ),
    "version": ('"1.36"', '§"1.37"'),
    "format": ("joinsim: 1", "joinsim: §2"),
    "approval": ("approval: manual", "approval: §manuel"),
    "algorithm": ("ECDSA-P256", "§ECDSA-P265"),
    "usage": ("[signing, authentication]", "[signing, §authenticating]"),
    "effect": ("NoSchedule", "§Noschedule"),
    "negative seed": ("seed: 7", "seed: §-1"),
    "empty summary": ("Everything at once.", '§""'),
    "token": ("abcdef.0123456789abcdef", "§abcdef.0123456789abcde"),
    "token in capitals": ("abcdef.0123456789abcdef", "§ABCDEF.0123456789ABCDEF"),
    "token with a line break": ("abcdef.0123456789abcdef", '§"abcdef.0123456789abcdef\\n"'),
    "pin": ("pin: [cluster]", "pin: §clustre"),
    "name of a node": ("  worker-2:", "  §Worker_2:"),
    "name of a node like a tag": ("  worker-2:", '  §"<node>":'),
    "name of a node like a mark": ("  worker-2:", '  §"[key]":'),
    "name of a token": ("    join: {ttl", "    §join.: {ttl"),
    "long name of a token": ("    join: {ttl", f"    §{'j' * 64}: {{ttl"),
    "path": ("path: /root/discovery.conf", "path: §root/discovery.conf"),
    "url": (
        '{url: "https://files.example/discovery.conf", credentials',
        '{url: §"http://files.example/x", credentials',
    ),
    "url with half an address": (
        '"https://files.example/discovery.conf", cred',
        '§"https://[files.example/x", cred',
    ),
    "url with odd letters": (
        '"https://files.example/discovery.conf", cred',
        '§"https://files\u2100example/x", cred',
    ),
    "token that is held": ("      - token: join", "      - token: §abcdef.0123456789abcde"),
    "credentials": ("credentials: admin", "credentials: §root"),
    "state": ("state: pending", "state: §waiting"),
    "attack": ("attack: impersonate-control-plane}\n  - at", "attack: §impersonate}\n  - at"),
    "binding": (
        'delete-binding: "kubeadm:bootstrap-signer-clusterinfo"',
        'delete-binding: §"kubeadm:boostrap-signer-clusterinfo"',
    ),
    "outcome": ("outcome: joined", "outcome: §join"),
    "reason": ("credentials-missing", "§credential-missing"),
    "phase": ("phase: preflight", "phase: §pre-flight"),
    "property": ("property: genuine-control-plane", "property: §genuine-control-plain"),
}

MISSING = {
    "format": ("joinsim: 1\n", "§"),
    "summary": ("joinsim: 1\nsummary: Everything at once.", "§joinsim: 1"),
    "discovery": ("  worker-2:\n    discovery:\n      file: /root/discovery.conf", "  worker-2: §{}"),
    "position": ("{between: [worker-1, control-plane]}", "§{}"),
    "taint's key": ("{key: a, effect: NoSchedule}", "§{effect: NoSchedule}"),
    "name of a new token": ("{name: later, ttl: 1h}", "§{ttl: 1h}"),
    "state of a trigger": ("{csr: worker-1, state: pending}", "§{csr: worker-1}"),
    "outcome": (
        "{when: {timeout: 5m}, node: worker-1, outcome: joined, trusts: mallory, takes: [0s, 10s]}",
        "§{node: worker-1}",
    ),
    "state of a csr": ("{csr: worker-1, state: issued, req", "§{csr: worker-1, req"),
    "broken": ("{property: genuine-control-plane, broken: true}", "§{property: genuine-control-plane}"),
    "fired": ("{attack: impersonate-control-plane, fired: true}", "§{attack: impersonate-control-plane}"),
    "expectations": ("joinsim: 1", "§joinsim: 1", WHOLE[WHOLE.index("expect:\n") :], ""),
}  # fmt: skip

REFERENCES = {
    "token of discovery": ("{token: join, pin", "{token: §jion, pin"),
    "token of TLS bootstrap": ("tlsBootstrapToken: fixed", "tlsBootstrapToken: §fixd"),
    "token with its dot forgotten": ("tlsBootstrapToken: fixed", "tlsBootstrapToken: §abcdef0123456789abcdef"),
    "token that is held": ("      - token: join", "      - token: §jon"),
    "token in a file": ("{token: fixed}", "{token: §fixde}"),
    "token to delete": ("delete-token: later", "delete-token: §latter"),
    "token of a requestor": ('"token:join"', '§"token:joint"'),
    "node to join": ("{at: 2s, join: worker-1}", "{at: 2s, join: §worker-4}"),
    "node to approve": ("approve: worker-1", "approve: §worker-9"),
    "node to deny": ("deny: worker-3", "deny: §nobody"),
    "node of a trigger": ("{csr: worker-1, state: pending}", "{csr: §worker, state: pending}"),
    "node of a file": ("{node: worker-2, path", "{node: §worker-22, path"),
    "node that trusts a server": ("trustedBy: [worker-3]", "trustedBy: [worker-3, §worker-33]"),
    "node of an expectation": ("  - node: worker-2", "  - node: §worker-two"),
    "node of a csr": ("{csr: worker-1, state: issued", "{csr: §control-plane, state: issued"),
    "machine of a position": ("between: [worker-1, control-plane]", "between: [worker-1, §controlplane]"),
    "server of a url": (
        '{url: "https://files.example/discovery.conf", credentials',
        '{url: §"https://file.example/discovery.conf", credentials',
    ),
    "adversary that attacks": ("by: mallory", "by: §malory"),
    "who is trusted": ("trusts: mallory", "trusts: §eve"),
    "parameter of when": ("when: {timeout: 5m}", "when: {§timeouts: 5m}"),
    "value of when": ("when: {timeout: 5m}", "when: {timeout: §6m}"),
    "attack that nobody begins": (
        "  - {at: 0s, by: mallory, attack: impersonate-control-plane}\n", "",
        "{attack: impersonate", "{attack: §impersonate",
    ),
}  # fmt: skip

CONTRADICTIONS = {
    "two ways of discovery": ("discovery: {token: join, pin: [cluster]}", "discovery: §{token: join, file: /x}"),
    "no way of discovery": ("discovery: {token: join, pin: [cluster]}", "discovery: §{}"),
    "pin without token": ("      file: /root/discovery.conf", "      §file: /root/discovery.conf\n      pin: none"),
    "two moments": ("  - {at: 2s, join: worker-1}", "  - §{at: 2s, on: {join: worker-2, state: ended}, join: worker-1}"),
    "no moment": ("  - {at: 2s, join: worker-1}", "  - §{join: worker-1}"),
    "two actions": ("  - {at: 2s, join: worker-1}", "  - §{at: 2s, join: worker-1, approve: worker-1}"),
    "no action": ("  - {at: 1m, create-token", "  - §{at: 2s}\n  - {at: 1m, create-token"),
    "after beside at": ("  - {at: 2s, join: worker-1}", "  - §{at: 2s, after: 1s, join: worker-1}"),
    "by without attack": ("  - {at: 2s, join: worker-1}", "  - §{at: 2s, by: mallory, join: worker-1}"),
    "attack without by": ("  - {at: 0s, by: mallory, attack", "  - §{at: 0s, attack"),
    "state that does not fit": ("{csr: worker-1, state: pending}", "§{csr: worker-1, state: registered}"),
    "trigger with two subjects": ("{csr: worker-1, state: pending}", "§{csr: worker-1, node: worker-1, state: pending}"),
    "file in two places": ("publish: {node: worker-2, path: /root/discovery.conf, credentials: {token: fixed}}",
        'publish: §{node: worker-2, path: /x, url: "https://files.example/x"}'),
    "file on a node and nowhere": ("publish: {node: worker-2, path: /root/discovery.conf, credentials: {token: fixed}}",
        "publish: §{node: worker-2}"),
    "reason of a join that succeeds": ("- {when: {timeout: 5m}, node: worker-1, outcome: joined, trusts: mallory, takes: [0s, 10s]}",
        "- §{node: worker-1, outcome: joined, reason: pin-mismatch}"),
    "refusal without a reason": ("  - node: worker-2\n    outcome: refused\n    phase: preflight\n    reason: credentials-missing\n",
        "  - §node: worker-2\n    outcome: refused\n    phase: preflight\n"),
    "timeout without a phase": ("  - node: worker-2\n    outcome: refused\n    phase: preflight\n    reason: credentials-missing\n",
        "  - §node: worker-2\n    outcome: timed-out\n"),
    "node that joins twice": ("  worker-1:\n    discovery", "  worker-1:\n    §discovery",
        "  - {at: 2s, join: worker-2}", "  - {at: 2s, join: worker-2}\n  - {at: 3s, join: worker-1}"),
    "node that never joins": ("  worker-1:\n    discovery", "  worker-1:\n    §discovery",
        "  - {at: 2s, join: worker-1}\n", ""),
    "node by the name of the control plane": ("  worker-2:", "  §control-plane: {discovery: {token: join, pin: none}}\n  worker-2:",
        "  - {at: 2s, join: worker-2}", "  - {at: 2s, join: worker-2}\n  - {at: 3s, join: control-plane}"),
    "server by the name of a node": ("fileServers:\n", "fileServers:\n  §worker-1: {}\n"),
    "adversary by the name of a server": ("adversaries:\n", "adversaries:\n  §worker-3: {position: {between: [worker-1, worker-2]}}\n"),
    "adversary by the name of the cluster": ("adversaries:\n", "adversaries:\n  §cluster: {position: {between: [worker-1, worker-2]}}\n"),
    "adversary by the name of nobody": ("adversaries:\n", "adversaries:\n  §nobody: {position: {between: [worker-1, worker-2]}}\n"),
    "token made twice": ("timeline:\n  - {at: 0s", "timeline:\n  §- {at: 0s", "name: later", "name: join", "delete-token: later", "delete-token: join"),
    "two tokens of one id": ("  approval: manual", "    twin: {value: §abcdef.aaaaaaaaaaaaaaaa}\n  approval: manual"),
    "attack begun twice": ("  - at: 1s\n", "  - {at: 1s, by: mallory, attack: §impersonate-control-plane}\n  - at: 1s\n"),
    "expectation for no cell": ("when: {timeout: 5m}", "when: {timeout: §[]}"),
}  # fmt: skip

MATRIX = {
    "text": ("matrix:\n  timeout: [5m, 10m]", "matrix: §5m"),
    "list": ("matrix:\n  timeout: [5m, 10m]", "matrix: §[5m]"),
    "nothing": ("matrix:\n  timeout: [5m, 10m]", "matrix:§"),
    "one value": ("timeout: [5m, 10m]", "timeout: §5m"),
    "no value": ("timeout: [5m, 10m]", "timeout: §[]"),
    "nothing as value": ("timeout: [5m, 10m]", "timeout: [5m, §null]"),
    "list as value": ("timeout: [5m, 10m]", "timeout: [5m, §[10m]]"),
    "mapping as value": ("timeout: [5m, 10m]", "timeout: [5m, §{a: 10m}]"),
    "value twice": ("timeout: [5m, 10m]", "timeout: [5m, §5m]"),
    "value that equals another": ("timeout: [5m, 10m]", "timeout: [5m]\n  other: [1, §true]"),
    "value with a parameter": ("timeout: [5m, 10m]", 'timeout: [5m]\n  other: [§"${timeout}"]'),
    "too many cells": ("matrix:\n", f"matrix:\n  §a: [{', '.join(map(str, range(101)))}]\n  b: [{', '.join(map(str, range(101)))}]\n"),
    "value of the wrong kind": ('"${timeout}"', '§"${timeout}"', "[5m, 10m]", "[5m, 10]"),
    "unknown parameter": ('"${timeout}"', '§"${timeuot}"'),
    "parameter within text": ("summary: Everything at once.", 'summary: §Within ${timeout}.'),
    "two parameters": ('"${timeout}"', '§"${timeout}${timeout}"'),
    "parameter without an end": ('"${timeout}"', '§"${timeout"'),
    "parameter without a name": ('"${timeout}"', '§"${}"'),
    "parameter without quotes in braces": ('"${timeout}"', "$§{timeout}"),
    "cell without an expectation": ("expect:\n  - {when: {timeout: 5m}", "expect:\n  §- {when: {timeout: 5m}",
        "  - node: worker-2\n    out", "  - when: {timeout: 5m}\n    node: worker-2\n    out",
        "  - {csr", "  - {when: {timeout: 5m}, csr", "  - {prop", "  - {when: {timeout: 5m}, prop", "  - {attack", "  - {when: {timeout: 5m}, attack"),
}  # fmt: skip

YAML = {
    "duplicate key": ("seed: 7", "seed: 7\n§seed: 7"),
    "duplicate key far apart": ("deadline: 2h", "deadline: 2h\n§joinsim: 1"),
    "duplicate key in braces": ("{ttl: 24h,", "{ttl: 24h, §ttl: 24h,"),
    "duplicate key in quotes": ("seed: 7", 'seed: 7\n§"seed": 7'),
    "duplicate node": ("fileServers:\n", "  §worker-1: {discovery: {file: x}}\nfileServers:\n"),
    "token twice as key": ("seed: 7", "abcdef.0123456789abcdef: 1\n§abcdef.0123456789abcdef: 2"),
    "tab for indentation": ("  approval: manual", "§\tapproval: manual"),
    "two documents": ("expect:\n", "expect: []\n§---\n"),
    "brace that is not closed": ("{at: 2s, join: worker-3}\n  - {on", "{at: 2s, join: worker-3\n  - §{on"),
    "unknown alias": ("seed: 7", "seed: §*seven"),
    "alias within itself": ("claim: [one, two]", "claim: §&claim [one, *claim]"),
    "control character": ("seed: 7", "seed: 7 # §\x07"),
    "NUL": ("seed: 7", "§\0seed: 7"),
    "half of a surrogate pair": ("seed: 7", "seed: §\ud800"),
    "nested too deep in brackets": ("claim: [one, two]", "claim: " + "[" * 99 + "§[" + "[" * 100000),
    "nested too deep in braces": ("claim: [one, two]", "claim: " + "{a: " * 99 + "§{a: " + "{a: " * 5000),
    "nested too deep in dashes": ("claim: [one, two]", "claim:\n " + " -" * 99 + " §-" + " -" * 5000),
}  # fmt: skip

WHOLE_TEXTS = {
    "nothing": "§",
    "blanks": "§\n\n  \n",
    "a comment": "§# joinsim: 1\n",
    "null": "§null\n",
    "an empty document": "---\n§",
    "text": "§joinsim\n",
    "a number": "  §1\n",
    "a list": "# a list\n§- joinsim: 1\n",
    "an empty mapping": "§{}\n",
    "an end only": "§...\n",
    "a byte order mark and a number": "\ufeff§1\n",
}

SECTIONS = {
    "unknown key": UNKNOWN_KEYS,
    "wrong type": WRONG_TYPES,
    "bad value": BAD_VALUES,
    "missing key": MISSING,
    "reference": REFERENCES,
    "contradiction": CONTRADICTIONS,
    "matrix": MATRIX,
    "yaml": YAML,
}


@dataclass(frozen=True)
class Mistake:
    """A text with one thing wrong in it, and where."""

    text: str
    line: int
    column: int

    @classmethod
    def of(cls, marked: str) -> Mistake:
        before, mark, after = marked.partition("§")
        assert mark
        assert "§" not in after
        start = before.rfind("\n") + 1
        # A byte order mark is not part of the line.
        column = len(before[start:].lstrip("\ufeff")) + 1
        return cls(before + after, before.count("\n") + 1, column)


def made(replacements: tuple[str, ...]) -> Mistake:
    """The whole scenario with some replacements, given in pairs."""
    marked = WHOLE
    for old, new in zip(replacements[::2], replacements[1::2], strict=True):
        assert old in marked, old
        marked = marked.replace(old, new, 1)
    return Mistake.of(marked)
