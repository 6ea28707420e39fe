"""A memory file, its log, and attempts to fill it with; other processes on the same memory."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import localnpm
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database

LogAttempt = Callable[..., int]
Other = Callable[..., "subprocess.Popen[str]"]

OTHER_PRELUDE = """
import sys
from pathlib import Path
from localnpm.memory import process
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
path = Path(sys.argv[1])
def told():
    return sys.stdin.readline().strip()
def tell(what):
    print(what, flush=True)
def start(log, request="a task"):
    session = log.start_session(path.parent, request)
    return log.start_attempt(session, request, workspace=path.parent, model="m", model_fingerprint="f", system="",
                             sampling={})
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the memory lies."""
    return tmp_path / "home" / "memory.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    """An empty memory on disk."""
    with Database.open(path) as opened:
        yield opened


@pytest.fixture
def log(database: Database) -> AttemptLog:
    """Its log."""
    return AttemptLog(database)


@pytest.fixture
def log_attempt(log: AttemptLog) -> LogAttempt:
    """Log one finished attempt: a read, an edit and an answer; `session_id=None` begins a session."""

    def write(
        request: str = "Add milk to my todo list",
        *,
        session_id: int | None = None,
        result: str = "Added it.",
        answer: str = "Milk is on your list.",
        retry_of: int | None = None,
    ) -> int:
        session_id = session_id or log.start_session("/work", request)
        attempt_id = log.start_attempt(
            session_id,
            request,
            workspace="/work",
            model="a model",
            model_fingerprint="f0",
            system="You help.",
            sampling={"seed": 7, "temperature": 0.0},
            retry_of=retry_of,
        )
        step = log.start_step(attempt_id, turn=0, text="<call>", tool="append_line", arguments={"path": "todo.md"})
        log.finish_step(step, result)
        log.start_step(attempt_id, turn=1, text=answer)
        log.finish_attempt(attempt_id, "done", answer)
        return attempt_id

    return write


@pytest.fixture
def other(path: Path) -> Iterator[Other]:
    """Start another Python process on the memory; its lines follow those of OTHER_PRELUDE. It is killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str) -> "subprocess.Popen[str]":
        environment = os.environ | {"PYTHONPATH": str(Path(localnpm.__file__).parents[1])}
        process = subprocess.Popen(
            [sys.executable, "-c", OTHER_PRELUDE + code, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
