"""Runs of the distillation: each publishes in one transaction, and can be taken back whole.

A pass that is killed before it has published leaves no trace but its row, which the next one marks as interrupted.
Not covered: what a pass does (distill/consolidate.py), and that only one process does it (`process.exclusive`).
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from localnpm.errors import LocalnpmError, NotFoundError
from localnpm.memory import process
from localnpm.memory.backups import KEPT, routine
from localnpm.memory.clock import now, parse
from localnpm.memory.database import Database
from localnpm.memory.pass_undo import TABLES, current, digest, put_back, store, watching
from localnpm.memory.procedure_records import Cause, Pass, Policy
from localnpm.memory.verdicts import literally


class Passes:
    """Begins, publishes and reverts passes."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def begin(self, cause: Cause, policy: Policy, model_fingerprint: str) -> Pass:
        """Note that a pass runs, and up to where it sees the log; one whose process has died is marked interrupted."""
        owner = process.current(self.database)
        self._recover()
        with self.database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO passes(cause, policy, process, model_fingerprint, last_attempt, last_verdict, started_at) "
                "SELECT ?, ?, ?, ?, coalesce((SELECT max(id) FROM attempts), 0), "
                "coalesce((SELECT max(id) FROM verdicts), 0), ?",
                (cause, policy, owner, model_fingerprint, now()),
            )
        return self.get(cast(int, cursor.lastrowid))

    @contextmanager
    def publishing(self, pass_id: int, *, backups: int = KEPT) -> Iterator[sqlite3.Connection]:
        """All that the block writes to procedures, versions, members, keys, lineages and vectors, or none of it.

        The rows are kept as they were, for `revert`. Call `finish` inside with the summary; without it the pass is
        published with an empty one. A routine backup is made first where the last one is older than a day.

        Args:
            backups: routine backups to keep; 0: make none.

        Raises:
            NotFoundError: no pass has that id.
            LocalnpmError: it does not run any more.
            MemoryFileError: the memory or its backup cannot be written; nothing is published.
        """
        routine(self.database, backups)
        with self.database.transaction() as connection:
            self._running(pass_id)
            with watching(connection) as before:
                yield connection
            store(connection, pass_id, before)
            if self.get(pass_id).status == "running":
                self.finish(pass_id, {})

    def finish(self, pass_id: int, summary: Mapping[str, Any]) -> None:
        """Note that a pass has published; within `publishing`.

        Raises:
            NotFoundError: no pass has that id.
            LocalnpmError: it does not run any more.
        """
        self._end(pass_id, "published", summary)

    def interrupted(self, pass_id: int, summary: Mapping[str, Any] | None = None) -> None:
        """Note that a pass ended before it published anything.

        Raises:
            NotFoundError: no pass has that id.
            LocalnpmError: it does not run any more.
        """
        self._end(pass_id, "interrupted", summary or {})

    def revert(self, pass_id: int | None = None) -> Pass:
        """Put back every row that a pass changed, as it was before it; None is the latest that is published.

        A procedure that was changed since (edited, accepted, forgotten from, changed by a later pass) stays as it is,
        with those that exchanged rows with it, and is named in the summary under `kept`.

        Raises:
            NotFoundError: no pass has that id, or none is published.
            LocalnpmError: it is not published, or all that it changed was changed since; nothing is put back.
        """
        chosen = self._published(pass_id)
        with self.database.transaction() as connection:
            # Rows refer to each other; they are whole again when all are back.
            connection.execute("PRAGMA defer_foreign_keys = ON")
            changes = connection.execute("SELECT * FROM pass_changes WHERE pass_id = ? ORDER BY id", (chosen.id,))
            rows = changes.fetchall()
            groups = _groups(rows)
            kept = {groups[row["id"]] for row in rows if _changed_since(connection, row)}
            kept |= _put_back(connection, rows, groups, set(groups.values()) - kept)
            names = _names(connection, [row for row in rows if groups[row["id"]] in kept])
            if rows and kept == set(groups.values()):
                raise LocalnpmError(
                    f"Pass {chosen.id} cannot be reverted: all that it made was changed since ({', '.join(names)}). "
                    "Revert later passes first, or use `localnpm memory disable` or `forget`."
                )
            connection.execute("DELETE FROM pass_changes WHERE pass_id = ?", (chosen.id,))
            connection.execute(
                "UPDATE passes SET status = 'reverted', summary = ? WHERE id = ?",
                (json.dumps({**chosen.summary, "kept": names}, ensure_ascii=False), chosen.id),
            )
        return self.get(chosen.id)

    def get(self, pass_id: int) -> Pass:
        """One pass.

        Raises:
            NotFoundError: none has that id.
        """
        rows = self.database.query("SELECT * FROM passes WHERE id = ?", (pass_id,))
        if not rows:
            raise NotFoundError(f"No pass has the id {pass_id}. `localnpm distill --status` shows those there were.")
        return self._seen(rows[0])

    def latest(self, n: int = 10) -> tuple[Pass, ...]:
        """The last passes, newest first."""
        rows = self.database.query("SELECT * FROM passes ORDER BY id DESC LIMIT ?", (n,))
        return tuple(self._seen(row) for row in rows)

    def newly_judged(self) -> int:
        """Attempts whose outcome no pass has seen that has published.

        One that was reverted has seen them too: what the user took back is not learned again unasked. A failure of
        the surroundings teaches nothing and does not count.
        """
        seen = self.database.query(
            "SELECT coalesce(max(last_verdict), 0) FROM passes WHERE status IN ('published', 'reverted')"
        )[0][0]
        fresh = self.database.query("SELECT DISTINCT attempt_id FROM verdicts WHERE id > ?", (seen,))
        rows = self.database.query(
            "SELECT count(*) FROM outcomes JOIN attempts ON attempts.id = outcomes.attempt_id "
            f"WHERE (success OR NOT surroundings) AND verdict_id > ? "
            f"AND outcomes.attempt_id IN ({literally(row[0] for row in fresh)})",
            (seen,),
        )
        return int(rows[0][0])

    def _end(self, pass_id: int, status: str, summary: Mapping[str, Any]) -> None:
        text = json.dumps(dict(summary), ensure_ascii=True)
        with self.database.transaction() as connection:
            self._running(pass_id)
            connection.execute(
                "UPDATE passes SET status = ?, summary = ?, finished_at = ? WHERE id = ?",
                (status, text, now(), pass_id),
            )

    def _running(self, pass_id: int) -> None:
        found = self.get(pass_id)
        if found.status != "running":
            raise LocalnpmError(f"Pass {pass_id} has ended ({found.status}); begin another.")

    def _published(self, pass_id: int | None) -> Pass:
        if pass_id is None:
            rows = self.database.query("SELECT id FROM passes WHERE status = 'published' ORDER BY id DESC LIMIT 1")
            if not rows:
                raise NotFoundError("There is no published pass to revert.")
            pass_id = rows[0]["id"]
        found = self.get(pass_id)
        if found.status != "published":
            raise LocalnpmError(f"Pass {pass_id} cannot be reverted: it is {found.status}, not published.")
        return found

    def _seen(self, row: sqlite3.Row) -> Pass:
        """The pass as it is: one whose process has ended is interrupted, whether or not that is written yet."""
        found = _read(row)
        return replace(found, status="interrupted") if found.status == "running" and self._is_dead(row) else found

    def _is_dead(self, row: sqlite3.Row) -> bool:
        folder = self.database.folder
        return folder is not None and not process.alive(folder / "run", row["process"])

    def _recover(self) -> None:
        """Mark passes whose process has ended as interrupted."""
        rows = self.database.query("SELECT id, process FROM passes WHERE status = 'running'")
        dead = [row["id"] for row in rows if self._is_dead(row)]
        if dead:
            with self.database.transaction() as connection:
                connection.executemany(
                    "UPDATE passes SET status = 'interrupted', finished_at = ? WHERE id = ? AND status = 'running'",
                    [(now(), pass_id) for pass_id in dead],
                )


