"""One attempt as the loop sees it: what it is given, what it has used so far, and what stops it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from localnpm.agent import events
from localnpm.agent.permissions import Approve
from localnpm.agent.tools import Toolbox
from localnpm.config import AgentSettings
from localnpm.engine.cancel import Cancel
from localnpm.engine.messages import Message, ToolCall
from localnpm.engine.sampling import Sampling
from localnpm.engine.steering import Steering
from localnpm.engine.turns import Progress
from localnpm.memory.records import Channel

IDENTICAL_CALLS = 3
SURROUNDINGS = ("Error: permission denied: ", "Error: no space left: ")


OpenTools = Callable[[int, Cancel], Toolbox]
"""Gives the toolbox of an attempt, which journals what it changes under that id and stops when it is cancelled."""


class Stopped(Exception):
    """Ends the loop before an answer; carries the attempt's status and what to say."""

    def __init__(self, status: events.Status, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class Terms:
    """On what terms a request is carried out: what memory has for it, and what it is an attempt at.

    Attributes:
        script: one or several, the best first; like the example, a part of the system text.
        channel: through which of the two, or by steering, memory acts.
        sampling: in place of the model's and the settings'.
    """

    script: str | Sequence[str] = ()
    example: str = ""
    steering: Steering | None = None
    channel: Channel = "none"
    retry_of: int | None = None
    practice: bool = False
    sampling: Sampling | None = None


PLAIN = Terms()
"""Nothing from memory, and nothing to go back to."""


@dataclass(frozen=True)
class Task:
    """What one attempt is given: the request, and all that recall and settings decided for it."""

    request: str
    session_id: int
    system: str
    sampling: Sampling
    steering: Steering | None = None
    retry_of: int | None = None
    channel: Channel = "none"
    practice: bool = False


@dataclass
class Attempt:
    """One attempt under way: its conversation, and what it has used so far."""

    id: int
    task: Task
    open_tools: OpenTools
    messages: list[Message]
    approve: Approve
    cancel: Cancel
    progress: Progress | None = None
    started: float = field(default_factory=time.monotonic)
    waited: float = 0.0
    turns: int = 0
    steps: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0
    context_tokens: int = 0
    generate_seconds: float = 0.0
    last_call: str = ""
    identical: int = 0
    hampered: bool = False

    @cached_property
    def tools(self) -> Toolbox:
        """What the attempt works with; what it changes is journaled as this attempt's."""
        return self.open_tools(self.id, self.cancel)

    @property
    def seconds(self) -> float:
        """Wall-clock seconds, those spent waiting for the user not counted."""
        return time.monotonic() - self.started - self.waited

    def watch(self, limits: AgentSettings) -> None:
        """Cancel what is being generated when the time is over."""
        if self.seconds > limits.seconds:
            self.cancel.set()

    def read(self, limits: AgentSettings, done: int, total: int) -> None:
        """`done` of `total` prompt tokens have been read."""
        self.watch(limits)
        if self.progress is not None:
            self.progress(done, total)

    def note(self, result: str) -> None:
        """Keep in mind whether a call failed for reasons that are not the agent's."""
        self.hampered = self.hampered or result.startswith(SURROUNDINGS)

    def check(self, limits: AgentSettings, call: ToolCall | None = None) -> None:
        """Count the call that comes next, if any.

        Raises:
            Stopped: the user or a limit says so, or the same call comes a third time in a row.
        """
        if self.seconds > limits.seconds:
            raise Stopped("failed", f"stopped after {limits.seconds} seconds (setting agent.seconds)")
        if self.cancel.is_set():
            raise Stopped("cancelled", "cancelled")
        if call is None:
            return
        if self.steps >= limits.steps:
            raise Stopped("failed", f"stopped after {limits.steps} tool calls (setting agent.steps)")
        self.steps += 1
        self.identical = self.identical + 1 if str(call) == self.last_call else 1
        self.last_call = str(call)
        if self.identical >= IDENTICAL_CALLS:
            raise Stopped("failed", f"stopped: the model asked for the same call {IDENTICAL_CALLS} times: {call.name}")

    def result(self, status: events.Status, answer: str, error: str, changed: tuple[str, ...]) -> events.Result:
        """The last event of this attempt."""
        speed = self.generated_tokens / self.generate_seconds if self.generate_seconds else 0.0
        return events.Result(
            attempt_id=self.id,
            session_id=self.task.session_id,
            status=status,
            answer=answer,
            error=error,
            steps=self.steps,
            changed=changed,
            prompt_tokens=self.prompt_tokens,
            generated_tokens=self.generated_tokens,
            tokens_per_second=round(speed, 1),
            seconds=round(self.seconds, 3),
            context_tokens=self.context_tokens,
        )
