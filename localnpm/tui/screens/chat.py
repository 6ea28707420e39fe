"""The chat: the conversation, what is asked of the user, and where they type."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from localnpm.agent import events
from localnpm.agent.permissions import Approve
from localnpm.engine.cancel import Cancel
from localnpm.engine.turns import Progress
from localnpm.errors import LocalnpmError
from localnpm.plain import visible
from localnpm.tui.commands import BY_NAME, SlashCommand
from localnpm.tui.messages import Asked, Happened, JobEnded, JobStarted
from localnpm.tui.widgets.approval import Approval
from localnpm.tui.widgets.composer import Composer
from localnpm.tui.widgets.exchange import Exchange
from localnpm.tui.widgets.status_bar import StatusBar
from localnpm.tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from localnpm.learning.opened import Opened
    from localnpm.tui.app import LocalnpmApp


class ChatScreen(Screen[None]):
    """One session with the agent."""

    app: "LocalnpmApp"

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "Stop")]

    def __init__(self, session_id: int | None = None) -> None:
        super().__init__()
        self.session_id = session_id
        self._exchanges: dict[int, Exchange] = {}

    def compose(self) -> ComposeResult:
        """Transcript, composer, status."""
        yield Transcript()
        yield Composer()
        yield StatusBar()

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one(Composer).focus()

    async def on_composer_sent(self, message: Composer.Sent) -> None:
        """Carry out a slash command, or queue a request."""
        name, _, words = message.text.removeprefix("/").partition(" ")
        if message.text.startswith("/") and name in BY_NAME:
            await self.carry_out(BY_NAME[name], words.strip())
        elif message.text.startswith("/") and name.isalpha():
            self.notify(f"There is no command /{name}; /help lists those there are.", severity="warning", markup=False)
        else:
            await self.ask(message.text)

    async def carry_out(self, command: SlashCommand, words: str = "") -> None:
        """Do what a command does; what goes wrong is told, and nothing typed is lost."""
        try:
            await command.act(self, words)
        except LocalnpmError as error:
            self.notify(visible(str(error)), title=f"/{command.name}", severity="error", timeout=15, markup=False)

    async def ask(self, request: str) -> None:
        """Queue a request; it is carried out after those before it."""

        def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
            if self.session_id is None:
                self.session_id = agent.bench.new_session(request)
            return agent.learner.run(request, self.session_id, approve=approve, cancel=cancel, progress=progress)

        exchange = await self.query_one(Transcript).add(request)
        self._exchanges[self.app.backend.submit(request, start)] = exchange

    async def resume(self, session_id: int) -> None:
        """Go on with a session; its transcript is shown again."""
        self.session_id = session_id

    async def take(self, message: JobStarted | Happened | Asked | JobEnded) -> None:
        """Show what the agent's thread tells of a job of this screen."""
        exchange = self._exchanges.get(message.job)
        if exchange is None:
            return
        match message:
            case Happened(event=event):
                await exchange.show(event)
            case Asked(question=question):
                await exchange.mount(Approval(question))
            case JobEnded(error=error):
                await exchange.end(error)
                del self._exchanges[message.job]
            case _:
                pass

    def action_cancel(self) -> None:
        """Stop what the agent does; what was said stays."""
        self.app.backend.cancel()