def _groups(rows: list[sqlite3.Row]) -> dict[int, int | str]:
    """For each change, what it must be reverted together with: all changes of procedures that exchanged rows."""
    leader: dict[int, int] = {}

    def find(procedure_id: int) -> int:
        while leader.setdefault(procedure_id, procedure_id) != procedure_id:
            procedure_id = leader[procedure_id]
        return procedure_id

    owners = {row["id"]: json.loads(row["owners"]) for row in rows}
    for held in owners.values():
        for other in held[1:]:
            leader[find(other)] = find(held[0])
    # A vector of no procedure stands for itself, and its lineage with it.
    return {
        row["id"]: find(owners[row["id"]][0]) if owners[row["id"]] else f"vector {json.loads(row['row_key'])[0]}"
        for row in rows
    }


def _changed_since(connection: sqlite3.Connection, row: sqlite3.Row) -> bool:
    now_there = current(connection, row["place"], tuple(json.loads(row["row_key"])))
    left: str | None = row["after"]
    return left != (None if now_there is None else digest(row["place"], now_there))


def _names(connection: sqlite3.Connection, rows: list[sqlite3.Row]) -> list[str]:
    """The procedures, and vectors of none, that changes belong to."""
    ids = {procedure_id for row in rows for procedure_id in json.loads(row["owners"])}
    vectors = {json.loads(row["row_key"])[0] for row in rows if not json.loads(row["owners"])}
    found: list[str] = []
    for table, wanted in (("procedures", ids), ("vectors", vectors)):
        for row_id in sorted(wanted):
            held = connection.execute(f"SELECT name FROM {table} WHERE id = ?", (row_id,)).fetchone()
            found.append(held["name"] if held else f"{table[:-1]} {row_id}, forgotten")
    return found


