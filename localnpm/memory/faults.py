"""SQLite's failures as errors that a user can act on, and how to go back to a backup.

Only what comes from the file, the disk or another process is translated; a mistake in our own SQL stays what it is.
"""

import os
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localnpm.errors import MemoryFileError

BUSY_SECONDS = 10.0
LITTLE_SPACE = 1 << 20


def newest_backup(path: Path) -> Path | None:
    """The backup of `path` that was made last, or None."""
    backups = [backup for backup in (path.parent / "backups").glob("*.db") if backup.is_file()]
    return max(backups, key=lambda backup: backup.stat().st_mtime_ns, default=None)


def restore_advice(path: Path) -> str:
    """What to type to go on with the newest backup; nothing is changed here."""
    damaged = path.with_name(path.name + ".damaged")
    aside = [f"mv {shlex.quote(str(path))} {shlex.quote(str(damaged))}"]
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            aside.append(f"mv {shlex.quote(str(beside))} {shlex.quote(str(damaged) + suffix)}")
    backup = newest_backup(path)
    if backup is None:
        return (
            f"It is left as it is. There is no backup in {path.parent / 'backups'}. To start with an empty memory, "
            "end every localnpm and run:\n  " + "\n  ".join(aside)
        )
    copy = f"cp {shlex.quote(str(backup))} {shlex.quote(str(path))}"
    return "It is left as it is. To go on with the newest backup, end every localnpm and run:\n  " + "\n  ".join(
        [*aside, copy]
    )


def damaged(path: Path, detail: str) -> MemoryFileError:
    """The error for a file that is not a sound memory."""
    return MemoryFileError(f"{path} cannot be read as localnpm's memory: {detail}. {restore_advice(path)}")


def explain(error: sqlite3.Error, path: Path | None) -> MemoryFileError | None:
    """The error to raise in place of SQLite's, or None where SQLite's own says a mistake of ours."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if path is None:
        return None
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path, str(error))
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _free(path) < LITTLE_SPACE):
        return MemoryFileError(
            f"The disk that holds {path} is full, so the memory was not written. Free some space and try again."
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return MemoryFileError(
            f"Another process has kept {path} locked for {BUSY_SECONDS:.0f} seconds. "
            "Wait until it has finished, or end it."
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return MemoryFileError(
            f"{path} cannot be written: {error}. Make the file and its folder writable for this user, "
            "or choose another home with --home."
        )
    if code == sqlite3.SQLITE_IOERR:
        return MemoryFileError(f"Reading or writing {path} failed: {error}. Check the disk that holds it.")
    return None


@contextmanager
def explained(path: Path | None) -> Iterator[None]:
    """Raise MemoryFileError in place of SQLite's errors about the file at `path`."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        reason = explain(error, path)
        if reason is None:
            raise
        raise reason from error


def check_place(path: Path) -> None:
    """Make the folder and an empty file, readable by their owner only, or say why that cannot be.

    Raises:
        MemoryFileError: no permission, no space, read-only, or something there that is not a file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.is_dir():
            raise MemoryFileError(f"{path} is a folder, not a memory file. Move it away or choose another home.")
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        elif not path.is_file():
            raise MemoryFileError(f"{path} is not an ordinary file. Move it away or choose another home.")
        sound = os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)
    except OSError as error:
        raise MemoryFileError(
            f"{path} cannot be opened: {error.strerror}. Choose another home with --home, or mend this one."
        ) from error
    if not sound:
        raise MemoryFileError(
            f"{path} cannot be written by this user. Make the file and its folder writable, "
            "or choose another home with --home."
        )


def _free(path: Path) -> int:
    """Free bytes on the disk of `path`; plenty where that cannot be told."""
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return LITTLE_SPACE
