"""`!command`: a command of the user's own, confined, journaled, undoable, seen by the model later."""

import pytest

from localnpm.agent.by_hand import run_by_hand
from localnpm.agent.events import AttemptStarted, Result, ToolCalled, ToolResult
from localnpm.agent.options import Options
from localnpm.agent.scripted import ScriptedModel
from localnpm.agent.workbench import Workbench
from localnpm.config import LearningSettings, Settings
from localnpm.engine.cancel import Cancel
from localnpm.errors import JailError
from localnpm.home import Home
from localnpm.learning import evidence
from localnpm.memory.database import Database
from localnpm.memory.verdicts import ledger


@pytest.fixture
def open_bench(tmp_path):
    """Open a workbench over an empty workspace."""
    home = Home(tmp_path / "home")
    home.prepare()
    (tmp_path / "work").mkdir()
    opened = []

    def open_one(**given):
        database = Database.open(home.memory)
        options = Options(workspace=tmp_path / "work", terminal=True, **given)
        opened.append(Workbench(home, Settings(), options, ScriptedModel("Seen."), database))
        return opened[-1]

    yield open_one
    for bench in opened:
        bench.close()
        bench.database.close()


@pytest.fixture
def bench(open_bench):
    return open_bench()


@pytest.fixture
def session(bench):
    return bench.new_session("a talk")


def test_it_is_told_as_an_attempt_with_one_call(bench, session):
    seen = list(run_by_hand(bench, session, "echo hello"))
    assert [type(event) for event in seen] == [AttemptStarted, ToolCalled, ToolResult, Result]
    assert "hello" in seen[2].result
    assert (seen[-1].status, seen[-1].error) == ("done", "")


def test_what_it_changed_is_told_and_can_be_undone(bench, session):
    result = list(run_by_hand(bench, session, "echo hello > new.md"))[-1]
    assert result.changed == ("new.md",)
    bench.undo(result.attempt_id)
    assert not (bench.root / "new.md").exists()


def test_the_model_reads_of_it_in_the_next_request(bench, session):
    list(run_by_hand(bench, session, "echo hello"))
    list(bench.run("what did I run?", session))
    read = [message.content for message in bench.model.seen[-1]]
    assert "!echo hello" in read
    assert any("hello" in text and text != "!echo hello" for text in read)


def test_it_cannot_reach_the_memory(bench, session):
    seen = list(run_by_hand(bench, session, f"cat {bench.home.memory}"))
    assert "SQLite" not in seen[2].result


def test_it_is_not_run_in_read_only_mode_and_nothing_is_logged(open_bench):
    bench = open_bench(read_only=True)
    with pytest.raises(JailError, match="read-only"):
        list(run_by_hand(bench, bench.new_session("a talk"), "echo hello"))
    assert bench.log.attempts() == ()


def test_stopping_it_ends_it_as_cancelled(bench, session):
    cancel = Cancel()
    running = run_by_hand(bench, session, "sleep 60", cancel=cancel)
    next(running)
    cancel.set()
    assert list(running)[-1].status == "cancelled"


def test_nothing_is_learned_from_it(bench, session):
    attempt = list(run_by_hand(bench, session, "echo hello > new.md"))[-1].attempt_id
    for _ in range(5):
        evidence.before_request(bench.database, session, "No, not like that", settings=LearningSettings())
    assert ledger(bench.database, attempt) == ()
