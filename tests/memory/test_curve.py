"""How well tasks went over time."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.curve import JudgedTask, judged_tasks, sliding_success
from localnpm.memory.database import Database


@pytest.fixture
def log(tmp_path):
    with Database.open(tmp_path / "memory.db") as database:
        yield AttemptLog(database)


def attempt(log, success=None, **given):
    """The id of an attempt that has ended; judged unless `success` is None."""
    surroundings = given.pop("surroundings", False)
    made = log.start_attempt(
        log.start_session("/work"), "a request", workspace="/work", model="m", model_fingerprint="", system="",
        sampling={}, **given,
    )  # fmt: skip
    log.finish_attempt(made, "done", "yes", surroundings=surroundings)
    if success is not None:
        log.add_verdict(made, "user", success)
    return made


def test_judged_tasks_come_oldest_first(log):
    made = [attempt(log, True), attempt(log, False), attempt(log, True)]
    assert [(task.attempt_id, task.success) for task in judged_tasks(log.database)] == list(
        zip(made, [True, False, True], strict=True)
    )


def test_only_the_last_ones_are_read(log):
    made = [attempt(log, True) for _ in range(5)]
    assert [task.attempt_id for task in judged_tasks(log.database, 2)] == made[-2:]


def test_what_was_not_judged_practice_and_retries_are_no_tasks(log):
    first = attempt(log, True)
    attempt(log)
    attempt(log, True, practice=True)
    attempt(log, True, retry_of=first)
    assert [task.attempt_id for task in judged_tasks(log.database)] == [first]


def test_a_failure_of_the_surroundings_is_nobodys_but_a_success_in_spite_of_them_counts(log):
    attempt(log, False, surroundings=True)
    good = attempt(log, True, surroundings=True)
    assert [task.attempt_id for task in judged_tasks(log.database)] == [good]


def test_a_verdict_that_was_changed_counts_as_it_is_now(log):
    made = attempt(log, True)
    log.add_verdict(made, "user", False)
    assert [task.success for task in judged_tasks(log.database)] == [False]


def test_a_task_says_by_which_channel_memory_acted_and_when(log):
    made = attempt(log, True, channel="script")
    (task,) = judged_tasks(log.database)
    assert (task.channel, task.started_at) == ("script", log.attempt(made).started_at)


def tasks(outcomes):
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return [JudgedTask(number, moment, "none", success) for number, success in enumerate(outcomes)]


def test_success_in_a_window_of_two():
    assert sliding_success(tasks([True, False, True, True]), window=2) == [1.0, 0.5, 0.5, 1.0]


def test_no_task_has_no_success():
    assert sliding_success([]) == []


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 40))
def test_each_value_is_the_mean_of_the_last_window(outcomes, window):
    values = sliding_success(tasks(outcomes), window=window)
    for end, value in enumerate(values, start=1):
        last = outcomes[max(0, end - window) : end]
        assert value == pytest.approx(sum(last) / len(last))
