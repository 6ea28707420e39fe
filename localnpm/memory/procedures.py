"""Procedures: kinds of tasks, their versions, members and recall keys. All writes are transactions, or part of one.

A procedure has at most one active version; the others are candidates or retired, and stay. Elsewhere: control vectors
(vector_store.py), how often each was of use (uses.py), what a pass changed (passes.py), forgetting (forget.py).
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Literal, cast

from localnpm.errors import LocalnpmError
from localnpm.memory.clock import now
from localnpm.memory.database import Database, storable
from localnpm.memory.procedure_names import RULE, free, slug, valid
from localnpm.memory.procedure_records import (
    Draft,
    Procedure,
    ProcedureStatus,
    Version,
    VersionStatus,
    Way,
)
from localnpm.memory.procedure_rows import read_procedures, read_versions, unknown_procedure, unknown_version
from localnpm.memory.records import unknown_attempt
from localnpm.memory.search import words_of

TITLE_WIDTH = 120

_FOUND = """
    SELECT procedure_id FROM versions_fts JOIN procedure_versions ON procedure_versions.id = versions_fts.rowid
    WHERE versions_fts MATCH :query AND procedure_versions.status != 'retired'
    UNION SELECT procedure_id FROM recall_keys_fts JOIN recall_keys ON recall_keys.id = recall_keys_fts.rowid
    WHERE recall_keys_fts MATCH :query
    UNION SELECT id FROM procedures WHERE instr(lower(name || ' ' || title), lower(:text)) > 0
