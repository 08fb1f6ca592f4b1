"""No secret of any run is in anything that is told about the run."""

import base64
import io
import re
import traceback
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from rich.console import Console

from joinsim.api import BootstrapToken, Cluster, Context, Kubeconfig, TokenError, TokenRecord, User
from joinsim.cli.main import commands
from joinsim.errors import ScenarioError
from joinsim.join import BootstrapTokenDiscovery, Discovery, JoinConfiguration
from joinsim.pki import KeyAlgorithm, KeyPair
from joinsim.report import as_json, as_junit, plain_lines, print_table
from joinsim.scenario import Status, load_file, load_text, run_scenario
from joinsim.wire import ClientTls, Connection, Request
from joinsim.wire.http import Headers
from joinsim.world import Seed
from tests.scenarios.secrets import TOKEN, Secrets, SeeThroughGround

SCENARIOS = Path(__file__).parents[2] / "scenarios"
FILES = sorted(str(path.relative_to(SCENARIOS)) for path in SCENARIOS.rglob("*.yaml"))
PLAIN = "abcdef.0123456789abcdef"
SECRET = "0123456789abcdef"


@cache
def runs(file):
    """Each cell of a file: its verdict, and the ground that it ran on with the secrets of the run."""
    found = []
    for scenario in load_file(str(SCENARIOS / file)):
        ground = SeeThroughGround()
        verdict = run_scenario(scenario, ground=ground)
        ground.secrets.tokens.update(TOKEN.findall((SCENARIOS / file).read_text()))
        found.append((verdict, ground))
    return found


def everything_told(verdict):
    """All that joinsim has to say about a verdict, by any of its mouths."""
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    print_table(console, [verdict])
    yield "journal", verdict.journal.text()
    yield "lines", "\n".join(plain_lines(verdict))
    yield "table", console.file.getvalue()
    yield "JSON", as_json([verdict])
    yield "JUnit", as_junit([verdict])
    yield "reprs", repr([verdict, verdict.scenario, verdict.scenario.model, verdict.scenario.document])
    yield "records", repr(list(verdict.journal))


def made_to_fail(verdict):
    """The same run, with every check lost: reports then show all that was observed."""
    checks = tuple(replace(check, held=False) for check in verdict.checks)
    return replace(verdict, status=Status.FAILED, checks=checks)


@pytest.mark.parametrize("file", FILES)
def test_a_shipped_scenario_gives_no_secret_away(file):
    for verdict, ground in runs(file):
        for told in (verdict, made_to_fail(verdict)):
            for where, text in everything_told(told):
                assert ground.secrets.leaks(text) == [], f"{where} of {verdict.scenario.name}"


@pytest.mark.parametrize(
    "file",
    [
        "token-discovery/wrong-secret.yaml",
        "file-discovery/dead-token.yaml",
        "under-attack/stolen-token-unpinned.yaml",
    ],
)
def test_what_is_alive_after_a_run_shows_no_secret(file):
    ground = SeeThroughGround(with_reprs=True)
    scenario, *_ = load_file(str(SCENARIOS / file))
    run_scenario(scenario, ground=ground)
    assert len(ground.reprs) > 100
    showing = {text.partition("(")[0] for text in ground.reprs if ground.secrets.leaks(text)}
    assert showing == set()


def test_the_command_line_gives_no_secret_away(tmp_path):
    journals, json_file, junit_file = (str(tmp_path / name) for name in ("j", "json", "junit"))
    outputs = ["--journal", journals, "--json", json_file, "--junit", junit_file]
    # CliRunner's exit code is not main()'s, which turns what is returned into one.
    result = CliRunner().invoke(commands, ["run", str(SCENARIOS), *outputs])
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == sum(len(runs(file)) for file in FILES) + 2
    texts = [result.output, *(path.read_text() for path in written), *(path.name for path in written)]
    everything = Secrets()
    for file in FILES:
        for _, ground in runs(file):
            everything.tokens |= ground.secrets.tokens
            everything.on_disk |= ground.secrets.on_disk
            everything.in_memory |= ground.secrets.in_memory
    told = "\0".join(texts)
    assert everything.leaks(told) == []


# --- the sweep itself ----------------------------------------------------------------------------


