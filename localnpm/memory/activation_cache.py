"""Cached activations of attempts: per turn the mean over the assistant's tokens, and the attempt's last token;
of successes also the slope at their deciding positions, with the norms of the residual stream.

So that vectors are made without reading trajectories again. Rows are float16 with one scale a layer, because the
residual streams of large models overflow it. A cap on their bytes is kept: unjudged attempts are dropped first, the
oldest first among equals. Not covered: computing them (distill/quick_vectors.py).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from localnpm.memory.database import Database

LAST = -1
"""The `turn` of an attempt's last token."""
SLOPE = -2
"""The `turn` of what was measured of an attempt's deciding positions."""
NORMS = -3
"""The `turn` of the residual stream's norms beside the slope."""

Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class AttemptActivations:
    """One attempt's rows, each float32 [n_layer - 1, n_embd]: by turn, and of its last token."""

    turns: Mapping[int, Rows]
    last: Rows


class ActivationCache:
    """The table `activations` for one model file."""

    def __init__(self, database: Database, model_fingerprint: str, *, capacity_mb: int = 500) -> None:
        self.database = database
        self.model_fingerprint = model_fingerprint
        self.capacity = capacity_mb << 20

    def put(self, attempt_id: int, turns: Sequence[Rows], last: Rows) -> None:
        """Keep an attempt's rows, in place of those there are, and drop others if there are too many bytes.

        Its slope stays. An attempt that is no longer in the memory is passed over; a memory that is only read keeps
        nothing.
        """
        if self.database.reading_only:
            return
        rows = [*enumerate(turns), (LAST, last)]
        with self.database.transaction() as connection:
            if connection.execute("SELECT 1 FROM attempts WHERE id = ?", (attempt_id,)).fetchone() is None:
                return
            connection.execute(
                "DELETE FROM activations WHERE attempt_id = ? AND model_fingerprint = ? AND turn >= ?",
                (attempt_id, self.model_fingerprint, LAST),
            )
            connection.executemany(
                "INSERT INTO activations(attempt_id, model_fingerprint, turn, scales, rows) VALUES (?, ?, ?, ?, ?)",
                [(attempt_id, self.model_fingerprint, turn, *pack(values)) for turn, values in rows],
            )
        self.trim()

    def get(self, attempt_id: int) -> AttemptActivations | None:
        """An attempt's rows, None if they are not cached."""
        found = self.database.query(
            "SELECT turn, scales, rows FROM activations WHERE attempt_id = ? AND model_fingerprint = ?",
            (attempt_id, self.model_fingerprint),
        )
        rows = {int(row["turn"]): unpack(row["scales"], row["rows"]) for row in found}
        rows = {turn: values for turn, values in rows.items() if turn not in (SLOPE, NORMS)}
        last = rows.pop(LAST, None)
        return None if last is None else AttemptActivations(rows, last)

    def put_slope(self, attempt_id: int, slope: Rows, norms: Rows) -> None:
        """Keep an attempt's slope, float32 [n_embd], beside its rows; see `put`.

        Args:
            norms: float32 [n_layer - 1], median norm of the residual stream after block i + 1.
        """
        if self.database.reading_only:
            return
        kept = [(turn, *pack(values[None])) for turn, values in ((SLOPE, slope), (NORMS, norms))]
        with self.database.transaction() as connection:
            if connection.execute("SELECT 1 FROM attempts WHERE id = ?", (attempt_id,)).fetchone() is None:
                return
            connection.executemany(
                "INSERT OR REPLACE INTO activations(attempt_id, model_fingerprint, turn, scales, rows) "
                "VALUES (?, ?, ?, ?, ?)",
                [(attempt_id, self.model_fingerprint, *values) for values in kept],
            )
        self.trim()

    def slope(self, attempt_id: int) -> tuple[Rows, Rows] | None:
        """An attempt's slope, float32 [n_embd], and the norms, float32 [n_layer - 1]; None if they are not cached."""
        found = self.database.query(
            "SELECT turn, scales, rows FROM activations WHERE attempt_id = ? AND model_fingerprint = ? AND turn < -1",
            (attempt_id, self.model_fingerprint),
        )
        known = {row["turn"]: unpack(row["scales"], row["rows"])[0] for row in found}
        return (known[SLOPE], known[NORMS]) if SLOPE in known and NORMS in known else None

    def missing(self, attempt_ids: Collection[int]) -> tuple[int, ...]:
        """Those of the attempts that are not cached, in the order given."""
        known = {
            int(row["attempt_id"])
            for row in self.database.query(
                "SELECT attempt_id FROM activations WHERE model_fingerprint = ? AND turn = ?",
                (self.model_fingerprint, LAST),
            )
        }
        return tuple(attempt for attempt in attempt_ids if attempt not in known)

    def size(self) -> int:
        """Bytes of all rows, those of other models too."""
        (row,) = self.database.query("SELECT coalesce(sum(length(rows) + length(scales)), 0) AS bytes FROM activations")
        return int(row["bytes"])

    def trim(self) -> int:
        """Drop whole attempts until the bytes fit the capacity; returns how many were dropped."""
        over = self.size() - self.capacity
        if over <= 0:
            return 0
        dropped = 0
        with self.database.transaction() as connection:
            candidates = connection.execute(
                "SELECT attempt_id, model_fingerprint, sum(length(rows) + length(scales)) AS bytes FROM activations "
                "GROUP BY attempt_id, model_fingerprint ORDER BY "
                "attempt_id IN (SELECT attempt_id FROM verdicts), model_fingerprint = ?, attempt_id",
                (self.model_fingerprint,),
            ).fetchall()
            for row in candidates:
                if over <= 0:
                    break
                connection.execute(
                    "DELETE FROM activations WHERE attempt_id = ? AND model_fingerprint = ?",
                    (row["attempt_id"], row["model_fingerprint"]),
                )
                over -= int(row["bytes"])
                dropped += 1
        return dropped


def pack(values: Rows) -> tuple[bytes, bytes]:
    """float32 [n_layer, n_embd] as scales (float32, one a layer) and float16 values times them."""
    scales = np.abs(values).max(axis=1).astype(np.float32)
    scales[scales == 0] = 1
    return scales.tobytes(), (values / scales[:, None]).astype(np.float16).tobytes()


def unpack(scales: bytes, rows: bytes) -> Rows:
    """The inverse of `pack`, to the precision of float16 within each layer."""
    factors = np.frombuffer(scales, np.float32)
    values = np.frombuffer(rows, np.float16).reshape(len(factors), -1)
    result: Rows = values.astype(np.float32) * factors[:, None]
    return result
