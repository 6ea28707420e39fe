"""One request with all that came of it: what was recalled, the streamed text, tool calls, how it ended, the verdict."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Collapsible, Static

from localnpm.agent import events
from localnpm.agent.by_hand import MARK
from localnpm.plain import visible
from localnpm.tui.guarded import Guarded
from localnpm.tui.literal import literal
from localnpm.tui.widgets.folded import Folded
from localnpm.tui.widgets.learned_card import LearnedCard
from localnpm.tui.widgets.told import logged
from localnpm.tui.widgets.tool_card import ToolCard
from localnpm.tui.widgets.verdict_bar import VerdictBar

if TYPE_CHECKING:
    from localnpm.memory.records import Trajectory
    from localnpm.tui.widgets.said import Said

WAITS = "waiting for its turn; Delete here or /cancel takes it back"


class Exchange(Guarded, Vertical):
    """Shows the events of one attempt, in order. `result` is set when it has ended."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete,backspace,escape", "withdraw", "Take back", id="exchange.withdraw")
    ]

    class Withdrawn(Message):
        """The user wants a request back that has not begun."""

        def __init__(self, exchange: "Exchange") -> None:
            super().__init__()
            self.exchange = exchange

    def __init__(self, request: str) -> None:
        super().__init__()
        self.request = request
        self.attempt_id = 0
        self.result: events.Result | None = None
        self.answer = ""
        self.waiting = False
        self.ended = False
        self._told: Trajectory | None = None
        self._said: Said | None = None
        self._thought: Static | None = None
        self._thoughts: list[str] = []
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

    @property
    def by_hand(self) -> bool:
        """Whether this is a command of the user's own."""
        return self.request.startswith(MARK)

    def compose(self) -> ComposeResult:
        """The request; the rest is mounted as it comes, or all at once where it is told from the log."""
        yield Static(literal(self.request), classes="request")
        if self._told is not None:
            self.set_class(self._told.attempt.undone_at is not None, "-undone")
            yield from logged(self._told)

    async def wait(self) -> None:
        """Say that it waits; until it begins it can have the focus and be taken back."""
        self.waiting = self.can_focus = True
        await self.mount(Static(literal(WAITS), classes="note waiting"))

    async def begin(self) -> None:
        """It waits no longer."""
        if self.waiting:
            self.waiting = self.can_focus = False
            await self.query(".waiting").remove()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what waits can be withdrawn; the keys mean something else otherwise."""
        return self.waiting if action == "withdraw" else super().check_action(action, parameters)

    def action_withdraw(self) -> None:
        """Take the request back."""
        self.post_message(self.Withdrawn(self))

    async def show(self, event: events.Event) -> None:
        """Add what an event tells."""
        match event:
            case events.AttemptStarted(attempt_id=attempt_id):
                self.attempt_id = attempt_id
            case events.Recalled():
                await self._recalled(event)
            case events.Learned():
                await self.mount(LearnedCard(event))
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
                card = self._cards.pop(event.step_id)
                await card.finish(event)
                # What a command of one's own prints is what it was run for.
                card.collapsed = not self.by_hand
            case events.ToolResult(ok=False, result=result):
                await self._line(result.split("\n")[0], "failed")
            case events.Answer(text):
                self.answer = text
                if self._said is None and text:
                    await self._say(text)
                await self._end_text(text)
            case events.Verdict("user", success, reason) if self.query(VerdictBar):
                self.query_one(VerdictBar).tell(success, reason)
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
        await self.begin()
        self.ended = True
        await self._end_text()
        if error:
            await self._line(f"Error: {error}", "failed")

    def on_collapsible_expanded(self, event: Collapsible.Expanded) -> None:
        """Thoughts that come while they are folded are drawn when they are looked at."""
        if self._thought is not None and event.collapsible in self._thought.ancestors:
            self._draw_thoughts()

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
            from localnpm.tui.widgets.said import Said

            self._said = Said()
            await self.mount(self._said)
        await self._said.say(text)

    async def _muse(self, text: str) -> None:
        self._thoughts.append(text)
        if self._thought is None:
            self._thought = Static(classes="thought")
            await self.mount(Folded(literal("thinking", "dim"), self._thought))
        elif not any(isinstance(around, Folded) and around.collapsed for around in self._thought.ancestors):
            self._draw_thoughts()

    def _draw_thoughts(self) -> None:
        if self._thought is not None:
            self._thought.update(literal("".join(self._thoughts), "dim"))

    async def _end_text(self, whole: str | None = None) -> None:
        if self._said is not None:
            await self._said.end(whole)
        self._draw_thoughts()
        self._said = self._thought = None
        self._thoughts = []

    async def _ended(self, result: events.Result) -> None:
        self.result = result
        await self._end_text()
        if result.status != "done":
            told = result.error if result.error == result.status else f"{result.status}: {result.error}"
            await self._line(told, "failed")
        parts = [f"attempt {result.attempt_id}"]
        if not self.by_hand:
            parts += [f"{result.steps} steps", f"{result.tokens_per_second:g} tok/s"]
        if result.changed:
            parts.append(f"changed {', '.join(result.changed)}; /undo takes it back")
        await self._line(" · ".join(parts), "note")
        if not self.by_hand:
            await self.mount(VerdictBar(result.attempt_id, changed=bool(result.changed)))

    async def _line(self, text: str, classes: str) -> None:
        await self.mount(Static(literal(text), classes=classes))
