"""Procedures: kinds of tasks and their versions. All writes are transactions, or part of one.

A procedure has at most one active version; the others are candidates or retired, and stay. Elsewhere: reading them
(procedure_reading.py), members and recall keys (procedure_kinds.py), control vectors (vector_store.py), how often each
was of use (uses.py), what a pass changed (passes.py), forgetting (forget.py).
"""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Literal, cast

from localnpm.errors import LocalnpmError
from localnpm.memory.clock import now
from localnpm.memory.database import storable
from localnpm.memory.forget import forget_procedures
from localnpm.memory.procedure_kinds import ProcedureKinds, words_json
from localnpm.memory.procedure_names import RULE, free, one_title, slug, valid
from localnpm.memory.procedure_records import (
    Draft,
    Procedure,
    ProcedureStatus,
    Role,
    Version,
    VersionStatus,
)
from localnpm.memory.procedure_rows import EMPTIED, REPLACED


class Procedures(ProcedureKinds):
    """Writes and reads what was learned. Its writes are on the disk when they return, unless a transaction is open."""

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
                    storable(draft.example), words_json(draft.way), words_json(draft.doubtful), draft.parent_id,
                    pass_id, now(), procedure_id,
                ),
            )  # fmt: skip
            version_id = cast(int, cursor.lastrowid)
            for attempt_id, role in dict.fromkeys(draft.lineage):
                self._attempt_exists(connection, attempt_id)
                connection.execute("INSERT INTO lineage VALUES (?, ?, ?)", (version_id, attempt_id, role))
            if status != "retired":
                self._rebuilt(connection, procedure_id)
            if status == "active":
                self._revive(connection, procedure_id, draft.script)
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

    def confirm(self, version_ids: Collection[int]) -> None:
        """Note that versions were looked at again since a verdict on an attempt of theirs has changed, and stay."""
        with self.database.transaction() as connection:
            connection.executemany(
                "UPDATE procedure_versions SET stale = 0 WHERE id = ?", [(version_id,) for version_id in version_ids]
            )

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

    def edit(
        self,
        procedure_id: int,
        script: str,
        *,
        keep_example: bool = True,
        lineage: Sequence[tuple[int, Role]] = (),
    ) -> Version:
        """Store the user's own wording as a new version, active at once; `lineage` as of a `Draft`.

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
                lineage=tuple(lineage),
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
            self._exists(connection, into)
            self._exists(connection, other)
            why = f"merged into procedure {into}" + (f" by pass {pass_id}" if pass_id is not None else "")
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

    def forget(self, procedure_id: int) -> None:
        """Take a procedure out of the memory's files for good; its attempts stay. See forget.py, also for backups.

        Raises:
            NotFoundError: no procedure has that id.
        """
        forget_procedures(self.database, [procedure_id])

    @staticmethod
    def _retire_active(connection: sqlite3.Connection, procedure_id: int) -> None:
        connection.execute(
            "UPDATE procedure_versions SET status = 'retired', status_reason = ? "
            "WHERE procedure_id = ? AND status = 'active'",
            (REPLACED, procedure_id),
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
    def _revive(connection: sqlite3.Connection, procedure_id: int, script: str) -> None:
        """Use a procedure again that had lost its text, under the title that its new script has."""
        row = connection.execute(
            "SELECT title, name FROM procedures WHERE id = ? AND status_reason = ?", (procedure_id, EMPTIED)
        ).fetchone()
        if row is None:
            return
        title = one_title(script.split("\n", 1)[0]) or row["title"]
        taken = {
            other["name"] for other in connection.execute("SELECT name FROM procedures WHERE id != ?", (procedure_id,))
        }
        connection.execute(
            "UPDATE procedures SET status = 'active', status_reason = '', title = ?, name = ? WHERE id = ?",
            (title, free(slug(title), taken), procedure_id),
        )

    @staticmethod
    def _touch(connection: sqlite3.Connection, procedure_id: int) -> None:
        connection.execute("UPDATE procedures SET updated_at = ? WHERE id = ?", (now(), procedure_id))
