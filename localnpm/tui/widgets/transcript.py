"""The conversation: exchanges, newest last, followed while they grow unless the user has scrolled up.

Only so many stay on the screen; those before them are read from the log again when the user scrolls to the top.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll

from localnpm.tui.guarded import Guarded

if TYPE_CHECKING:
    from localnpm.memory.records import Trajectory
    from localnpm.tui.widgets.exchange import Exchange

BLOCK = 10
"""Exchanges of an old session that are shown at once."""
KEPT = 20
"""Exchanges that stay on the screen when new ones come: each piece of streamed text lays all of them out anew."""

Older = Callable[[int | None, int], Awaitable["tuple[Trajectory, ...]"]]
"""Gets so many attempts of the session before that one (None: the last ones), oldest first."""


class Transcript(Guarded, VerticalScroll, can_focus=True):
    """Holds the exchanges of one session."""

    def __init__(self) -> None:
        super().__init__()
        self._found: Exchange | None = None
        self._older: Older | None = None
        self._reading = False

    @property
    def exchanges(self) -> "list[Exchange]":
        """Those that are shown, oldest first."""
        from localnpm.tui.widgets.exchange import Exchange

        return [child for child in self.children if isinstance(child, Exchange)]

    async def add(self, exchange: "Exchange") -> None:
        """Show a new exchange at the end."""
        await self.mount(exchange)
        await self.prune()
        self.anchor()

    async def prune(self) -> None:
        """Let the oldest that have ended give way where there are too many."""
        shown = self.exchanges
        for other in [other for other in shown if other.ended][: max(0, len(shown) - KEPT)]:
            await other.remove()

    def follow(self, older: Older | None) -> None:
        """Where exchanges before the first one shown come from; None: nowhere, as nothing was kept."""
        self._older = older

    async def load(self) -> None:
        """Show the last exchanges of the session; those before them when the user has scrolled up to the first."""
        await self.remove_children()
        await self._read(None)
        self.anchor()

    async def clear(self) -> None:
        """Show nothing but what runs and waits; what came before stays where it is kept."""
        self._older = None
        for exchange in self.exchanges:
            if exchange.ended:
                await exchange.remove()

    async def drop_from(self, attempt_id: int) -> None:
        """Take an attempt's exchange and all after it off the screen."""
        for exchange in self.exchanges:
            if exchange.attempt_id >= attempt_id:
                await exchange.remove()

    def watch_scroll_y(self, old: float, new: float) -> None:
        """At the top, show what came before."""
        super().watch_scroll_y(old, new)
        if new == 0 < old:
            self.call_later(self.show_older)

    async def show_older(self) -> bool:
        """Show what came before the first exchange; False where nothing did."""
        first = next((exchange for exchange in self.exchanges if exchange.attempt_id), None)
        if first is None or not await self._read(first.attempt_id):
            return False
        self.scroll_to_widget(first, animate=False, top=True)
        return True

    def of_attempt(self, attempt_id: int) -> "Exchange | None":
        """The exchange that shows an attempt, if it is on the screen."""
        return next((exchange for exchange in self.exchanges if exchange.attempt_id == attempt_id), None)

    async def find_back(self, text: str) -> bool:
        """Scroll to the nearest exchange before the last one found that holds the text; False when there is none."""
        while True:
            exchanges = self.exchanges
            start = exchanges.index(self._found) if self._found in exchanges else len(exchanges)
            for exchange in reversed(exchanges[:start]):
                if text.lower() in exchange.words.lower():
                    self._found = exchange
                    self.scroll_to_widget(exchange, animate=False, top=True)
                    return True
            self._found = exchanges[0] if exchanges else None
            if not await self.show_older():
                self._found = None
                return False

    async def _read(self, before: int | None) -> bool:
        """Show a block from the log above all; False where there is none."""
        if self._older is None or self._reading:
            return False
        from localnpm.tui.widgets.exchange import Exchange

        self._reading = True
        try:
            told = await self._older(before, BLOCK)
            await self.mount_all([Exchange.of(one) for one in told], before=0 if self.children else None)
        finally:
            self._reading = False
        return bool(told)
