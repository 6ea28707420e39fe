"""One request with all that came of it: what was recalled, the streamed text, tool calls, how it ended, the verdict."""

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from localnpm.agent import events
from localnpm.plain import visible
from localnpm.tui.literal import literal
from localnpm.tui.widgets.folded import Folded
from localnpm.tui.widgets.said import Said
from localnpm.tui.widgets.told import logged
from localnpm.tui.widgets.tool_card import ToolCard

if TYPE_CHECKING:
    from localnpm.memory.records import Trajectory


class Exchange(Vertical):
    """Shows the events of one attempt, in order. `result` is set when it has ended."""

    def __init__(self, request: str) -> None:
        super().__init__()
        self.request = request
        self.attempt_id = 0
        self.result: events.Result | None = None
        self.answer = ""
        self.ended = False
        self._told: Trajectory | None = None
        self._said: Said | None = None
        self._thought: Static | None = None
        self._thoughts = ""
        self._cards: dict[int, ToolCard] = {}

    @classmethod
    def of(cls, told: "Trajectory") -> "Exchange":
        """An attempt of the log, as it was shown when it was made."""
        exchange = cls(told.attempt.request)
        exchange.attempt_id = told.attempt.id
        exchange.answer = told.attempt.answer or ""
        exchange.ended = True
        exchange._told = told
        return exchange

    def compose(self) -> ComposeResult:
        """The request; the rest is mounted as it comes, or all at once where it is told from the log."""
        yield Static(literal(self.request), classes="request")
        if self._told is not None:
            yield from logged(self._told)

    async def show(self, event: events.Event) -> None:
        """Add what an event tells."""
        match event:
            case events.AttemptStarted(attempt_id=attempt_id):
                self.attempt_id = attempt_id
            case events.Recalled():
                await self._recalled(event)
            case events.Learned(text=text):
                await self._line(f"Learned: {text}", "learned")
            case events.Token(text):
                await self._say(text)
            case events.Thought(text):
                await self._muse(text)
            case events.ContextDropped(exchanges):
                await self._line(f"the context is full: the {exchanges} oldest exchange(s) were left out", "note")
            case events.ToolCalled():
                await self._end_text()
                self._cards[event.step_id] = card = ToolCard(event)
                await self.mount(card)
            case events.ToolResult() if event.step_id in self._cards:
                await self._cards.pop(event.step_id).finish(event)
            case events.ToolResult(ok=False, result=result):
                await self._line(result.split("\n")[0], "failed")
            case events.Answer(text):
                self.answer = text
                await self._end_text()
            case events.Verdict(source, success, reason):
                await self._line(f"{source}: {'good' if success else 'bad'}{f' ({reason})' if reason else ''}", "note")
            case events.Result():
                await self._ended(event)
            case _:
                pass

    @property
    def words(self) -> str:
        """What is said in it, for searching."""
        return f"{self.request}\n{self.answer}"

    async def end(self, error: str) -> None:
        """The job is over; say what went wrong outside the attempt, if anything did."""
        self.ended = True
        await self._end_text()
        if error:
            await self._line(f"Error: {error}", "failed")

    async def _recalled(self, recalled: events.Recalled) -> None:
        if not recalled.items and not recalled.why:
            return
        lines = [
            Content.assemble(
                literal(item.title, "bold"),
                literal(f"  similarity {item.similarity:.2f}, {item.wins}/{item.uses} wins. {item.reason}", "dim"),
            )
            for item in recalled.items
        ]
        head = literal(f"memory: {recalled.channel} · {visible(recalled.why)}", "$text-accent")
        await self.mount(Folded(head, *(Static(line) for line in lines), classes="recalled"))

    async def _say(self, text: str) -> None:
        if self._said is None:
            self._said = Said()
            await self.mount(self._said)
        await self._said.say(text)

    async def _muse(self, text: str) -> None:
        if self._thought is None:
            self._thought = Static(classes="thought")
            await self.mount(Folded(literal("thinking", "dim"), self._thought))
        self._thoughts += text
        self._thought.update(literal(self._thoughts, "dim"))

    async def _end_text(self) -> None:
        if self._said is not None:
            await self._said.end()
        self._said = self._thought = None
        self._thoughts = ""

    async def _ended(self, result: events.Result) -> None:
        self.result = result
        await self._end_text()
        if result.status != "done":
            await self._line(f"{result.status}: {result.error}", "failed")
        parts = [f"attempt {result.attempt_id}", f"{result.steps} steps", f"{result.tokens_per_second:g} tok/s"]
        if result.changed:
            parts.append(f"changed {', '.join(result.changed)}; /undo takes it back")
        await self._line(" · ".join(parts), "note")

    async def _line(self, text: str, classes: str) -> None:
        await self.mount(Static(literal(text), classes=classes))
