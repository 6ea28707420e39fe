"""A bounded copy of a workspace made before a command runs, and what is different afterwards.

The copy lies on the disk before the command starts, so that the changes of a command that was killed along with
localnpm are found later; `leftovers` lists such copies. A file counts as untouched when size, inode and time of last
status change are the same; that time cannot be set by a command.
Not covered: pipes, sockets and devices; modes of folders; extended attributes; who made a change (what the user edits
while a command runs counts as the command's); a power cut, after which a copy may be incomplete.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Literal

from localnpm.agent.changes import ABSENT, Change, FileState

Kind = Literal["file", "directory", "symlink"]
_CHUNK = 1 << 20
_MANIFEST = "manifest.json"
_FILES = "files"
_NEW_SECONDS = 60.0


class CannotCopyError(Exception):
    """A workspace of which no copy can be made; the text says why."""


@dataclass(frozen=True)
class Bounds:
    """How much is copied at most. `new_entries`: how many new files and folders are journaled after a command."""

    entries: int = 2000
    bytes: int = 64 << 20
    new_entries: int = 20_000


@dataclass(frozen=True)
class Entry:
    """What was at a path. `stamp`, different after every change: size, inode, time of the last status change in ns."""

    kind: Kind
    mode: int
    stamp: tuple[int, int, int]
    target: str = ""


def _entry(path: Path) -> Entry | None:
    """What is at a path, symlinks not followed; None for nothing, or for what is no file, folder or symlink."""
    try:
        found = path.lstat()
        mode = stat.S_IMODE(found.st_mode)
        stamp = (found.st_size, found.st_ino, found.st_ctime_ns)
        if stat.S_ISLNK(found.st_mode):
            return Entry("symlink", mode, stamp, str(path.readlink()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(found.st_mode):
        return Entry("directory", mode, (0, 0, 0))
    return Entry("file", mode, stamp) if stat.S_ISREG(found.st_mode) else None


def walk(root: Path, hidden: Sequence[Path] = ()) -> Iterator[tuple[str, Entry]]:
    """Every file, folder and symlink below a folder, POSIX paths relative to it, parents first; nothing below `hidden`.

    Raises:
        OSError: a folder cannot be read.
    """
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        for path in sorted(folder.iterdir()):
            entry = None if path in hidden else _entry(path)
            if entry is None:
                continue
            yield path.relative_to(root).as_posix(), entry
            if entry.kind == "directory":
                waiting.append(path)


def why_not(root: Path, bounds: Bounds, hidden: Sequence[Path] = ()) -> str:
    """Why no copy can be made of a workspace; empty if it can."""
    count = size = 0
    try:
        for path, entry in walk(root, hidden):
            count += 1
            size += entry.stamp[0] if entry.kind == "file" else 0
            if count > bounds.entries:
                return f"the workspace has more than {bounds.entries} files and folders"
            if size > bounds.bytes:
                return f"the workspace has more than {bounds.bytes >> 20} MB in it"
            try:
                (path + entry.target).encode()
            except UnicodeEncodeError:
                return f"the name {path!r} is not UTF-8"
            if entry.kind == "file" and not os.access(root / path, os.R_OK):
                return f"{path} cannot be read"
    except OSError as error:
        return f"{error.filename} cannot be read"
    return ""


@dataclass(frozen=True)
class Snapshot:
    """A copy of a workspace in a folder of its own: `files` in it holds the files, the manifest all else."""

    folder: Path
    root: Path
    attempt_id: int
    step_id: int | None
    entries: dict[str, Entry]
    hidden: tuple[Path, ...]
    lock: int = field(compare=False)
    """The open folder, locked: as long as it is, the copy is in use, whatever becomes of the process."""

    @classmethod
    def take(
        cls,
        root: Path,
        store: Path,
        attempt_id: int,
        step_id: int | None,
        bounds: Bounds,
        hidden: Sequence[Path] = (),
    ) -> "Snapshot":
        """Copy a workspace into a new folder in `store`, which is made if it is not there.

        Raises:
            CannotCopyError: it is past the bounds, cannot be read, or there is no space.
        """
        reason = why_not(root, bounds, hidden)
        if reason:
            raise CannotCopyError(reason)
        try:
            store.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder = Path(tempfile.mkdtemp(dir=store))
            lock = _lock(folder)
        except OSError as error:
            raise CannotCopyError(f"{store} cannot be written: {error.strerror}") from error
        try:
            entries = dict(_copy(root, folder / _FILES, hidden))
            snapshot = cls(folder, root, attempt_id, step_id, entries, tuple(hidden), lock)
            (folder / _MANIFEST).write_text(snapshot._to_json(), "utf-8")
        except (OSError, UnicodeEncodeError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
            raise CannotCopyError(f"copying it failed: {error}") from error
        return snapshot

    @property
    def copies(self) -> Path:
        """Where the old files lie, under their relative paths."""
        return self.folder / _FILES

    def changes(self, bounds: Bounds) -> tuple[tuple[Change, ...], int]:
        """What is different now, in any order, and how many new entries were left out as too many.

        A renamed file is one deleted and one new. Old files' bytes are in `copies`, not in the changes.

        Raises:
            OSError: something in the workspace cannot be read.
        """
        changes: list[Change] = []
        new = 0
        left = dict(self.entries)
        for path, now in walk(self.root, self.hidden):
            before = left.pop(path, None)
            if before == now:
                continue
            if before is None:
                new += 1
                if new > bounds.new_entries:
                    continue
            old = self._old_state(path, before)
            current = _state(self.root / path, now)
            if old != current and not old.kind == current.kind == "directory":
                changes.append(Change("write", path, None, old, current))
        changes += [Change("delete", path, None, self._old_state(path, entry), ABSENT) for path, entry in left.items()]
        return tuple(changes), max(0, new - bounds.new_entries)

    def discard(self) -> None:
        """Delete the copy."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.lock)

    def release(self) -> None:
        """Leave the copy to others."""
        os.close(self.lock)

    def _old_state(self, path: str, entry: Entry | None) -> FileState:
        return ABSENT if entry is None else _state(self.copies / path, entry)

    def _to_json(self) -> str:
        words = {
            "root": str(self.root),
            "attempt_id": self.attempt_id,
            "step_id": self.step_id,
            "hidden": [str(path) for path in self.hidden],
            "entries": {path: asdict(entry) for path, entry in self.entries.items()},
        }
        return json.dumps(words)


