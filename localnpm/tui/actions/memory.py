"""What memory does: what was recalled, what may be, steering, learning now."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast, get_args

from localnpm.agent import events
from localnpm.agent.permissions import Approve
from localnpm.engine.cancel import Cancel
from localnpm.engine.turns import Progress
from localnpm.plain import visible
from localnpm.tui.messages import Learns, Told

if TYPE_CHECKING:
    from localnpm.learning.opened import Opened
    from localnpm.memory.procedure_records import Pass
    from localnpm.tui.screens.chat import ChatScreen


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
    """What became of a pass, in a line."""
    if made.status == "interrupted":
        return "Learning was put off; the next pass goes on with it."
    lines = made.summary.get("lines")
    return visible("\n".join(map(str, lines))) if isinstance(lines, list) and lines else f"Pass {made.id} is done."


def _tell(chat: "ChatScreen", what: str, done: int, total: int) -> None:
    chat.app.post_message(Learns(what, done, total))
