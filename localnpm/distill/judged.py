"""What a pass reads of the log: the attempts that somebody has judged, and how.

Left out are attempts that failed for reasons that are not the agent's (no permission, a full disk, a limit, a cancel):
they would teach that a tool does not work. Those of private runs are not in the log at all. Practice is read too.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from localnpm.distill.compact import compact, way
from localnpm.errors import NotFoundError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.records import Trajectory
from localnpm.memory.verdicts import Source

ECHOING = frozenset(
    ("write_file", "append_file", "edit_file", "create_directory", "move_file", "copy_file", "delete_file", "calculate")
)
"""Tools whose results only repeat what the call said: nothing of a file's words comes in through them."""

_ELIGIBLE = """
    SELECT attempts.id, attempts.request, attempts.retry_of, outcomes.verdict_id, outcomes.success
    FROM attempts JOIN outcomes ON outcomes.attempt_id = attempts.id
    WHERE attempts.status = 'done' AND NOT attempts.surroundings ORDER BY attempts.id
"""
_WORDS = """
    SELECT attempt_id, success, reason FROM verdicts
    WHERE reason != '' AND source IN ('user', 'correction', 'declined')
    AND attempt_id IN (SELECT value FROM json_each(?)) ORDER BY id
"""


@dataclass(frozen=True)
class Entry:
    """One judged attempt as the list has it, without its steps."""

    id: int
    request: str
    retry_of: int | None
    verdict_id: int
    success: bool


@dataclass(frozen=True)
class Judged:
    """A judged attempt.

    Attributes:
        verdict_id: the entry of the ledger that counts.
        reason: what the user said of a failure, empty where nothing was said.
        said: all that the user said up to then: the session's requests, and what was said of the attempt.
    """

    trajectory: Trajectory
    verdict_id: int
    source: Source
    success: bool
    confidence: float
    reason: str
    said: tuple[str, ...]

    @property
    def id(self) -> int:
        """The attempt's id."""
        return self.trajectory.attempt.id

    @property
    def example(self) -> str:
        """The trajectory in a few lines."""
        return compact(self.trajectory)

    @property
    def way(self) -> tuple[str, ...]:
        """The names of the tools called, in order."""
        return way(self.trajectory)


def entries(database: Database) -> tuple[Entry, ...]:
    """Every judged attempt that may be learned from, oldest first."""
    return tuple(
        Entry(row["id"], row["request"], row["retry_of"], row["verdict_id"], bool(row["success"]))
        for row in database.query(_ELIGIBLE)
    )


def load(database: Database, ids: Collection[int]) -> tuple[Judged, ...]:
    """These attempts with their steps and verdicts, oldest first; what is gone meanwhile or not judged is left out."""
    log = AttemptLog(database)
    wanted = json.dumps(sorted(ids))
    outcomes = {
        row["attempt_id"]: row
        for row in database.query(
            "SELECT * FROM outcomes WHERE attempt_id IN (SELECT value FROM json_each(?))", (wanted,)
        )
    }
    words: dict[int, list[tuple[bool, str]]] = {}
    for row in database.query(_WORDS, (wanted,)):
        words.setdefault(row["attempt_id"], []).append((bool(row["success"]), row["reason"]))
    found = []
    for attempt_id in sorted(outcomes):
        row = outcomes[attempt_id]
        try:
            trajectory = log.trajectory(attempt_id)
        except NotFoundError:
            # Forgotten by another process since its verdict was read.
            continue
        told = words.get(attempt_id, [])
        complaints = [reason for success, reason in told if not success]
        found.append(
            Judged(
                trajectory,
                row["verdict_id"],
                row["source"],
                bool(row["success"]),
                row["confidence"],
                complaints[-1] if complaints and not row["success"] else "",
                (*_requests(database, trajectory), *(reason for _, reason in told)),
            )
        )
    return tuple(found)


def trusted(attempts: Collection[Judged]) -> tuple[str, ...]:
    """The user's words around the attempts, and what the successes among them did and answered."""
    texts = [text for attempt in attempts for text in attempt.said]
    for attempt in attempts:
        if attempt.success:
            texts += [_text(step.arguments) for step in attempt.trajectory.steps if step.arguments]
            texts.append(attempt.trajectory.answer or "")
    return tuple(texts)


def seen(trajectories: Collection[Trajectory]) -> tuple[str, ...]:
    """What tools have shown of files in these attempts."""
    return tuple(
        step.result
        for trajectory in trajectories
        for step in trajectory.steps
        if step.tool is not None and step.tool not in ECHOING and step.result
    )


def _text(arguments: Mapping[str, object]) -> str:
    return "\n".join(value if isinstance(value, str) else json.dumps(value) for value in arguments.values())


def _requests(database: Database, trajectory: Trajectory) -> list[str]:
    rows = database.query(
        "SELECT request FROM attempts WHERE session_id = ? AND id <= ? ORDER BY id",
        (trajectory.attempt.session_id, trajectory.attempt.id),
    )
    return [row["request"] for row in rows]
