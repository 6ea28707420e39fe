"""Help: every command and every key, as they are now; for what has the focus, Textual's own panel (F1)."""

from collections.abc import Iterable
from itertools import groupby

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.keys import format_key
from textual.widgets import Static

from localnpm.tui import keymap
from localnpm.tui.commands import COMMANDS
from localnpm.tui.literal import literal
from localnpm.tui.screens.page import Page

TYPED = (
    ("@path", "mention a file of the workspace; Tab completes"),
    ("!command", "run a command yourself, confined to the workspace; it can be undone"),
    ("Up, Down", "earlier and later requests, at the first and the last line"),
    ("Ctrl+P", "all commands by name, themes too"),
)
NAME_WIDTH = 26
ID_WIDTH = 22


class HelpScreen(Page[str]):
    """Keys and commands."""

    HELP = """
    All commands and keys. Keys can be changed: the setting app.keys takes NAME=KEY pairs, with the names that stand
    here.
    """

    heading = "Help: F1 anywhere shows the keys of what has the focus"

    def body(self) -> ComposeResult:
        """One text."""
        with VerticalScroll(id="help"):
            yield Static(id="help-text")

    def on_mount(self) -> None:
        """Scrolled by keys at once."""
        super().on_mount()
        self.query_one("#help").focus()

    def read(self) -> str:
        """Every screen is imported for its keys."""
        commands = ((f"/{command.name} {command.argument}".rstrip(), command.meaning) for command in COMMANDS)
        actions = keymap.in_force(self.app.looks.keys)
        lines = ["In the line where you type", *_rows(TYPED), "", "Commands", *_rows(commands), ""]
        lines += ["Keys: name for the setting app.keys, key, what it does"]
        for _, group in groupby(actions.values(), lambda action: action.area):
            for action in group:
                shown = ", ".join(format_key(key) for key in action.keys)
                lines.append(f"  {action.name:{ID_WIDTH}} {shown:14} {action.meaning}")
        return "\n".join(lines)

    def show(self, data: str) -> None:
        """The text."""
        self.query_one("#help-text", Static).update(literal(data))


def _rows(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [f"  {name:{NAME_WIDTH}} {meaning}" for name, meaning in pairs]
