"""What the model says, as Markdown, while it is being generated."""

from textual.widgets import Markdown
from textual.widgets.markdown import MarkdownStream

from localnpm.plain import visible


class Said(Markdown):
    """Grows piece by piece without flicker; complete when `end` returns. Links are shown, never opened."""

    def __init__(self) -> None:
        super().__init__(open_links=False)
        self._stream: MarkdownStream | None = None

    async def say(self, piece: str) -> None:
        """Add a piece; several that come faster than they can be drawn are drawn together."""
        if self._stream is None:
            self._stream = Markdown.get_stream(self)
        await self._stream.write(visible(piece))

    async def end(self) -> None:
        """Draw what is still waiting."""
        if self._stream is not None:
            await self._stream.stop()
            self._stream = None
