"""What can be evaluated: an environment has users, each with tasks to practise on and tasks that are scored.

An adapter for other games implements these Protocols and nothing more. Worlds give the agent its tools; everything else
(the loop, the log, recall, distillation) is the program itself.
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from localnpm.agent.tools import Toolbox
from localnpm.config import AgentSettings
from localnpm.memory.records import Trajectory

Wording = Literal["known", "new"]


@dataclass(frozen=True)
class Judgement:
    """How an attempt ended, judged from outside; `why` is `ok` or what is wrong."""

    success: bool
    why: str


@dataclass(frozen=True)
class Complaint:
    """What a user says of a failure.

    Attributes:
        text: in the user's words; empty where no habit of theirs is to blame.
        about: the habits that it names.
        worded: `new` where a wording is among it that nothing was trained on.
    """

    text: str = ""
    about: tuple[str, ...] = ()
    worded: Wording = "known"


class World(Protocol):
    """One place in which one task is tried, perhaps several times."""

    def toolbox(self) -> Toolbox:
        """The tools for an attempt."""

    def restore(self) -> None:
        """Put everything back as it was at the start."""

    def judge(self, answer: str) -> Judgement:
        """Whether the task is done; an attempt without an answer has the empty one."""

    def complaint(self, answer: str, draw: random.Random) -> Complaint:
        """What the user says of a failure."""


class Scenario(Protocol):
    """One task of one user."""

    @property
    def user(self) -> int:
        """Whose task it is, from 0."""

    @property
    def kind(self) -> str:
        """The kind of task: tasks of one user and kind are done alike, and are one cluster."""

    @property
    def number(self) -> int:
        """Tells it from the others of its user and kind."""

    @property
    def request(self) -> str:
        """What the user asks for."""

    @property
    def labels(self) -> Mapping[str, str]:
        """What results are reported apart by, such as `worded`."""

    def open(self) -> World:
        """A new world for it."""

    def oracle(self, *, wrong: bool = False) -> tuple[str, str]:
        """The script and the example that somebody who knows the user would give; never called learned.

        `wrong`: those of somebody who takes the user for another. Empty where there are none.
        """


class Environment(Protocol):
    """Tasks of one sort. It is sent to other processes: a small value that makes its tasks there."""

    @property
    def name(self) -> str:
        """As on the command line."""

    @property
    def opening(self) -> str:
        """The first lines of the system text."""

    @property
    def limits(self) -> AgentSettings:
        """Where an attempt ends."""

    @property
    def users(self) -> int:
        """How many users; each has a memory of its own."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of tasks."""

    def practice(self, user: int, kind: str) -> Sequence[Scenario]:
        """The tasks that memory may learn from, in their order."""

    def scored(self, user: int) -> Sequence[Scenario]:
        """The tasks that count; none of them ever reaches a memory."""

    def expert_pairs(self, user: int, kind: str) -> Sequence[tuple[Trajectory, Trajectory]]:
        """Runs of somebody who knows the user, and of somebody who takes them for another, for the same requests."""


def seed_of(*parts: object) -> int:
    """A seed that depends on the parts alone, the same in every process: 0 .. 2**31 - 1."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4]) >> 1


def draw_of(*parts: object) -> random.Random:
    """A generator that depends on the parts alone."""
    return random.Random(seed_of(*parts))