"""


class Procedures:
    """Writes and reads what was learned. Its writes are on the disk when they return, unless a transaction is open."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(
        self,
        title: str,
        keys: Sequence[tuple[str, int | None]],
        draft: Draft | None,
        *,
        name: str = "",
        status: ProcedureStatus = "active",
        status_reason: str = "",
        origin: Literal["learned", "imported", "written"] = "learned",
        version_status: VersionStatus = "active",
        pass_id: int | None = None,
    ) -> Procedure:
        """Store a new kind of task, with its first version where there is a draft.

        Args:
            title: cut to one line.
            keys: texts that recall compares a request with, each with the attempt whose request it is.
            name: made from the title when empty; a number is added to one that is taken.

        Raises:
            LocalnpmError: the name does not follow the rule for names.
            NotFoundError: an attempt of the keys or the draft does not exist.
        """
        if name and not valid(name):
            raise LocalnpmError(f"A procedure cannot have the name {name!r}: a name is {RULE}.")
        line = one_title(title)
        moment = now()
        with self.database.transaction() as connection:
            taken = {row["name"] for row in connection.execute("SELECT name FROM procedures")}
            cursor = connection.execute(
                "INSERT INTO procedures(name, title, status, status_reason, origin, created_at, updated_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (free(name or slug(line), taken), line, status, storable(status_reason), origin, moment, moment),
            )
            procedure_id = cast(int, cursor.lastrowid)
            for text, attempt_id in keys:
                self.add_key(procedure_id, text, attempt_id)
            if draft is not None:
                self.add_version(procedure_id, draft, status=version_status, pass_id=pass_id)
        return self.get(procedure_id)

    def add_version(
        self,
        procedure_id: int,
        draft: Draft,
        *,
        status: VersionStatus = "candidate",
        status_reason: str = "",
        pass_id: int | None = None,
    ) -> Version:
        """Store what a procedure is to say; an active one takes the place of the one before, which is retired.

        Raises:
            NotFoundError: the procedure, the parent or an attempt of the lineage does not exist.
        """
        with self.database.transaction() as connection:
            self._exists(connection, procedure_id)
            if draft.parent_id is not None:
                self.version(draft.parent_id)
            if status == "active":
                self._retire_active(connection, procedure_id)
            cursor = connection.execute(
                "INSERT INTO procedure_versions(procedure_id, number, status, status_reason, source, script, example, "
                "way, doubtful, parent_id, pass_id, created_at) "
                "SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? "
                "FROM procedure_versions WHERE procedure_id = ?",
                (
                    procedure_id, status, storable(status_reason), draft.source, storable(draft.script),
                    storable(draft.example), _as_json(draft.way), _as_json(draft.doubtful), draft.parent_id, pass_id,
                    now(), procedure_id,
                ),
            )  # fmt: skip
            version_id = cast(int, cursor.lastrowid)
            for attempt_id, role in dict.fromkeys(draft.lineage):
                self._attempt_exists(connection, attempt_id)
                connection.execute("INSERT INTO lineage VALUES (?, ?, ?)", (version_id, attempt_id, role))
            if status != "retired":
                self._rebuilt(connection, procedure_id)
            self._touch(connection, procedure_id)
        return self.version(version_id)

    def activate(self, version_id: int) -> None:
        """Make a version the one in use; the one before is retired.

        Raises:
            NotFoundError: no version has that id.
            LocalnpmError: it says nothing any more, as what it came from was forgotten.
        """
        version = self.version(version_id)
        if not version.script and not version.example:
            raise LocalnpmError(
                f"Version {version.number} cannot be used: what it said was forgotten. "
                "`localnpm distill` writes another where there is enough to learn from."
            )
        with self.database.transaction() as connection:
            if version.status != "active":
                self._retire_active(connection, version.procedure_id)
                connection.execute(
                    "UPDATE procedure_versions SET status = 'active', status_reason = '' WHERE id = ?", (version_id,)
                )
            self._touch(connection, version.procedure_id)

    def retire(self, version_id: int, why: str) -> None:
        """Take a version out of use; it stays to be looked at.

        Raises:
            NotFoundError: no version has that id.
        """
        version = self.version(version_id)
        with self.database.transaction() as connection:
            connection.execute(
                "UPDATE procedure_versions SET status = 'retired', status_reason = ? WHERE id = ?",
                (storable(why), version_id),
            )
            self._touch(connection, version.procedure_id)

    def get(self, id_or_name: int | str) -> Procedure:
        """One procedure; text of digits alone is an id.

        Raises:
            NotFoundError: none has that id or name.
        """
        key = int(id_or_name) if isinstance(id_or_name, str) and id_or_name.isdecimal() else id_or_name
        column = "id" if isinstance(key, int) else "name"
        rows = self.database.query(f"SELECT * FROM procedures WHERE {column} = ?", (_fitting(key),))
        if not rows:
            raise unknown_procedure(key)
        return read_procedures(self.database, rows)[0]

    def all(self, status: ProcedureStatus | None = None) -> tuple[Procedure, ...]:
        """All procedures, oldest first; `status` keeps those that have it."""
        rows = self.database.query(
            "SELECT * FROM procedures WHERE :status IS NULL OR status = :status ORDER BY id", {"status": status}
        )
        return read_procedures(self.database, rows)

    def versions(self, procedure_id: int) -> tuple[Version, ...]:
        """A procedure's versions, oldest first."""
        rows = self.database.query(
            "SELECT * FROM procedure_versions WHERE procedure_id = ? ORDER BY number", (procedure_id,)
        )
        return read_versions(self.database, rows)

    def version(self, version_id: int) -> Version:
        """One version.

        Raises:
            NotFoundError: none has that id.
        """
        rows = self.database.query("SELECT * FROM procedure_versions WHERE id = ?", (version_id,))
        if not rows:
            raise unknown_version(version_id)
        return read_versions(self.database, rows)[0]

    def set_status(self, procedure_id: int, status: ProcedureStatus, why: str = "") -> None:
        """Say whether a procedure is in use, and why not.

        Raises:
            NotFoundError: no procedure has that id.
        """
        with self.database.transaction() as connection:
            self._exists(connection, procedure_id)
            connection.execute(
                "UPDATE procedures SET status = ?, status_reason = ?, updated_at = ? WHERE id = ?",
                (status, storable(why), now(), procedure_id),
            )

    def edit(self, procedure_id: int, script: str, *, keep_example: bool = True) -> Version:
        """Store the user's own wording as a new version, active at once.

        Raises:
            NotFoundError: no procedure has that id.
            LocalnpmError: there is no text.
        """
        if not script.strip():
            raise LocalnpmError("A script needs some text. `localnpm memory disable` takes a procedure out of use.")
        with self.database.transaction():
            before = self.newest(procedure_id)
            draft = Draft(
                script=script.strip("\n"),
                example=before.example if before is not None and keep_example else "",
                source="edited",
                way=before.way if before is not None else (),
                parent_id=before.id if before is not None else None,
            )
            version = self.add_version(procedure_id, draft, status="active")
            if self.get(procedure_id).status == "candidate":
                self.set_status(procedure_id, "active")
        return version

    def accept(self, version_id: int) -> None:
        """Put a version to use that was waiting for the user's word; none of its sentences is doubtful any more.

        Raises:
            NotFoundError: no version has that id.
            LocalnpmError: it says nothing any more.
        """
        with self.database.transaction() as connection:
            connection.execute("UPDATE procedure_versions SET doubtful = '[]' WHERE id = ?", (version_id,))
            self.activate(version_id)
            procedure = self.get(self.version(version_id).procedure_id)
            if procedure.status == "candidate":
                self.set_status(procedure.id, "active")

    def newest(self, procedure_id: int) -> Version | None:
        """The active version, else the newest that says something, else None."""
        said = [version for version in self.versions(procedure_id) if version.script or version.example]
        return next((version for version in said if version.status == "active"), said[-1] if said else None)

    def stale(self) -> tuple[Procedure, ...]:
        """What the next pass is to look at: versions with a changed verdict, or emptied and not yet replaced."""
        rows = self.database.query(
            "SELECT * FROM procedures WHERE id IN (SELECT procedure_id FROM procedure_versions WHERE stale = 1 "
            "AND (status != 'retired' OR (script = '' AND example = ''))) "
            "OR id IN (SELECT procedure_id FROM vectors WHERE stale = 1 AND (status != 'retired' OR gguf = x'')) "
            "ORDER BY id"
        )
        return read_procedures(self.database, rows)

    def add_member(self, attempt_id: int, procedure_id: int, way: Way) -> None:
        """Note that an attempt is of this kind; one that was of another kind moves.

        Raises:
            NotFoundError: no attempt or procedure has that id.
        """
        with self.database.transaction() as connection:
            self._exists(connection, procedure_id)
            self._attempt_exists(connection, attempt_id)
            connection.execute(
                "INSERT INTO members(attempt_id, procedure_id, way) VALUES (?, ?, ?) "
                "ON CONFLICT (attempt_id) DO UPDATE SET procedure_id = excluded.procedure_id, way = excluded.way",
                (attempt_id, procedure_id, _as_json(way)),
            )

    def members(self, procedure_id: int) -> tuple[int, ...]:
        """The attempts of a kind, oldest first."""
        rows = self.database.query(
            "SELECT attempt_id FROM members WHERE procedure_id = ? ORDER BY attempt_id", (procedure_id,)
        )
        return tuple(row["attempt_id"] for row in rows)

    def procedure_of(self, attempt_id: int) -> int | None:
        """The kind that an attempt is of."""
        rows = self.database.query("SELECT procedure_id FROM members WHERE attempt_id = ?", (attempt_id,))
        return rows[0]["procedure_id"] if rows else None

    def add_key(self, procedure_id: int, text: str, attempt_id: int | None = None) -> None:
        """Add a text that recall compares a request with; one that is there already is not added again.

        Raises:
            NotFoundError: no procedure or attempt has that id.
        """
        with self.database.transaction() as connection:
            self._exists(connection, procedure_id)
            if attempt_id is not None:
                self._attempt_exists(connection, attempt_id)
            connection.execute(
                "INSERT INTO recall_keys(procedure_id, attempt_id, text) SELECT :procedure, :attempt, :text "
                "WHERE NOT EXISTS (SELECT 1 FROM recall_keys WHERE procedure_id = :procedure AND text = :text "
                "AND attempt_id IS :attempt)",
                {"procedure": procedure_id, "attempt": attempt_id, "text": storable(text)},
            )

    def keys(self, procedure_id: int) -> tuple[str, ...]:
        """The texts that recall compares a request with, oldest first, each once."""
        rows = self.database.query("SELECT text FROM recall_keys WHERE procedure_id = ? ORDER BY id", (procedure_id,))
        return tuple(dict.fromkeys(row["text"] for row in rows))

    def merge(self, into: int, other: int, pass_id: int | None = None) -> None:
        """Make one kind of two: members and keys move to `into`; `other`, its versions and its vectors are retired.

        The text that tells both is a new version of `into`, which the caller adds.

        Raises:
            NotFoundError: no procedure has one of the ids.
            ValueError: they are the same.
        """
        if into == other:
            raise ValueError("a procedure cannot be merged with itself")
        with self.database.transaction() as connection:
            kept = self.get(into)
            self._exists(connection, other)
            why = f"merged into {kept.name}" + (f" by pass {pass_id}" if pass_id is not None else "")
            for table in ("members", "recall_keys"):
                connection.execute(f"UPDATE {table} SET procedure_id = ? WHERE procedure_id = ?", (into, other))
            for table in ("procedure_versions", "vectors"):
                connection.execute(
                    f"UPDATE {table} SET status = 'retired', status_reason = ? "
                    "WHERE procedure_id = ? AND status != 'retired'",
                    (why, other),
                )
            self.set_status(other, "retired", why)
            self._touch(connection, into)

    def search(self, text: str, limit: int = 20) -> tuple[Procedure, ...]:
        """Procedures whose name, title, keys, script or example hold all the words, those in use first."""
        words, query = words_of(text)
        if not words:
            return ()
        rows = self.database.query(
            f"SELECT * FROM procedures WHERE id IN ({_FOUND}) ORDER BY status = 'active' DESC, id DESC LIMIT :limit",
            {"query": query, "text": words, "limit": limit},
        )
        return read_procedures(self.database, rows)

    @staticmethod
    def _exists(connection: sqlite3.Connection, procedure_id: int) -> None:
        if connection.execute("SELECT 1 FROM procedures WHERE id = ?", (procedure_id,)).fetchone() is None:
            raise unknown_procedure(procedure_id)

    @staticmethod
    def _attempt_exists(connection: sqlite3.Connection, attempt_id: int) -> None:
        if connection.execute("SELECT 1 FROM attempts WHERE id = ?", (attempt_id,)).fetchone() is None:
            raise unknown_attempt(attempt_id)

    @staticmethod
    def _retire_active(connection: sqlite3.Connection, procedure_id: int) -> None:
        connection.execute(
            "UPDATE procedure_versions SET status = 'retired', status_reason = 'replaced' "
            "WHERE procedure_id = ? AND status = 'active'",
            (procedure_id,),
        )

    @staticmethod
    def _rebuilt(connection: sqlite3.Connection, procedure_id: int) -> None:
        """Versions that were emptied wait for no rebuilding any more."""
        connection.execute(
            "UPDATE procedure_versions SET stale = 0 "
            "WHERE procedure_id = ? AND stale = 1 AND status = 'retired' AND script = '' AND example = ''",
            (procedure_id,),
        )

    @staticmethod
    def _touch(connection: sqlite3.Connection, procedure_id: int) -> None:
        connection.execute("UPDATE procedures SET updated_at = ? WHERE id = ?", (now(), procedure_id))


def one_title(text: str) -> str:
    """A title as it is stored: one line, at most TITLE_WIDTH characters."""
    line = " ".join(storable(text).split())
    return line if len(line) <= TITLE_WIDTH else line[: TITLE_WIDTH - 1] + "…"


def _as_json(words: Sequence[str]) -> str:
    return json.dumps([storable(word) for word in words], ensure_ascii=False)


def _fitting(key: int | str) -> int | str:
    """A number that SQLite can hold; none has an id beyond that."""
    return key if isinstance(key, str) or key < 1 << 63 else -1
