"""The chat: what is on the screen beside the conversation, and what the user does: types, presses, clicks.

What is not in the first paint, and all that it needs, comes with `furnish`, right after it.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from localnpm.errors import LocalnpmError
from localnpm.plain import visible
from localnpm.tui import jobs
from localnpm.tui.commands import BY_NAME, SlashCommand
from localnpm.tui.screens.conversation import Conversation
from localnpm.tui.widgets.composer import Composer
from localnpm.tui.widgets.status_bar import StatusBar
from localnpm.tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from localnpm.agent import events
    from localnpm.tui.messages import Learns
    from localnpm.tui.widgets.interrupted import Interrupted


class ChatScreen(Conversation):
    """One session with the agent."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-wide")]  # noqa: RUF012 - Screen declares it so
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Stop", id="chat.stop"),
        Binding("f2", "judge(True)", "Good", id="chat.good"),
        Binding("f3", "judge(False)", "Bad", id="chat.bad"),
        Binding("f4", "memory", "Memory", id="chat.memory"),
    ]

    def __init__(self, session_id: int | None = None) -> None:
        super().__init__(session_id)
        self._offered_interrupted = False

    def compose(self) -> ComposeResult:
        """Transcript, composer, status."""
        with Horizontal():
            yield Transcript()
        yield Composer()
        yield StatusBar()

    def on_mount(self) -> None:
        """Type at once."""
        self.composer.focus()
        self.transcript.follow(self._older(self.thread))
        self.call_after_refresh(self.app.furnish)

    async def furnish(self) -> None:
        """Memory beside the transcript, the composer's completions; an old session, read while the model is loaded."""
        from localnpm.tui.widgets.memory_panel import MemoryPanel

        await self.query_one(Horizontal).mount(MemoryPanel())
        await self.composer.furnish()
        if self.session_id is not None:
            self.run_worker(self.resume(self.session_id), exit_on_error=False)

    async def on_composer_sent(self, message: Composer.Sent) -> None:
        """Carry out a slash command, or queue a request."""
        from localnpm.agent.by_hand import MARK

        name, _, words = message.text.removeprefix("/").partition(" ")
        if message.text.startswith("/") and name in BY_NAME:
            await self.carry_out(BY_NAME[name], words.strip())
        elif message.text.startswith("/") and name.isalpha():
            self.notify(f"There is no command /{name}; /help lists those there are.", severity="warning", markup=False)
            self._give_back(message.text)
        elif message.text.startswith(MARK) and message.text != MARK:
            words = message.text.removeprefix(MARK).strip()
            await self.queue(message.text, jobs.command(self.thread, words))
        else:
            instead_of, self.editing = self.editing, None
            await self.ask(message.text, instead_of=instead_of)

    async def carry_out(self, command: SlashCommand, words: str = "") -> None:
        """Do what a command does; what goes wrong is told, and nothing typed is lost."""
        try:
            await command.act(self, words)
        except LocalnpmError as error:
            self.notify(visible(str(error)), title=f"/{command.name}", severity="error", timeout=15, markup=False)

    def ready(self) -> None:
        """The agent is open: look for files, offer what was cut off."""
        from localnpm.tui.actions.interrupted import offer_interrupted
        from localnpm.tui.actions.watch import go_on as go_on_watching

        self.read_files()
        if not self.app.options.private and not self._offered_interrupted:
            self._offered_interrupted = True
            self._read_history()
            self.run_worker(go_on_watching(self), exit_on_error=False)
            if self.session_id is None:
                self.run_worker(offer_interrupted(self), exit_on_error=False)

    @work(thread=True, exclusive=True, group="files", exit_on_error=False)
    def read_files(self) -> None:
        """Look what can be mentioned with an @."""
        from localnpm.tui.files import mentionable

        found = mentionable(self.app.options.workspace, self.app.home)
        self.app.call_from_thread(self._offer_files, found)

    def _offer_files(self, found: Sequence[str]) -> None:
        self.composer.files = found

    @work(thread=True, exit_on_error=False)
    def _read_history(self) -> None:
        """What was asked for here before, for the arrow keys."""
        texts = self._log().requests(self.app.options.workspace.resolve())
        self.app.call_from_thread(self.composer.history.load, texts)

    @work(thread=True, exit_on_error=False)
    def tell(self, task: Callable[[], str]) -> None:
        """Do something slow in a thread, and tell what it returns or raises."""
        severity: Literal["information", "error"] = "information"
        try:
            told = task()
        except LocalnpmError as error:
            told, severity = str(error), "error"
        self.app.call_from_thread(self.notify, visible(told), severity=severity, timeout=10, markup=False)

    async def on_interrupted_chosen(self, message: "Interrupted.Chosen") -> None:
        """Do again, take back or leave what was cut off."""
        from localnpm.tui.actions.interrupted import decide

        try:
            await decide(self, message.attempt_id, message.way)
        except LocalnpmError as error:
            self.notify(visible(str(error)), severity="error", timeout=15, markup=False)

    async def recalled(self, event: "events.Recalled") -> None:
        """Show beside the chat what memory has for the task."""
        from localnpm.tui.widgets.memory_panel import MemoryPanel

        await self.query_one(MemoryPanel).show(event)

    def learns(self, message: "Learns") -> None:
        """Say beside the chat what a pass is doing."""
        from localnpm.tui.widgets.memory_panel import MemoryPanel

        self.query_one(MemoryPanel).learns(message.what)

    def toggle_memory(self) -> None:
        """Show or hide what memory did for the last task."""
        from localnpm.tui.widgets.memory_panel import MemoryPanel

        self.query_one(MemoryPanel).toggle()

    async def action_cancel(self) -> None:
        """Stop what the agent does; what was said stays. Else take back what waits, leave an edit, or type on."""
        if self.app.backend.cancel() or await self.withdraw():
            return
        if self.editing is not None:
            self.editing = None
            self.composer.write("")
        self.composer.focus()

    def action_judge(self, success: bool) -> None:
        """Judge the last answer; of a bad one the reason is asked for."""
        from localnpm.tui.actions.verdicts import judge_last_by_key

        judge_last_by_key(self, success)

    def action_memory(self) -> None:
        """Show or hide the memory panel."""
        self.toggle_memory()