def test_the_sweep_finds_secrets_of_every_kind():
    for file in FILES:
        for verdict, ground in runs(file):
            found = ground.secrets
            name = verdict.scenario.name
            asks_for_token = (
                "token" in (SCENARIOS / file).read_text().split("timeline:")[0].split("cluster:")[1]
            )
            assert bool(found.tokens) >= asks_for_token, name
            # The three CAs and all that kubeadm issues from them, and in kubeconfigs' base64.
            assert len(found.on_disk) >= 14, name
    joined, *_ = runs("token-discovery/pinned.yaml")
    kinds = [path for path in joined[1].key_files if path.startswith("worker-1")]
    assert [re.sub(r"\d\d", "00", path) for path in kinds] == [
        "worker-1:/var/lib/kubelet/pki/kubelet-client-0000-00-00-00-00-00.pem",
        "worker-1:/var/lib/kubelet/pki/kubelet.key",
    ]
    assert "control-plane:/etc/kubernetes/pki/ca.key" in joined[1].key_files
    assert "control-plane:/etc/kubernetes/admin.conf" in joined[1].key_files
    attacked, *_ = runs("under-attack/stolen-token-unpinned.yaml")
    assert "mallory:/etc/kubernetes/pki/ca.key" in attacked[1].key_files


def test_the_sweep_finds_keys_that_were_never_on_a_disk():
    # The key of a kubelet whose CSR nobody approved, and those of a file server.
    waiting, *_ = runs("approval/nobody-approves.yaml")
    assert waiting[1].secrets.in_memory - waiting[1].secrets.on_disk
    serving, *_ = runs("file-discovery/https-url.yaml")
    assert serving[1].secrets.in_memory - serving[1].secrets.on_disk


def test_the_sweep_knows_tokens_that_are_deleted_before_the_end():
    (_, ground), *_ = runs("file-discovery/dead-token.yaml")
    assert len(ground.secrets.tokens) == 2
    (_, ground), *_ = runs("token-discovery/expired-token.yaml")
    assert len(ground.secrets.tokens) == 1
    (_, ground), *_ = runs("token-discovery/created-while-waiting.yaml")
    assert len(ground.secrets.tokens) == 1


KEYS = {
    algorithm.value: KeyPair.generate(algorithm, Seed(1).stream(algorithm.value).bytes)
    for algorithm in (KeyAlgorithm.ECDSA_P256, KeyAlgorithm.ECDSA_P384, KeyAlgorithm.RSA_2048)
}


def _der(key):
    pem = key.private_pem().decode()
    return base64.b64decode("".join(pem.splitlines()[1:-1]))


def _number(key):
    numbers = key.private_key.private_numbers()
    return getattr(numbers, "private_value", None) or numbers.p


PLANTED = {
    "PEM": lambda key: key.private_pem().decode(),
    "PEM within JSON": lambda key: repr(key.private_pem().decode()),
    "the body of PEM in one line": lambda key: base64.b64encode(_der(key)).decode(),
    "base64 of PEM": lambda key: base64.b64encode(key.private_pem()).decode(),
    "base64 of a kubeconfig": lambda key: base64.b64encode(b"key: x\n" + key.private_pem()).decode(),
    "base64 of DER, shifted": lambda key: base64.b64encode(b"\0" + _der(key)).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(_der(key)).decode(),
    "DER in hex": lambda key: _der(key).hex(),
    "DER in hex with colons": lambda key: ":".join(f"{byte:02x}" for byte in _der(key)),
    "DER in capital hex": lambda key: _der(key).hex().upper(),
    "bytes as Python shows them": lambda key: repr(_der(key)),
    "the number": lambda key: f"<Key {_number(key)}>",
    "the number in hex": lambda key: hex(_number(key)),
}


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize("way", PLANTED)
def test_a_planted_key_is_found(algorithm, way):
    key = KEYS[algorithm]
    secrets = Secrets(on_disk={key.private_pem()})
    assert secrets.leaks(f"said {PLANTED[way](key)} aloud")


def test_a_public_key_is_no_find():
    for key in KEYS.values():
        secrets = Secrets(on_disk={key.private_pem()})
        assert secrets.leaks(key.public_pem().decode()) == []


@pytest.mark.parametrize(
    "spelled",
    [
        PLAIN,
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(PLAIN.encode()).decode(),
        base64.b64encode(f"users:\n- token: {PLAIN}\n".encode()).decode(),
        SECRET.encode().hex(),
        f"Bearer%20{PLAIN}",
    ],
)
def test_a_planted_token_is_found(spelled):
    assert Secrets(tokens={SECRET}).leaks(f"said {spelled} aloud")


def test_a_tokens_id_is_no_find():
    assert Secrets(tokens={SECRET}).leaks("abcdef.****************") == []


# --- errors, and objects in a debugger's hands ------------------------------------------------------


PINNED = (SCENARIOS / "token-discovery" / "wrong-secret.yaml").read_text()


def _misplaced(node, said):
    """The document, once for each of its values and keys, with something else in that place."""
    if isinstance(node, dict):
        for key in node:
            yield {(said if other == key else other): value for other, value in node.items()}
            for changed in _misplaced(node[key], said):
                yield {**node, key: changed}
    elif isinstance(node, list):
        for index, item in enumerate(node):
            for changed in _misplaced(item, said):
                yield [*node[:index], changed, *node[index + 1 :]]
    else:
        yield said


