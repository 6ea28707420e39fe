"""What the log is made of: attempts, steps and trajectories as values, and how rows become them."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Literal

from localnpm.errors import NotFoundError
from localnpm.memory.clock import parse
from localnpm.memory.database import storable

Status = Literal["running", "done", "interrupted", "cancelled", "failed"]
Channel = Literal["none", "script", "vector", "both"]
Judged = Literal["success", "failure", "none"]


@dataclass(frozen=True)
class Attempt:
    """One request carried out once. Times are UTC; the counts are tokens."""

    id: int
    session_id: int
    request: str
    status: Status
    workspace: str
    model: str
    model_fingerprint: str
    system: str
    sampling: Mapping[str, Any]
    channel: Channel
    answer: str | None
    error: str | None
    surroundings: bool
    retry_of: int | None
    undone_at: datetime | None
    prompt_tokens: int
    generated_tokens: int
    started_at: datetime
    finished_at: datetime | None
    practice: bool = False
    check_command: str | None = None


@dataclass(frozen=True)
class Step:
    """One tool call of an assistant turn, or, without a tool, the turn that answers.

    `text` is the whole assistant turn, exactly, at its first call and empty at the later ones.
    """

    id: int
    attempt_id: int
    position: int
    turn: int
    text: str
    thought: str
    tool: str | None
    arguments: Mapping[str, Any] | None
    result: str | None
    error: str | None
    generated_tokens: int
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class LoggedTurn:
    """One assistant turn: its text and thought exactly as generated, and its calls, or the one step that answers."""

    text: str
    thought: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Trajectory:
    """An attempt with its steps, in order."""

    attempt: Attempt
    steps: tuple[Step, ...]

    @property
    def request(self) -> str:
        """The user's words."""
        return self.attempt.request

    @property
    def answer(self) -> str | None:
        """The last words to the user; None for an attempt that came to no answer."""
        return self.attempt.answer

    @property
    def turns(self) -> tuple[LoggedTurn, ...]:
        """The steps by assistant turn. An answering turn's step has no tool; a call that could not be read neither."""
        turns = [tuple(steps) for _, steps in groupby(self.steps, key=lambda step: step.turn)]
        return tuple(LoggedTurn(steps[0].text, steps[0].thought, steps) for steps in turns)


def unknown_attempt(attempt_id: int) -> NotFoundError:
    """The error for an id that no attempt has."""
    return NotFoundError(f"No attempt has the id {attempt_id}. `localnpm attempts list` shows those there are.")


def unknown_step(step_id: int) -> NotFoundError:
    """The error for a step that was logged and is gone."""
    return NotFoundError(f"Step {step_id} is no longer in the memory; its attempt was forgotten meanwhile.")


def as_json(arguments: Mapping[str, Any]) -> str:
    """A call's arguments as JSON that UTF-8 can hold, and that gives the same arguments back."""
    text = json.dumps(dict(arguments), ensure_ascii=False)
    return text if storable(text) == text else json.dumps(dict(arguments))


def read_attempt(row: sqlite3.Row) -> Attempt:
    """The attempt in a row of `attempts`."""
    values = {key: row[key] for key in row.keys() if key not in ("process", "compacted")}  # noqa: SIM118
    values["sampling"] = json.loads(row["sampling"])
    values["surroundings"] = bool(row["surroundings"])
    values["practice"] = bool(row["practice"])
    return Attempt(**_timed(values))


def read_step(row: sqlite3.Row) -> Step:
    """The step in a row of `steps`."""
    values = {key: row[key] for key in row.keys()}  # noqa: SIM118
    values["arguments"] = None if row["arguments"] is None else json.loads(row["arguments"])
    return Step(**_timed(values))


def _timed(values: dict[str, Any]) -> dict[str, Any]:
    """The columns with their times parsed."""
    return {key: parse(value) if key.endswith("_at") else value for key, value in values.items()}