def _lock(folder: Path) -> int:
    """Open and lock a folder.

    Raises:
        BlockingIOError: another has locked it.
        OSError: it is gone.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def leftovers(store: Path) -> Iterator[Snapshot]:
    """The copies that nobody uses or has discarded, locked; what was not completed is deleted."""
    for folder in sorted(store.iterdir()) if store.is_dir() else []:
        try:
            lock = _lock(folder)
        except OSError:
            continue
        try:
            words = json.loads((folder / _MANIFEST).read_text("utf-8"))
        except (OSError, ValueError):
            # A new one is not locked for an instant.
            if folder.stat().st_mtime < time.time() - _NEW_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
            continue
        entries = {
            path: Entry(entry["kind"], entry["mode"], tuple(entry["stamp"]), entry["target"])
            for path, entry in words["entries"].items()
        }
        hidden = tuple(Path(path) for path in words["hidden"])
        yield Snapshot(folder, Path(words["root"]), words["attempt_id"], words["step_id"], entries, hidden, lock)


def _copy(root: Path, target: Path, hidden: Sequence[Path]) -> Iterator[tuple[str, Entry]]:
    target.mkdir()
    for path, entry in walk(root, hidden):
        if entry.kind == "directory":
            (target / path).mkdir()
        elif entry.kind == "file":
            _copy_file(root / path, target / path)
        yield path, entry


def _copy_file(source: Path, target: Path) -> None:
    with _open(source) as old, target.open("xb") as new:
        shutil.copyfileobj(old, new, _CHUNK)


def _open(path: Path) -> BufferedReader:
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no file any more", str(path))
    return file


def _state(path: Path, entry: Entry) -> FileState:
    if entry.kind == "directory":
        return FileState("directory", entry.mode)
    if entry.kind == "symlink":
        content = os.fsencode(entry.target)
        return FileState("symlink", None, hashlib.sha256(content).hexdigest(), content)
    with _open(path) as file:
        return FileState("file", entry.mode, hashlib.file_digest(file, "sha256").hexdigest())
