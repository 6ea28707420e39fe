"""What a front end sees of an attempt, in order. Frozen values; `as_json` is one line of `run --json`.

`type` in JSON is the class name in snake case. The last event of an attempt is its `Result`; its fields are schema 1,
to which fields may be added, but none taken away or given another meaning.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["done", "cancelled", "failed"]


@dataclass(frozen=True)
class Event:
    """The base of all events."""

    @property
    def type(self) -> str:
        """The event's name: the class name in snake case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    def as_json(self) -> str:
        """The event as one line of JSON."""
        return json.dumps({"type": self.type, **asdict(self)}, ensure_ascii=False)


@dataclass(frozen=True)
class RecalledItem:
    """One procedure that recall found. `uplift` is what it has gained so far (None: not known yet), with its interval.

    `similarity` is a cosine; `wins` of `uses` judged uses were successes.
    """

    procedure_id: int
    version_id: int | None
    vector_id: int | None
    name: str
    title: str
    similarity: float
    wins: int
    uses: int
    uplift: float | None
    interval: tuple[float, float] | None
    reason: str


@dataclass(frozen=True)
class Recalled(Event):
    """What memory has for the task and what is used of it; comes right after `AttemptStarted`.

    `channel` is what was done: `none` also where something was found and withheld; `why` says so in words.
    `coefficient` is the steering's strength, 0 without. `problem` says what keeps memory from being used at all.
    """

    channel: str
    items: tuple[RecalledItem, ...]
    coefficient: float
    why: str
    problem: str = ""


@dataclass(frozen=True)
class AttemptStarted(Event):
    """The attempt is in the log; nothing has been generated yet."""

    attempt_id: int
    session_id: int
    request: str
    workspace: str
    model: str
    seed: int


@dataclass(frozen=True)
class PromptProgress(Event):
    """`done` of `total` new prompt tokens have been read."""

    done: int
    total: int


@dataclass(frozen=True)
class ContextDropped(Event):
    """The oldest exchanges no longer fit and were left out of the prompt."""

    exchanges: int


@dataclass(frozen=True)
class Token(Event):
    """A piece of what the model says."""

    text: str


@dataclass(frozen=True)
class Thought(Event):
    """A piece of what the model thinks."""

    text: str


@dataclass(frozen=True)
class ToolCalled(Event):
    """The model asks for a tool. `diff` is what the call would change, as a unified diff; nothing has happened yet."""

    step_id: int
    name: str
    arguments: Mapping[str, Any]
    summary: str
    diff: str


@dataclass(frozen=True)
class ToolResult(Event):
    """What the tool returned, exactly as the model reads it. `ok` is false for errors and refusals."""

    step_id: int
    name: str
    result: str
    ok: bool


@dataclass(frozen=True)
class Answer(Event):
    """The final answer, whole."""

    text: str


@dataclass(frozen=True)
class Verdict(Event):
    """A judgement of the attempt was written to the ledger; not where it does not count.

    `counts` is false for a check that could not do its work (a command missing, a limit): that is nobody's failure.
    """

    source: str
    success: bool
    reason: str
    counts: bool = True


@dataclass(frozen=True)
class Learned(Event):
    """What became of something learned, as a line for the user; `procedure_id` names the procedure."""

    text: str
    procedure_id: int
    version_id: int | None = None


@dataclass(frozen=True)
class Practised(Event):
    """One attempt made for practice has been checked. `success` None: it counts nothing, and `reason` says why."""

    practised: int
    attempt_id: int | None
    request: str
    success: bool | None
    reason: str


@dataclass(frozen=True)
class Result(Event):
    """The end of the attempt. `context_tokens`: how full its last turn left the model's context."""

    attempt_id: int
    session_id: int
    status: Status
    answer: str
    error: str
    steps: int
    changed: tuple[str, ...]
    prompt_tokens: int
    generated_tokens: int
    tokens_per_second: float
    seconds: float
    context_tokens: int = 0
    schema: int = 1
