"""An attempt that was cut off when its process died: done again, taken back, or left as it is."""

import asyncio
from typing import TYPE_CHECKING

from localnpm.errors import LocalnpmError
from localnpm.memory.attempts import AttemptLog
from localnpm.plain import one_line
from localnpm.tui.reversing import reverse
from localnpm.tui.widgets.dialogs import Choose

if TYPE_CHECKING:
    from localnpm.memory.records import Attempt
    from localnpm.tui.screens.chat import ChatScreen

WAYS = (
    ("resume", "take back what it did and do it again"),
    ("undo", "take back what it did"),
    ("dismiss", "leave everything as it is"),
)
REQUEST_CHARACTERS = 200


async def offer_interrupted(chat: "ChatScreen") -> None:
    """Ask what to do with the newest one in this workspace, if there is one; in a worker."""
    attempt = await asyncio.to_thread(_newest, chat)
    if attempt is None:
        return
    question = f"The last time this was cut off:\n{one_line(attempt.request, REQUEST_CHARACTERS)}"
    chosen = await chat.app.push_screen_wait(Choose(question, WAYS))
    if chosen == "resume":
        await chat.resume(attempt.session_id)
        await chat.ask(attempt.request, instead_of=attempt.id)
    elif chosen == "undo":
        chat.tell(lambda: reverse(chat.app, "undo", attempt.id))
    elif chosen == "dismiss":
        await asyncio.to_thread(lambda: AttemptLog(chat.app.database).dismiss(attempt.id))


def _newest(chat: "ChatScreen") -> "Attempt | None":
    try:
        return AttemptLog(chat.app.database).interrupted(chat.app.options.workspace.resolve())
    except LocalnpmError:
        # The agent's thread tells of a memory that cannot be used.
        return None
