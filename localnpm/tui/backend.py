"""The agent's own thread: opens model and memory, then carries out one job after another and tells the app.

llama.cpp and SQLite block, so nothing of them runs in the app's event loop. Jobs wait in a queue; the one that runs can
be cancelled. What a job raises is told in its `JobEnded`, never lost and never fatal to the app.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count
from typing import Generic, Protocol, TypeVar

from textual.message import Message

from localnpm.agent import events
from localnpm.agent.permissions import Approve, Decision, Decline
from localnpm.agent.tools import Prepared
from localnpm.engine.cancel import Cancel
from localnpm.engine.turns import Progress
from localnpm.errors import LocalnpmError
from localnpm.tui.messages import Asked, Happened, JobEnded, JobStarted, Loading, Question, Ready, Unusable

Agent = TypeVar("Agent")
AgentIn = TypeVar("AgentIn", contravariant=True)
Post = Callable[[Message], object]


class Start(Protocol[AgentIn]):
    """Begins an attempt with the open agent; its last event is a `Result`."""

    def __call__(
        self, agent: AgentIn, *, approve: Approve, cancel: Cancel, progress: Progress
    ) -> Iterator[events.Event]: ...


@dataclass(frozen=True)
class _Job(Generic[Agent]):
    number: int
    what: str
    start: Start[Agent]
    cancel: Cancel


class Backend(Generic[Agent]):
    """One thread with one open agent. All methods may be called from the app's thread; none of them waits."""

    def __init__(self, open_agent: Callable[[], AbstractContextManager[Agent]], post: Post) -> None:
        """`open_agent` does the slow imports and loads the model; it is called in the agent's thread."""
        self._open = open_agent
        self._post = post
        self._jobs: queue.Queue[_Job[Agent] | None] = queue.Queue()
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._waiting: list[_Job[Agent]] = []
        self._running: _Job[Agent] | None = None
        self._question: Question | None = None
        self._thread = threading.Thread(target=self._work, name="agent", daemon=True)

    def start(self) -> None:
        """Begin to open the agent."""
        self._thread.start()

    def submit(self, what: str, start: Start[Agent]) -> int:
        """Queue a job and return its number; `what` names it on the screen."""
        with self._lock:
            job = _Job(next(self._numbers), what, start, Cancel())
            self._waiting.append(job)
        self._jobs.put(job)
        return job.number

    def cancel(self) -> bool:
        """Stop the job that runs, also while it waits for an answer; False when none runs."""
        with self._lock:
            job, question = self._running, self._question
        if job is None:
            return False
        job.cancel.set()
        if question is not None:
            question.decided.put(Decline("the user stopped"))
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

    def stop(self, seconds: float = 5.0) -> None:
        """Cancel what runs, drop what waits, close the agent; returns when that is done or the time is over."""
        with self._lock:
            dropped, self._waiting = self._waiting, []
        for job in dropped:
            job.cancel.set()
        self.cancel()
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _work(self) -> None:
        self._post(Loading("model"))
        try:
            with self._open() as agent:
                self._post(Ready())
                while (job := self._jobs.get()) is not None:
                    self._carry_out(agent, job)
        except LocalnpmError as error:
            self._post(Unusable(str(error)))
        except BaseException as error:  # noqa: BLE001 - told to the user; the app goes on and loses nothing typed
            self._post(Unusable(f"{type(error).__name__}: {error}"))

    def _carry_out(self, agent: Agent, job: _Job[Agent]) -> None:
        with self._lock:
            if job not in self._waiting:
                return
            self._waiting.remove(job)
            self._running = job
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
            self._post(JobEnded(job.number, job.what, error))

    def _tell(self, job: _Job[Agent], event: events.Event) -> None:
        self._post(Happened(job.number, event))

    def _ask(self, job: _Job[Agent], prepared: Prepared) -> Decision:
        question = Question(prepared, queue.Queue())
        with self._lock:
            if job.cancel.is_set():
                return Decline("the user stopped")
            self._question = question
        self._post(Asked(job.number, question))
        try:
            return question.decided.get()
        finally:
            with self._lock:
                self._question = None