def _put_back(
    connection: sqlite3.Connection, rows: list[sqlite3.Row], groups: dict[int, int | str], wanted: set[int | str]
) -> set[int | str]:
    """Put groups of rows back; those for which something new is in the way are left as they are, and returned."""

    def tried(chosen: set[int | str]) -> bool:
        return _restored(connection, [row for row in rows if groups[row["id"]] in chosen])

    if tried(wanted):
        return set()
    # One by one, then; what one group gives free, a name say, another may need.
    while done := {group for group in wanted if tried({group})}:
        wanted = wanted - done
    return wanted


def _restored(connection: sqlite3.Connection, rows: list[sqlite3.Row]) -> bool:
    """Put rows back, or leave them as they are where something new has their place: a name, or that of being active."""
    connection.execute("SAVEPOINT putting_back")
    try:
        _restore(connection, rows)
    except sqlite3.IntegrityError:
        connection.execute("ROLLBACK TO putting_back")
        return False
    finally:
        connection.execute("RELEASE putting_back")
    return True


def _restore(connection: sqlite3.Connection, rows: list[sqlite3.Row]) -> None:
    """First take away what the pass added, then restore, from what is referred to down."""
    order = list(TABLES)
    keyed = [(row["place"], tuple(json.loads(row["row_key"])), row["before"]) for row in rows]
    for table, key, before in sorted(keyed, key=lambda change: -order.index(change[0])):
        if before is None:
            put_back(connection, table, key, None)
        elif table in ("procedure_versions", "vectors"):
            # Of two that change places, neither may be in the other's when it is put back.
            connection.execute(f"UPDATE {table} SET status = 'retired' WHERE id = ?", key)
    for table, key, before in sorted(keyed, key=lambda change: order.index(change[0])):
        if before is not None:
            put_back(connection, table, key, before)


def _read(row: sqlite3.Row) -> Pass:
    return Pass(
        id=row["id"],
        cause=row["cause"],
        policy=row["policy"],
        status=row["status"],
        last_attempt=row["last_attempt"],
        last_verdict=row["last_verdict"],
        started_at=datetime.fromisoformat(row["started_at"]),
        finished_at=parse(row["finished_at"]),
        summary=json.loads(row["summary"]),
    )
