"""`/watch start TEXT | stop | cancel`: learn from what the user does by hand; they see it, and decide at its end."""

import asyncio
from typing import TYPE_CHECKING

from localnpm.errors import LocalnpmError
from localnpm.plain import json_text, visible
from localnpm.tui.widgets.dialogs import Choose

if TYPE_CHECKING:
    from localnpm.learning.watch import Demonstration, Watch
    from localnpm.tui.screens.chat import ChatScreen

WAYS = (("accept", "learn it: a task done well"), ("keep", "go on watching"), ("discard", "forget it"))
USAGE = "/watch start WHAT YOU ARE ABOUT TO DO, then do it by hand, then /watch stop (or /watch cancel)"


async def watch(chat: "ChatScreen", words: str) -> None:
    """Begin, end or give up a demonstration in this workspace; alone, say what is being watched."""
    what, _, request = words.partition(" ")
    if chat.app.options.private:
        chat.notify("In private nothing is learned; /private ends that.", severity="warning")
    elif what == "start" and request.strip():
        await _show(chat, await asyncio.to_thread(_start, chat, request))
        chat.notify("Do it now, by hand, with any program; then /watch stop.")
    elif what == "stop":
        await _stop(chat)
    elif what == "cancel":
        await asyncio.to_thread(_cancel, chat)
        await _hide(chat)
        chat.notify("No longer watching; the files stay as they are.")
    elif not words:
        chat.tell(lambda: _status(chat))
    else:
        chat.notify(USAGE, severity="warning")


async def go_on(chat: "ChatScreen") -> None:
    """Show a demonstration that was begun in this folder before the app was; in a worker."""
    begun = await asyncio.to_thread(_begun, chat)
    if begun is not None:
        await _show(chat, begun)


async def _stop(chat: "ChatScreen") -> None:
    """Show what was done by hand; asking happens in a worker, so that the chat goes on."""
    shown = await asyncio.to_thread(demonstration, chat)
    chat.run_worker(_decide(chat, shown), exit_on_error=False)


async def _decide(chat: "ChatScreen", shown: "Demonstration") -> None:
    chosen = await chat.app.push_screen_wait(Choose(told(shown), WAYS, shown.diff))
    if chosen not in ("accept", "discard"):
        return
    try:
        done = await asyncio.to_thread(accept if chosen == "accept" else discard, chat, shown)
    except LocalnpmError as error:
        chat.notify(visible(str(error)), title="/watch", severity="error", timeout=15, markup=False)
        return
    await _hide(chat)
    chat.notify(done)


def demonstration(chat: "ChatScreen") -> "Demonstration":
    """What was done by hand since `/watch start`, as tool calls; for a thread.

    Raises:
        NotFoundError: this folder is not being watched.
    """
    from localnpm.learning import watch as watching

    database = chat.app.database
    return watching.stop(chat.app.home, database, watching.find(database, chat.app.options.workspace))


def told(shown: "Demonstration") -> str:
    """A demonstration for the user's eyes: each call, what no call can make, what would be otherwise."""
    lines = [f"{call.name} {json_text(dict(call.arguments), indent=None)}" for call in shown.calls]
    lines += [f"Left out: {untold.path}: {untold.why}" for untold in shown.untold]
    lines += [f"Otherwise than you left it: {path}" for path in shown.differing]
    return "\n".join([f"To do {shown.watch.request!r} the agent would have:", *lines])


def accept(chat: "ChatScreen", shown: "Demonstration") -> str:
    """Log it as a task done well; what to tell the user."""
    from localnpm.learning import watch as watching

    return f"Logged as attempt {watching.accept(chat.app.database, shown)}, a task done well."


def discard(chat: "ChatScreen", shown: "Demonstration") -> str:
    """Forget it; what to tell the user."""
    from localnpm.learning import watch as watching

    watching.cancel(chat.app.database, shown.watch)
    return "Nothing is logged; the files stay as they are."


async def _show(chat: "ChatScreen", begun: "Watch") -> None:
    from localnpm.tui.widgets.watching import Watching

    await _hide(chat)
    await chat.mount(Watching(begun), before=chat.composer)


async def _hide(chat: "ChatScreen") -> None:
    await chat.query("Watching").remove()


def _start(chat: "ChatScreen", request: str) -> "Watch":
    from localnpm.learning import watch as watching

    return watching.start(chat.app.home, chat.app.database, chat.app.options.workspace, request)


def _begun(chat: "ChatScreen") -> "Watch | None":
    from localnpm.learning import watch as watching

    try:
        return watching.find(chat.app.database, chat.app.options.workspace)
    except LocalnpmError:
        # Nothing is watched; of a memory that cannot be used the agent's thread tells.
        return None


def _cancel(chat: "ChatScreen") -> None:
    from localnpm.learning import watch as watching

    database = chat.app.database
    watching.cancel(database, watching.find(database, chat.app.options.workspace))


def _status(chat: "ChatScreen") -> str:
    from localnpm.learning import watch as watching

    found = watching.watches(chat.app.database)
    return "\n".join(f"{begun.workspace}: {begun.request}" for begun in found) or f"Nothing is being watched. {USAGE}"
