"""Forgetting for real: rows, full-text index, undo files, freed pages, the write-ahead log and, on consent, backups.

Afterwards the forgotten texts are in memory.db's bytes no more, nor in its -wal file. Not covered: what the file system
itself keeps of overwritten blocks, and copies made by other programs.
"""

import json
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from localnpm.errors import LocalnpmError, MemoryFileError
from localnpm.memory import process
from localnpm.memory.clock import days_ago
from localnpm.memory.database import Database, storable, tables_of
from localnpm.memory.records import unknown_attempt
from localnpm.memory.sessions import session, title_of

Backups = Literal["keep", "rewrite", "delete"]

# An id is given again after an old backup is restored, so that a row is known by its id and its time.
_ATTEMPTS = "id || ' ' || started_at IN (SELECT value FROM json_each(:attempts))"
_SESSIONS = "id || ' ' || created_at IN (SELECT value FROM json_each(:sessions))"
_HASHES = """
    SELECT before_hash AS hash FROM changes WHERE {where} UNION SELECT after_hash FROM changes WHERE {where}
"""


@dataclass(frozen=True)
class Forgotten:
    """What was forgotten, and what is left to do.

    `wiped` is False while another process reads the memory: then the old bytes are still in its files, and forgetting
    anything again, or `Database.wipe`, takes them out. `backups` still hold what was forgotten.
    """

    attempts: tuple[int, ...]
    undo_files: int
    wiped: bool
    backups: tuple[Path, ...]


@dataclass(frozen=True)
class _Target:
    """What is to go, as JSON lists of `id time`."""

    attempts: str
    sessions: str

    @property
    def parameters(self) -> dict[str, str]:
        return {"attempts": self.attempts, "sessions": self.sessions}


def forget_attempts(database: Database, attempt_ids: Collection[int], *, backups: Backups = "keep") -> Forgotten:
    """Delete attempts with their steps, verdicts and changes; a session left empty goes with its last attempt.

    Raises:
        NotFoundError: no attempt has one of the ids; nothing is forgotten.
        LocalnpmError: one of them is being carried out by a living process; nothing is forgotten.
        MemoryFileError: a file could not be written; a backup that fails is named, all else is forgotten by then.
    """
    return _forget(database, attempt_ids, (), backups)


def forget_session(database: Database, session_id: int, *, backups: Backups = "keep") -> Forgotten:
    """Delete a session with all its attempts.

    Raises:
        NotFoundError: no session has that id.
        LocalnpmError, MemoryFileError: as `forget_attempts`.
    """
    session(database, session_id)
    rows = database.query("SELECT id FROM attempts WHERE session_id = ?", (session_id,))
    return _forget(database, [row["id"] for row in rows], (session_id,), backups)


def older_than(database: Database, days: float) -> tuple[int, ...]:
    """The attempts that ended, or were left, more than `days` days ago; those still running are not among them."""
    rows = database.query(
        "SELECT id FROM attempts WHERE status != 'running' AND coalesce(finished_at, started_at) < ? ORDER BY id",
        (days_ago(days),),
    )
    return tuple(row["id"] for row in rows)


def forget_older_than(database: Database, days: float, *, backups: Backups = "keep") -> Forgotten:
    """Forget every attempt that `older_than` finds; nothing is written where it finds none."""
    attempt_ids = older_than(database, days)
    return forget_attempts(database, attempt_ids, backups=backups) if attempt_ids else Forgotten((), 0, True, ())


def backups_with(
    database: Database, attempt_ids: Collection[int] = (), session_ids: Collection[int] = ()
) -> tuple[Path, ...]:
    """The files in backups/ that hold one of the attempts or sessions, or that cannot be read to tell."""
    return _backups_with(database, _target(database, attempt_ids, session_ids))


def _forget(
    database: Database, attempt_ids: Collection[int], session_ids: Sequence[int], consent: Backups
) -> Forgotten:
    target = _target(database, attempt_ids, session_ids)
    backups = _backups_with(database, target)
    with database.transaction() as connection:
        for attempt_id in attempt_ids:
            _check(database, connection, attempt_id)
        hashes = _delete(connection, target)
    removed = _remove_undo_files(database, hashes)
    wiped = database.wipe()
    for backup in backups if consent != "keep" else ():
        if consent == "delete":
            backup.unlink(missing_ok=True)
        else:
            _rewrite(backup, target)
    return Forgotten(tuple(attempt_ids), removed, wiped, backups if consent == "keep" else ())


