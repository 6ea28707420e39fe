"""The app: one window over one open agent. Screens show; the backend's thread works; this file joins the two.

The first screen is up before anything slow is imported: nothing here imports llama_cpp, torch or
sentence_transformers, and the agent is opened in its thread after the first paint.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual import work
from textual.app import App
from textual.reactive import reactive

from localnpm.agent import events
from localnpm.agent.options import Options
from localnpm.home import Home
from localnpm.plain import visible
from localnpm.tui.backend import Backend
from localnpm.tui.literal import literal
from localnpm.tui.messages import (
    Asked,
    Happened,
    JobEnded,
    JobStarted,
    Judged,
    Learns,
    Loading,
    Ready,
    Told,
    Unusable,
)
from localnpm.tui.screens.chat import ChatScreen
from localnpm.tui.status import Status

if TYPE_CHECKING:
    from localnpm.learning.opened import Opened
    from localnpm.memory.database import Database


class LocalnpmApp(App[None]):
    """The terminal app."""

    TITLE = "localnpm"
    CSS_PATH = "localnpm.tcss"

    status: reactive[Status] = reactive(Status())

    def __init__(
        self,
        home: Home,
        options: Options,
        open_database: "Callable[[], Database]",
        open_agent: "Callable[[Options], AbstractContextManager[Opened]]",
        *,
        session_id: int | None = None,
    ) -> None:
        super().__init__()
        self.home = home
        self.options = options
        self._open_agent = open_agent
        self.backend = self._new_backend()
        self._open_database = open_database
        self._session_id = session_id
        self._database: Database | None = None
        self._opening = threading.Lock()

    def _new_backend(self) -> "Backend[Opened]":
        return Backend(partial(self._open_agent, self.options), self.post_message)

    @work(thread=True, exclusive=True, group="reopen")
    def reopen(self, options: Options) -> None:
        """Close the agent and open it anew with other options; what runs is stopped."""
        self.backend.stop()
        self.options = options
        self.backend = self._new_backend()
        self.backend.start()

    @property
    def database(self) -> "Database":
        """memory.db, opened when a screen first asks; for threads, as it may wait for the disk.

        Raises:
            MemoryFileError: it cannot be opened.
        """
        with self._opening:
            if self._database is None:
                self._database = self._open_database()
            return self._database

    def on_mount(self) -> None:
        """Show the chat; open the agent when it has been painted."""
        self.push_screen(ChatScreen(self._session_id))
        self.call_after_refresh(self.backend.start)

    async def on_unmount(self) -> None:
        """Leave nothing running."""
        self.backend.stop()

    @property
    def chat(self) -> ChatScreen:
        """The screen of the conversation, which is always there."""
        return next(screen for screen in self.screen_stack if isinstance(screen, ChatScreen))

    def on_loading(self, message: Loading) -> None:
        """Say what is being opened."""
        self.status = replace(self.status, activity="loading")

    def on_ready(self, message: Ready) -> None:
        """Say that requests are carried out from now on."""
        self.status = replace(self.status, activity="ready", private=self.options.private)
        self.chat.ready()

    def on_unusable(self, message: Unusable) -> None:
        """Say what is wrong, and what to do."""
        self.status = replace(self.status, activity="unusable")
        self.notify(str(literal(message.message)), title="The agent cannot be opened", severity="error", timeout=60)

    async def on_job_started(self, message: JobStarted) -> None:
        """A request is being carried out."""
        self.status = replace(self.status, activity="generating")
        await self.chat.take(message)

    async def on_happened(self, message: Happened) -> None:
        """Keep the status; hand the event on."""
        match message.event:
            case events.PromptProgress(done, total) if total:
                self.status = replace(self.status, activity="reading", progress=done / total)
            case events.Token() | events.Thought() if self.status.activity != "generating":
                self.status = replace(self.status, activity="generating")
            case events.Result(tokens_per_second=speed):
                self.status = replace(self.status, tokens_per_second=speed)
            case _:
                pass
        await self.chat.take(message)

    async def on_asked(self, message: Asked) -> None:
        """The agent waits for the user."""
        self.status = replace(self.status, activity="asking")
        await self.chat.take(message)

    async def on_job_ended(self, message: JobEnded) -> None:
        """The request is over."""
        self.status = replace(self.status, activity="ready", progress=0.0)
        await self.chat.take(message)

    async def on_judged(self, message: Judged) -> None:
        """A verdict was written."""
        await self.chat.judged(message)

    def on_learns(self, message: Learns) -> None:
        """Say how far a pass is."""
        self.status = replace(self.status, activity="learning", progress=message.done / max(message.total, 1))

    def on_told(self, message: Told) -> None:
        """Say it."""
        self.notify(visible(message.text), severity=message.severity, timeout=10, markup=False)
