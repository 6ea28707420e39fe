"""The app: one window over one open agent. Screens show; the backend's thread works; this file joins the two.

The first screen is up before anything slow is imported: nothing here imports llama_cpp, torch or
sentence_transformers, and the agent is opened in its thread after the first paint.
"""

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen

from localnpm.agent import events
from localnpm.agent.options import Options
from localnpm.config import AppSettings
from localnpm.home import Home
from localnpm.plain import visible
from localnpm.tui.backend import Backend
from localnpm.tui.commands import COMMANDS, SlashCommand
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

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", id="app.help"),
        Binding("ctrl+q", "quit", "Quit", id="app.quit", priority=True),
    ]

    status: reactive[Status] = reactive(Status())

    def __init__(
        self,
        home: Home,
        options: Options,
        open_database: "Callable[[], Database]",
        open_agent: "Callable[[Options], AbstractContextManager[Opened]]",
        *,
        session_id: int | None = None,
        looks: AppSettings = AppSettings(),
    ) -> None:
        super().__init__()
        self.looks = looks
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
        self.apply(self.looks)
        self.push_screen(ChatScreen(self._session_id))
        if not self.home.memory.exists() and not self.options.private:
            self.call_after_refresh(self._welcome)
        self.call_after_refresh(self.backend.start)

    def apply(self, looks: AppSettings) -> None:
        """Take over what the settings say of looks and keys; what cannot be used is told."""
        if looks.theme in self.available_themes:
            self.theme = looks.theme
        elif looks.theme:
            self.notify(f"There is no theme {looks.theme!r}.", severity="warning", markup=False)
        if not looks.animation:
            self.animation_level = "none"
        pairs = [pair.partition("=") for pair in looks.keys.split(",") if "=" in pair]
        self.set_keymap({name.strip(): key.strip() for name, _, key in pairs})

    def _welcome(self) -> None:
        from localnpm.tui.screens.first_run import FirstRunScreen

        self.push_screen(FirstRunScreen())

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: Textual's own commands, and every slash command."""
        yield from super().get_system_commands(screen)
        for command in COMMANDS:
            yield SystemCommand(f"/{command.name}", command.meaning, partial(self._from_palette, command))

    def action_help(self) -> None:
        """Keys for what has the focus; again, to close."""
        if self.screen.query("HelpPanel"):
            self.action_hide_help_panel()
        else:
            self.action_show_help_panel()

    def _from_palette(self, command: SlashCommand) -> None:
        """Carry out a command; one that wants an argument is put where it can be typed."""
        if command.argument and not command.argument.startswith("["):
            self.chat.composer.write(f"/{command.name} ")
            self.chat.composer.focus()
        else:
            self.run_worker(self.chat.carry_out(command), exit_on_error=False)

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
