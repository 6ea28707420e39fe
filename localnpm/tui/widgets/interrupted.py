"""An attempt that was cut off when its process died, offered in the transcript: done again, taken back, or left.

It takes no key from whoever is typing: a click answers, or its letters once it has the focus.
"""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button, Static

from localnpm.plain import one_line
from localnpm.tui.guarded import Guarded
from localnpm.tui.literal import literal

REQUEST_CHARACTERS = 200
WAYS: tuple[tuple[str, str, str], ...] = (
    ("r", "resume", "take back what it did and do it again"),
    ("u", "undo", "take back what it did"),
    ("d", "dismiss", "leave everything as it is"),
)


class Interrupted(Guarded, Vertical, can_focus=True):
    """The question, with its answers as buttons."""

    HELP = """
    A request whose process ended before it was done: killed, or without power. Every change that it had made is known.
    r takes them back and does it again, u takes them back, d leaves everything as it is.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, f"choose('{way}')", meaning, id=f"interrupted.{way}") for key, way, meaning in WAYS
    ]

    class Chosen(Message):
        """The user has decided about an attempt."""

        def __init__(self, attempt_id: int, way: str) -> None:
            super().__init__()
            self.attempt_id = attempt_id
            self.way = way

    def __init__(self, attempt_id: int, request: str) -> None:
        super().__init__()
        self.attempt_id = attempt_id
        self._request = request

    def compose(self) -> ComposeResult:
        """What was cut off, and the ways to go on."""
        yield Static(literal("The last time this was cut off:", "bold"))
        yield Static(literal(one_line(self._request, REQUEST_CHARACTERS)), classes="request")
        for key, way, meaning in WAYS:
            with Horizontal(classes="way"):
                yield Button(literal(f"{key} {way}"), id=f"way-{way}", compact=True)
                yield Static(literal(meaning), classes="note")

    def on_mount(self) -> None:
        """Whoever does not click finds the way to its keys."""
        self.border_subtitle = "click, or Shift+Tab up to here: r u d answer"

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A click answers."""
        event.stop()
        self.action_choose((event.button.id or "").removeprefix("way-"))

    def action_choose(self, way: str) -> None:
        """Answer."""
        self.post_message(self.Chosen(self.attempt_id, way))
        self.remove()
