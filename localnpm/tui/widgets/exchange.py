"""One request with all that came of it: the streamed text, tool calls, the answer, how it ended."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Markdown, Static

from localnpm.agent import events
from localnpm.plain import one_line, visible
from localnpm.tui.literal import literal


class Exchange(Vertical):
    """Shows the events of one attempt, in order."""

    def __init__(self, request: str) -> None:
        super().__init__()
        self.request = request
        self.attempt_id = 0
        self._text: Markdown | None = None

    def compose(self) -> ComposeResult:
        """The request; the rest is mounted as it comes."""
        yield Static(literal(self.request), classes="request")

    async def show(self, event: events.Event) -> None:
        """Add what an event tells."""
        match event:
            case events.AttemptStarted(attempt_id=attempt_id):
                self.attempt_id = attempt_id
            case events.Token(text):
                if self._text is None:
                    self._text = Markdown(classes="said", open_links=False)
                    await self.mount(self._text)
                await self._text.append(visible(text))
            case events.ToolCalled(name=name, summary=summary):
                self._text = None
                await self.mount(Static(literal(f"• {one_line(summary or name, 200)}"), classes="call"))
            case events.ToolResult(ok=False, result=result):
                await self.mount(Static(literal(one_line(result, 200)), classes="failed"))
            case events.Result(status=status, error=error) if status != "done":
                await self.mount(Static(literal(f"{status}: {error}"), classes="failed"))
            case _:
                pass

    async def end(self, error: str) -> None:
        """Say what went wrong outside the attempt, if anything did."""
        if error:
            await self.mount(Static(literal(f"Error: {error}"), classes="failed"))
