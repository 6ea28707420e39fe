"""Bringing a memory file to this version's schema: a backup first, then each migration in a transaction of its own.

`schema.py` holds the migrations; the file's number is `PRAGMA user_version`, its owner `PRAGMA application_id`.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from localnpm.errors import MemoryFileError
from localnpm.memory.faults import damaged
from localnpm.memory.schema import Migration

APPLICATION_ID = 0x6C6E706D  # "lnpm"


def version(connection: sqlite3.Connection) -> int:
    """How many migrations the file has had."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_owner(connection: sqlite3.Connection, path: Path, known: int) -> None:
    """Refuse a file that this version must not touch; reads only.

    Raises:
        MemoryFileError: the file belongs to a newer version, which knows more than `known` migrations, or to another
            program.
    """
    found = version(connection)
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and (found or tables):
        raise damaged(path, "it is a database of another program")
    if found > known:
        raise MemoryFileError(
            f"{path} was written by a newer version of localnpm (schema {found}; this one knows {known}). "
            "Update localnpm, or choose another home with --home."
        )


def migrate(connection: sqlite3.Connection, path: Path | None, migrations: Sequence[Migration]) -> None:
    """Run the migrations that the file lacks. A file that has had some is copied to backups/ beside it first.

    Raises:
        MemoryFileError: the copy could not be written; the file is as it was.
    """
    found = version(connection)
    if found == len(migrations):
        return
    if path is not None and found:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        backup(connection, path.parent / "backups" / f"memory-{stamp}-v{found}.db")
    connection.execute("PRAGMA foreign_keys = OFF")
    for number, migration in enumerate(migrations[found:], found + 1):
        _run(connection, migration, number)
    connection.execute("PRAGMA foreign_keys = ON")


def backup(connection: sqlite3.Connection, to: Path) -> None:
    """Copy the whole memory to `to`, as one file readable by its owner only; `to` is replaced when the copy is whole.

    Raises:
        MemoryFileError: the copy could not be written; what was at `to` is still there.
    """
    part = to.with_name(to.name + ".part")
    try:
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        target = sqlite3.connect(part, isolation_level=None)
        try:
            connection.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
        finally:
            target.close()
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        part.replace(to)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            part.unlink()
        raise MemoryFileError(
            f"The backup {to} could not be written: {error}. Free some space, or see to that folder, and try again."
        ) from error


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that one process at a time makes or migrates the file in it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _run(connection: sqlite3.Connection, migration: Migration, number: int) -> None:
    """One migration, its number and its owner's mark together or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        migration(connection)
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
        if broken is not None:
            raise MemoryFileError(f"Migration {number} would leave a row of {broken[0]} without what it refers to.")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
