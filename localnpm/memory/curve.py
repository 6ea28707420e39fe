"""How well tasks went over time: the judged attempts in order, and their success in a sliding window."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from localnpm.memory.database import Database
from localnpm.memory.records import Channel

_JUDGED = """
    SELECT attempts.id, started_at, channel, success FROM outcomes JOIN attempts ON attempts.id = outcomes.attempt_id
    WHERE NOT practice AND retry_of IS NULL AND (success OR NOT surroundings)
    ORDER BY attempts.id DESC LIMIT ?
"""


@dataclass(frozen=True)
class JudgedTask:
    """A task that was judged: when, by which channel memory acted, and whether it went well. The time is UTC."""

    attempt_id: int
    started_at: datetime
    channel: Channel
    success: bool


def judged_tasks(database: Database, limit: int = 1000) -> tuple[JudgedTask, ...]:
    """The last judged tasks, oldest first; retries, practice and failures of the surroundings are not tasks."""
    rows = database.query(_JUDGED, (limit,))
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
