"""The conversation: exchanges, newest last, followed while they grow unless the user has scrolled up."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll

from localnpm.tui.widgets.exchange import Exchange

if TYPE_CHECKING:
    from localnpm.memory.records import Trajectory

BLOCK = 20
"""Exchanges of an old session that are shown at once."""
KEPT = 60
"""Exchanges that stay on the screen; older ones are in the log, and `/sessions` or scrolling up shows them again."""


class Transcript(VerticalScroll, can_focus=True):
    """Holds the exchanges of one session."""

    def __init__(self) -> None:
        super().__init__()
        self._found: Exchange | None = None
        self._older: list[Trajectory] = []

    @property
    def exchanges(self) -> list[Exchange]:
        """Those that are shown, oldest first."""
        return list(self.query(Exchange))

    async def add(self, exchange: Exchange) -> None:
        """Show a new exchange at the end; the oldest that have ended give way."""
        old = [other for other in self.exchanges if other.ended][: max(0, len(self.exchanges) + 1 - KEPT)]
        for other in old:
            await other.remove()
        await self.mount(exchange)
        self.anchor()

    async def load(self, told: "Sequence[Trajectory]") -> None:
        """Show a session: its last exchanges; those before them when the user has scrolled up to the first."""
        self._older = list(told[:-BLOCK])
        await self.remove_children()
        await self.mount_all([Exchange.of(one) for one in told[-BLOCK:]])
        self.anchor()

    async def drop_from(self, attempt_id: int) -> None:
        """Take an attempt's exchange and all after it off the screen."""
        for exchange in self.exchanges:
            if exchange.attempt_id >= attempt_id:
                await exchange.remove()

    def watch_scroll_y(self, old: float, new: float) -> None:
        """At the top, show what came before."""
        super().watch_scroll_y(old, new)
        if new == 0 < old and self._older:
            self.call_later(self._show_older)

    async def _show_older(self) -> None:
        shown, self._older = self._older[-BLOCK:], self._older[:-BLOCK]
        first = next(iter(self.exchanges), None)
        await self.mount_all([Exchange.of(one) for one in shown], before=0)
        if first is not None:
            self.scroll_to_widget(first, animate=False, top=True)

    def of_attempt(self, attempt_id: int) -> Exchange | None:
        """The exchange that shows an attempt, if it is on the screen."""
        return next((exchange for exchange in self.exchanges if exchange.attempt_id == attempt_id), None)

    def find_back(self, text: str) -> bool:
        """Scroll to the nearest exchange before the last one found that holds the text; False when there is none."""
        exchanges = self.exchanges
        start = exchanges.index(self._found) if self._found in exchanges else len(exchanges)
        for exchange in reversed(exchanges[:start]):
            if text.lower() in exchange.words.lower():
                self._found = exchange
                exchange.scroll_visible(top=True)
                return True
        self._found = None
        return False
