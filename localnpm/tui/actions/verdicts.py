"""`/good`, `/bad`, `/retry`: the user's judgement of the last answer, and trying again by its reason."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from localnpm.agent import events
from localnpm.agent.permissions import Approve
from localnpm.engine.cancel import Cancel
from localnpm.engine.turns import Progress
from localnpm.tui.messages import Judged

if TYPE_CHECKING:
    from localnpm.learning.opened import Opened
    from localnpm.tui.screens.chat import ChatScreen


async def good(chat: "ChatScreen", words: str) -> None:
    """`/good [REASON]`."""
    judge_last(chat, True, words)


async def bad(chat: "ChatScreen", words: str) -> None:
    """`/bad [REASON]`: with a reason it can be tried again at once."""
    judge_last(chat, False, words)


async def retry(chat: "ChatScreen", words: str) -> None:
    """`/retry [REASON]`: undo the last attempt and try again with what its reason teaches."""
    attempt_id = chat.last_attempt
    if not attempt_id:
        chat.notify("There is nothing to try again yet.", severity="warning")
        return
    if words:
        judge(chat, attempt_id, False, words, offer=False)
    await try_again(chat, attempt_id)


def judge_last(chat: "ChatScreen", success: bool, reason: str) -> None:
    """Judge the attempt that was made last in this conversation."""
    if chat.last_attempt:
        judge(chat, chat.last_attempt, success, reason)
    else:
        chat.notify("There is nothing to judge yet.", severity="warning")


def judge(chat: "ChatScreen", attempt_id: int, success: bool, reason: str, *, offer: bool = True) -> None:
    """Write a verdict; the exchange then shows it, and offers to try again where that can be learned from."""

    def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
        judgement = agent.learner.judge(attempt_id, success, reason)
        chat.app.post_message(Judged(judgement, offer=offer and judgement.can_retry))
        return iter(())

    chat.app.backend.submit("verdict", start)


async def try_again(chat: "ChatScreen", attempt_id: int) -> None:
    """Queue the retry as an exchange of its own."""

    def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
        return agent.learner.retry(attempt_id, approve=approve, cancel=cancel, progress=progress)

    await chat.queue(f"Once more, by what was wrong with attempt {attempt_id}", start)
