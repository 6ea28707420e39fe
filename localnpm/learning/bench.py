"""What learning needs of a front end: a model, the log and a way to make and undo attempts.

`Workbench` has these; evaluations bring their own over workspaces in memory.
"""

from collections.abc import Iterator
from typing import Protocol

from localnpm.agent.attempt import PLAIN, Task, Terms
from localnpm.agent.events import Event
from localnpm.agent.options import Options
from localnpm.agent.permissions import Approve
from localnpm.agent.undo import UndoReport
from localnpm.config import Settings
from localnpm.engine.cancel import Cancel
from localnpm.engine.turns import ChatModel, Progress
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database


class Runs(Protocol):
    """What carries out a task: `Agent`."""

    def run(
        self, task: Task, *, approve: Approve = ..., cancel: Cancel | None = ..., progress: Progress | None = ...
    ) -> Iterator[Event]:
        """The task's events; the last is a `Result`."""


class Bench(Protocol):
    """An agent ready for requests in one workspace."""

    @property
    def model(self) -> ChatModel:
        """The model in use."""

    @property
    def log(self) -> AttemptLog:
        """Where attempts are written."""

    @property
    def database(self) -> Database:
        """The log's database; a private one leaves nothing behind."""

    @property
    def settings(self) -> Settings:
        """All settings."""

    @property
    def options(self) -> Options:
        """What this run was told: `memory` and `steer` among it."""

    @property
    def agent(self) -> Runs:
        """What carries out a task."""

    def task(self, request: str, session_id: int, terms: Terms = PLAIN) -> Task:
        """What an attempt of this request is given, with what memory has for it."""

    def undo(self, attempt_id: int) -> UndoReport:
        """Take back an attempt's changes; it writes no evidence.

        Raises:
            NotFoundError: nothing of it to undo.
            UndoError: the attempt is still running.
        """
