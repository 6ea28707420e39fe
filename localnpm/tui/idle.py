"""What the agent's thread does of its own: say what it has opened; learn when that is due and nothing is asked for."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from textual.message import Message

from localnpm.tui.messages import AgentReady, Learns, Told

if TYPE_CHECKING:
    from localnpm.agent import events
    from localnpm.agent.permissions import Approve
    from localnpm.engine.cancel import Cancel
    from localnpm.engine.turns import Progress
    from localnpm.learning.opened import Opened


def greeting(agent: "Opened") -> AgentReady:
    """What the status bar says of the open agent."""
    bench = agent.bench
    return AgentReady(bench.model.name, bench.model.context, bench.permissions.mode)


def idle_seconds(agent: "Opened") -> float:
    """Seconds without a task after which a due pass begins."""
    return agent.bench.settings.learning.idle_seconds


def is_due(agent: "Opened") -> bool:
    """Whether a pass is due."""
    return agent.learner.due()


def learn(
    post: Callable[[Message], object], agent: "Opened", *, approve: "Approve", cancel: "Cancel", progress: "Progress"
) -> "Iterator[events.Event]":
    """Make the due pass; what came of it is told, unless it was put off."""
    from localnpm.tui.actions.memory import came_of

    def tell(what: str, done: int, total: int) -> None:
        post(Learns(what, done, total))

    tell("learning", 0, 1)
    made = agent.learner.distil("idle", cancel=cancel, progress=tell)
    if made.status != "interrupted":
        post(Told(came_of(made)))
    return iter(())
