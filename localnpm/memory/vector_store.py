"""Control vectors as stored: GGUF bytes with what is known of them. A vector is *live* until it is retired.

Of each name there is at most one live vector for a model file. Not covered: what the bytes mean (distill/gguf.py).
"""

import json
import sqlite3
from collections.abc import Collection, Mapping
from typing import Any, Literal, cast

from localnpm.errors import LocalnpmError
from localnpm.memory.clock import now
from localnpm.memory.database import Database, storable
from localnpm.memory.forget import forget_vector
from localnpm.memory.procedure_names import RULE, free, valid
from localnpm.memory.procedure_records import StoredVector, VectorStatus
from localnpm.memory.procedure_rows import VECTOR_COLUMNS, read_vector, unknown_vector
from localnpm.memory.records import unknown_attempt


class VectorStore:
    """Writes and reads control vectors. Its writes are on the disk when they return, unless a transaction is open."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(
        self,
        name: str,
        gguf: bytes,
        *,
        procedure_id: int | None = None,
        status: VectorStatus,
        status_reason: str = "",
        origin: Literal["distilled", "trained", "imported"],
        method: str = "",
        model: str,
        model_fingerprint: str,
        coefficient: float,
        layers: tuple[int, int],
        pairs: int = 0,
        calibration: Mapping[str, Any] | None = None,
        lineage: Collection[int] = (),
        pass_id: int | None = None,
    ) -> StoredVector:
        """Store a vector; a live distilled one of the model with its name or procedure gives way to a distilled one.

        What the user has trained or imported is never replaced: a distilled vector takes another name beside it.

        Args:
            name: a number is added to a distilled vector's where a trained or imported one has it.
            layers: first and last 0-based block, both included.
            calibration: must go through JSON; NaN and infinities are refused.
            lineage: the attempts that it came from.

        Raises:
            LocalnpmError: the name does not follow the rule for names, or a live vector of the model has it.
            NotFoundError: an attempt of the lineage does not exist, or no longer: what came from it may not be kept.
            ValueError: the calibration holds a number that JSON has no form for.
        """
        if not valid(name):
            raise LocalnpmError(f"A control vector cannot have the name {name!r}: a name is {RULE}.")
        measured = json.dumps(dict(calibration or {}), allow_nan=False)
        with self.database.transaction() as connection:
            for attempt_id in lineage:
                if connection.execute("SELECT 1 FROM attempts WHERE id = ?", (attempt_id,)).fetchone() is None:
                    raise unknown_attempt(attempt_id)
            if status != "retired":
                name = self._make_room(connection, name, origin, model_fingerprint, procedure_id)
            if procedure_id is not None:
                # Emptied when an attempt was forgotten: this one takes its place.
                connection.execute(
                    "UPDATE vectors SET stale = 0 WHERE procedure_id = ? AND model_fingerprint = ? AND gguf = x''",
                    (procedure_id, model_fingerprint),
                )
            cursor = connection.execute(
                "INSERT INTO vectors(name, procedure_id, status, status_reason, origin, method, model, "
                "model_fingerprint, gguf, coefficient, first_layer, last_layer, pairs, calibration, pass_id, "
                "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    name, procedure_id, status, storable(status_reason), origin, method, storable(model),
                    model_fingerprint, gguf, coefficient, *layers, pairs, measured, pass_id, now(),
                ),
            )  # fmt: skip
            vector_id = cast(int, cursor.lastrowid)
            connection.executemany(
                "INSERT INTO vector_lineage VALUES (?, ?)", [(vector_id, attempt_id) for attempt_id in set(lineage)]
            )
        return self.get(vector_id)

    @staticmethod
    def _make_room(
        connection: sqlite3.Connection, name: str, origin: str, model_fingerprint: str, procedure_id: int | None
    ) -> str:
        """Retire the distilled vectors whose place a distilled one takes; the name that it can have."""
        if origin == "distilled":
            connection.execute(
                "UPDATE vectors SET status = 'retired', status_reason = 'replaced', stale = 0 "
                "WHERE model_fingerprint = :model AND status != 'retired' AND origin = 'distilled' "
                "AND (name = :name OR procedure_id = :procedure)",
                {"model": model_fingerprint, "name": name, "procedure": procedure_id},
            )
        live = {
            row["name"]: row["id"]
            for row in connection.execute(
                "SELECT id, name FROM vectors WHERE model_fingerprint = ? AND status != 'retired'", (model_fingerprint,)
            )
        }
        if name in live and origin != "distilled":
            raise LocalnpmError(f"Vector {live[name]} of the same model has the name {name} already; take another.")
        return free(name, live)

    def get(self, id_or_name: int | str, model_fingerprint: str | None = None) -> StoredVector:
        """One vector: by id any, by name the live one, of the given model or else the newest.

        Raises:
            NotFoundError: there is none.
        """
        if isinstance(id_or_name, int):
            rows = self.database.query(f"SELECT {VECTOR_COLUMNS} FROM vectors WHERE id = ?", (id_or_name,))
        else:
            rows = self.database.query(
                f"SELECT {VECTOR_COLUMNS} FROM vectors WHERE name = :name AND status != 'retired' "
                "AND (:model IS NULL OR model_fingerprint = :model) ORDER BY id DESC LIMIT 1",
                {"name": storable(id_or_name), "model": model_fingerprint},
            )
        if not rows:
            raise unknown_vector(id_or_name)
        return read_vector(rows[0])

    def all(
        self, model_fingerprint: str | None = None, status: VectorStatus | None = None, *, retired: bool = False
    ) -> tuple[StoredVector, ...]:
        """All live vectors, oldest first, with `retired` the others too."""
        rows = self.database.query(
            f"SELECT {VECTOR_COLUMNS} FROM vectors WHERE (:model IS NULL OR model_fingerprint = :model) "
            "AND (:status IS NULL OR status = :status) AND (:retired OR :status IS NOT NULL OR status != 'retired') "
            "ORDER BY id",
            {"model": model_fingerprint, "status": status, "retired": retired},
        )
        return tuple(read_vector(row) for row in rows)

    def of_procedure(self, procedure_id: int, model_fingerprint: str) -> StoredVector | None:
        """A procedure's live vector for a model, an active one before others; None where there is none."""
        rows = self.database.query(
            f"SELECT {VECTOR_COLUMNS} FROM vectors WHERE procedure_id = ? AND model_fingerprint = ? "
            "AND status != 'retired' ORDER BY status = 'active' DESC, id DESC LIMIT 1",
            (procedure_id, model_fingerprint),
        )
        return read_vector(rows[0]) if rows else None

    def live_of(self, procedure_id: int) -> tuple[StoredVector, ...]:
        """A procedure's live vectors for whatever model, active ones first, then the newest."""
        rows = self.database.query(
            f"SELECT {VECTOR_COLUMNS} FROM vectors WHERE procedure_id = ? AND status != 'retired' "
            "ORDER BY status = 'active' DESC, id DESC",
            (procedure_id,),
        )
        return tuple(read_vector(row) for row in rows)

    def latest(self, limit: int, *, status: VectorStatus | None = None, text: str = "") -> tuple[StoredVector, ...]:
        """The newest live vectors, newest first; `text` is a part of the name or the model's name."""
        rows = self.database.query(
            f"SELECT {VECTOR_COLUMNS} FROM vectors WHERE status != 'retired' AND (:status IS NULL OR status = :status) "
            "AND instr(lower(name || ' ' || model), lower(:text)) > 0 ORDER BY id DESC LIMIT :limit",
            {"status": status, "text": storable(text), "limit": limit},
        )
        return tuple(read_vector(row) for row in rows)

    def gguf(self, vector_id: int) -> bytes:
        """The file's bytes; empty after an attempt that it came from was forgotten.

        Raises:
            NotFoundError: no vector has that id.
        """
        rows = self.database.query("SELECT gguf FROM vectors WHERE id = ?", (vector_id,))
        if not rows:
            raise unknown_vector(vector_id)
        return bytes(rows[0]["gguf"])

    def lineage(self, vector_id: int) -> tuple[int, ...]:
        """The attempts that a vector came from, oldest first."""
        rows = self.database.query(
            "SELECT attempt_id FROM vector_lineage WHERE vector_id = ? ORDER BY attempt_id", (vector_id,)
        )
        return tuple(row["attempt_id"] for row in rows)

    def set_status(self, vector_id: int, status: VectorStatus, why: str = "") -> None:
        """Say whether a vector may be used, and why not.

        Raises:
            NotFoundError: no vector has that id.
            LocalnpmError: a retired one of which another live one has the name, or one to be used that was emptied.
        """
        vector = self.get(vector_id)
        if status == "active" and not self.gguf(vector_id):
            raise LocalnpmError(
                f"Vector {vector_id} cannot be used: it was emptied when an attempt that it came from was forgotten. "
                "`localnpm distill` makes another where there is enough to learn from."
            )
        with self.database.transaction() as connection:
            taken = connection.execute(
                "SELECT id FROM vectors WHERE name = ? AND model_fingerprint = ? AND status != 'retired' AND id != ?",
                (vector.name, vector.model_fingerprint, vector_id),
            ).fetchone()
            if taken is not None and status != "retired":
                raise LocalnpmError(
                    f"Vector {vector_id} cannot be {status}: vector {taken['id']} has the name {vector.name} now. "
                    "Retire that one first."
                )
            connection.execute(
                "UPDATE vectors SET status = ?, status_reason = ? WHERE id = ?", (status, storable(why), vector_id)
            )

    def rename(self, vector_id: int, name: str) -> StoredVector:
        """Give a vector another name. The bytes stay as they are.

        Raises:
            NotFoundError: no vector has that id.
            LocalnpmError: the name does not follow the rule for names, or a live vector of the same model has it.
        """
        vector = self.get(vector_id)
        if not valid(name):
            raise LocalnpmError(f"A control vector cannot have the name {name!r}: a name is {RULE}.")
        with self.database.transaction() as connection:
            taken = connection.execute(
                "SELECT id FROM vectors WHERE name = ? AND model_fingerprint = ? AND status != 'retired' AND id != ?",
                (name, vector.model_fingerprint, vector_id),
            ).fetchone()
            if taken is not None and vector.status != "retired":
                raise LocalnpmError(f"Vector {taken['id']} of the same model has the name {name} already.")
            connection.execute("UPDATE vectors SET name = ? WHERE id = ?", (name, vector_id))
        return self.get(vector_id)

    def forget(self, vector_id: int) -> None:
        """Take a vector out of the memory's files for good. See forget.py.

        Raises:
            NotFoundError: no vector has that id.
        """
        forget_vector(self.database, vector_id)
