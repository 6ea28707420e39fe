"""What the chat has its backend do, as jobs: carry out a request, perhaps in place of earlier ones, or a command.

A `Thread` of conversation gets its session with its first job, in the agent's thread; one that the user has left keeps
its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from localnpm.tui.messages import TakenBack, Told

if TYPE_CHECKING:
    from localnpm.agent import events
    from localnpm.agent.permissions import Approve
    from localnpm.engine.cancel import Cancel
    from localnpm.engine.turns import Progress
    from localnpm.learning.opened import Opened
    from localnpm.tui.backend import Start

Post = Callable[[Message], object]


@dataclass
class Thread:
    """One conversation; `session_id` is None until it has begun."""

    session_id: int | None = None

    def begun(self, agent: "Opened", title: str) -> int:
        """The session's id; the session is made with its first request."""
        if self.session_id is None:
            self.session_id = agent.bench.new_session(title)
        return self.session_id


def request(thread: Thread, text: str, post: Post, *, instead_of: int | None = None) -> "Start[Opened]":
    """Carry out a request. `instead_of`: an attempt that is taken back first, with all that came after it."""

    def start(
        agent: "Opened", *, approve: "Approve", cancel: "Cancel", progress: "Progress"
    ) -> "Iterator[events.Event]":
        from localnpm.learning.rewind import rewind

        if instead_of is not None:
            rewind(agent.bench, instead_of)
            post(TakenBack(instead_of))
        session_id = thread.begun(agent, text)
        return agent.learner.run(text, session_id, approve=approve, cancel=cancel, progress=progress)

    return start


def command(thread: Thread, words: str) -> "Start[Opened]":
    """Run a command of the user's own."""

    def start(
        agent: "Opened", *, approve: "Approve", cancel: "Cancel", progress: "Progress"
    ) -> "Iterator[events.Event]":
        from localnpm.agent.by_hand import run_by_hand

        return run_by_hand(agent.bench, thread.begun(agent, words), words, cancel=cancel)

    return start


def errand(task: "Callable[[Opened], str]", post: Post) -> "Start[Opened]":
    """Do something short with the open agent, and tell what it returns."""

    def start(
        agent: "Opened", *, approve: "Approve", cancel: "Cancel", progress: "Progress"
    ) -> "Iterator[events.Event]":
        told = task(agent)
        if told:
            post(Told(told))
        return iter(())

    return start
