"""A unified diff, literally; a sign in the first column says what the colour says.

`DiffView` draws the lines that are in view only, so that a diff of any length opens at once and is seen to its end.
Not covered: selecting text in it with the mouse.
"""

from bisect import bisect_right
from itertools import accumulate
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual.content import Content
from textual.events import Resize
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from localnpm.plain import visible
from localnpm.tui.literal import literal

STYLES = {"+": "$text-success", "-": "$text-error", "@": "$text-accent"}
KINDS = {"+": "diff--added", "-": "diff--removed", "@": "diff--place"}
LINE_CHARACTERS = 100_000


def diff_content(diff: str) -> Content:
    """The diff's lines, each in the colour of what it does."""
    lines = [literal(line, STYLES.get(line[:1], "")) for line in diff.rstrip("\n").split("\n")]
    return Content("\n").join(lines)


class DiffView(ScrollView):
    """A text of any length, its long lines folded, in the colours of a diff."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(KINDS.values())

    DEFAULT_CSS = """
    DiffView {
        height: auto;
        max-height: 16;
        overflow-x: hidden;
        .diff--added { color: $text-success; }
        .diff--removed { color: $text-error; }
        .diff--place { color: $text-accent; }
    }
    """

    def __init__(self, text: str) -> None:
        super().__init__(classes="diff")
        self._lines = [_harmless(line) for line in text.rstrip("\n").split("\n")]
        self._width = 0
        self._ends: list[int] = []

    @property
    def rows(self) -> int:
        """How many rows it has at its width."""
        return self._ends[-1] if self._ends else 0

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All there is."""
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The rows that all lines take."""
        self._fold(width)
        return self.rows

    def on_resize(self, event: Resize) -> None:
        """Fold the lines for the new width."""
        self._fold(self.scrollable_content_region.width)
        self.virtual_size = Size(self._width, self.rows)

    def render_line(self, y: int) -> Strip:
        """One row of the view."""
        row, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if width != self._width:
            self._fold(width)
        if row >= self.rows:
            return Strip.blank(width, self.rich_style)
        index = bisect_right(self._ends, row)
        line = self._lines[index]
        kind = KINDS.get(line[:1])
        style = self.get_component_rich_style(kind) if kind else self.rich_style
        place = row - (self._ends[index - 1] if index else 0)
        parts = chop_cells(line, width) if cell_len(line) > width else [line]
        return Strip([Segment(parts[place], style)]).adjust_cell_length(width, self.rich_style)

    def _fold(self, width: int) -> None:
        if width == self._width or width <= 0:
            return
        self._width = width
        self._ends = list(accumulate(_height(line, width) for line in self._lines))


def _height(line: str, width: int) -> int:
    return 1 if cell_len(line) <= width else len(chop_cells(line, width))


def _harmless(line: str) -> str:
    shown = visible(line[:LINE_CHARACTERS]).expandtabs(4)
    cut = len(line) - LINE_CHARACTERS
    return f"{shown}… ({cut:,} more characters)" if cut > 0 else shown
