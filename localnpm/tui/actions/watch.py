"""`/watch start TEXT | stop | cancel`: learn from what the user does by hand; at its end they see it and decide."""

import asyncio
from typing import TYPE_CHECKING

from localnpm.plain import json_text
from localnpm.tui.widgets.dialogs import Choose

if TYPE_CHECKING:
    from localnpm.learning.watch import Demonstration
    from localnpm.tui.screens.chat import ChatScreen

WAYS = (("accept", "learn it: a task done well"), ("keep", "go on watching"), ("discard", "forget it"))
USAGE = "/watch start WHAT YOU ARE ABOUT TO DO, then do it by hand, then /watch stop (or /watch cancel)"


async def watch(chat: "ChatScreen", words: str) -> None:
    """Begin, end or give up a demonstration in this workspace; alone, say what is being watched."""
    what, _, request = words.partition(" ")
    if what == "start" and request.strip():
        chat.tell(lambda: _start(chat, request))
    elif what == "stop":
        await _stop(chat)
    elif what == "cancel":
        chat.tell(lambda: _cancel(chat))
    elif not words:
        chat.tell(lambda: _status(chat))
    else:
        chat.notify(USAGE, severity="warning")


async def _stop(chat: "ChatScreen") -> None:
    """Show what was done by hand; asking happens in a worker, so that the chat goes on."""
    shown = await asyncio.to_thread(demonstration, chat)
    chat.run_worker(_decide(chat, shown), exit_on_error=False)


async def _decide(chat: "ChatScreen", shown: "Demonstration") -> None:
    chosen = await chat.app.push_screen_wait(Choose(told(shown), WAYS))
    if chosen == "accept":
        chat.tell(lambda: accept(chat, shown))
    elif chosen == "discard":
        chat.tell(lambda: discard(chat, shown))


def demonstration(chat: "ChatScreen") -> "Demonstration":
    """What was done by hand since `/watch start`, as tool calls; for a thread.

    Raises:
        NotFoundError: this folder is not being watched.
    """
    from localnpm.learning import watch as watching

    database = chat.app.database
    return watching.stop(chat.app.home, database, watching.find(database, chat.app.options.workspace))


def told(shown: "Demonstration") -> str:
    """A demonstration for the user's eyes: each call, what no call can make, the difference."""
    lines = [f"{call.name} {json_text(dict(call.arguments), indent=None)}" for call in shown.calls]
    lines += [f"Left out: {untold.path}: {untold.why}" for untold in shown.untold]
    lines += [f"Otherwise than you left it: {path}" for path in shown.differing]
    return "\n".join([f"To do {shown.watch.request!r} the agent would have:", *lines, "", shown.diff])


def accept(chat: "ChatScreen", shown: "Demonstration") -> str:
    """Log it as a task done well; what to tell the user."""
    from localnpm.learning import watch as watching

    return f"Logged as attempt {watching.accept(chat.app.database, shown)}, a task done well."


def discard(chat: "ChatScreen", shown: "Demonstration") -> str:
    """Forget it; what to tell the user."""
    from localnpm.learning import watch as watching

    watching.cancel(chat.app.database, shown.watch)
    return "Nothing is logged; the files stay as they are."


def _start(chat: "ChatScreen", request: str) -> str:
    from localnpm.learning import watch as watching

    begun = watching.start(chat.app.home, chat.app.database, chat.app.options.workspace, request)
    return f"Watching {begun.workspace}. Do it now, by hand; then /watch stop."


def _cancel(chat: "ChatScreen") -> str:
    from localnpm.learning import watch as watching

    database = chat.app.database
    watching.cancel(database, watching.find(database, chat.app.options.workspace))
    return "No longer watching."


def _status(chat: "ChatScreen") -> str:
    from localnpm.learning import watch as watching

    found = watching.watches(chat.app.database)
    return "\n".join(f"{begun.workspace}: {begun.request}" for begun in found) or f"Nothing is being watched. {USAGE}"
