"""What a kind of task is made of: the attempts that are its members, and the texts that recall compares requests with.

Not covered: what a procedure says of its kind (procedures.py), which attempt is of which kind (distill).
"""

import json
import sqlite3
from collections.abc import Collection, Sequence

from localnpm.memory.database import storable
from localnpm.memory.procedure_reading import ProcedureReader
from localnpm.memory.procedure_records import Way
from localnpm.memory.procedure_rows import unknown_procedure
from localnpm.memory.records import unknown_attempt


class ProcedureKinds(ProcedureReader):
    """Writes members and recall keys; each write is a transaction, or part of one."""

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
                (attempt_id, procedure_id, words_json(way)),
            )

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

    def move(self, attempt_ids: Collection[int], procedure_id: int) -> None:
        """Make attempts, with the keys that are their requests, part of another kind; not the versions they went into.

        Raises:
            NotFoundError: no procedure has that id.
        """
        with self.database.transaction() as connection:
            self._exists(connection, procedure_id)
            for table in ("members", "recall_keys"):
                connection.execute(
                    f"UPDATE {table} SET procedure_id = ? WHERE attempt_id IN (SELECT value FROM json_each(?))",
                    (procedure_id, json.dumps(sorted(attempt_ids))),
                )

    @staticmethod
    def _exists(connection: sqlite3.Connection, procedure_id: int) -> None:
        if connection.execute("SELECT 1 FROM procedures WHERE id = ?", (procedure_id,)).fetchone() is None:
            raise unknown_procedure(procedure_id)

    @staticmethod
    def _attempt_exists(connection: sqlite3.Connection, attempt_id: int) -> None:
        if connection.execute("SELECT 1 FROM attempts WHERE id = ?", (attempt_id,)).fetchone() is None:
            raise unknown_attempt(attempt_id)


def words_json(words: Sequence[str]) -> str:
    """Texts as a column holds them."""
    return json.dumps([storable(word) for word in words], ensure_ascii=False)
