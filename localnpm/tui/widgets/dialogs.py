"""Small questions over a screen: yes or no, a line of text, one of several."""

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from localnpm.tui.literal import literal

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer | None]):
    """A question in a box; Escape answers None."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss(None)", "Cancel")]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question, then the ways to answer."""
        with Vertical(classes="dialog"):
            yield Static(literal(self._question))
            yield from self.answers()

    def answers(self) -> ComposeResult:
        """The ways to answer."""
        raise NotImplementedError


class Confirm(Dialog[bool]):
    """Yes or no; no has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [("y", "dismiss(True)", "Yes"), ("n", "dismiss(False)", "No")]

    def answers(self) -> ComposeResult:
        """Two buttons."""
        with Horizontal(classes="buttons"):
            yield Button("No", id="no")
            yield Button("Yes", id="yes", variant="warning")

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

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer."""
        self.dismiss(event.value)


class Choose(Dialog[str]):
    """One of several, each with a name and what it means."""

    def __init__(self, question: str, options: Sequence[tuple[str, str]]) -> None:
        super().__init__(question)
        self._options = options

    def answers(self) -> ComposeResult:
        """The options."""
        yield OptionList(*(Option(literal(meaning), id=name) for name, meaning in self._options), markup=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer."""
        self.dismiss(event.option.id)
