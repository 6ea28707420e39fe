"""memory.db: opening it, one connection a thread, transactions, backup and check.

Write-ahead log, `synchronous=FULL`: a committed row outlives a power cut. Every write goes through `transaction`, which
takes the write lock at once, so that what is read in it still holds when it writes.
Not covered: the tables (schema.py), what SQLite's errors mean (faults.py), who is alive (process.py).
"""

import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from localnpm.memory import migrations as migrating
from localnpm.memory.faults import BUSY_SECONDS, check_place, explained
from localnpm.memory.schema import MIGRATIONS, Migration

if TYPE_CHECKING:
    import sqlite_utils

Parameters = Sequence[Any] | Mapping[str, Any]


class Database:
    """One memory. Open it with `Database.open`; any thread may use it."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._reading_only = False
        self._connections: dict[int, sqlite3.Connection] = {}
        # A private memory is one connection, and its threads take turns.
        self._turn = threading.RLock() if path is None else nullcontext()
        self._close = weakref.finalize(self, _close_all, self._connections)

    @classmethod
    def open(cls, path: Path | None, *, migrations: Sequence[Migration] = MIGRATIONS) -> Self:
        """Open or make the memory at `path`; None is a private one, in this process's memory only.

        Raises:
            MemoryFileError: it cannot be read or written, is damaged, or was written by a newer version.
        """
        database = cls(path)
        if path is None:
            migrating.migrate(database.connection, None, migrations)
            return database
        check_place(path)
        try:
            with explained(path), migrating.alone(path.parent):
                migrating.check_owner(database.connection, path, len(migrations))
                database.connection.execute("PRAGMA journal_mode = WAL")
                migrating.migrate(database.connection, path, migrations)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def private(self) -> bool:
        """Whether nothing of this memory reaches a disk."""
        return self.path is None

    @property
    def folder(self) -> Path | None:
        """Where the file lies, with run/, undo/ and backups/ beside it; None for a private memory."""
        return None if self.path is None else self.path.parent

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode, rows as `sqlite3.Row`.

        Prefer `query` and `transaction`: they turn SQLite's errors into MemoryFileError.
        """
        # A thread's number is given again only after the thread has ended, so its connection is free by then.
        key = 0 if self.path is None else threading.get_ident()
        connection = self._connections.get(key)
        if connection is None:
            connection = self._connections[key] = _connect(self.path)
            if self._reading_only:
                connection.execute("PRAGMA query_only = ON")
        return connection

    @property
    def reading_only(self) -> bool:
        """Whether this process may not write to it any more: what would be cached in it is then not."""
        return self._reading_only

    def read_only(self) -> Self:
        """Let nothing more be written through this object, as where a private run is lent the memory; returns it."""
        self._reading_only = True
        for connection in self._connections.values():
            connection.execute("PRAGMA query_only = ON")
        return self

    def query(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """All rows of a SELECT.

        Raises:
            MemoryFileError: the file cannot be read.
        """
        with self._turn, explained(self.path):
            return self.connection.execute(sql, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block's writes, or none. Within another transaction of this thread it is a part of that one.

        Raises:
            MemoryFileError: the file cannot be written; nothing was.
        """
        with self._turn, explained(self.path):
            connection = self.connection
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors, a full disk among them.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def backup(self, to: Path) -> None:
        """Copy the memory to one file, also while others write to it.

        Raises:
            MemoryFileError: the copy cannot be written.
        """
        with self._turn:
            migrating.backup(self.connection, to)

    def check(self, *, thorough: bool = False) -> tuple[str, ...]:
        """What is wrong with the file, one finding each; empty when it is sound.

        `thorough` compares the indexes with their tables too, and takes correspondingly longer.
        """
        pragma = "integrity_check" if thorough else "quick_check"
        try:
            with self._turn:
                found = [str(row[0]) for row in self.connection.execute(f"PRAGMA {pragma}")]
                broken = self.connection.execute("PRAGMA foreign_key_check").fetchall()
        except sqlite3.DatabaseError as error:
            return (str(error),)
        dangling = [f"row {row[1]} of {row[0]} refers to a missing row of {row[2]}" for row in broken]
        return tuple([line for line in found if line != "ok"] + dangling)

    def wipe(self) -> bool:
        """Take deleted content out of the file's pages and the write-ahead log.

        Returns:
            False when another process was reading, so that the log could not be emptied; a later call can.

        Raises:
            MemoryFileError: there is no space for the rebuilt file, or it cannot be written.
        """
        with self._turn, explained(self.path):
            connection = self.connection
            connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return not busy

    def close(self) -> None:
        """Close every thread's connection; no thread may be using one."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def tables_of(connection: sqlite3.Connection) -> "sqlite_utils.Database":
    """A connection as sqlite-utils sees it. Write only within a transaction."""
    # Imported here: it takes longer to import than most commands take to run.
    import sqlite_utils

    return sqlite_utils.Database(connection)


def storable(text: str) -> str:
    """Text that SQLite takes: a lone surrogate, which UTF-8 cannot hold, becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _connect(path: Path | None) -> sqlite3.Connection:
    with explained(path):
        connection = sqlite3.connect(
            ":memory:" if path is None else path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
    return connection


def _close_all(connections: dict[int, sqlite3.Connection]) -> None:
    while connections:
        connections.popitem()[1].close()
