"""Forgetting for real: rows, full-text index, undo files, freed pages, the write-ahead log and, on consent, backups.

Afterwards the forgotten texts are in memory.db's bytes no more, nor in its -wal file; what was learned from an attempt
goes with it (forget_learned.py). Not covered: what the file system itself keeps of overwritten blocks, and copies made
by other programs.
"""

import json
import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from localnpm.errors import LocalnpmError, MemoryFileError
from localnpm.memory import asked, drafts, forget_learned, process
from localnpm.memory.backups import is_routine, sweep
from localnpm.memory.clock import days_ago
from localnpm.memory.database import Database, storable, tables_of
from localnpm.memory.procedure_rows import unknown_procedure, unknown_vector
from localnpm.memory.records import unknown_attempt
from localnpm.memory.sessions import session, title_of

Backups = Literal["keep", "rewrite", "delete"]

# An id is given again after an old backup is restored, so that a row is known by its id and its time.
_ATTEMPTS = "id || ' ' || started_at IN (SELECT value FROM json_each(:attempts))"
_SESSIONS = "id || ' ' || created_at IN (SELECT value FROM json_each(:sessions))"
_PROCEDURES = "id || ' ' || created_at IN (SELECT value FROM json_each(:procedures))"
_HASHES = """
    SELECT before_hash AS hash FROM changes WHERE {where} UNION SELECT after_hash FROM changes WHERE {where}
"""


@dataclass(frozen=True)
class Forgotten:
    """What was forgotten, and what is left to do.

    `wiped` is False while another process reads the memory: then the old bytes are still in its files, and forgetting
    anything again, or `Database.wipe`, takes them out. `backups` still hold what was forgotten. `procedures` are the
    names of those that were forgotten, or that lost a text with an attempt.
    """

    attempts: tuple[int, ...]
    undo_files: int
    wiped: bool
    backups: tuple[Path, ...]
    procedures: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Target:
    """What is to go, as JSON lists of `id time`."""

    attempts: str = "[]"
    sessions: str = "[]"
    procedures: str = "[]"

    @property
    def parameters(self) -> dict[str, str]:
        return {"attempts": self.attempts, "sessions": self.sessions, "procedures": self.procedures}


def forget_attempts(database: Database, attempt_ids: Collection[int], *, backups: Backups = "keep") -> Forgotten:
    """Delete attempts with their steps, verdicts and changes; a session left empty goes with its last attempt.

    Raises:
        NotFoundError: no attempt has one of the ids; nothing is forgotten.
        LocalnpmError: one of them is being carried out by a living process; nothing is forgotten.
        MemoryFileError: a file could not be written; a backup that fails is named, all else is forgotten by then.
    """
    return _forget(database, attempt_ids, _target(database, attempt_ids), backups)


def forget_session(database: Database, session_id: int, *, backups: Backups = "keep") -> Forgotten:
    """Delete a session with all its attempts.

    Raises:
        NotFoundError: no session has that id.
        LocalnpmError, MemoryFileError: as `forget_attempts`.
    """
    session(database, session_id)
    rows = database.query("SELECT id FROM attempts WHERE session_id = ?", (session_id,))
    attempt_ids = [row["id"] for row in rows]
    return _forget(database, attempt_ids, _target(database, attempt_ids, [session_id]), backups)


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


def forget_procedures(database: Database, procedure_ids: Collection[int], *, backups: Backups = "keep") -> Forgotten:
    """Delete procedures with their versions, keys, vectors and uses; the attempts that they came from stay.

    Raises:
        NotFoundError: no procedure has one of the ids; nothing is forgotten.
        MemoryFileError: as `forget_attempts`.
    """
    rows = database.query(
        "SELECT id, name, id || ' ' || created_at AS mark FROM procedures WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(procedure_ids)),),
    )
    for missing in set(procedure_ids) - {row["id"] for row in rows}:
        raise unknown_procedure(missing)
    target = _Target(procedures=json.dumps([row["mark"] for row in rows]))
    return _forget(database, (), target, backups, tuple(row["name"] for row in rows))


def forget_vector(database: Database, vector_id: int) -> None:
    """Delete a control vector. Backups that hold it are left alone.

    Raises:
        NotFoundError: no vector has that id.
        MemoryFileError: the file cannot be written.
    """
    with database.transaction() as connection:
        if connection.execute("SELECT 1 FROM vectors WHERE id = ?", (vector_id,)).fetchone() is None:
            raise unknown_vector(vector_id)
        forget_learned.delete_vector(connection, vector_id)
    database.wipe()


