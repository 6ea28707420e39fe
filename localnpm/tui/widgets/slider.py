"""A number chosen by the arrow keys or with the mouse, drawn as a bar of characters."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import MouseDown, MouseMove, MouseUp
from textual.message import Message
from textual.widget import Widget

SETTLE_SECONDS = 0.3
"""A value that stays so long is the one that is meant."""


class Slider(Widget, can_focus=True):
    """From `least` to `most` in `steps` steps; `Chosen` comes when the value stays."""

    DEFAULT_CSS = """
    Slider {
        height: 1;
        &:focus { text-style: reverse; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Weaker", show=False),
        Binding("right", "move(1)", "Stronger", show=False),
        Binding("home", "move(-1000)", "Least", show=False),
        Binding("end", "move(1000)", "Most", show=False),
    ]

    class Chosen(Message):
        """The user has chosen a value."""

        def __init__(self, value: float) -> None:
            super().__init__()
            self.value = value

    def __init__(self, value: float, least: float, most: float, *, steps: int = 20) -> None:
        super().__init__()
        self.value = value
        self._least, self._most, self._steps = least, most, steps
        self._held = False

    def render(self) -> Content:
        """A bar, and the value behind it."""
        figure = f" {self.value:+.3g}"
        width = max(4, self.size.width - 8)
        place = round((self.value - self._least) / (self._most - self._least) * (width - 1))
        place = min(max(place, 0), width - 1)
        return Content("─" * place + "●" + "─" * (width - 1 - place) + figure)

    def action_move(self, steps: int) -> None:
        """By so many steps."""
        self._choose(self.value + steps * (self._most - self._least) / self._steps)

    def on_mouse_down(self, event: MouseDown) -> None:
        """Where the bar is touched."""
        self._held = True
        self.capture_mouse()
        self._touch(event.x)

    def on_mouse_move(self, event: MouseMove) -> None:
        """While it is held."""
        if self._held:
            self._touch(event.x)

    def on_mouse_up(self, event: MouseUp) -> None:
        """Let go."""
        self._held = False
        self.release_mouse()

    def _touch(self, x: int) -> None:
        width = max(4, self.size.width - 8)
        share = round(min(max(x, 0), width - 1) / (width - 1) * self._steps) / self._steps
        self._choose(self._least + share * (self._most - self._least))

    def _choose(self, value: float) -> None:
        size = self._most - self._least
        value = min(max(round((value - self._least) / size, 6) * size + self._least, self._least), self._most)
        if value == self.value:
            return
        self.value = value
        self.refresh()
        self.set_timer(SETTLE_SECONDS, lambda: self.post_message(self.Chosen(value)) if value == self.value else None)