@pytest.mark.parametrize("said", [PLAIN, f"x {PLAIN} y", f"token:{PLAIN}"], ids=["alone", "amid", "prefixed"])
def test_a_token_in_the_wrong_place_of_a_file_is_not_in_the_error(said):
    document = yaml.safe_load(PINNED)
    document["cluster"]["tokens"]["join"]["value"] = "zzzzzz.aaaaaaaaaaaaaaaa"
    wrong = 0
    for changed in _misplaced(document, said):
        try:
            load_text(yaml.safe_dump(changed), "x.yaml")
        except ScenarioError as error:
            wrong += 1
            told = f"{error} {error!r} {''.join(traceback.format_exception(error))}"
            assert SECRET not in told
    assert wrong > 20


MISTYPED = {
    "capitals": "ABCDEF.0123456789abcdef",
    "no dot": "abcdef0123456789abcdef",
    "a dash": "abcdef-0123456789abcdef",
    "one character more": "abcdef.0123456789abcdef0",
    "a newline": "abcdef.0123456789abcdef\n",
    "a space": "abcdef. 0123456789abcdef",
    "a longer id": "abcdefg.0123456789abcdef",
}


@pytest.mark.parametrize("given", MISTYPED.values(), ids=MISTYPED)
def test_a_mistyped_token_is_not_in_an_error(given):
    with pytest.raises(TokenError) as caught:
        BootstrapToken.parse(given)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    document = yaml.safe_load(PINNED)
    document["cluster"]["tokens"]["join"]["value"] = given
    with pytest.raises(ScenarioError) as caught:
        load_text(yaml.safe_dump(document), "x.yaml")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_matrix_over_tokens_names_no_secret(tmp_path):
    document = yaml.safe_load(PINNED)
    del document["cluster"]["tokens"]["join"]["value"]
    document["nodes"]["worker-1"]["discovery"]["token"] = "${token}"
    document["matrix"] = {"token": [PLAIN, "ghijkl.0123456789abcdef"]}
    file = tmp_path / "matrix.yaml"
    file.write_text(yaml.safe_dump(document))
    arguments = ["run", str(file), "--journal", str(tmp_path / "j"), "--json", str(tmp_path / "json")]
    result = CliRunner().invoke(commands, [*arguments, "--junit", str(tmp_path / "junit")])
    assert "matrix[token=abcdef.****************]" in result.output
    assert SECRET not in result.output
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path != file]
    assert len(written) == 4
    assert all(SECRET not in path.name + path.read_text() for path in written)
    assert SECRET not in repr(load_file(str(file)))


def _public_objects():
    token, key = BootstrapToken.parse(PLAIN), KEYS["ECDSA-P256"]
    user = User(token=PLAIN, password=SECRET, username="u", client_key_data=key.private_pem())
    discovery = Discovery(BootstrapTokenDiscovery(PLAIN, "h:6443"), tls_bootstrap_token=PLAIN)
    return {
        "token": token,
        "record": TokenRecord(token),
        "key": key,
        "user": user,
        "kubeconfig": Kubeconfig({"c": Cluster("https://h")}, {"u": user}, {"x": Context("c", "u")}, "x"),
        "configuration": JoinConfiguration(discovery),
        "connection": Connection("https://h", ClientTls(None, None, key), PLAIN),
        "request": Request("GET", "/", Headers([("Authorization", f"Bearer {PLAIN}")]), PLAIN.encode()),
        "scenario": load_text(PINNED),
    }


@pytest.mark.parametrize("name", _public_objects())
def test_a_public_object_shows_no_secret(name):
    shown = _public_objects()[name]
    secrets = Secrets({SECRET, "fedcba9876543210"}, {KEYS["ECDSA-P256"].private_pem()})
    assert secrets.leaks(f"{shown!r} {shown!s} {[shown]}") == []


def test_a_key_that_cannot_be_read_is_not_in_the_error():
    pem = KEYS["ECDSA-P256"].private_pem()
    secrets = Secrets(on_disk={pem})
    for broken in (pem[:-40], pem[:60] + pem[64:], pem.replace(b"M", b"!", 1)):
        with pytest.raises(ValueError, match="private key") as caught:
            KeyPair.from_pem(broken)
        assert secrets.leaks("".join(traceback.format_exception(caught.value))) == []


def test_ca_hash_of_a_private_key_does_not_print_it(tmp_path):
    pem = KEYS["ECDSA-P256"].private_pem()
    (tmp_path / "ca.key").write_bytes(pem)
    result = CliRunner().invoke(commands, ["ca-hash", str(tmp_path / "ca.key")])
    assert result.exit_code == 2
    assert Secrets(on_disk={pem}).leaks(result.output) == []
