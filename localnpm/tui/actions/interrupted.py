"""An attempt that was cut off when its process died: done again, taken back, or left as it is."""

import asyncio
from typing import TYPE_CHECKING

from localnpm.errors import LocalnpmError
from localnpm.tui.widgets.interrupted import Interrupted

if TYPE_CHECKING:
    from localnpm.memory.attempts import AttemptLog
    from localnpm.memory.records import Attempt
    from localnpm.tui.screens.chat import ChatScreen


async def offer_interrupted(chat: "ChatScreen") -> None:
    """Show the newest one in this workspace, if there is one; in a worker."""
    attempt = await asyncio.to_thread(_newest, chat)
    if attempt is not None:
        await chat.transcript.mount(Interrupted(attempt.id, attempt.request))


async def decide(chat: "ChatScreen", attempt_id: int, way: str) -> None:
    """Do what the user has chosen.

    Raises:
        LocalnpmError: the memory cannot be used.
    """
    log = await asyncio.to_thread(_log, chat)
    if way == "resume":
        attempt = await asyncio.to_thread(log.attempt, attempt_id)
        await chat.resume(attempt.session_id)
        await chat.ask(attempt.request, instead_of=attempt.id)
    elif way == "undo":
        chat.tell(lambda: _undone(chat, log, attempt_id))
    else:
        await asyncio.to_thread(log.dismiss, attempt_id)
    chat.composer.focus()


def _log(chat: "ChatScreen") -> "AttemptLog":
    """For a thread: the memory may have to be opened."""
    from localnpm.memory.attempts import AttemptLog

    return AttemptLog(chat.app.database)


def _undone(chat: "ChatScreen", log: "AttemptLog", attempt_id: int) -> str:
    from localnpm.tui.reversing import reverse

    told = reverse(chat.app, "undo", attempt_id) if log.changed_paths(attempt_id) else "It had changed nothing."
    log.dismiss(attempt_id)
    return told


def _newest(chat: "ChatScreen") -> "Attempt | None":
    try:
        return _log(chat).interrupted(chat.app.options.workspace.resolve())
    except LocalnpmError:
        # The agent's thread tells of a memory that cannot be used.
        return None
