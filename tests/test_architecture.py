"""The shape of the package, held by the same command as its behaviour."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import joinsim

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "joinsim").rglob("*.py"))
FOLDERS = [module for module in MODULES if module.name == "__init__.py" and module.parent.name != "joinsim"]
LINES_MAX = 550


def named(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(ROOT)))


def run(*command):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_finds_nothing_to_say():
    run("ruff", "check", ".")


def test_the_formatter_would_change_nothing():
    run("ruff", "format", "--check", ".")


def test_the_types_hold_strictly():
    run("mypy")


def test_the_floors_hold():
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


@named(MODULES)
def test_a_module_holds_one_idea(path):
    assert len(path.read_text().splitlines()) <= LINES_MAX


@named(MODULES)
def test_no_module_is_named_after_nothing(path):
    assert not {path.stem, path.parent.name} & {"utils", "helpers", "manager", "common", "data", "base"}


@named(FOLDERS)
def test_a_folder_lists_its_public_names_and_holds_nothing_else(path):
    docstring, *rest = ast.parse(path.read_text()).body
    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(node, ast.ImportFrom | ast.Assign) for node in rest)
    folder = importlib.import_module(".".join(path.parent.relative_to(ROOT).parts))
    assert all(hasattr(folder, name) for name in folder.__all__)


def test_every_public_name_of_the_package_can_be_had():
    assert [name for name in joinsim.__all__ if not hasattr(joinsim, name)] == []
    assert set(joinsim.__all__) <= set(dir(joinsim))


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'joinsim' has no attribute 'Scenari'"):
        _ = joinsim.Scenari


# What would make one run differ from the next, and the only modules that may touch it.
CHANCE_AND_TIME = {
    r"\btime\.(time|monotonic|perf_counter|sleep)\b": {"cli/run.py"},
    r"\b(datetime\.(now|today|utcnow)|date\.today)\b": {"world/clock.py"},
    r"\b(random|secrets|uuid)\.\w+\(|\bos\.urandom\b": {"pki/keys.py", "world/seed.py"},
    r"\b(import asyncio|import threading|import socket)\b": {
        "backends/serving.py",
        "world/scheduler.py",
        "world/sockets.py",
    },
    r"\btrio\.(_\w+|lowlevel\._\w+|open_tcp_\w+|to_thread\.\w+|open_tcp_\w+)": {
        "world/scheduler.py",
        "world/sockets.py",
    },
    r"\bgenerate_private_key\(": {"pki/keys.py"},
}


@pytest.mark.parametrize("pattern", CHANCE_AND_TIME)
def test_time_and_chance_come_from_the_world(pattern):
    found = {
        str(path.relative_to(ROOT / "joinsim")) for path in MODULES if re.search(pattern, path.read_text())
    }
    assert found <= CHANCE_AND_TIME[pattern]


def divergences():
    """Each ``# Divergence:`` of the code: what it says, and the module that it stands in."""
    found = []
    for path in MODULES:
        lines = [line.strip() for line in path.read_text().splitlines()]
        for index, line in enumerate(lines):
            if not line.startswith("# Divergence: "):
                continue
            said = [line.removeprefix("# Divergence: ")]
            for more in lines[index + 1 :]:
                if not more.startswith("# "):
                    break
                said.append(more.removeprefix("# "))
            text = " ".join(said)
            found.append((text[:1].upper() + text[1:], str(path.relative_to(ROOT / "joinsim"))))
    return found


def test_the_readme_lists_every_divergence_from_kubernetes():
    rows = {f"| {text} | `{module}` |" for text, module in divergences()}
    listed = set(re.findall(r"^\| .* \| `[\w/]+\.py` \|$", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert rows, "no divergence was found in the code: has the word changed?"
    assert listed == rows, "put into the README's table of divergences:\n" + "\n".join(sorted(rows))


def test_the_changelog_begins_with_this_version():
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == joinsim.__version__


def test_what_a_user_imports_needs_no_tool_of_ours():
    """The package imports nothing that is only in an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[<>=\[]", line)[0].lower() for line in project["dependencies"]}
    provides = {"OpenSSL": "pyopenssl", "google": "protobuf", "yaml": "pyyaml", "pydantic_core": "pydantic"}
    imported = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    outside = {provides.get(name, name) for name in imported - sys.stdlib_module_names - {"joinsim"}}
    assert outside - declared == set()
    assert declared - outside == set()
