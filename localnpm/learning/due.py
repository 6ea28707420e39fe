"""When a pass over the log is due, and how long it may take: `run` and `chat` learn between tasks, within a time limit.

What a pass does is distill/consolidate.py's business; that none runs while a task does is learner.py's.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from localnpm.config import LearningSettings
from localnpm.engine.cancel import Cancel
from localnpm.memory.database import Database
from localnpm.memory.passes import Passes
from localnpm.memory.process import alive


def is_due(database: Database, settings: LearningSettings) -> bool:
    """Whether as many attempts as the setting `learning.every` says have been judged since the last pass.

    Never with the setting 0, nor while a task runs, be it in another process.
    """
    if not settings.every or _task_runs(database):
        return False
    return Passes(database).newly_judged() >= settings.every


def _task_runs(database: Database) -> bool:
    if database.folder is None:
        return False
    run = database.folder / "run"
    rows = database.query("SELECT DISTINCT process FROM attempts WHERE status = 'running'")
    return any(alive(run, row["process"]) for row in rows)


@contextmanager
def within(cancel: Cancel, seconds: float | None) -> Iterator[Cancel]:
    """Set `cancel` when the block has taken so many seconds; None: never. The next pass goes on with what was begun."""
    if seconds is None:
        yield cancel
        return
    timer = threading.Timer(seconds, cancel.set)
    timer.daemon = True
    timer.start()
    try:
        yield cancel
    finally:
        timer.cancel()
