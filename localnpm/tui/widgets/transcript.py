"""The conversation: exchanges, newest last, followed while they grow unless the user has scrolled up."""

from textual.containers import VerticalScroll

from localnpm.tui.widgets.exchange import Exchange

KEPT = 60
"""Exchanges that stay on the screen; older ones are in the log, and `/sessions` or scrolling up shows them again."""


class Transcript(VerticalScroll, can_focus=True):
    """Holds the exchanges of one session."""

    def __init__(self) -> None:
        super().__init__()
        self._found: Exchange | None = None

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
