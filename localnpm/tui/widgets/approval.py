"""The question about a change: what would change, and the ways to answer, by key or by click.

Keys answer only when nothing has been typed for half a second, counted from when it appeared or came into view: what is
being typed then goes on to where it was going, and decides nothing. Then it takes the keys; when the question is
answered, the focus goes back to where it was. A click answers at once.
"""

import json
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.events import Resize
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Static, TextArea

from localnpm.agent.permissions import Allow, Decision, Decline, Edit, Scope
from localnpm.agent.prepared import Prepared, Risk
from localnpm.plain import json_text, one_line, visible
from localnpm.tui.guarded import Guarded
from localnpm.tui.literal import literal
from localnpm.tui.messages import Question
from localnpm.tui.widgets.dialogs import AskText
from localnpm.tui.widgets.diff import DiffView

if TYPE_CHECKING:
    from localnpm.agent.changes import Change
    from localnpm.tui.app import LocalnpmApp

DEAF_SECONDS = 0.5
LOOK_SECONDS = 0.05
WIDE, MIDDLE = 92, 48
"""Columns from which the answers stand in one row, and in two."""
SUMMARY_CHARACTERS = 200
DECLINED = "no reason given"
WAITS = "click, or stop typing: then {} answer"
LISTENS = "{} answer, arrows scroll, Esc stops"

ANSWERS: tuple[tuple[str, str, str, str], ...] = (
    ("y", "allow('once')", "allow once", "this change alone"),
    ("t", "allow('task')", "this task", "and all like it until this request is done"),
    ("s", "allow('session')", "this session", "and all like it in this conversation"),
    ("a", "allow('always')", "always here", "and all like it in this folder: written into config.toml"),
    ("e", "edit", "edit first", "change its arguments, then do it"),
    ("n", "decline", "decline", "with a reason, if there is one to give"),
)
"""Key, action, what the button says, and what that means."""


def _name(words: str) -> str:
    """What the settings call an answer."""
    return f"approval.{words.replace(' ', '-')}"


class Approval(Guarded, Vertical, can_focus=True):
    """Shows a prepared call and waits for the user's decision."""

    HELP = """
    What the model wants to do; nothing has happened yet. y does it this once. t, s and a allow all of its kind too:
    until this request is done, in this conversation, in this folder from now on. e lets you change the arguments
    first. n declines, with a reason that the model reads. Keys answer only when nothing was typed for half a second.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, action, words, id=_name(words)) for key, action, words, _ in ANSWERS),
        Binding("up,k", "scroll_diff(-1)", "Up", show=False),
        Binding("down,j", "scroll_diff(1)", "Down", show=False),
        Binding("pageup", "scroll_diff(-10)", "Page up", show=False),
        Binding("pagedown,space", "scroll_diff(10)", "Page down", show=False),
        Binding("home", "scroll_diff(-1000000)", "Top", show=False),
        Binding("end", "scroll_diff(1000000)", "Bottom", show=False),
    ]

    app: "LocalnpmApp"

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
        self._typed = ""
        self._since = monotonic()
        self._took = False

    def compose(self) -> ComposeResult:
        """What would change, then the ways to answer."""
        prepared = self.question.prepared
        yield Static(literal(one_line(prepared.summary, SUMMARY_CHARACTERS), "bold"))
        yield DiffView(_shown(prepared))
        if prepared.note:
            yield Static(literal(prepared.note), classes="warned")
        if prepared.undoable:
            yield Static(literal("/undo takes it back.", "dim"))
        else:
            yield Static(literal("This cannot be undone."), classes="warned")
        with Container(classes="answers"):
            for key, _, words, meaning in ANSWERS:
                yield Button(literal(f"{self._key(key)} {words}"), id=f"answer-{key}", compact=True, tooltip=meaning)

    def on_mount(self) -> None:
        """Remember who has the keys; take them when the user pauses."""
        mode = getattr(getattr(self.app, "status", None), "mode", "")
        self.border_title = f"May it? (mode: {visible(mode)})" if mode else "May it?"
        self.border_subtitle = WAITS.format(self._keys)
        self._focused = self.screen.focused
        self._typed = _typed(self._focused)
        self._since = monotonic()
        self.set_interval(LOOK_SECONDS, self._look)
        self.scroll_visible()

    def on_resize(self, event: Resize) -> None:
        """As many rows of answers as it takes."""
        self.set_class(MIDDLE <= event.size.width < WIDE, "-middle")
        self.set_class(event.size.width < MIDDLE, "-narrow")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A click answers at once."""
        event.stop()
        key = (event.button.id or "").removeprefix("answer-")
        self._since, self._took = 0.0, True
        self.call_later(self.run_action, next(action for letter, action, *_ in ANSWERS if letter == key))

    def action_allow(self, scope: Scope) -> None:
        """Do it."""
        if not self._deaf:
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

    def action_scroll_diff(self, rows: int) -> None:
        """Look further up or down."""
        view = self.query_one(DiffView)
        view.scroll_to(y=view.scroll_y + rows, animate=False)

    @property
    def _keys(self) -> str:
        return " ".join(self._key(letter) for letter, *_ in ANSWERS)

    def _key(self, letter: str) -> str:
        """The key of an answer as the user has mapped it."""
        from localnpm.tui import keymap

        words = next(words for own, _, words, _ in ANSWERS if own == letter)
        return keymap.displayed(self.app.looks.keys, _name(words), letter)

    @property
    def _deaf(self) -> bool:
        return not self._took or monotonic() - self._since < DEAF_SECONDS

    def _look(self) -> None:
        """Begin to count again while something is typed, or another screen is looked at."""
        typed = _typed(self.screen.focused)
        if self.app.screen is not self.screen or (not self._took and typed != self._typed):
            self._typed, self._since = typed, monotonic()
        elif not self._took and monotonic() - self._since >= DEAF_SECONDS:
            self._took = True
            self._focused = self.screen.focused
            self.border_subtitle = LISTENS.format(self._keys)
            self.focus()

    def _decide(self, decision: Decision) -> None:
        if not self.is_mounted:
            return
        self.question.decided.put(decision)
        self.post_message(self.Decided(decision, self._focused))


