"""A page that lists rows: a line to search in, a filter, a table that grows when its end is reached."""

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.timer import Timer
from textual.widgets import DataTable, Input, Select, Static

from localnpm.plain import one_line
from localnpm.tui.literal import literal
from localnpm.tui.screens.page import Page

Row = TypeVar("Row")

BLOCK = 25
"""Rows read at once."""
PAUSE_SECONDS = 0.15
"""A pause in typing after which it is searched."""
CELL_CHARACTERS = 200
WIDE = 80
"""Columns under which the less important ones are left out."""


class Rows(DataTable[Text]):
    """A table in which Home and End go to its first and last row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_top", "Top", show=False),
        Binding("end", "scroll_bottom", "Bottom", show=False),
    ]


class ListPage(Page[Sequence[Row]]):
    """Rows from `find`, each drawn by `cells`; Enter calls `open`."""

    columns: ClassVar[tuple[str, ...]] = ()
    wide_only: ClassVar[frozenset[str]] = frozenset()
    """Columns that are left out on a narrow screen."""
    filters: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Label and value of each filter; none: no filter is shown."""
    nothing: ClassVar[str] = "Nothing here."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open_row", "Open", id="list.open-row"),
        Binding("slash", "search", "Search", id="list.search"),
    ]

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text = text
        self._wanted = ""
        self._limit = BLOCK
        self._rows: Sequence[Row] = ()
        self._wide = True
        self._searches: Timer | None = None
        self._to_first = False

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
            yield Input(self._text, placeholder="search: / and type", id="search", compact=True)
            if self.filters:
                yield Select(self.filters, prompt="all", id="filter", compact=True)
        yield Rows(cursor_type="row", zebra_stripes=True)
        yield Static(id="nothing", classes="note")

    def on_mount(self) -> None:
        """Columns first, then the rows."""
        self._wide = self.app.size.width >= WIDE
        self._add_columns()
        self._table.focus()

    def on_resize(self, event: Resize) -> None:
        """Leave columns out, or show them again."""
        wide = event.size.width >= WIDE
        if wide != self._wide:
            self._wide = wide
            place = self._table.cursor_row
            self._table.clear(columns=True)
            self._add_columns()
            self._add_rows()
            self._table.move_cursor(row=place)

    @property
    def _table(self) -> Rows:
        return self.query_one(Rows)

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        place = self._table.cursor_row
        return self._rows[place] if 0 <= place < len(self._rows) else None

    def read(self) -> Sequence[Row]:
        """Find the rows."""
        return self.find(self._text.strip(), self._wanted, self._limit)

    def show(self, data: Sequence[Row]) -> None:
        """Fill the table. The cursor goes to the first match of a new search, else it stays on its row."""
        before, place = self.current, self._table.cursor_row
        if self._to_first:
            self._to_first, before, place = False, None, 0
        kept = self.identity(before) if before is not None else None
        self._rows = data
        self._table.clear()
        self._add_rows()
        names = [self.identity(row) for row in data]
        self._table.move_cursor(row=names.index(kept) if kept in names else min(place, max(len(names) - 1, 0)))
        nothing = self.query_one("#nothing", Static)
        nothing.update(literal("Nothing matches." if self._text.strip() or self._wanted else self.nothing))
        nothing.display = not data

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search when the typing pauses."""
        event.stop()
        if event.value != self._text:
            self._text, self._limit, self._to_first = event.value, BLOCK, True
            if self._searches is not None:
                self._searches.stop()
            self._searches = self.set_timer(PAUSE_SECONDS, self.reload)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the search goes to the rows."""
        self._table.focus()

    def on_select_changed(self, event: Select.Changed) -> None:
        """Filter."""
        wanted = event.value if isinstance(event.value, str) else ""
        if wanted != self._wanted:
            self._wanted, self._limit, self._to_first = wanted, BLOCK, True
            self.reload()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """At the last row of a full table, read more."""
        if event.cursor_row == len(self._rows) - 1 and len(self._rows) == self._limit:
            self._limit += BLOCK
            self.reload()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Open the row."""
        self.action_open_row()

    def action_open_row(self) -> None:
        """Open the row under the cursor."""
        row = self.current
        if row is not None:
            self.open(row)

    def action_search(self) -> None:
        """Type in the search."""
        self.query_one("#search", Input).focus()

    def _shown(self) -> list[int]:
        return [place for place, name in enumerate(self.columns) if self._wide or name not in self.wide_only]

    def _add_columns(self) -> None:
        self._table.add_columns(*(self.columns[place] for place in self._shown()))

    def _add_rows(self) -> None:
        shown = self._shown()
        for row in self._rows:
            cells = self.cells(row)
            # DataTable measures rich's text, not content.
            self._table.add_row(*(Text(one_line(cells[place], CELL_CHARACTERS)) for place in shown))
