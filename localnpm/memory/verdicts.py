"""The verdict ledger: who judged an attempt, how surely, and why. Entries are added, never changed.

An attempt's *outcome* is the latest entry of the highest rank present; the view `outcomes` (schema.py) has the ranks.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from localnpm.memory.clock import now
from localnpm.memory.database import Database, storable
from localnpm.memory.records import unknown_attempt

Source = Literal[
    "user", "check", "environment", "correction", "judge", "undone", "declined", "edited", "kept"
]  # fmt: skip

CONFIDENCE: dict[Source, float] = {
    "user": 1.0,
    "check": 1.0,
    "environment": 1.0,
    "correction": 0.8,
    "judge": 0.5,
    "undone": 0.7,
    "declined": 0.6,
    "edited": 0.4,
    "kept": 0.3,
}
"""How far each source is trusted where the caller does not say; 1 is certain."""


@dataclass(frozen=True)
class Verdict:
    """One entry of the ledger. `confidence` is above 0, at most 1."""

    id: int
    attempt_id: int
    source: Source
    success: bool
    confidence: float
    reason: str
    created_at: datetime


Outcome = Verdict
"""The entry that counts."""


def add_verdict(
    database: Database,
    attempt_id: int,
    source: Source,
    success: bool,
    *,
    confidence: float | None = None,
    reason: str = "",
) -> int:
    """Add an entry to an attempt's ledger and return its id.

    Raises:
        NotFoundError: no attempt has that id.
        ValueError: a confidence outside (0, 1].
    """
    trust = CONFIDENCE[source] if confidence is None else confidence
    if not 0 < trust <= 1:
        raise ValueError(f"a confidence is above 0 and at most 1, not {trust}")
    with database.transaction() as connection:
        if connection.execute("SELECT 1 FROM attempts WHERE id = ?", (attempt_id,)).fetchone() is None:
            raise unknown_attempt(attempt_id)
        cursor = connection.execute(
            "INSERT INTO verdicts(attempt_id, source, success, confidence, reason, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (attempt_id, source, int(success), trust, storable(reason), now()),
        )
    return cast(int, cursor.lastrowid)


def ledger(database: Database, attempt_id: int) -> tuple[Verdict, ...]:
    """All entries of an attempt, oldest first."""
    rows = database.query("SELECT * FROM verdicts WHERE attempt_id = ? ORDER BY id", (attempt_id,))
    return tuple(_verdict(row["id"], row) for row in rows)


def outcome(database: Database, attempt_id: int) -> Outcome | None:
    """The entry that counts, or None for an attempt that nobody has judged."""
    return outcomes(database, [attempt_id]).get(attempt_id)


def outcomes(database: Database, attempt_ids: Iterable[int]) -> dict[int, Outcome]:
    """The entry that counts for each of the attempts that has one."""
    rows = database.query(f"SELECT * FROM outcomes WHERE attempt_id IN ({literally(attempt_ids)})")
    return {row["attempt_id"]: _verdict(row["verdict_id"], row) for row in rows}


def literally(ids: Iterable[int]) -> str:
    """Ids for an SQL list: of constants SQLite looks up each, of a subquery's rows it judges every attempt there is."""
    return ",".join(str(int(each)) for each in ids)


def _verdict(identity: int, row: sqlite3.Row) -> Verdict:
    return Verdict(
        identity,
        row["attempt_id"],
        row["source"],
        bool(row["success"]),
        row["confidence"],
        row["reason"],
        datetime.fromisoformat(row["created_at"]),
    )
