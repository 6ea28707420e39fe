"""Help: every command and every key, as they are now; for what has the focus, Textual's own panel (F1)."""

from collections.abc import Iterable
from itertools import groupby

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.keys import format_key
from textual.widgets import Static

from localnpm.tui import keymap
from localnpm.tui.commands import COMMANDS
from localnpm.tui.screens.page import Page

TYPED = (
    ("@path", "mention a file of the workspace; Tab completes"),
    ("!command", "run a command yourself, confined to the workspace; it can be undone"),
    ("Up, Down", "earlier and later requests, at the first and the last line"),
    ("Ctrl+P", "all commands by name, themes too"),
)
NAME_WIDTH = 24


class HelpScreen(Page[Table]):
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
        self.query_one("#help").focus()

    def read(self) -> Table:
        """Every screen is imported for its keys."""
        commands = [(f"/{command.name} {command.argument}".rstrip(), command.meaning) for command in COMMANDS]
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(max_width=NAME_WIDTH)
        table.add_column(ratio=1)
        _fill(table, "Where you type", TYPED)
        _fill(table, "Commands", commands)
        for area, group in groupby(keymap.in_force(self.app.looks.keys).values(), lambda action: action.area):
            shown = [(_keys(action), f"{action.meaning}  [{action.name}]") for action in group]
            _fill(table, f"Keys: {area}", shown)
        return table

    def show(self, data: Table) -> None:
        """The text."""
        self.query_one("#help-text", Static).update(data)


def _fill(table: Table, heading: str, pairs: Iterable[tuple[str, str]]) -> None:
    if table.row_count:
        table.add_row()
    table.add_row(Text(heading, "bold"))
    for name, meaning in pairs:
        table.add_row(Text(name), Text(meaning))


def _keys(action: keymap.Action) -> str:
    return ", ".join(format_key(key) for key in action.keys)
