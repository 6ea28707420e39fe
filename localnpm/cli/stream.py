"""Reading an attempt's events in the main thread while a worker thread makes them.

Ctrl-C must be heard at once, also while llama.cpp computes in C; Python runs signal handlers in the main thread only,
between bytecodes. So the main thread waits here, and questions to the user are asked here too.
"""

import contextlib
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol, TypeVar

from localnpm.agent.events import Event, PromptProgress
from localnpm.agent.permissions import Approve, Decision, Decline, decline_all
from localnpm.agent.prepared import Prepared
from localnpm.engine.cancel import Cancel
from localnpm.engine.turns import Progress

POLL_SECONDS = 0.2

Value = TypeVar("Value")


@dataclass
class _Question:
    prepared: Prepared
    decided: "queue.Queue[Decision]" = field(default_factory=queue.Queue)


class _End:
    """The stream's end, with what it raised, if anything."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Start(Protocol):
    """Begins an attempt; `Workbench.run` with its request and cancel filled in."""

    def __call__(self, *, approve: Approve, progress: Progress) -> Iterator[Event]: ...


def stream(start: Start, ask: Approve, cancel: Cancel) -> Iterator[Event]:
    """The events of `start`, made in a worker thread; `ask` is called in this one.

    The first Ctrl-C sets `cancel`; the stream then ends by itself, with a result. Left before its end, it sets `cancel`
    too, and waits until the worker has stopped.

    Raises:
        LocalnpmError: as `start`'s iterator does.
    """
    items: queue.Queue[Event | _Question | _End] = queue.Queue()

    def approve(prepared: Prepared) -> Decision:
        question = _Question(prepared)
        items.put(question)
        return question.decided.get()

    def progress(done: int, total: int) -> None:
        items.put(PromptProgress(done, total))

    def work() -> None:
        error: BaseException | None = None
        try:
            for event in start(approve=approve, progress=progress):
                items.put(event)
        except BaseException as raised:  # noqa: BLE001 - raised again, in the main thread
            error = raised
        items.put(_End(error))

    worker = threading.Thread(target=work, name="attempt", daemon=True)
    with _interrupt_sets(cancel):
        worker.start()
        try:
            while True:
                item = _next(items)
                if isinstance(item, _Question):
                    _answer(item, ask, cancel)
                elif isinstance(item, _End):
                    worker.join()
                    if item.error is not None:
                        raise item.error
                    return
                else:
                    yield item
        except BaseException:
            # Whoever reads may leave before the end, as where a pipe breaks; then the model is closed next.
            _stop(worker, items, cancel)
            raise


def aside(work: Callable[[], Value], cancel: Cancel) -> Value:
    """What `work` returns, done in a worker thread; the first Ctrl-C sets `cancel`, which should end it.

    Raises:
        LocalnpmError: as `work` does.
    """
    done: queue.Queue[Value] = queue.Queue()

    def start(*, approve: Approve, progress: Progress) -> Iterator[Event]:
        done.put(work())
        return iter(())

    for _ in stream(start, decline_all, cancel):
        pass
    return done.get_nowait()


def _answer(question: _Question, ask: Approve, cancel: Cancel) -> None:
    decision: Decision = Decline("cancelled")
    try:
        if not cancel.is_set():
            decision = ask(question.prepared)
    finally:
        question.decided.put(decision)


def _stop(worker: threading.Thread, items: "queue.Queue[Event | _Question | _End]", cancel: Cancel) -> None:
    """Let the worker come to its end, unheard."""
    if worker.is_alive():
        cancel.set()
    while worker.is_alive():
        with contextlib.suppress(queue.Empty):
            item = items.get(timeout=POLL_SECONDS)
            if isinstance(item, _Question):
                item.decided.put(Decline("cancelled"))


def _next(items: "queue.Queue[Event | _Question | _End]") -> "Event | _Question | _End":
    while True:
        # A wait without end would not be interrupted by a signal everywhere.
        with contextlib.suppress(queue.Empty):
            return items.get(timeout=POLL_SECONDS)


@contextlib.contextmanager
def _interrupt_sets(cancel: Cancel) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupted(number: int, frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()

    previous = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
