"""`/undo` and `/redo`: what an attempt changed, taken back or made again."""

from typing import TYPE_CHECKING

from localnpm.tui.reversing import reverse

if TYPE_CHECKING:
    from localnpm.tui.screens.chat import ChatScreen


async def undo(chat: "ChatScreen", words: str) -> None:
    """Take back the changes of the latest attempt that made any, or of the one named."""
    _reverse(chat, "undo", words)


async def redo(chat: "ChatScreen", words: str) -> None:
    """Make them again."""
    _reverse(chat, "redo", words)


def _reverse(chat: "ChatScreen", way: str, words: str) -> None:
    attempt_id = int(words) if words.isdecimal() else None
    chat.tell(lambda: reverse(chat.app, way, attempt_id))
