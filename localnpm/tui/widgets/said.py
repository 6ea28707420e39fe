"""What the model says, as Markdown, while it is being generated."""

import asyncio

from markdown_it import MarkdownIt
from textual.widgets import Markdown

from localnpm.plain import visible

DRAW_SECONDS = 0.04
"""What comes sooner after the last drawing is drawn together with what follows it."""

_DISABLED = ("link", "image", "autolink", "reference", "html_inline", "html_block", "entity")


def parser() -> MarkdownIt:
    """Markdown that only arranges and emphasizes.

    Links, pictures, HTML and character references stay the text they are: none can hide where it leads, or turn into a
    control character after the text was made harmless.
    """
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable(_DISABLED)


def harmless(text: str) -> str:
    """As `visible`; line separators too, which Textual counts as line breaks and Markdown does not."""
    return visible(text).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


class Said(Markdown):
    """Grows piece by piece without flicker; complete when `end` returns."""

    def __init__(self, text: str = "") -> None:
        super().__init__(harmless(text), parser_factory=parser, open_links=False, classes="said")
        self._pieces: list[str] = []
        self._drawing: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    async def say(self, piece: str) -> None:
        """Add a piece; it is drawn soon."""
        self._pieces.append(piece)
        if self._drawing is not None and self._drawing.done():
            # What went wrong in drawing the piece before is told to whoever says this one.
            self._drawing.result()
        if self._drawing is None or self._drawing.done():
            self._drawing = asyncio.create_task(self._draw())

    async def end(self, whole: str | None = None) -> None:
        """Draw what is still waiting; where that is not `whole`, all that was to be said, put it right."""
        self._hurry.set()
        if self._drawing is not None:
            await self._drawing
        if whole is not None and self.source.strip() != harmless(whole).strip():
            await self.update(harmless(whole))

    async def _draw(self) -> None:
        while self._pieces:
            piece = "".join(self._pieces)
            self._pieces.clear()
            await self.append(harmless(piece))
            if not self._hurry.is_set():
                try:
                    await asyncio.wait_for(self._hurry.wait(), DRAW_SECONDS)
                except TimeoutError:
                    continue
