"""Small questions over a screen: yes or no, a line of text, one of several, some lines in an editor."""

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from localnpm.tui.guarded import Guarded
from localnpm.tui.literal import literal
from localnpm.tui.widgets.diff import DiffView
from localnpm.tui.widgets.tick import Tick

Answer = TypeVar("Answer")


class Dialog(Guarded, ModalScreen[Answer | None]):
    """A question in a box, over a text of any length that is scrolled; Escape answers None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel", id="dialog.cancel")]

    def __init__(self, question: str, text: str = "") -> None:
        super().__init__()
        self._question = question
        self._text = text

    def compose(self) -> ComposeResult:
        """The question, then the ways to answer."""
        with Vertical(classes="dialog"):
            with VerticalScroll(classes="question", can_focus=False):
                yield Static(literal(self._question))
            if self._text:
                yield DiffView(self._text)
            yield from self.answers()

    def answers(self) -> ComposeResult:
        """The ways to answer."""
        raise NotImplementedError


class Confirm(Dialog[bool]):
    """Yes or no; no has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes", id="dialog.yes"),
        Binding("n", "dismiss(False)", "No", id="dialog.no"),
    ]

    def answers(self) -> ComposeResult:
        """Two buttons."""
        with Horizontal(classes="buttons"):
            yield Button("n No", id="no")
            yield Button("y Yes", id="yes", variant="warning")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "yes")


class AskText(Dialog[str]):
    """A line of text; Enter answers, also with nothing."""

    def __init__(self, question: str, placeholder: str = "", value: str = "") -> None:
        super().__init__(question)
        self._input = Input(value=value, placeholder=placeholder)

    def answers(self) -> ComposeResult:
        """The line."""
        yield self._input
        yield Static(literal("Enter answers, Escape leaves it"), classes="note")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer."""
        self.dismiss(event.value)


class Choose(Dialog[str]):
    """One of several, each with a name and what it means."""

    def __init__(self, question: str, options: Sequence[tuple[str, str]], text: str = "") -> None:
        super().__init__(question, text)
        self._options = options

    def answers(self) -> ComposeResult:
        """The options."""
        yield OptionList(*(Option(literal(meaning), id=name) for name, meaning in self._options), markup=False)

    def on_mount(self) -> None:
        """The first one is chosen; the keys are the list's."""
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer."""
        self.dismiss(event.option.id)


class EditText(Guarded, ModalScreen[tuple[str, bool] | None]):
    """Lines in an editor; Ctrl+S answers with them, Escape with None. `option` is a box to tick, and its answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", id="dialog.save"),
        Binding("escape", "dismiss(None)", "Cancel", id="dialog.cancel"),
    ]

    def __init__(self, head: str, text: str, option: str = "") -> None:
        super().__init__()
        self._head = head
        self._text = text
        self._option = option

    def compose(self) -> ComposeResult:
        """The editor and its keys."""
        yield Static(literal(self._head, "bold"))
        yield TextArea(self._text, id="script")
        if self._option:
            yield Tick(literal(self._option), value=True, compact=True)
        yield Static(literal("Ctrl+S saves, Escape leaves it as it was"), classes="note")

    def action_save(self) -> None:
        """Answer with the text."""
        boxes = self.query(Checkbox)
        self.dismiss((self.query_one(TextArea).text, not boxes or boxes.first().value))
