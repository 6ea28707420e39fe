"""Processes on one memory: who is alive, whose attempts are interrupted, who holds a lock, who writes at once."""

import os
from pathlib import Path
from typing import Any

import pytest

from localnpm.memory import process
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database

Other = Any


def line(other: Other) -> str:
    """What the other process tells; it ends with its standard input."""
    return str(other.stdout.readline().strip())


def run_folder(database: Database) -> Path:
    assert database.folder is not None
    return database.folder / "run"


HOLD_AN_ATTEMPT = """
log = AttemptLog(Database.open(path))
tell(start(log))
told()
"""


def test_a_process_keeps_one_file_for_its_whole_life(database: Database) -> None:
    name = process.current(database)
    assert process.current(database) == name
    assert name.startswith(f"{os.getpid()}-")
    assert process.alive(run_folder(database), name)


def test_a_file_that_nobody_holds_is_a_dead_process(database: Database) -> None:
    run = run_folder(database)
    run.mkdir()
    (run / "1-0badcafe").touch()
    assert not process.alive(run, "1-0badcafe")
    assert not process.alive(run, "2-0badcafe")


def test_an_attempt_stays_running_while_its_process_lives(other: Other, path: Path) -> None:
    attempt_id = int(line(other(HOLD_AN_ATTEMPT)))
    with Database.open(path) as database:
        assert process.recover(database, path.parent / "run") == []
        assert AttemptLog(database).attempt(attempt_id).status == "running"


def test_an_attempt_of_a_killed_process_is_interrupted(other: Other, path: Path) -> None:
    holder = other(HOLD_AN_ATTEMPT)
    attempt_id = int(line(holder))
    holder.kill()
    holder.wait()
    with Database.open(path) as database:
        assert process.recover(database, path.parent / "run") == [attempt_id]
        attempt = AttemptLog(database).attempt(attempt_id)
        assert (attempt.status, attempt.finished_at is None) == ("interrupted", False)


def test_only_the_dead_processs_attempts_are_interrupted(other: Other, path: Path) -> None:
    dying, living = other(HOLD_AN_ATTEMPT), other(HOLD_AN_ATTEMPT)
    dead_id, live_id = int(line(dying)), int(line(living))
    dying.kill()
    dying.wait()
    with Database.open(path) as database:
        assert process.recover(database, path.parent / "run") == [dead_id]
        assert AttemptLog(database).attempt(live_id).status == "running"


def test_recovery_does_not_touch_this_processs_own_attempts(database: Database, log: AttemptLog) -> None:
    attempt_id = log.start_attempt(
        log.start_session("/work", "now"), "now", workspace="/work", model="m", model_fingerprint="", system="",
        sampling={},
    )  # fmt: skip
    assert process.recover(database, run_folder(database)) == []
    assert log.attempt(attempt_id).status == "running"


def test_recovery_clears_the_files_of_dead_processes_away(other: Other, database: Database) -> None:
    holder = other(HOLD_AN_ATTEMPT)
    line(holder)
    own = process.current(database)
    assert len(list(run_folder(database).iterdir())) == 2
    holder.kill()
    holder.wait()
    process.recover(database, run_folder(database))
    assert [file.name for file in run_folder(database).iterdir()] == [own]


def test_a_process_that_ends_takes_its_file_away(other: Other, path: Path) -> None:
    holder = other(HOLD_AN_ATTEMPT)
    line(holder)
    assert len(list((path.parent / "run").iterdir())) == 1
    holder.communicate("go\n")
    assert list((path.parent / "run").iterdir()) == []


HOLD_A_LOCK = """
database = Database.open(path)
tell(process.acquire(database, "distil"))
told()
"""


def test_a_lock_that_a_living_process_holds_is_not_given(other: Other, database: Database) -> None:
    assert line(other(HOLD_A_LOCK)) == "True"
    assert not process.acquire(database, "distil")
    assert process.acquire(database, "something else")


def test_a_lock_of_a_killed_process_is_free(other: Other, database: Database) -> None:
    holder = other(HOLD_A_LOCK)
    line(holder)
    holder.kill()
    holder.wait()
    assert process.acquire(database, "distil")


@pytest.mark.parametrize("private", [False, True], ids=["on disk", "private"])
def test_a_lock_is_held_for_a_block_and_then_free(path: Path, private: bool) -> None:
    with Database.open(None if private else path) as database:
        with process.exclusive(database, "distil") as first, process.exclusive(database, "distil") as second:
            assert (first, second) == (True, False)
            assert not process.acquire(database, "distil")
        assert process.acquire(database, "distil")


def test_another_processs_lock_cannot_be_given_back(other: Other, database: Database) -> None:
    line(other(HOLD_A_LOCK))
    process.release(database, "distil")
    assert not process.acquire(database, "distil")


WRITE = """
told()
log = AttemptLog(Database.open(path))
for number in range(25):
    attempt = start(log, f"task {number}")
    step = log.start_step(attempt, turn=0, text="", tool="read_file", arguments={})
    log.finish_step(step, "x" * 3000)
    log.finish_attempt(attempt, "done", "ok")
tell("done")
"""


def test_processes_that_make_and_write_one_memory_at_once_lose_nothing(other: Other, path: Path) -> None:
    writers = [other(WRITE) for _ in range(3)]
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [line(writer) for writer in writers] == ["done"] * 3
    with Database.open(path) as database:
        log = AttemptLog(database)
        assert [len(log.steps(attempt.id)) for attempt in log.attempts(limit=1000)] == [1] * 75
        assert database.check(thorough=True) == ()
