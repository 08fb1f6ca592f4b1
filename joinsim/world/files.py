"""The files of a host: in memory, or under a folder of a real machine.

Paths are the host's own and absolute (``/etc/kubernetes/kubelet.conf``). Symbolic
links are resolved as the host would resolve them, so an absolute link never leads out
of the folder that stands for the host's root (kubeadm's ``--rootfs``).
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeAlias

__all__ = ["Content", "Entry", "FileSystem", "MemoryFiles", "RootedFiles"]

_LINKS_FOLLOWED_MAX = 40

Content: TypeAlias = bytes | Callable[[], bytes]
"""What a file holds, or how to make it: in memory that is done when the file is first read."""


@dataclass(frozen=True)
class Entry:
    """One file as a listing shows it: its path, its permissions, and where it points to."""

    path: str
    mode: int
    target: str = ""


class FileSystem(Protocol):
    """What the join engine and the kubelet need of a disk.

    All raise the usual OSErrors (FileNotFoundError, IsADirectoryError, …). Reading and
    ``exists`` follow symbolic links; ``remove`` and ``link`` act on the link itself.
    """

    def read(self, path: str) -> bytes:
        """The contents of a file."""

    def write(self, path: str, content: Content, mode: int = 0o644) -> None:
        """Create or replace a file with exactly this mode; parents are made as needed (0755)."""

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        """Create a folder and its parents; one that exists is left as it is."""

    def link(self, path: str, target: str) -> None:
        """Create or atomically replace a symbolic link."""

    def remove(self, path: str) -> None:
        """Delete a file or link."""

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder."""

    def entries(self, below: str = "/") -> Iterator[Entry]:
        """All files and links below a folder, sorted by path."""


