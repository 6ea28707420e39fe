"""Practice: tasks that failed their check are repeated in scratch copies until there is a success to learn from.

Attempt, check, undo, and again at a higher temperature. Every repetition is logged as practice: it counts in no
statistic, is no evidence of the user's, and the real files are never written to. A check that cannot do its work in a
copy counts nothing, and its task is left.
Not covered: the copies (scratch.py), the pass that learns from what was practised (Learner.distil).
"""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from localnpm.agent.check import run_check
from localnpm.agent.events import Event, Practised, Result
from localnpm.agent.options import Options
from localnpm.agent.permissions import decline_all
from localnpm.agent.workbench import Workbench, merged
from localnpm.config import Settings
from localnpm.engine.cancel import Cancel
from localnpm.engine.turns import ChatModel
from localnpm.errors import NotFoundError, WorkspaceError
from localnpm.home import Home
from localnpm.learning.learner import Learner
from localnpm.learning.scratch import copy_tree, scratch_before
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.embedding import Embedder
from localnpm.memory.records import Attempt

TEMPERATURES = (None, 0.7, 1.0, 1.0, 1.2, 1.2)
"""Of the tries at one task; None: as ever."""

_QUEUE = """
    SELECT attempts.id, (SELECT count(*) FROM attempts AS tried WHERE tried.retry_of = attempts.id AND tried.practice)
        AS times
    FROM attempts JOIN outcomes ON outcomes.attempt_id = attempts.id
    WHERE attempts.check_command IS NOT NULL AND NOT outcomes.success AND NOT attempts.surroundings
    AND NOT attempts.practice AND attempts.status = 'done'
    AND NOT EXISTS (SELECT 1 FROM attempts AS again JOIN outcomes AS judged ON judged.attempt_id = again.id
                    WHERE again.retry_of = attempts.id AND judged.success)
    ORDER BY times, attempts.id DESC LIMIT ?
"""


def queue(database: Database, limit: int) -> tuple[Attempt, ...]:
    """The failed tasks that have a check and no success yet: those practised least first, then the newest."""
    log = AttemptLog(database)
    return tuple(log.attempt(row["id"]) for row in database.query(_QUEUE, (limit,)))


@dataclass(frozen=True)
class Practice:
    """Practises with one model, by one memory."""

    home: Home
    settings: Settings
    model: ChatModel
    database: Database
    embedder: Embedder
    random: Random

    def run(self, tasks: Sequence[Attempt], *, seconds: float, cancel: Cancel) -> Iterator[Event]:
        """Practise tasks one by one: a `Practised` for each try, between the events of the attempts.

        Ends when all are done, `seconds` are over (between tries), or `cancel` is set.

        Raises:
            JailError: this machine cannot confine the checks.
            MemoryFileError: the log cannot be written.
        """
        deadline = time.monotonic() + seconds
        for task in tasks:
            try:
                with scratch_before(task, self.database, self.home.undo, self.home.root) as start:
                    yield from self._practise(task, start, deadline, cancel)
            except WorkspaceError as error:
                yield Practised(task.id, None, task.request, None, str(error))
            if cancel.is_set() or time.monotonic() > deadline:
                return

    def _practise(self, task: Attempt, start: Path, deadline: float, cancel: Cancel) -> Iterator[Event]:
        """Try until a check passes."""
        session_id: int | None = None
        for number, temperature in enumerate(TEMPERATURES):
            if cancel.is_set() or time.monotonic() > deadline:
                return
            folder = start.parent / f"try-{number}"
            copy_tree(start, folder)
            options = Options(workspace=folder, allow=frozenset({"write"}))
            with Workbench(self.home, self.settings, options, self.model, self.database) as bench:
                session_id = session_id or bench.new_session(f"Practice: {task.request}")
                result = yield from self._attempt(task, bench, session_id, temperature, cancel)
                if result.status == "done":
                    runner = bench.command_runner(result.attempt_id, cancel)
                    verdict = run_check(runner, bench.log, result.attempt_id, task.check_command or "")
                with suppress(NotFoundError):
                    bench.undo(result.attempt_id)
            if result.status != "done":
                yield Practised(task.id, result.attempt_id, task.request, None, result.error)
                continue
            counted = verdict.success if verdict.counts else None
            yield Practised(task.id, result.attempt_id, task.request, counted, verdict.reason)
            if verdict.success or not verdict.counts:
                return

    def _attempt(
        self, task: Attempt, bench: Workbench, session_id: int, temperature: float | None, cancel: Cancel
    ) -> Generator[Event, None, Result]:
        """One repetition in a scratch copy."""
        sampling = merged(self.model.sampling, self.settings.sampling)
        if temperature is not None:
            sampling = replace(sampling, temperature=temperature)
        learner = Learner(bench, self.embedder, random=self.random)
        result: Result | None = None
        for event in learner.run(
            task.request, session_id, approve=decline_all, cancel=cancel, practice_of=task.id, sampling=sampling
        ):
            yield event
            result = event if isinstance(event, Result) else result
        assert result is not None, "an attempt ends with a Result"
        return result
