"""The question about a change: the diff, and the ways to answer, by key or by click.

Keys count only half a second after it has appeared, so that what was being typed decides nothing; the focus goes back
to where it was.
"""

import json
from time import monotonic
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Static, TextArea

from localnpm.agent.permissions import Allow, Decision, Decline, Edit, Scope
from localnpm.agent.tools import Prepared, Risk
from localnpm.plain import json_text
from localnpm.tui.literal import literal
from localnpm.tui.messages import Question
from localnpm.tui.widgets.dialogs import AskText
from localnpm.tui.widgets.diff import diff_content

DEAF_SECONDS = 0.5
DECLINED = "no reason given"

ANSWERS: tuple[tuple[str, str, str], ...] = (
    ("y", "allow('once')", "once"),
    ("t", "allow('task')", "this task"),
    ("s", "allow('session')", "this session"),
    ("a", "allow('always')", "always here"),
    ("e", "edit", "edit"),
    ("n", "decline", "no"),
)
"""Key, action, and what the button says."""


class Approval(Vertical, can_focus=True):
    """Shows a prepared call and waits for the user's decision."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, action, words, id=f"approval.{words.replace(' ', '-')}") for key, action, words in ANSWERS
    ]

    class Decided(Message):
        """The question is answered; `focused` had the focus before it."""

        def __init__(self, decision: Decision, focused: Widget | None) -> None:
            super().__init__()
            self.decision = decision
            self.focused = focused

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question
        self._focused: Widget | None = None
        self._since = monotonic()

    def compose(self) -> ComposeResult:
        """What would change, then the ways to answer."""
        prepared = self.question.prepared
        yield Static(literal(prepared.summary, "bold"))
        with VerticalScroll(classes="diff"):
            yield Static(diff_content(prepared.diff) if prepared.diff else literal(_asked(prepared)))
        if prepared.note:
            yield Static(literal(prepared.note), classes="warned")
        if not prepared.undoable:
            yield Static(literal("This cannot be undone."), classes="warned")
        with Horizontal(classes="answers"):
            for key, _, words in ANSWERS:
                yield Button(literal(f"{key} {words}"), id=f"answer-{key}", compact=True)

    def on_mount(self) -> None:
        """Take the keys, and remember who had them."""
        self._focused = self.screen.focused
        self._since = monotonic()
        self.focus()
        self.scroll_visible()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A click answers at once."""
        event.stop()
        key = (event.button.id or "").removeprefix("answer-")
        self._since = 0.0
        self.call_later(self.run_action, next(action for letter, action, _ in ANSWERS if letter == key))

    def action_allow(self, scope: Scope) -> None:
        """Do it."""
        self._decide(Allow(scope))

    @work
    async def action_decline(self) -> None:
        """Do not do it; the reason is what the model reads, and what is learned from."""
        if not self._deaf:
            reason = await self.app.push_screen_wait(AskText("Declined. Why?", "a few words, or nothing"))
            if reason is not None:
                self._decide(Decline(reason.strip() or DECLINED))

    @work
    async def action_edit(self) -> None:
        """Change the call's arguments first."""
        if not self._deaf:
            arguments = await self.app.push_screen_wait(ArgumentsEditor(self.question.prepared))
            if arguments is not None:
                self._decide(Edit(arguments))

    @property
    def _deaf(self) -> bool:
        return monotonic() - self._since < DEAF_SECONDS

    def _decide(self, decision: Decision) -> None:
        if self._deaf or not self.is_mounted:
            return
        self.question.decided.put(decision)
        self.post_message(self.Decided(decision, self._focused))


class ArgumentsEditor(ModalScreen[dict[str, Any] | None]):
    """A call's arguments as JSON in an editor; they must stay an object."""

    BINDINGS: ClassVar[list[BindingType]] = [("ctrl+s", "save", "Save"), ("escape", "dismiss(None)", "Cancel")]

    def __init__(self, prepared: Prepared) -> None:
        super().__init__()
        self._prepared = prepared

    def compose(self) -> ComposeResult:
        """The editor, its keys, what is wrong."""
        yield Static(literal(self._prepared.summary, "bold"))
        yield TextArea(json.dumps(dict(self._prepared.call.arguments), indent=2, ensure_ascii=False))
        yield Static(literal("Ctrl+S does it so, Escape goes back to the question"), classes="note")
        yield Static(id="wrong", classes="failed")

    def action_save(self) -> None:
        """Answer with the arguments, if they are some."""
        try:
            arguments = json.loads(self.query_one(TextArea).text)
        except ValueError as error:
            self.query_one("#wrong", Static).update(literal(f"not JSON: {error}"))
            return
        if not isinstance(arguments, dict):
            self.query_one("#wrong", Static).update(literal("the arguments must be a JSON object"))
            return
        self.dismiss(arguments)


def _asked(prepared: Prepared) -> str:
    """What is asked about where there is no diff: a command, or the arguments."""
    if prepared.risk is Risk.RUN:
        return str(prepared.call.arguments.get("command", ""))
    return json_text(dict(prepared.call.arguments))
