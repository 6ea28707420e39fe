"""When a pass is due, and that it ends when its time is over."""

import pytest

from localnpm.config import LearningSettings
from localnpm.engine.cancel import Cancel
from localnpm.learning.due import is_due, within


@pytest.fixture
def judged_twice(desk):
    """A desk with two attempts that were judged."""
    for _ in range(2):
        desk.learner.judge(desk.result(desk.play("Done.")).attempt_id, True)
    return desk


def test_a_pass_is_due_after_as_many_judged_attempts_as_the_setting_says(judged_twice):
    assert is_due(judged_twice.database, LearningSettings(every=2))
    assert not is_due(judged_twice.database, LearningSettings(every=3))


def test_an_attempt_that_nobody_has_judged_makes_nothing_due(desk):
    desk.play("Done.")
    assert not is_due(desk.database, LearningSettings(every=1))


def test_with_the_setting_0_no_pass_is_due_by_itself(judged_twice):
    assert not is_due(judged_twice.database, LearningSettings(every=0))


def test_while_a_task_runs_no_pass_is_due(judged_twice):
    running = judged_twice.learner.run("hello", judged_twice.bench.new_session("hello"))
    next(running)
    assert not is_due(judged_twice.database, LearningSettings(every=2))
    running.close()
    assert is_due(judged_twice.database, LearningSettings(every=2))


def test_a_task_whose_process_has_died_keeps_no_pass_from_being_due(judged_twice):
    running = judged_twice.learner.run("hello", judged_twice.bench.new_session("hello"))
    next(running)
    with judged_twice.database.transaction() as connection:
        connection.execute("UPDATE attempts SET process = '1-00000000' WHERE status = 'running'")
    assert is_due(judged_twice.database, LearningSettings(every=2))
    running.close()


def test_at_the_end_of_the_time_the_work_is_cancelled():
    cancel = Cancel()
    with within(cancel, 0.01):
        assert cancel.wait(10)


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_what_ends_in_time_is_not_cancelled(seconds):
    cancel = Cancel()
    with within(cancel, seconds):
        pass
    assert not cancel.is_set()
