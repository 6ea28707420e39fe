"""The app: one window over one open agent. Screens show; the backend's thread works; this file joins the two.

The first screen is up before anything slow is imported: nothing here imports llama_cpp, torch or
sentence_transformers, and the agent is opened in its thread after the first paint.
"""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events as keys
from textual import work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.screen import Screen

from localnpm.agent.options import Options
from localnpm.config import AppSettings
from localnpm.home import Home
from localnpm.plain import visible
from localnpm.tui import draft, looks
from localnpm.tui.backend import Backend, Idle
from localnpm.tui.commands import COMMANDS, SlashCommand
from localnpm.tui.guarded import Guarded, Storm, in_words, write_down
from localnpm.tui.hearing import Hearing
from localnpm.tui.idle import greeting, idle_seconds, is_due, learn
from localnpm.tui.screens.chat import ChatScreen

if TYPE_CHECKING:
    from localnpm.learning.opened import Opened
    from localnpm.memory.database import Database
    from localnpm.tui.pulling import Pulling


ERASING = frozenset({"backspace", "delete"})
"""Keys that are part of typing, besides letters."""


class LocalnpmApp(Guarded, Hearing):
    """The terminal app. `reported` holds what went wrong inside it; the user was told of each."""

    TITLE = "localnpm"
    CSS_PATH = "first.tcss"
    """What the first paint needs; the rest is read after it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", id="app.help"),
        Binding("ctrl+q", "quit", "Quit", id="app.quit", priority=True),
    ]

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
        self.reported: list[BaseException] = []
        self.pulling: Pulling | None = None
        self._storm = Storm()
        self._up = False
        self._early: list[keys.Key | keys.Paste] | None = []
        self._database: Database | None = None
        self._opening = threading.Lock()

    def _new_backend(self) -> "Backend[Opened]":
        return Backend(
            partial(self._open, self.options),
            self.post_message,
            greet=greeting,
            idle=Idle("learning", idle_seconds, is_due, partial(learn, self.post_message)),
        )

    @contextmanager
    def _open(self, options: Options) -> "Iterator[Opened]":
        # What shows an answer takes a while to import: here, so that the first request does not wait for it.
        import localnpm.tui.widgets.approval
        import localnpm.tui.widgets.exchange
        import localnpm.tui.widgets.said  # noqa: F401

        with self._open_agent(options) as opened:
            try:
                yield opened
            finally:
                opened.learner.settle()

    def reopen(self, options: Options) -> None:
        """Close the agent and open it anew with other options; what runs is stopped, what is sent now waits."""
        old, self.options = self.backend, options
        self.backend = self._new_backend()
        self._exchange_backends(old, self.backend)

    @work(thread=True, group="reopen", exit_on_error=False)
    def _exchange_backends(self, old: "Backend[Opened]", new: "Backend[Opened]") -> None:
        old.stop()
        if new is self.backend:
            new.start()

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

    def get_default_screen(self) -> Screen[Any]:
        """The chat, at once."""
        return ChatScreen(self._session_id)

    def on_mount(self) -> None:
        """Take over looks and keys; all else comes after the first paint."""
        self.apply(self.looks)
        looks.remember_theme(self)
        self.take_in()
        for name in (signal.SIGTERM, signal.SIGHUP):
            # The terminal was closed, or the machine shuts down.
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                asyncio.get_running_loop().add_signal_handler(name, self.leave)

    async def furnish(self) -> None:
        """After the first paint: the look of what is not there yet, the keys that came early, the agent."""
        self.stylesheet.read(Path(__file__).with_name("localnpm.tcss"))
        # `read` alone leaves the rules that are in use as they were, and what comes next without a look.
        self.stylesheet.parse()
        await self.chat.furnish()
        await self.begin_typing()
        if not self.home.memory.exists() and not self.options.private:
            self._welcome()
        self.backend.start()

    def apply(self, settings: AppSettings) -> None:
        """Take over what the settings say of looks and keys; what cannot be used is told."""
        looks.apply(self, settings)

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

    async def on_event(self, event: keys.Event) -> None:
        """Keys that come before there is anything to type into are kept for it."""
        if isinstance(event, (keys.Key, keys.Paste)) and self._early is not None and not event.is_forwarded:
            self._early.append(event)
            return
        if isinstance(event, keys.Key) and not event.is_forwarded:
            self._note_typing(event)
        await super().on_event(event)

    def _note_typing(self, event: keys.Key) -> None:
        from textual.widgets import Input, TextArea

        if isinstance(self.focused, (Input, TextArea)) and (event.is_printable or event.key in ERASING):
            self.typed()
        else:
            self.has_typed()

    async def begin_typing(self) -> None:
        """Hand over the keys that came too early, in their order, and the text that was not sent the last time."""
        early, self._early = self._early or [], None
        for event in early:
            # A terminal that is not yet in the app's hands turns Enter into a line feed.
            is_enter = isinstance(event, keys.Key) and event.key == "ctrl+j"
            await super().on_event(keys.Key("enter", "\r") if is_enter else event)
        self._up = True
        if not self.options.private:
            kept = await asyncio.to_thread(draft.take, self.home)
            if kept and not self.chat.composer.text:
                self.chat.composer.write(kept)

    def report(self, error: BaseException) -> None:
        """Tell of an error inside the app, and write it down; all else goes on."""
        self.reported.append(error)
        place = None if self.options.private else write_down(self.home.logs, error)
        told = f"{in_words(error)}\nNothing you typed is lost; go on." + (f" Details: {place}" if place else "")
        self.notify(visible(told), title="Something went wrong here", severity="error", timeout=20, markup=False)

    def _handle_exception(self, error: Exception) -> None:
        """Textual's last resort, which ends the app: only where it cannot go on, and what was typed is kept first."""
        if self._up and self.is_running and not self._storm.rages():
            self.report(error)
            return
        self._keep_draft()
        super()._handle_exception(error)

    def _keep_draft(self) -> None:
        chats = [screen for screen in self.screen_stack if isinstance(screen, ChatScreen)] if self._up else []
        if chats and not self.options.private:
            with contextlib.suppress(NoMatches):
                draft.keep(self.home, chats[0].unsent)

    async def action_quit(self) -> None:
        """Leave; what was typed and not sent is there the next time."""
        self.leave()

    def leave(self) -> None:
        """End the app in good order."""
        self._keep_draft()
        self.exit()

    async def on_unmount(self) -> None:
        """Leave nothing running; the screen is the shell's again while the agent is being closed."""
        await asyncio.to_thread(self.backend.stop)

    @property
    def chat(self) -> ChatScreen:
        """The screen of the conversation, which is always there."""
        return next(screen for screen in self.screen_stack if isinstance(screen, ChatScreen))

    def remind(self, what: str) -> None:
        """Ring, and show a notice on the desktop where the terminal can (OSC 9), for whoever looks elsewhere."""
        if self.looks.bell and not self.app_focus:
            self.bell()
            if self._driver is not None:
                self._driver.write(f"\x1b]9;localnpm: {what}\x07")
