"""Attempts and sessions as they leave the memory: plain records for JSON, and Markdown for people.

The records' keys are the tables' columns; times are ISO 8601, UTC. Texts are exact; making them harmless for a terminal
is plain.py's business.
"""

import json
import re
from dataclasses import asdict
from datetime import datetime
from typing import Any

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.records import Attempt, Step, Trajectory
from localnpm.memory.sessions import Session, session
from localnpm.memory.verdicts import Verdict, ledger

SCHEMA = 1

Record = dict[str, Any]


def record(value: Attempt | Step | Session | Verdict) -> Record:
    """A value of the log as JSON can hold it."""
    return {key: item.isoformat() if isinstance(item, datetime) else item for key, item in asdict(value).items()}


def attempt_record(log: AttemptLog, attempt: Attempt) -> Record:
    """An attempt with its outcome, as lists show it."""
    outcome = log.outcome(attempt.id)
    return record(attempt) | {"outcome": record(outcome) if outcome else None}


def trajectory_record(log: AttemptLog, trajectory: Trajectory) -> Record:
    """An attempt with all that belongs to it: steps, changed paths, verdicts, outcome."""
    attempt_id = trajectory.attempt.id
    return attempt_record(log, trajectory.attempt) | {
        "steps": [record(step) for step in trajectory.steps],
        "changes": changes(log, attempt_id),
        "verdicts": [record(verdict) for verdict in ledger(log.database, attempt_id)],
    }


def changes(log: AttemptLog, attempt_id: int) -> list[Record]:
    """What an attempt changed, in order; the bytes stay in the memory."""
    rows = log.database.query(
        "SELECT kind, path, destination, done_at, undone_at FROM changes WHERE attempt_id = ? ORDER BY id",
        (attempt_id,),
    )
    return [dict(row) for row in rows]


def session_record(log: AttemptLog, session_id: int) -> Record:
    """A whole session.

    Raises:
        NotFoundError: no session has that id.
    """
    return {
        "schema": SCHEMA,
        "session": record(session(log.database, session_id)),
        "attempts": [trajectory_record(log, trajectory) for trajectory in log.trajectories(session_id)],
    }


def session_markdown(log: AttemptLog, session_id: int) -> str:
    """A whole session to read: requests, calls with their results, answers, verdicts.

    Raises:
        NotFoundError: no session has that id.
    """
    told = session(log.database, session_id)
    parts = [f"# {told.title or f'Session {told.id}'}", f"{told.created_at:%Y-%m-%d %H:%M} UTC, in `{told.workspace}`"]
    for trajectory in log.trajectories(session_id):
        parts += _attempt_markdown(log, trajectory)
    return "\n\n".join(parts) + "\n"


def _attempt_markdown(log: AttemptLog, trajectory: Trajectory) -> list[str]:
    attempt = trajectory.attempt
    undone = ", undone" if attempt.undone_at else ""
    parts = [
        f"## Attempt {attempt.id}",
        f"{attempt.status}{undone}; {attempt.model}; {attempt.started_at:%Y-%m-%d %H:%M} UTC",
        fenced(attempt.request),
    ]
    for step in trajectory.steps:
        if step.tool is not None:
            parts += [f"**{step.tool}**", fenced(as_call(step))]
        if step.result is not None:
            parts.append(fenced(step.result))
    if attempt.answer:
        parts += ["**Answer**", attempt.answer]
    if attempt.error:
        parts.append(f"**Error:** {attempt.error}")
    for verdict in ledger(log.database, attempt.id):
        judged = "success" if verdict.success else "failure"
        reason = f": {verdict.reason}" if verdict.reason else ""
        parts.append(f"**Verdict** ({verdict.source}, {verdict.confidence:g}): {judged}{reason}")
    return parts


def as_call(step: Step) -> str:
    """A call's arguments, one a line; text as it is, other values as JSON has them."""
    return "\n".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value)}"
        for name, value in (step.arguments or {}).items()
    )


def fenced(text: str) -> str:
    """A Markdown code block around any text, its fence longer than every run of backticks inside."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"
