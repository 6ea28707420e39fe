"""The agent's own thread: opens model and memory, then carries out one job after another and tells the app.

llama.cpp and SQLite block, so nothing of them runs in the app's event loop. Jobs wait in a queue; the one that runs can
be cancelled. What a job raises is told in its `JobEnded`, never lost and never fatal to the app. When nothing is asked
for a while, the thread may do a job of its own, which gives way to whatever is asked next.
"""

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from textual.message import Message

from localnpm.errors import LocalnpmError
from localnpm.tui.messages import AgentReady, Asked, Happened, JobEnded, JobStarted, Loading, Question, Unusable

if TYPE_CHECKING:
    from localnpm.agent import events
    from localnpm.agent.permissions import Approve, Decision
    from localnpm.agent.prepared import Prepared
    from localnpm.engine.cancel import Cancel
    from localnpm.engine.turns import Progress

Agent = TypeVar("Agent")
AgentIn = TypeVar("AgentIn", contravariant=True)
Post = Callable[[Message], object]

NICE = 10
"""The agent thread's niceness: a key's echo goes before the next token."""
NOT_BEGUN = "not begun: what works on it was closed"

# Numbers go on from one backend to the next, so that a late message of the old one names no job of the new.
_numbers = count(1)


class Start(Protocol[AgentIn]):
    """Begins an attempt with the open agent; its last event is a `Result`."""

    def __call__(
        self, agent: AgentIn, *, approve: "Approve", cancel: "Cancel", progress: "Progress"
    ) -> "Iterator[events.Event]": ...


@dataclass(frozen=True)
class Idle(Generic[Agent]):
    """What the thread does when nothing was asked for `seconds`, where `due` says so; anything asked cancels it."""

    what: str
    seconds: Callable[[Agent], float]
    due: Callable[[Agent], bool]
    start: Start[Agent]


@dataclass(frozen=True)
class _Job(Generic[Agent]):
    number: int
    what: str
    start: Start[Agent]
    cancel: "Cancel"
    lasting: bool = False
    gives_way: bool = False


def _new_job(what: str, start: Start[Agent], *, lasting: bool = False, gives_way: bool = False) -> _Job[Agent]:
    # ctypes is imported with it: after the first paint.
    from localnpm.engine.cancel import Cancel

    return _Job(next(_numbers), what, start, Cancel(), lasting, gives_way)


