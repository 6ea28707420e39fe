"""A page that lists rows: a line to search in, a filter, a table that grows when its end is reached."""

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import DataTable, Input, Select, Static

from localnpm.plain import visible
from localnpm.tui.literal import literal
from localnpm.tui.screens.page import Page

Row = TypeVar("Row")

BLOCK = 100
"""Rows read at once."""


class ListPage(Page[Sequence[Row]]):
    """Rows from `find`, each drawn by `cells`; Enter calls `open`."""

    columns: ClassVar[tuple[str, ...]] = ()
    filters: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Label and value of each filter; none: no filter is shown."""
    nothing: ClassVar[str] = "Nothing here."

    BINDINGS: ClassVar[list[BindingType]] = [("slash", "search", "Search")]

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text = text
        self._wanted = ""
        self._limit = BLOCK
        self._rows: Sequence[Row] = ()

    def find(self, text: str, wanted: str, limit: int) -> Sequence[Row]:
        """At most `limit` rows; called in a thread. `text` and `wanted` are empty where nothing is asked for."""
        raise NotImplementedError

    def cells(self, row: Row) -> Sequence[str]:
        """A row's cells, in the order of the columns."""
        raise NotImplementedError

    def identity(self, row: Row) -> str:
        """What tells a row from the others."""
        raise NotImplementedError

    def open(self, row: Row) -> None:
        """Enter on a row."""

    def body(self) -> ComposeResult:
        """Search and filter above the table."""
        with Horizontal(classes="search"):
            yield Input(self._text, placeholder="search", id="search")
            if self.filters:
                yield Select(self.filters, prompt="all", id="filter")
        table: DataTable[Text] = DataTable(cursor_type="row", zebra_stripes=True)
        yield table
        yield Static(id="nothing", classes="note")

    def on_mount(self) -> None:
        """Columns first, then the rows."""
        self._table.add_columns(*self.columns)
        self._table.focus()
        super().on_mount()

    @property
    def _table(self) -> "DataTable[Text]":
        return self.query_one(DataTable)

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        place = self._table.cursor_row
        return self._rows[place] if 0 <= place < len(self._rows) else None

    def read(self) -> Sequence[Row]:
        """Find the rows."""
        return self.find(self._text.strip(), self._wanted, self._limit)

    def show(self, data: Sequence[Row]) -> None:
        """Fill the table; the cursor stays on the row it was on, if that is still there."""
        before = self.current
        kept = self.identity(before) if before is not None else None
        self._rows = data
        table = self._table
        table.clear()
        for row in data:
            # DataTable measures rich's text, not content.
            table.add_row(*(Text(visible(cell)) for cell in self.cells(row)))
        names = [self.identity(row) for row in data]
        if kept in names:
            table.move_cursor(row=names.index(kept))
        nothing = self.query_one("#nothing", Static)
        nothing.update(literal(self.nothing))
        nothing.display = not data

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while typing."""
        event.stop()
        if event.value != self._text:
            self._text, self._limit = event.value, BLOCK
            self.reload()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the search goes to the rows."""
        self._table.focus()

    def on_select_changed(self, event: Select.Changed) -> None:
        """Filter."""
        self._wanted = event.value if isinstance(event.value, str) else ""
        self._limit = BLOCK
        self.reload()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """At the last row of a full table, read more."""
        if event.cursor_row == len(self._rows) - 1 and len(self._rows) == self._limit:
            self._limit += BLOCK
            self.reload()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Open the row."""
        row = self.current
        if row is not None:
            self.open(row)

    def action_search(self) -> None:
        """Type in the search."""
        self.query_one("#search", Input).focus()
