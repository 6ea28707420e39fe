"""What the agent's thread tells the app, as Textual messages. The events inside are those of agent/events.py."""

import queue
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from textual.message import Message

if TYPE_CHECKING:
    from localnpm.agent import events
    from localnpm.agent.permissions import Decision
    from localnpm.agent.prepared import Prepared
    from localnpm.learning.learner import Judgement


class Loading(Message):
    """Something slow is being opened, such as `model`; the app can be used meanwhile."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what


class AgentReady(Message):
    """Model, memory and workspace are open; requests are carried out from now on.

    `context` is the model's, in tokens; `mode` says what needs a question.
    """

    def __init__(self, model: str = "", context: int = 0, mode: str = "") -> None:
        super().__init__()
        self.model = model
        self.context = context
        self.mode = mode


class Unusable(Message):
    """The agent could not be opened. `message` says why, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message


class Happened(Message):
    """An event of the attempt that job `job` carries out."""

    def __init__(self, job: int, event: "events.Event") -> None:
        super().__init__()
        self.job = job
        self.event = event


@dataclass(frozen=True)
class Question:
    """A change that waits for the user; exactly one decision is put into `decided`."""

    prepared: "Prepared"
    decided: "queue.Queue[Decision]"


class Asked(Message):
    """The agent's thread waits until the question is decided."""

    def __init__(self, job: int, question: Question) -> None:
        super().__init__()
        self.job = job
        self.question = question


class JobStarted(Message):
    """A job of this number has begun."""

    def __init__(self, job: int, what: str) -> None:
        super().__init__()
        self.job = job
        self.what = what


class JobEnded(Message):
    """A job is over; `error` says what went wrong, empty where nothing did."""

    def __init__(self, job: int, what: str, error: str = "") -> None:
        super().__init__()
        self.job = job
        self.what = what
        self.error = error


class TakenBack(Message):
    """An attempt and all after it in its conversation were taken back, so that another takes their place."""

    def __init__(self, attempt_id: int) -> None:
        super().__init__()
        self.attempt_id = attempt_id


class ModeSet(Message):
    """What needs a question is decided otherwise from now on."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode


class Learns(Message):
    """How far a pass is."""

    def __init__(self, what: str, done: int, total: int) -> None:
        super().__init__()
        self.what = what
        self.done = done
        self.total = total


class Told(Message):
    """Something for the user to know, such as what became of a pass."""

    def __init__(self, text: str, severity: Literal["information", "warning", "error"] = "information") -> None:
        super().__init__()
        self.text = text
        self.severity = severity


class Judged(Message):
    """A verdict was written. `offer`: it can be undone and tried again, so ask."""

    def __init__(self, judgement: "Judgement", *, offer: bool) -> None:
        super().__init__()
        self.judgement = judgement
        self.offer = offer
