"""A plot that is drawn anew at whatever width the terminal has."""

from typing import TYPE_CHECKING

from textual.events import Resize
from textual.widgets import Static

from localnpm.tui.literal import literal

if TYPE_CHECKING:
    from localnpm.distill.plots import Bars, Plot

LEAST_WIDTH = 30
MOST_WIDTH = 110


class PlotView(Static):
    """Draws a plot in characters."""

    def __init__(self, plot: "Plot | Bars", height: int = 12) -> None:
        super().__init__(classes="plot")
        self._plot = plot
        self._rows = height

    def on_resize(self, event: Resize) -> None:
        """Draw for the new width."""
        from localnpm.distill.plots import to_terminal

        width = min(max(event.size.width - 2, LEAST_WIDTH), MOST_WIDTH)
        self.update(literal(to_terminal(self._plot, width=width, height=self._rows)))
