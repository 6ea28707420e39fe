"""`/undo` and `/redo`: what an attempt changed, taken back or made again."""

from typing import TYPE_CHECKING

from localnpm.tui.reversing import Way, reverse_attempt, told
from localnpm.tui.widgets.verdict_bar import VerdictBar

if TYPE_CHECKING:
    from localnpm.tui.screens.chat import ChatScreen


async def undo(chat: "ChatScreen", words: str) -> None:
    """Take back the changes of the latest attempt that made any, or of the one named."""
    _reverse(chat, "undo", words)


async def redo(chat: "ChatScreen", words: str) -> None:
    """Make them again."""
    _reverse(chat, "redo", words)


def _reverse(chat: "ChatScreen", way: Way, words: str) -> None:
    attempt_id = int(words) if words.isdecimal() else None

    def task() -> str:
        report = reverse_attempt(chat.app, way, attempt_id)
        if not report.refused:
            chat.call_later(_mark, chat, report.attempt_id, way == "undo")
        return told(report, way)

    chat.tell(task)


def _mark(chat: "ChatScreen", attempt_id: int, undone: bool) -> None:
    """Show where the attempt is that its changes are taken back, or there again."""
    exchange = chat.transcript.of_attempt(attempt_id)
    if exchange is not None:
        exchange.set_class(undone, "-undone")
        for bar in exchange.query(VerdictBar):
            bar.tell_undone(undone)
