"""A box to tick whose mark is there or not: Textual's own tells it by colour alone."""

from textual.content import Content
from textual.widgets import Checkbox


class Tick(Checkbox):
    """`[x]` or `[ ]`, and what it is about."""

    BUTTON_LEFT = ""
    BUTTON_RIGHT = ""
    BUTTON_INNER = "[ ]"

    def render(self) -> Content:
        """The box as it is, and its label."""
        self.BUTTON_INNER = "[x]" if self.value else "[ ]"
        return super().render()
