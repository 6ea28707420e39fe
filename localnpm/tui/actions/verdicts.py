"""`/good`, `/bad`, `/retry`: the user's judgement of an answer, and trying again by its reason.

A verdict is written at once, whatever the agent is doing; what follows from it waits for the agent's thread. In private
the attempt is known to that thread alone, so the verdict waits too.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING

from localnpm.agent import events
from localnpm.agent.permissions import Approve
from localnpm.engine.cancel import Cancel
from localnpm.engine.turns import Progress
from localnpm.errors import LocalnpmError, ScriptError
from localnpm.plain import visible
from localnpm.tui.messages import Judged, Told
from localnpm.tui.widgets.dialogs import AskText, Choose, EditText

if TYPE_CHECKING:
    from localnpm.learning.opened import Opened
    from localnpm.tui.backend import Start
    from localnpm.tui.screens.chat import ChatScreen

NOTHING_YET = "There is nothing to judge yet."
WAYS = (
    ("write", "write the procedure myself"),
    ("watch", "show it: /watch start, do it by hand, /watch stop"),
    ("leave", "leave it"),
)
TRIED = "Was it right this time? F2: the procedure is used from now on. F3: it is not."


async def good(chat: "ChatScreen", words: str) -> None:
    """`/good [REASON]`."""
    await _judge_last(chat, True, words)


async def bad(chat: "ChatScreen", words: str) -> None:
    """`/bad [REASON]`: with a reason it can be tried again at once."""
    await _judge_last(chat, False, words)


async def retry(chat: "ChatScreen", words: str) -> None:
    """`/retry [REASON]`: undo the last attempt and try again with what its reason teaches."""
    attempt_id = chat.last_attempt
    if not attempt_id:
        chat.notify("There is nothing to try again yet.", severity="warning")
        return
    if words:
        await judge(chat, attempt_id, False, words, offer=False)
    await try_again(chat, attempt_id)


def judge_last_by_key(chat: "ChatScreen", success: bool) -> None:
    """Judge the attempt that was made last in this conversation."""
    if _can_judge_last(chat):
        judge_by_key(chat, chat.last_attempt, success)


def judge_by_key(chat: "ChatScreen", attempt_id: int, success: bool) -> None:
    """Write a verdict at once; of a bad one, ask for the reason, which is what can be learned from."""

    async def work() -> None:
        await judge(chat, attempt_id, success, "")
        if not success:
            await _ask_reason(chat, attempt_id, success, "")

    _begin(chat, work())


def ask_reason(chat: "ChatScreen", attempt_id: int, success: bool, reason: str) -> None:
    """Ask why, and write the verdict again with it."""
    _begin(chat, _ask_reason(chat, attempt_id, success, reason))


async def judge(
    chat: "ChatScreen", attempt_id: int, success: bool, reason: str, *, offer: bool = True, logged: bool = False
) -> None:
    """Write a verdict; the exchange then shows it, and offers to try again where that can be learned from.

    `logged`: the attempt is in the log, also while this conversation is private.

    Raises:
        LocalnpmError: the memory cannot be written; the user is told by whoever calls.
    """
    from localnpm.learning.learner import Judgement

    if chat.app.options.private and not logged:
        chat.app.backend.submit("verdict", _in_private(chat, attempt_id, success, reason), lasting=True)
        return
    await asyncio.to_thread(write, chat, attempt_id, success, reason)
    can_retry = bool(reason) and not success and not chat.app.options.private
    chat.app.post_message(Judged(Judgement(attempt_id, success, reason, can_retry), offer=offer and can_retry))
    if not chat.app.options.private:
        _follow(chat, attempt_id)


def write(chat: "ChatScreen", attempt_id: int, success: bool, reason: str) -> None:
    """Add the verdict to the ledger; for a thread.

    Raises:
        LocalnpmError: no such attempt, or the memory cannot be written.
    """
    from localnpm.memory.attempts import AttemptLog

    AttemptLog(chat.app.database).add_verdict(attempt_id, "user", success, reason=reason)


def _follow(chat: "ChatScreen", attempt_id: int) -> None:
    """Have the agent put to use, or out of use, what the verdict on an attempt has proved."""

    def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
        learned = agent.learner.settle(agent.bench.log.attempt(attempt_id).session_id)
        if learned:
            chat.call_later(show_learned, chat, attempt_id, learned)
        return iter(())

    chat.app.backend.submit("what follows from a verdict", start, lasting=True)


async def show_learned(chat: "ChatScreen", attempt_id: int, learned: tuple[events.Learned, ...]) -> None:
    """Show what was learned where its attempt is, or where the conversation ends."""
    shown = chat.transcript.exchanges
    exchange = chat.transcript.of_attempt(attempt_id) or (shown[-1] if shown else None)
    for each in learned:
        if exchange is not None:
            await exchange.show(each)
        else:
            chat.app.post_message(Told(each.text))


async def try_again(chat: "ChatScreen", attempt_id: int) -> None:
    """Queue the retry as an exchange of its own."""

    def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
        try:
            for event in agent.learner.retry(attempt_id, approve=approve, cancel=cancel, progress=progress):
                yield event
                if isinstance(event, events.Result):
                    yield from _waiting(agent, event)
        except ScriptError as error:
            chat.call_later(offer_by_hand, chat, attempt_id)
            raise LocalnpmError(
                f"Nothing was undone: from what you said {error}. Say it in other words with /retry REASON, write the "
                "procedure yourself, or show it with /watch."
            ) from error

    while chat.app.screen is not chat:
        await chat.app.pop_screen()
    await chat.queue(f"Once more, by what was wrong with attempt {attempt_id}", start)


def offer_by_hand(chat: "ChatScreen", attempt_id: int) -> None:
    """Where the model could make no procedure of a reason: let the user make it."""
    _begin(chat, _offer_by_hand(chat, attempt_id))


def _begin(chat: "ChatScreen", work: Coroutine[None, None, None]) -> None:
    """Do it in a worker, as it asks the user; what goes wrong is told."""

    async def guarded() -> None:
        try:
            await work
        except LocalnpmError as error:
            chat.notify(visible(str(error)), severity="error", timeout=15, markup=False)

    chat.run_worker(guarded(), exit_on_error=False)


async def _offer_by_hand(chat: "ChatScreen", attempt_id: int) -> None:
    from localnpm.learning import by_hand

    chosen = await chat.app.push_screen_wait(Choose("The model could make no procedure of that.", WAYS))
    if chosen == "watch":
        chat.composer.write("/watch start ")
        chat.composer.focus()
    elif chosen == "write":
        text = await asyncio.to_thread(by_hand.beginning, chat.app.database, attempt_id)
        saved = await chat.app.push_screen_wait(EditText("A title, then numbered steps:", text))
        if saved is not None:
            learned = await asyncio.to_thread(by_hand.write, chat.app.database, attempt_id, saved[0])
            await show_learned(chat, attempt_id, (learned,))


async def _judge_last(chat: "ChatScreen", success: bool, reason: str) -> None:
    if _can_judge_last(chat):
        await judge(chat, chat.last_attempt, success, reason)


def _can_judge_last(chat: "ChatScreen") -> bool:
    """Whether there is an attempt that has ended; if not, say so."""
    exchange = chat.transcript.of_attempt(chat.last_attempt)
    if not chat.last_attempt:
        chat.notify(NOTHING_YET, severity="warning")
    elif exchange is not None and not exchange.ended:
        chat.notify("It is still under way; Escape stops it.", severity="warning")
    else:
        return True
    return False


async def _ask_reason(chat: "ChatScreen", attempt_id: int, success: bool, reason: str) -> None:
    question = "Good. Why, if there is more to say?" if success else "Bad. What was wrong with it?"
    said = await chat.app.push_screen_wait(AskText(question, "a few words, or nothing", reason))
    if said is not None and said.strip() and said.strip() != reason:
        await judge(chat, attempt_id, success, said.strip())


def _in_private(chat: "ChatScreen", attempt_id: int, success: bool, reason: str) -> "Start[Opened]":
    def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
        judgement = agent.learner.judge(attempt_id, success, reason)
        chat.app.post_message(Judged(judgement, offer=judgement.can_retry))
        return iter(())

    return start


def _waiting(agent: "Opened", result: events.Result) -> Iterator[events.Event]:
    """What becomes of the script that a retry has tried."""
    from localnpm.memory.procedures import Procedures
    from localnpm.memory.uses import of_attempt

    store = Procedures(agent.bench.database)
    for use in of_attempt(agent.bench.database, result.attempt_id)[:1]:
        if use.version_id is None:
            continue
        version, name = store.version(use.version_id), store.get(use.procedure_id).name
        title = version.script.split("\n", 1)[0]
        if version.doubtful:
            text = f"Waits for your word: {title} ({name}) rests on what was read in files alone"
        else:
            text = f"Tried: {title} ({name}). {TRIED}"
        yield events.Learned(text, use.procedure_id, version.id)
