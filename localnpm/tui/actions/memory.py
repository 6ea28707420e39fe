"""What memory does: what was recalled, what may be, steering, learning now."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast, get_args

from localnpm.agent import events
from localnpm.agent.permissions import Approve
from localnpm.engine.cancel import Cancel
from localnpm.engine.turns import Progress
from localnpm.tui.messages import Learns, Told

if TYPE_CHECKING:
    from localnpm.learning.opened import Opened
    from localnpm.memory.procedure_records import Pass
    from localnpm.tui.screens.chat import ChatScreen


SHOWN_LINES = 5


async def memory(chat: "ChatScreen", words: str) -> None:
    """`/memory [none|script|vector|both|auto]`: what may be recalled; alone, the panel that shows what was."""
    from localnpm.memory.channels import Wanted

    choices = {"off": "none", "on": "auto"} | {name: name for name in get_args(Wanted)}
    if not words:
        chat.toggle_memory()
        return
    if words not in choices:
        chat.notify(f"/memory takes one of {', '.join(choices)}", severity="warning", markup=False)
        return
    wanted = choices[words]

    def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
        agent.learner.memory = cast(Wanted, wanted)
        chat.app.post_message(Told(f"The next tasks recall: {wanted}."))
        return iter(())

    chat.app.backend.submit("memory", start)


async def steer(chat: "ChatScreen", words: str) -> None:
    """`/steer NAME:0.6 ...` steers the next tasks in place of recall's vector; `/steer off` ends it."""
    texts = [] if words in ("", "off") else words.split()

    def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
        agent.learner.steer(texts)
        chat.app.post_message(
            Told(f"The next tasks are steered by {words}." if texts else "Recall chooses the vector.")
        )
        return iter(())

    chat.app.backend.submit("steering", start)


def set_next(chat: "ChatScreen", *, memory: bool, steer: str) -> None:
    """What the next task alone does without, or is steered by: `NAME:0.6`, or nothing."""

    def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
        agent.learner.only_next(memory=None if memory else "none", steer=[steer] if steer else [])
        told = [] if memory else ["does without memory"]
        told += [f"is steered by {steer}"] if steer else []
        chat.app.post_message(Told(f"The next task {' and '.join(told)}." if told else "The next task is as all are."))
        return iter(())

    chat.app.backend.submit("the next task", start)


async def distill(chat: "ChatScreen", words: str) -> None:
    """`/distill`: learn from the log; it waits until the tasks before it are done."""

    def start(agent: "Opened", *, approve: Approve, cancel: Cancel, progress: Progress) -> Iterator[events.Event]:
        made = agent.learner.distil(
            "command",
            cancel=cancel,
            progress=lambda what, done, total: _tell(chat, what, done, total),
        )
        chat.app.post_message(Told(came_of(made)))
        return iter(())

    chat.app.backend.submit("learning", start)


def came_of(made: "Pass") -> str:
    """What became of a pass, in a few lines."""
    from localnpm.memory.pass_words import in_words

    lines = in_words(made)
    more = [f"and {len(lines) - SHOWN_LINES} more; /learning shows them"] if len(lines) > SHOWN_LINES else []
    return "\n".join([*lines[:SHOWN_LINES], *more])


def _tell(chat: "ChatScreen", what: str, done: int, total: int) -> None:
    chat.app.post_message(Learns(what, done, total))
