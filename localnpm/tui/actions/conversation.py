"""The conversation itself: a new one, a cleared screen, permission mode, copying, searching, saving."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from localnpm.errors import NotFoundError
from localnpm.tui.messages import ModeSet

if TYPE_CHECKING:
    from localnpm.agent.permissions import Mode
    from localnpm.learning.opened import Opened
    from localnpm.tui.screens.chat import ChatScreen

MODES = ("ask", "auto", "read-only")


async def new(chat: "ChatScreen", words: str) -> None:
    """`/new`: the next request begins a conversation of its own."""
    await chat.begin()
    chat.notify("A new conversation.")


async def clear(chat: "ChatScreen", words: str) -> None:
    """`/clear`: an empty screen; the conversation goes on."""
    await chat.transcript.clear()


async def cancel(chat: "ChatScreen", words: str) -> None:
    """`/cancel`: take back the request that was sent last, if it has not begun."""
    if not await chat.withdraw():
        chat.notify("Nothing waits; Escape stops what runs.", severity="warning")


async def compact(chat: "ChatScreen", words: str) -> None:
    """`/compact`: requests and answers stay in the prompt, calls and results so far do not."""
    session_id = _begun(chat)

    def shrink(agent: "Opened") -> str:
        count = agent.bench.log.compact(session_id)
        return f"The next prompts have the requests and answers of {count} exchange(s), without what was read for them."

    chat.errand("compact", shrink)


async def private(chat: "ChatScreen", words: str) -> None:
    """`/private`: from now on nothing is logged; the same again ends it. A new conversation begins either way."""
    wanted = not chat.app.options.private
    await chat.begin()
    chat.app.reopen(replace(chat.app.options, private=wanted))
    chat.notify("Private: nothing of what follows is kept." if wanted else "What follows is kept again.")


async def mode(chat: "ChatScreen", words: str) -> None:
    """`/mode ask|auto|read-only`: what needs a question."""
    if words not in MODES:
        chat.notify(f"/mode takes one of {', '.join(MODES)}", severity="warning")
        return

    def change(agent: "Opened") -> str:
        agent.bench.permissions.mode = cast("Mode", words)
        chat.app.post_message(ModeSet(words))
        return ""

    chat.errand("mode", change)


async def copy(chat: "ChatScreen", words: str) -> None:
    """`/copy`: the last answer to the clipboard, by the terminal's own means (OSC 52)."""
    answer = chat.last_answer
    if not answer:
        chat.notify("There is no answer to copy yet.", severity="warning")
        return
    chat.app.copy_to_clipboard(answer)
    chat.notify("Copied the last answer.")


async def find(chat: "ChatScreen", words: str) -> None:
    """`/find TEXT`: go to the exchange before this one that holds the text; again goes further back."""
    if not words:
        chat.notify("/find takes the text to look for.", severity="warning")
    elif not await chat.transcript.find_back(words):
        chat.notify("Nothing further back holds that.", severity="warning")


async def export(chat: "ChatScreen", words: str) -> None:
    """`/export [FILE]`: the conversation as Markdown."""
    session_id = _begun(chat)
    file = chat.app.options.workspace / Path(words or f"session-{session_id}.md").expanduser()

    def save(agent: "Opened") -> str:
        from localnpm.tui.screens.sessions import export as write

        return write(agent.bench.log, session_id, file)

    chat.errand("export", save)


def _begun(chat: "ChatScreen") -> int:
    session_id = chat.session_id
    if session_id is None:
        raise NotFoundError("This conversation has not begun yet; ask something first.")
    return session_id
