"""Procedures as they are read: one, all, by words, with their versions, members and recall keys."""

from localnpm.memory.database import Database, storable
from localnpm.memory.procedure_names import LONGEST
from localnpm.memory.procedure_records import Procedure, ProcedureStatus, Version
from localnpm.memory.procedure_rows import read_procedures, read_versions, unknown_procedure, unknown_version
from localnpm.memory.search import words_of

_FOUND = """
    SELECT procedure_id FROM versions_fts JOIN procedure_versions ON procedure_versions.id = versions_fts.rowid
    WHERE versions_fts MATCH :query AND procedure_versions.status != 'retired'
    UNION SELECT procedure_id FROM recall_keys_fts JOIN recall_keys ON recall_keys.id = recall_keys_fts.rowid
    WHERE recall_keys_fts MATCH :query
    UNION SELECT id FROM procedures WHERE instr(lower(name || ' ' || title), lower(:text)) > 0
"""


class ProcedureReader:
    """Reads what was learned."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def get(self, id_or_name: int | str) -> Procedure:
        """One procedure; text of digits alone is an id.

        Raises:
            NotFoundError: none has that id or name.
        """
        key = int(id_or_name) if isinstance(id_or_name, str) and _is_id(id_or_name) else id_or_name
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

    def latest(self, limit: int, status: ProcedureStatus | None = None) -> tuple[Procedure, ...]:
        """The newest procedures, newest first; `status` keeps those that have it."""
        rows = self.database.query(
            "SELECT * FROM procedures WHERE :status IS NULL OR status = :status ORDER BY id DESC LIMIT :limit",
            {"status": status, "limit": limit},
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

    def keys(self, procedure_id: int) -> tuple[str, ...]:
        """The texts that recall compares a request with, oldest first, each once."""
        rows = self.database.query("SELECT text FROM recall_keys WHERE procedure_id = ? ORDER BY id", (procedure_id,))
        return tuple(dict.fromkeys(row["text"] for row in rows))

    def search(self, text: str, limit: int = 20, status: ProcedureStatus | None = None) -> tuple[Procedure, ...]:
        """Procedures whose name, title, keys, script or example hold all the words, those in use first."""
        words, query = words_of(text)
        if not words:
            return ()
        rows = self.database.query(
            f"SELECT * FROM procedures WHERE id IN ({_FOUND}) AND (:status IS NULL OR status = :status) "
            "ORDER BY status = 'active' DESC, id DESC LIMIT :limit",
            {"query": query, "text": words, "limit": limit, "status": status},
        )
        return read_procedures(self.database, rows)


def _is_id(text: str) -> bool:
    """Whether a text is a number that Python reads; of thousands of digits it reads none."""
    return text.isdecimal() and len(text) <= LONGEST


def _fitting(key: int | str) -> int | str:
    """A number or text that SQLite can hold; no procedure has another."""
    if isinstance(key, str):
        return storable(key)
    return key if key < 1 << 63 else -1
