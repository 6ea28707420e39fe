"""The log of attempts as it is read: one, the latest, by session, by words, as a conversation's prompt tells them.

Not covered: writing it (attempts.py), the rows as values (records.py).
"""

from itertools import groupby
from pathlib import Path

from localnpm.memory import verdicts
from localnpm.memory.database import Database, storable
from localnpm.memory.records import (
    Attempt,
    Judged,
    Step,
    Trajectory,
    read_attempt,
    read_step,
    unknown_attempt,
)
from localnpm.memory.search import Hit, search


class AttemptReader:
    """Reads attempts."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def outcome(self, attempt_id: int) -> verdicts.Outcome | None:
        """The verdict that counts, or None."""
        return verdicts.outcome(self.database, attempt_id)

    def attempt(self, attempt_id: int) -> Attempt:
        """One attempt.

        Raises:
            NotFoundError: no attempt has that id.
        """
        rows = self.database.query("SELECT * FROM attempts WHERE id = ?", (attempt_id,))
        if not rows:
            raise unknown_attempt(attempt_id)
        return read_attempt(rows[0])

    def last_attempt(self) -> Attempt | None:
        """The user's attempt that began last of those that have ended, or None where there is none."""
        rows = self.database.query(
            "SELECT * FROM attempts WHERE status != 'running' AND NOT practice ORDER BY id DESC LIMIT 1"
        )
        return read_attempt(rows[0]) if rows else None

    def steps(self, attempt_id: int) -> tuple[Step, ...]:
        """An attempt's steps, in order."""
        rows = self.database.query("SELECT * FROM steps WHERE attempt_id = ? ORDER BY position", (attempt_id,))
        return tuple(read_step(row) for row in rows)

    def trajectory(self, attempt_id: int) -> Trajectory:
        """An attempt with its steps.

        Raises:
            NotFoundError: no attempt has that id.
        """
        return Trajectory(self.attempt(attempt_id), self.steps(attempt_id))

    def trajectories(self, session_id: int) -> tuple[Trajectory, ...]:
        """All attempts of a session with their steps, oldest first, those that were undone or replaced too."""
        rows = self.database.query("SELECT * FROM attempts WHERE session_id = ? ORDER BY id", (session_id,))
        return tuple(Trajectory(read_attempt(row), self.steps(row["id"])) for row in rows)

    def transcript(self, session_id: int, *, before: int | None = None, limit: int = 20) -> tuple[Trajectory, ...]:
        """The last attempts of a session, or the last before one of them, oldest first, to be shown again.

        What was undone, replaced or compacted is among them; practice, and what still runs, is not.
        """
        rows = self.database.query(
            "SELECT * FROM attempts WHERE session_id = :session AND status != 'running' AND NOT practice "
            "AND (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit",
            {"session": session_id, "before": before, "limit": limit},
        )
        return tuple(Trajectory(read_attempt(row), self.steps(row["id"])) for row in reversed(rows))

    def requests(self, workspace: Path | str, *, limit: int = 200) -> tuple[str, ...]:
        """What was asked for last in a workspace, oldest first, the same in a row once."""
        rows = self.database.query(
            "SELECT request FROM attempts WHERE workspace = ? AND NOT practice AND retry_of IS NULL "
            "ORDER BY id DESC LIMIT ?",
            (storable(str(workspace)), limit),
        )
        return tuple(text for text, _ in groupby(row["request"] for row in reversed(rows)))

    def changed_paths(self, attempt_id: int) -> tuple[str, ...]:
        """The paths that an attempt has changed, by their names afterwards; folders made on the way are left out."""
        rows = self.database.query(
            "SELECT coalesce(destination, path) AS target FROM changes WHERE attempt_id = ? AND done_at IS NOT NULL "
            "AND kind != 'create_directory' GROUP BY target ORDER BY min(id)",
            (attempt_id,),
        )
        return tuple(row["target"] for row in rows)

    def attempts(
        self, *, limit: int = 20, session_id: int | None = None, judged: Judged | None = None
    ) -> tuple[Attempt, ...]:
        """Attempts, newest first; `judged` keeps those whose outcome is that, `none` those without one."""
        if judged is None:
            rows = self.database.query(
                "SELECT * FROM attempts WHERE :session IS NULL OR session_id = :session ORDER BY id DESC LIMIT :limit",
                {"session": session_id, "limit": limit},
            )
            return tuple(read_attempt(row) for row in rows)
        rows = self.database.query(
            "SELECT attempts.* FROM attempts LEFT JOIN outcomes ON outcomes.attempt_id = attempts.id "
            "WHERE (:session IS NULL OR session_id = :session) AND :judged = "
            "CASE outcomes.success WHEN 1 THEN 'success' WHEN 0 THEN 'failure' ELSE 'none' END "
            "ORDER BY attempts.id DESC LIMIT :limit",
            {"session": session_id, "judged": judged, "limit": limit},
        )
        return tuple(read_attempt(row) for row in rows)

    def interrupted(self, workspace: Path | str) -> Attempt | None:
        """The newest attempt in a workspace whose process died, if nobody has decided about it yet."""
        rows = self.database.query(
            "SELECT * FROM attempts WHERE status = 'interrupted' AND undone_at IS NULL AND workspace = ? "
            "AND NOT EXISTS (SELECT 1 FROM attempts AS next WHERE next.retry_of = attempts.id) "
            "ORDER BY id DESC LIMIT 1",
            (str(workspace),),
        )
        return read_attempt(rows[0]) if rows else None

    def search(self, text: str, *, limit: int = 20) -> tuple[Hit, ...]:
        """Attempts whose texts hold all the words; see `search.search`."""
        return search(self.database, text, limit=limit)

    def conversation(self, session_id: int) -> tuple[Trajectory, ...]:
        """What the next prompt of a session tells of it, oldest first.

        Left out are attempts that still run, that were undone, that a retry has replaced, and practice; of those up to
        where the session was compacted, the steps.
        """
        rows = self.database.query(
            "SELECT told.*, told.id <= sessions.compacted_to AS compacted FROM attempts AS told "
            "JOIN sessions ON sessions.id = session_id WHERE session_id = ? AND status != 'running' "
            "AND undone_at IS NULL AND NOT practice "
            "AND NOT EXISTS (SELECT 1 FROM attempts WHERE retry_of = told.id AND NOT practice) ORDER BY told.id",
            (session_id,),
        )
        return tuple(Trajectory(read_attempt(row), () if row["compacted"] else self.steps(row["id"])) for row in rows)