class ArgumentsEditor(Guarded, ModalScreen[dict[str, Any] | None]):
    """A call's arguments as JSON in an editor; they must stay an object."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", id="editor.save"),
        Binding("escape", "dismiss(None)", "Cancel", id="editor.cancel"),
    ]

    def __init__(self, prepared: Prepared) -> None:
        super().__init__()
        self._prepared = prepared

    def compose(self) -> ComposeResult:
        """The editor, its keys, what is wrong."""
        yield Static(literal(one_line(self._prepared.summary, SUMMARY_CHARACTERS), "bold"))
        yield TextArea(json_text(dict(self._prepared.call.arguments)))
        yield Static(id="wrong", classes="failed")
        yield Static(literal("Ctrl+S does it so, Escape goes back to the question"), classes="note")

    def action_save(self) -> None:
        """Answer with the arguments, if they are some; else say what is wrong and stay."""
        try:
            arguments = json.loads(self.query_one(TextArea).text)
        except (ValueError, RecursionError) as error:
            self.query_one("#wrong", Static).update(literal(f"not JSON: {error}"))
            return
        if not isinstance(arguments, dict):
            self.query_one("#wrong", Static).update(literal("the arguments must be a JSON object"))
            return
        self.dismiss(arguments)


def _typed(widget: Widget | None) -> str:
    """What stands in the widget that has the focus."""
    if isinstance(widget, TextArea):
        return widget.text
    return widget.value if isinstance(widget, Input) else ""


def _shown(prepared: Prepared) -> str:
    """All that is asked about: the list of changes where there are several, and the diff; a command, or arguments."""
    if prepared.risk is Risk.RUN:
        command = str(prepared.call.arguments.get("command", ""))
        return f"{command}\n\n{prepared.diff}" if prepared.diff else command
    parts = []
    if len(prepared.changes) > 1:
        listed = "\n".join(f"  {_told(change)}" for change in prepared.changes)
        parts.append(f"{len(prepared.changes)} changes:\n{listed}\n")
    parts.append(prepared.diff or json_text(dict(prepared.call.arguments)))
    return "\n".join(parts)


def _told(change: "Change") -> str:
    kind = change.kind.replace("_", " ")
    return f"{kind} {change.path}" + (f" -> {change.destination}" if change.destination is not None else "")