def _give_way() -> None:
    """Let the app's thread go first where both want a core: the model computes on all of them.

    On Linux a thread has a niceness of its own, and those that it starts, llama.cpp's, have it too.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


class Backend(Generic[Agent]):
    """One thread with one open agent. All methods may be called from the app's thread; none but `stop` waits."""

    def __init__(
        self,
        open_agent: Callable[[], AbstractContextManager[Agent]],
        post: Post,
        *,
        greet: Callable[[Agent], AgentReady] = lambda agent: AgentReady(),
        idle: Idle[Agent] | None = None,
    ) -> None:
        """`open_agent` does the slow imports and loads the model; it is called in the agent's thread, as is `greet`."""
        self._open = open_agent
        self._post = post
        self._greet = greet
        self._idle = idle
        self._jobs: queue.Queue[_Job[Agent] | None] = queue.Queue()
        self._lock = threading.Lock()
        self._waiting: list[_Job[Agent]] = []
        self._running: _Job[Agent] | None = None
        self._question: Question | None = None
        self._unusable = ""
        self._thread = threading.Thread(target=self._work, name="agent", daemon=True)

    def start(self) -> None:
        """Begin to open the agent."""
        self._thread.start()

    def submit(self, what: str, start: Start[Agent], *, lasting: bool = False) -> int:
        """Queue a job and return its number; `what` names it on the screen.

        A lasting job, such as writing a verdict, is short and is done even when the backend is stopped before its turn.
        """
        job = _new_job(what, start, lasting=lasting)
        with self._lock:
            refused = self._unusable
            if not refused:
                self._waiting.append(job)
                if self._running is not None and self._running.gives_way:
                    self._running.cancel.set()
        if refused:
            self._post(JobEnded(job.number, what, refused))
        else:
            self._jobs.put(job)
        return job.number

    def cancel(self) -> bool:
        """Stop the job that runs, also while it waits for an answer; False when none runs."""
        from localnpm.agent.permissions import STOPPED, Decline

        with self._lock:
            if self._running is None:
                return False
            self._running.cancel.set()
            if self._question is not None:
                self._question.decided.put(Decline(STOPPED))
            return True

    def withdraw(self, number: int) -> bool:
        """Take back a job that has not begun."""
        with self._lock:
            waiting = [job for job in self._waiting if job.number == number]
            for job in waiting:
                job.cancel.set()
                self._waiting.remove(job)
        return bool(waiting)

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        with self._lock:
            return self._running is not None or bool(self._waiting)

    @property
    def alive(self) -> bool:
        """Whether the thread works, or is still closing the agent."""
        return self._thread.is_alive()

    def stop(self, seconds: float = 4.0) -> None:
        """Cancel what runs, drop what waits and does not last, close the agent.

        Returns when that is done or the time is over; a thread that is still busy then ends with the process.
        """
        with self._lock:
            dropped = [job for job in self._waiting if not job.lasting]
            self._waiting = [job for job in self._waiting if job.lasting]
        for job in dropped:
            job.cancel.set()
            self._post(JobEnded(job.number, job.what, NOT_BEGUN))
        self.cancel()
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _work(self) -> None:
        _give_way()
        self._post(Loading("model"))
        try:
            with self._open() as agent:
                self._post(self._greet(agent))
                while (job := self._next(agent)) is not None:
                    self._carry_out(agent, job)
        except LocalnpmError as error:
            self._refuse(str(error))
        except BaseException as error:  # noqa: BLE001 - told to the user; the app goes on and loses nothing typed
            self._refuse(f"{type(error).__name__}: {error}")

    def _next(self, agent: Agent) -> _Job[Agent] | None:
        """The next job, perhaps one of the thread's own; None when it is to end."""
        while True:
            idle = self._idle
            try:
                return self._jobs.get(timeout=idle.seconds(agent) if idle else None)
            except queue.Empty:
                assert idle is not None
            if self._is_due(idle, agent):
                job = _new_job(idle.what, idle.start, gives_way=True)
                with self._lock:
                    if not self._waiting:
                        self._waiting.append(job)
                        return job

    def _is_due(self, idle: Idle[Agent], agent: Agent) -> bool:
        try:
            return idle.due(agent)
        except LocalnpmError:
            # The next request meets the same trouble, and tells it.
            return False

    def _refuse(self, message: str) -> None:
        """No job is carried out from now on; those that wait end with the message."""
        with self._lock:
            self._unusable = message
            waiting, self._waiting = self._waiting, []
        self._post(Unusable(message))
        for job in waiting:
            self._post(JobEnded(job.number, job.what, message))

    def _carry_out(self, agent: Agent, job: _Job[Agent]) -> None:
        from localnpm.agent import events

        with self._lock:
            if job not in self._waiting:
                return
            self._waiting.remove(job)
            self._running = job
            if job.gives_way and self._waiting:
                job.cancel.set()
        self._post(JobStarted(job.number, job.what))
        error = ""
        try:
            for event in job.start(
                agent,
                approve=lambda prepared: self._ask(job, prepared),
                cancel=job.cancel,
                progress=lambda done, total: self._tell(job, events.PromptProgress(done, total)),
            ):
                self._tell(job, event)
        except LocalnpmError as failure:
            error = str(failure)
        except Exception as failure:  # noqa: BLE001 - a mistake in one job must not end the conversation
            error = f"{type(failure).__name__}: {failure}"
        finally:
            with self._lock:
                self._running = None
            if error and job.gives_way:
                # It would fail again and again while nobody is there.
                self._idle = None
            self._post(JobEnded(job.number, job.what, error))

    def _tell(self, job: _Job[Agent], event: "events.Event") -> None:
        self._post(Happened(job.number, event))

    def _ask(self, job: _Job[Agent], prepared: "Prepared") -> "Decision":
        from localnpm.agent.permissions import STOPPED, Decline

        question = Question(prepared, queue.Queue())
        with self._lock:
            if job.cancel.is_set():
                return Decline(STOPPED)
            self._question = question
        self._post(Asked(job.number, question))
        try:
            return question.decided.get()
        finally:
            with self._lock:
                self._question = None
