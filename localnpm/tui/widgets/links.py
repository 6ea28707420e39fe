"""Words that do something when they are clicked."""

from textual.content import Content
from textual.style import Style


def link(words: str, action: str, style: str = "underline") -> Content:
    """Words that run an action of the widget that shows them; they are the program's own, never someone else's text."""
    return Content(words).stylize(style).stylize(Style.from_meta({"@click": action}))