def backups_with(
    database: Database,
    attempt_ids: Collection[int] = (),
    session_ids: Collection[int] = (),
    procedure_ids: Collection[int] = (),
) -> tuple[Path, ...]:
    """The files in backups/ that hold one of the attempts, sessions or procedures, or cannot be read to tell.

    Left out are the copies made by routine: nobody asked for those, and forgetting always rewrites them.
    """
    held = _backups_with(database, _target(database, attempt_ids, session_ids, procedure_ids))
    return tuple(backup for backup in held if not is_routine(backup))


def _forget(
    database: Database,
    attempt_ids: Collection[int],
    target: _Target,
    consent: Backups,
    procedures: tuple[str, ...] = (),
) -> Forgotten:
    with database.transaction() as connection:
        for attempt_id in attempt_ids:
            _check(database, connection, attempt_id)
        hashes, emptied = _delete(connection, target)
    removed = _remove_undo_files(database, hashes)
    drafts.clear(database)
    asked.clear(database)
    if database.folder is not None:
        sweep(database.folder)
    # Looked for only now: another process may have finished one until the rows were gone.
    backups = _backups_with(database, target)
    wiped = database.wipe()
    left = []
    for backup in backups:
        if consent == "delete":
            backup.unlink(missing_ok=True)
        elif consent == "rewrite" or is_routine(backup):
            _rewrite(backup, target)
        else:
            left.append(backup)
    return Forgotten(tuple(attempt_ids), removed, wiped, tuple(left), procedures + emptied)


def _target(
    database: Database,
    attempt_ids: Collection[int],
    session_ids: Collection[int] = (),
    procedure_ids: Collection[int] = (),
) -> _Target:
    def marks(table: str, time: str, ids: Collection[int]) -> str:
        rows = database.query(
            f"SELECT id || ' ' || {time} FROM {table} WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return json.dumps([row[0] for row in rows])

    return _Target(
        marks("attempts", "started_at", attempt_ids),
        marks("sessions", "created_at", session_ids),
        marks("procedures", "created_at", procedure_ids),
    )


def _backups_with(database: Database, target: _Target) -> tuple[Path, ...]:
    if database.folder is None:
        return ()
    found = []
    for backup in sorted((database.folder / "backups").glob("*.db")):
        try:
            with closing(sqlite3.connect(f"{backup.as_uri()}?mode=ro", uri=True)) as connection:
                learned = f"SELECT 1 FROM procedures WHERE {_PROCEDURES}"
                held = connection.execute(
                    f"SELECT EXISTS (SELECT 1 FROM attempts WHERE {_ATTEMPTS}) "
                    f"OR EXISTS (SELECT 1 FROM sessions WHERE {_SESSIONS}) "
                    f"OR EXISTS ({learned if forget_learned.learned(connection) else 'SELECT 1 WHERE FALSE'})",
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


def _delete(connection: sqlite3.Connection, target: _Target) -> tuple[set[str], tuple[str, ...]]:
    """Delete the rows; the hashes whose undo files may have lost their last row, and the procedures that lost text."""
    values = target.parameters
    within = f"attempt_id IN (SELECT id FROM attempts WHERE {_ATTEMPTS})"
    hashes = {row["hash"] for row in connection.execute(_HASHES.format(where=within), values) if row["hash"]}
    touched = connection.execute(f"SELECT id, session_id, request FROM attempts WHERE {_ATTEMPTS}", values).fetchall()
    indexes = ["attempts", "steps", "verdicts"]
    emptied: tuple[str, ...] = ()
    if forget_learned.learned(connection):
        indexes += ["versions", "recall_keys"]
        emptied = forget_learned.empty(connection, [row["id"] for row in touched])
        going = connection.execute(f"SELECT id FROM procedures WHERE {_PROCEDURES}", values).fetchall()
        if going:
            forget_learned.delete_procedures(connection, [row["id"] for row in going])
    connection.execute(f"DELETE FROM attempts WHERE {_ATTEMPTS}", values)
    connection.execute(f"DELETE FROM sessions WHERE {_SESSIONS}", values)
    for row in touched:
        _rename(connection, row["session_id"], row["request"])
    # A rebuilt index holds no trace of the words that only the forgotten rows had.
    for table in indexes:
        tables_of(connection).table(f"{table}_fts").rebuild_fts()
    return hashes, emptied


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
