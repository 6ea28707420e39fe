"""Help: keys of what is open, and all slash commands; for what has the focus, Textual's own panel (F1 again)."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from localnpm.tui.commands import COMMANDS
from localnpm.tui.literal import literal
from localnpm.tui.screens.page import Page

KEYS = (
    ("Enter", "send; Ctrl+J or Shift+Enter breaks the line"),
    ("Up, Down", "earlier and later requests, at the first and last line"),
    ("Tab", "complete a /command or an @file"),
    ("Escape", "stop the agent; on other screens, back"),
    ("F2, F3", "the last answer was good, bad"),
    ("F4", "show or hide what memory did"),
    ("Ctrl+P", "all commands by name"),
    ("Ctrl+Q", "leave"),
)
MORE = (
    ("@path", "mention a file of the workspace"),
    ("!command", "run a command yourself, confined to the workspace; it can be undone"),
)


class HelpScreen(Page[str]):
    """Keys and commands."""

    heading = "Help"

    def body(self) -> ComposeResult:
        """One text."""
        with VerticalScroll(id="help"):
            yield Static(id="help-text")

    def read(self) -> str:
        """Nothing slow."""
        rows = [*KEYS, ("", ""), *MORE, ("", "")]
        rows += [(f"/{command.name} {command.argument}".rstrip(), command.meaning) for command in COMMANDS]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:{width}}  {meaning}".rstrip() for name, meaning in rows)

    def show(self, data: str) -> None:
        """The text."""
        self.query_one("#help-text", Static).update(literal(data))
        self.query_one("#help", VerticalScroll).focus()
