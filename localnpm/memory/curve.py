"""How well tasks went over time: the judged attempts in order, and their success in a sliding window."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from localnpm.memory.database import Database
from localnpm.memory.records import Channel

_JUDGED = """
    SELECT attempts.id, started_at, channel, success FROM outcomes JOIN attempts ON attempts.id = outcomes.attempt_id
    WHERE outcomes.attempt_id >= :least AND NOT practice AND retry_of IS NULL AND (success OR NOT surroundings)
    ORDER BY attempts.id DESC LIMIT :limit
"""
# Without a least id every verdict there is would be ranked.
_LEAST = "SELECT DISTINCT attempt_id FROM verdicts ORDER BY attempt_id DESC LIMIT 1 OFFSET ?"


@dataclass(frozen=True)
class JudgedTask:
    """A task that was judged: when, by which channel memory acted, and whether it went well. The time is UTC."""

    attempt_id: int
    started_at: datetime
    channel: Channel
    success: bool


def judged_tasks(database: Database, limit: int = 1000) -> tuple[JudgedTask, ...]:
    """The last judged tasks, oldest first; retries, practice and failures of the surroundings are not tasks."""
    least = database.query(_LEAST, (limit + limit // 4,))
    rows = database.query(_JUDGED, {"least": least[0][0] if least else 0, "limit": limit})
    if least and len(rows) < limit:
        rows = database.query(_JUDGED, {"least": 0, "limit": limit})
    return tuple(
        JudgedTask(row["id"], datetime.fromisoformat(row["started_at"]), row["channel"], bool(row["success"]))
        for row in reversed(rows)
    )


def sliding_success(tasks: Sequence[JudgedTask], window: int = 10) -> list[float]:
    """Success among each task and the `window - 1` before it, 0 to 1; fewer at the beginning."""
    return [
        sum(task.success for task in tasks[max(0, end - window) : end]) / min(end, window)
        for end in range(1, len(tasks) + 1)
    ]
