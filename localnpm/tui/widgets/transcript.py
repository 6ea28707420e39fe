"""The conversation: exchanges, newest last, followed while they grow unless the user has scrolled up."""

from textual.containers import VerticalScroll

from localnpm.tui.widgets.exchange import Exchange


class Transcript(VerticalScroll):
    """Holds the exchanges of one session."""

    async def add(self, request: str) -> Exchange:
        """Begin a new exchange and return its widget."""
        exchange = Exchange(request)
        await self.mount(exchange)
        self.anchor()
        return exchange
