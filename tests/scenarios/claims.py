"""The claims that scenarios are about, and the table of them in ``scenarios/README.md``.

``python -m tests.scenarios.claims`` writes the table anew.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from joinsim.scenario import load_file

SCENARIOS = Path(__file__).parents[2] / "scenarios"
README = SCENARIOS / "README.md"
BEGIN, END = "<!-- claims: begin -->", "<!-- claims: end -->"

CLAIMS = {
    "C1": "a join builds trust in both directions",
    "C2": "discovery goes by token or by file, never by both",
    "C3": "a discovery file is local or behind an HTTPS URL, and no other",
    "C4": "the host's CA bundle verifies the server of a URL",
    "C5": "one token serves for discovery and TLS bootstrap, or each has its own",
    "C6": "a pin is a SHA-256 over the public key's SubjectPublicKeyInfo",
    "C7": "the printed pin equals the one that openssl computes",
    "C8": "of several pins one is enough",
    "C9": "without a pin, pinning has to be switched off explicitly",
    "C10": "with pinning off, others can pass for the control plane",
    "C11": "the token lets a node ask for a certificate; its key stays at home",
    "C12": "by default such requests are approved and signed unasked",
    "C13": "in the end the kubelet has an identity of its own, and the token is off its disk",
    "C14": "phases run in the documented order, one at a time or with some left out",
    "C15": "joining as a control plane brings certificates, manifests and kubeconfigs",
    "C16": "`--rootfs` stands for the host's root",
    "C17": "`--certificate-key` lets a control plane copy the shared certificates",
    "C18": "pinned discovery verifies signature, pin and serving certificate",
    "C19": "pinned, a node finds the true root of trust on a hostile network",
    "C20": "pinned discovery fits on one command line",
    "C21": "the pin is not known before the control plane, unless its CA is made ahead",
    "C22": "unpinned, trust rests on the token's signature alone",
    "C23": "unpinned discovery still withstands attackers without the token",
    "C24": "tokens made ahead let nodes start before the control plane",
    "C25": "unpinned, whoever steals a token can pass for the control plane",
    "C26": "a discovery file brings its credentials, or needs a TLS bootstrap token beside it",
    "C27": "discovery by file finds the true root of trust on a hostile network",
    "C28": "a discovery file has to be carried to the node, unharmed",
    "C29": "without automatic approval a join waits for an administrator",
    "C30": "a waiting request shows as Pending, asked for by `system:bootstrap:<id>`",
    "C31": "only approval by hand lets that join go on",
    "C32": "cluster-info is public and holds nothing private",
    "C33": "with cluster-info closed, token discovery fails and a saved file works",
    "C34": "both kinds of hardening can be done between init and join",
    "C35": "a JoinConfiguration says what flags say, and more",
    "C36": "defaults can be printed, old configurations migrated",
    "S1": "a bootstrap token gets a certificate in any node's name",
    "S2": "the public signature lets anyone guess a token offline",
    "S3": "a deleted token works for up to ten seconds more",
    "S4": "one pinned key brings trust in the whole bundle it came with",
    "S5": "any bootstrap token reads the kubeadm-certs Secret",
    "S6": "an unknown token id costs the whole timeout, a wrong secret nothing",
    "S7": "a denied kubelet asks again; kubeadm only times out",
    "S8": "a refused bearer token never falls back on anonymous access",
}


def files_by_claim() -> dict[str, list[str]]:
    """The files that name each claim, relative to the folder of scenarios."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(SCENARIOS.rglob("*.yaml")):
        for claim in load_file(str(path))[0].model.claim:
            found[claim].append(str(path.relative_to(SCENARIOS)))
    return found


def table() -> str:
    """The table of claims and files, and the claims that no file is about yet."""
    files = files_by_claim()
    lines = ["| claim | in short | scenarios |", "| --- | --- | --- |"]
    for claim, said in CLAIMS.items():
        links = ", ".join(f"[{Path(file).stem}]({file})" for file in files[claim])
        lines.append(f"| {claim} | {said} | {links or 'none yet'} |")
    missing = [claim for claim in CLAIMS if not files[claim]]
    lines += ["", f"Without a scenario so far: {', '.join(missing)}."]
    return "\n".join(lines)


def with_table(readme: str) -> str:
    """The guide, its table made anew."""
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
