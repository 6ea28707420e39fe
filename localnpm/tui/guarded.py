"""Errors inside the app's own handlers are told and written down, and everything goes on.

Textual ends an app at the first exception in any handler. Here a handler's exception ends that handler only: what is
typed, asked or answered elsewhere is untouched. Not covered: Textual's own widgets, whose message loop ends at an
exception; `App._handle_exception`, which app.py overrides, keeps the app itself going then.
"""

import traceback
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Protocol, cast

from textual.message import Message
from textual.message_pump import MessagePump
from textual.worker import Worker, WorkerState

STORM_ERRORS = 20
STORM_SECONDS = 5.0
"""More errors than this in so short a time do not end by themselves."""


class Reports(Protocol):
    """Who is told of an error: the app."""

    def report(self, error: BaseException) -> None:
        """Tell it and write it down."""


class Guarded(MessagePump):
    """For screens and widgets: what their handlers and workers raise is reported, and their messages go on."""

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:  # noqa: BLE001 - a mistake in one handler must not take what was typed with it
            cast(Reports, self.app).report(error)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What a worker raised would be lost otherwise."""
        error = event.worker.error
        if event.state is WorkerState.ERROR and error is not None:
            cast(Reports, self.app).report(error)


class Storm:
    """Tells errors that come one after another, as a broken drawing makes them, from single ones."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def rages(self) -> bool:
        """Note an error now; whether it is one of too many."""
        now = monotonic()
        self._times = [time for time in self._times if now - time < STORM_SECONDS] + [now]
        return len(self._times) > STORM_ERRORS


def write_down(folder: Path, error: BaseException) -> Path | None:
    """Append the traceback to the app's log; None where it cannot be written."""
    file = folder / "app.log"
    told = "".join(traceback.format_exception(error))
    try:
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        with file.open("a", encoding="utf-8", errors="backslashreplace") as opened:
            opened.write(f"{datetime.now(UTC).isoformat(timespec='seconds')}\n{told}\n")
    except OSError:
        return None
    return file


def in_words(error: BaseException) -> str:
    """An unexpected error in a line."""
    cause: Any = error.__cause__ or error
    return f"{type(cause).__name__}: {cause}".strip()