def _target(database: Database, attempt_ids: Collection[int], session_ids: Collection[int]) -> _Target:
    attempts = database.query(
        "SELECT id || ' ' || started_at FROM attempts WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(attempt_ids)),),
    )
    sessions = database.query(
        "SELECT id || ' ' || created_at FROM sessions WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(session_ids)),),
    )
    return _Target(json.dumps([row[0] for row in attempts]), json.dumps([row[0] for row in sessions]))


def _backups_with(database: Database, target: _Target) -> tuple[Path, ...]:
    if database.folder is None:
        return ()
    found = []
    for backup in sorted((database.folder / "backups").glob("*.db")):
        try:
            with closing(sqlite3.connect(f"{backup.as_uri()}?mode=ro", uri=True)) as connection:
                held = connection.execute(
                    f"SELECT EXISTS (SELECT 1 FROM attempts WHERE {_ATTEMPTS}) "
                    f"OR EXISTS (SELECT 1 FROM sessions WHERE {_SESSIONS})",
                    target.parameters,
                ).fetchone()[0]
        except sqlite3.DatabaseError:
            held = True
        if held:
            found.append(backup)
    return tuple(found)


def _rewrite(backup: Path, target: _Target) -> None:
    """Delete the target's rows from a backup, whatever its version."""
    try:
        with closing(sqlite3.connect(backup, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN IMMEDIATE")
            _delete(connection, target)
            connection.execute("COMMIT")
            connection.execute("VACUUM")
    except sqlite3.DatabaseError as error:
        raise MemoryFileError(
            f"The backup {backup} still holds what was forgotten: it cannot be rewritten ({error}). Delete it."
        ) from error


def _check(database: Database, connection: sqlite3.Connection, attempt_id: int) -> None:
    row = connection.execute("SELECT status, process FROM attempts WHERE id = ?", (attempt_id,)).fetchone()
    if row is None:
        raise unknown_attempt(attempt_id)
    running = row["status"] == "running"
    if running and (database.folder is None or process.alive(database.folder / "run", row["process"])):
        raise LocalnpmError(f"Attempt {attempt_id} is still being carried out. Cancel it first, then forget it.")


def _delete(connection: sqlite3.Connection, target: _Target) -> set[str]:
    """Delete the rows; returns the hashes whose undo files may have lost their last row."""
    values = target.parameters
    within = f"attempt_id IN (SELECT id FROM attempts WHERE {_ATTEMPTS})"
    hashes = {row["hash"] for row in connection.execute(_HASHES.format(where=within), values) if row["hash"]}
    touched = connection.execute(f"SELECT session_id, request FROM attempts WHERE {_ATTEMPTS}", values).fetchall()
    connection.execute(f"DELETE FROM attempts WHERE {_ATTEMPTS}", values)
    connection.execute(f"DELETE FROM sessions WHERE {_SESSIONS}", values)
    for row in touched:
        _rename(connection, row["session_id"], row["request"])
    # A rebuilt index holds no trace of the words that only the forgotten rows had.
    for table in ("attempts", "steps", "verdicts"):
        tables_of(connection).table(f"{table}_fts").rebuild_fts()
    return hashes


def _rename(connection: sqlite3.Connection, session_id: int, request: str) -> None:
    """A session's title is its first request's words: after that was forgotten, the first one left; none left, none."""
    first = connection.execute(
        "SELECT request FROM attempts WHERE session_id = ? ORDER BY id LIMIT 1", (session_id,)
    ).fetchone()
    if first is None:
        connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
    else:
        connection.execute(
            "UPDATE sessions SET title = ? WHERE id = ? AND title = ?",
            (storable(title_of(first["request"])), session_id, storable(title_of(request))),
        )


def _remove_undo_files(database: Database, hashes: set[str]) -> int:
    """Delete the before-images that no row refers to any more; returns how many there were."""
    if database.folder is None or not hashes:
        return 0
    removed = 0
    # Under the write lock no row that needs one of the files can be added meanwhile.
    with database.transaction() as connection:
        kept = {row["hash"] for row in connection.execute(_HASHES.format(where="TRUE"))}
        for name in hashes - kept:
            file = database.folder / "undo" / name
            if file.is_file():
                file.unlink()
                removed += 1
    return removed
