"""`/again` and `/edit`: an earlier request asked again, as it was or changed; what came after it is taken back."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localnpm.tui.screens.chat import ChatScreen


async def again(chat: "ChatScreen", words: str) -> None:
    """Take the last attempt back and ask the same."""
    exchange = chat.transcript.of_attempt(chat.last_attempt)
    if exchange is None:
        chat.notify("There is nothing to ask again yet.", severity="warning")
        return
    if not exchange.ended:
        chat.notify("It still runs; Escape stops it, then /again.", severity="warning")
        return
    await chat.ask(exchange.request, instead_of=exchange.attempt_id)


async def edit(chat: "ChatScreen", words: str) -> None:
    """Put an earlier request, the last one if none is named, where it can be changed and sent."""
    exchange = chat.transcript.of_attempt(int(words) if words.isdecimal() else chat.last_attempt)
    if exchange is None:
        chat.notify("No such attempt is on the screen.", severity="warning")
        return
    chat.editing = exchange.attempt_id
    chat.composer.write(exchange.request)
    chat.composer.focus()
    chat.notify("Sending it takes that attempt and all after it back; Escape leaves them.", timeout=8)