@lru_cache(maxsize=1024)
def _normal(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError(f"a host's paths are absolute, found {path!r}")
    return posixpath.normpath("/" + path.lstrip("/"))


def _follow(path: str, read_link: Callable[[str], str | None]) -> str:
    """Where a path leads, each link on the way resolved from the host's own root."""
    pending = [part for part in _normal(path).split("/") if part]
    reached = "/"
    followed = 0
    while pending:
        step = posixpath.normpath(posixpath.join(reached, pending.pop(0)))
        target = read_link(step)
        if target is None:
            reached = step
            continue
        followed += 1
        if followed > _LINKS_FOLLOWED_MAX:
            raise OSError(f"open {path}: too many levels of symbolic links")
        reached = "/" if target.startswith("/") else posixpath.dirname(step)
        pending = [part for part in target.split("/") if part] + pending
    return reached


@dataclass
class _File:
    content: Content = field(repr=False)
    mode: int


class MemoryFiles:
    """Files that live as long as the world does."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._links: dict[str, str] = {}
        self._directories: dict[str, int] = {"/": 0o755}

    def _resolve(self, path: str) -> str:
        normal = _normal(path)
        if not any(normal == link or normal.startswith(f"{link}/") for link in self._links):
            return normal
        return _follow(path, self._links.get)

    def _resolve_parent(self, path: str) -> str:
        path = _normal(path)
        return posixpath.join(self._resolve(posixpath.dirname(path)), posixpath.basename(path))

    def read(self, path: str) -> bytes:
        resolved = self._resolve(path)
        found = self._files.get(resolved)
        if found is None:
            if resolved in self._directories:
                raise IsADirectoryError(f"read {path}: is a directory")
            raise FileNotFoundError(f"open {path}: no such file or directory")
        if not isinstance(found.content, bytes):
            found.content = found.content()
        return found.content

    def write(self, path: str, content: Content, mode: int = 0o644) -> None:
        resolved = self._resolve(path)
        if resolved in self._directories:
            raise IsADirectoryError(f"open {path}: is a directory")
        self.make_directory(posixpath.dirname(resolved))
        self._files[resolved] = _File(content, mode)

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        path = self._resolve(path)
        if path in self._files:
            raise FileExistsError(f"mkdir {path}: file exists")
        if path not in self._directories:
            self.make_directory(posixpath.dirname(path))
            self._directories[path] = mode

    def link(self, path: str, target: str) -> None:
        resolved = self._resolve_parent(path)
        if resolved in self._directories:
            raise IsADirectoryError(f"symlink {target} {path}: is a directory")
        self.make_directory(posixpath.dirname(resolved))
        self._files.pop(resolved, None)
        self._links[resolved] = target

    def remove(self, path: str) -> None:
        resolved = self._resolve_parent(path)
        if resolved in self._directories:
            raise IsADirectoryError(f"remove {path}: is a directory")
        if resolved not in self._links and resolved not in self._files:
            raise FileNotFoundError(f"remove {path}: no such file or directory")
        self._links.pop(resolved, None)
        self._files.pop(resolved, None)

    def exists(self, path: str) -> bool:
        resolved = self._resolve(path)
        return resolved in self._files or resolved in self._directories

    def entries(self, below: str = "/") -> Iterator[Entry]:
        prefix = self._resolve(below).rstrip("/") + "/"
        for path in sorted([*self._files, *self._links]):
            if path.startswith(prefix):
                if path in self._links:
                    yield Entry(path, 0o777, self._links[path])
                else:
                    yield Entry(path, self._files[path].mode)


class RootedFiles:
    """Files of a real machine, below a folder that is taken for its root.

    With ``private`` none of them can be read by anybody else, whatever mode is asked for.
    """

    def __init__(self, root: Path, *, private: bool = False) -> None:
        self.root = root.resolve(strict=True)
        self._mask = 0o700 if private else 0o7777

    def _real(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _read_link(self, path: str) -> str | None:
        real = self._real(path)
        return str(real.readlink()) if real.is_symlink() else None

    def _resolve(self, path: str) -> Path:
        return self._real(_follow(path, self._read_link))

    def _resolve_parent(self, path: str) -> Path:
        path = _normal(path)
        return self._resolve(posixpath.dirname(path)) / posixpath.basename(path)

    def read(self, path: str) -> bytes:
        try:
            return self._resolve(path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(f"open {path}: no such file or directory") from None
        except IsADirectoryError:
            raise IsADirectoryError(f"read {path}: is a directory") from None

    def write(self, path: str, content: Content, mode: int = 0o644) -> None:
        data = content if isinstance(content, bytes) else content()
        real = self._resolve(path)
        if real.is_dir():
            raise IsADirectoryError(f"open {path}: is a directory")
        real.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed: never half a file, never a key with a wide mode.
        aside = real.with_name(f".{real.name}.joinsim")
        aside.unlink(missing_ok=True)
        mode &= self._mask
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, mode)
                file.write(data)
            aside.replace(real)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        real = self._resolve(path)
        if not real.is_dir():
            real.parent.mkdir(parents=True, exist_ok=True)
            real.mkdir(mode=mode)

    def link(self, path: str, target: str) -> None:
        real = self._resolve_parent(path)
        if real.is_dir() and not real.is_symlink():
            raise IsADirectoryError(f"symlink {target} {path}: is a directory")
        real.parent.mkdir(parents=True, exist_ok=True)
        aside = real.with_name(f".{real.name}.joinsim")
        aside.unlink(missing_ok=True)
        aside.symlink_to(target)
        aside.replace(real)

    def remove(self, path: str) -> None:
        real = self._resolve_parent(path)
        if real.is_dir() and not real.is_symlink():
            raise IsADirectoryError(f"remove {path}: is a directory")
        try:
            real.unlink()
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(f"remove {path}: no such file or directory") from None

    def exists(self, path: str) -> bool:
        return self._resolve(path).exists()

    def entries(self, below: str = "/") -> Iterator[Entry]:
        walked = (
            Path(folder, name)
            for folder, folders, names in os.walk(self._resolve(below))
            for name in [*names, *folders]
        )
        for path, real in sorted(("/" + str(real.relative_to(self.root)), real) for real in walked):
            if real.is_symlink():
                yield Entry(path, 0o777, str(real.readlink()))
            elif real.is_file():
                yield Entry(path, stat.S_IMODE(real.stat().st_mode))
