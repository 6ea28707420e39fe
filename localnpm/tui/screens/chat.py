"""The chat: the conversation, what is asked of the user, and where they type."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen

from localnpm.agent import events
from localnpm.agent.by_hand import MARK
from localnpm.agent.permissions import Approve
from localnpm.engine.cancel import Cancel
from localnpm.engine.turns import Progress
from localnpm.errors import LocalnpmError
from localnpm.plain import visible
from localnpm.tui.actions.interrupted import offer_interrupted
from localnpm.tui.commands import BY_NAME, SlashCommand
from localnpm.tui.messages import Asked, Happened, JobEnded, JobStarted, Judged
from localnpm.tui.widgets.approval import Approval
from localnpm.tui.widgets.composer import Composer
from localnpm.tui.widgets.exchange import Exchange
from localnpm.tui.widgets.memory_panel import MemoryPanel
from localnpm.tui.widgets.status_bar import StatusBar
from localnpm.tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from localnpm.learning.opened import Opened
    from localnpm.memory.records import Trajectory
    from localnpm.tui.app import LocalnpmApp
    from localnpm.tui.backend import Start


MOST_FILES = 5000
LONG_SECONDS = 10.0
"""A task of more seconds rings when it ends, if the terminal is not looked at."""


class ChatScreen(Screen[None]):
    """One session with the agent."""

    app: "LocalnpmApp"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Stop", id="chat.stop"),
        Binding("f2", "judge(True)", "Good", id="chat.good"),
        Binding("f3", "judge(False)", "Bad", id="chat.bad"),
        Binding("f4", "memory", "Memory", id="chat.memory"),
    ]

    def __init__(self, session_id: int | None = None) -> None:
        super().__init__()
        self.session_id = session_id
        self.last_attempt = 0
        self.last_answer = ""
        self.editing: int | None = None
        self._exchanges: dict[int, Exchange] = {}

    def compose(self) -> ComposeResult:
        """Transcript and memory side by side, composer, status."""
        with Horizontal():
            yield Transcript()
            yield MemoryPanel()
        yield Composer()
        yield StatusBar()

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one(MemoryPanel).display = False
        self.query_one(Composer).focus()

    @property
    def transcript(self) -> Transcript:
        """The conversation so far."""
        return self.query_one(Transcript)

    @property
    def composer(self) -> Composer:
        """Where the user types."""
        return self.query_one(Composer)

    async def on_composer_sent(self, message: Composer.Sent) -> None:
        """Carry out a slash command, or queue a request."""
        name, _, words = message.text.removeprefix("/").partition(" ")
        if message.text.startswith("/") and name in BY_NAME:
            await self.carry_out(BY_NAME[name], words.strip())
        elif message.text.startswith("/") and name.isalpha():
            self.notify(f"There is no command /{name}; /help lists those there are.", severity="warning", markup=False)
        elif message.text.startswith(MARK) and message.text != MARK:
            await self._run_by_hand(message.text.removeprefix(MARK).strip())
        else:
            instead_of, self.editing = self.editing, None
            await self.ask(message.text, instead_of=instead_of)

    async def carry_out(self, command: SlashCommand, words: str = "") -> None:
        """Do what a command does; what goes wrong is told, and nothing typed is lost."""
        try:
            await command.act(self, words)
        except LocalnpmError as error:
            self.notify(visible(str(error)), title=f"/{command.name}", severity="error", timeout=15, markup=False)

    async def ask(self, request: str, *, instead_of: int | None = None) -> None:
        """Queue a request; it is carried out after those before it.

        `instead_of` is an attempt that is taken back first, with all that came after it.
        """

        def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
            from localnpm.learning.rewind import rewind

            if instead_of is not None:
                rewind(agent.bench, instead_of)
            session_id = self._session(agent, request)
            return agent.learner.run(request, session_id, approve=approve, cancel=cancel, progress=progress)

        if instead_of is not None:
            await self.transcript.drop_from(instead_of)
        await self.queue(request, start)

    async def _run_by_hand(self, command: str) -> None:
        """Queue a command of the user's own."""

        def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
            from localnpm.agent.by_hand import run_by_hand

            return run_by_hand(agent.bench, self._session(agent, command), command, cancel=cancel)

        await self.queue(f"{MARK}{command}", start)

    def _session(self, agent: "Opened", title: str) -> int:
        """The session's id; it begins with its first request."""
        if self.session_id is None:
            self.session_id = agent.bench.new_session(title)
        return self.session_id

    async def queue(self, request: str, start: "Start[Opened]") -> None:
        """Queue an attempt, shown as an exchange under these words."""
        exchange = Exchange(request)
        await self.transcript.add(exchange)
        self._exchanges[self.app.backend.submit("task", start)] = exchange

    async def begin(self) -> None:
        """Start a conversation of its own; what runs for the old one is shown no more."""
        self.session_id = None
        self._exchanges.clear()
        await self.transcript.remove_children()

    async def resume(self, session_id: int) -> None:
        """Go on with a session; its transcript is shown again, the newest part at once."""
        await self.begin()
        self.session_id = session_id
        self._read_session(session_id)

    @work(thread=True, exclusive=True, group="resume", exit_on_error=False)
    def _read_session(self, session_id: int) -> None:
        from localnpm.memory.attempts import AttemptLog

        try:
            told = AttemptLog(self.app.database).conversation(session_id)
        except LocalnpmError as error:
            self.app.call_from_thread(self.notify, visible(str(error)), severity="error", markup=False)
            return
        self.app.call_from_thread(self._show_session, told)

    def _show_session(self, told: "tuple[Trajectory, ...]") -> None:
        self.run_worker(self.transcript.load(told), exit_on_error=False)
        if told:
            self.last_attempt = told[-1].attempt.id
            self.last_answer = told[-1].attempt.answer or ""

    @work(thread=True, exit_on_error=False)
    def _read_files(self) -> None:
        """What can be mentioned with an @."""
        from localnpm.agent.workspace import Workspace

        try:
            found = Workspace(self.app.options.workspace, protected=(self.app.home.root,)).files(MOST_FILES)
        except LocalnpmError:
            # The agent's thread tells of an unusable workspace.
            return
        self.app.call_from_thread(self._offer_files, found)

    def _offer_files(self, found: Sequence[str]) -> None:
        self.composer.files = found

    def ready(self) -> None:
        """The agent is open: look for files, show the session that was asked for."""
        self._read_files()
        if self.session_id is not None and not self.transcript.exchanges:
            self._read_session(self.session_id)
        elif not self.app.options.private:
            self.run_worker(offer_interrupted(self), exit_on_error=False)

    @work(thread=True, exit_on_error=False)
    def tell(self, task: Callable[[], str]) -> None:
        """Do something slow in a thread, and tell what it returns or raises."""
        severity: Literal["information", "error"] = "information"
        try:
            told = task()
        except LocalnpmError as error:
            told, severity = str(error), "error"
        self.app.call_from_thread(self.notify, visible(told), severity=severity, timeout=10, markup=False)

    async def take(self, message: JobStarted | Happened | Asked | JobEnded) -> None:
        """Show what the agent's thread tells of a job of this screen."""
        exchange = self._exchanges.get(message.job)
        if exchange is None:
            if isinstance(message, JobEnded) and message.error:
                self.notify(visible(message.error), title=message.what, severity="error", timeout=15, markup=False)
            return
        match message:
            case Happened(event=event):
                await self._note(event)
                await exchange.show(event)
            case Asked(question=question):
                await exchange.mount(Approval(question))
                self._remind()
            case JobEnded(error=error):
                await exchange.end(error)
                await exchange.query(Approval).remove()
                del self._exchanges[message.job]
                self._read_files()
                if exchange.result is not None and exchange.result.seconds > LONG_SECONDS:
                    self._remind()
            case _:
                pass

    async def judged(self, message: Judged) -> None:
        """Show a verdict where its attempt is, and offer to try again."""
        judgement = message.judgement
        exchange = self.transcript.of_attempt(judgement.attempt_id)
        if exchange is not None:
            await exchange.show(events.Verdict("user", judgement.success, judgement.reason))
            for learned in judgement.learned:
                await exchange.show(learned)
        else:
            self.notify(f"Attempt {judgement.attempt_id} is judged {'good' if judgement.success else 'bad'}.")
        if message.offer:
            self._offer_retry(judgement.attempt_id)

    async def on_approval_decided(self, message: Approval.Decided) -> None:
        """The question goes, what was typed is there as it was."""
        await self.query(Approval).remove()
        (message.focused or self.composer).focus()

    def _remind(self) -> None:
        """Ring, for whoever looks elsewhere."""
        if self.app.looks.bell and not self.app.app_focus:
            self.app.bell()

    def toggle_memory(self) -> None:
        """Show or hide what memory did for the last task."""
        panel = self.query_one(MemoryPanel)
        panel.display = not panel.display

    async def _note(self, event: events.Event) -> None:
        match event:
            case events.AttemptStarted(attempt_id=attempt_id):
                self.last_attempt = attempt_id
            case events.Recalled():
                await self.query_one(MemoryPanel).show(event)
            case events.Answer(text):
                self.last_answer = text
            case _:
                pass

    @work
    async def _offer_retry(self, attempt_id: int) -> None:
        from localnpm.tui.actions.verdicts import try_again
        from localnpm.tui.widgets.dialogs import Confirm

        question = f"Undo attempt {attempt_id} and try again with what you said?"
        if await self.app.push_screen_wait(Confirm(question)):
            await try_again(self, attempt_id)

    def action_cancel(self) -> None:
        """Stop what the agent does; what was said stays. With nothing to stop, leave an edit."""
        if not self.app.backend.cancel() and self.editing is not None:
            self.editing = None
            self.composer.write("")

    @work
    async def action_judge(self, success: bool) -> None:
        """Judge the last answer, with a reason if there is one."""
        from localnpm.tui.actions.verdicts import judge_last
        from localnpm.tui.widgets.dialogs import AskText

        reason = await self.app.push_screen_wait(
            AskText("Good. Why, if there is more to say?" if success else "Bad. What was wrong with it?", "a few words")
        )
        if reason is not None:
            judge_last(self, success, reason.strip())

    def action_memory(self) -> None:
        """Show or hide the memory panel."""
        self.toggle_memory()
