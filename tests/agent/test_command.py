"""The tool `run_command`: what the model reads, and that what a command changes can be undone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localnpm.agent import jail
from localnpm.agent.command import CommandRunner, recover
from localnpm.agent.jail import Limits
from localnpm.agent.journal import Journal
from localnpm.agent.prepared import Prepared, Risk
from localnpm.agent.snapshot import Bounds, Snapshot
from localnpm.agent.tools import FileTools
from localnpm.agent.workspace import Workspace
from localnpm.engine.messages import ToolCall
from localnpm.memory.attempts import AttemptLog

pytestmark = pytest.mark.skipif(
    jail.probe().mechanism is None, reason=f"no command can be confined here: {jail.probe().why_not()}"
)

LIMITS = Limits(seconds=20)


def runner_of(desk: Any, limits: Limits = LIMITS, bounds: Bounds | None = None) -> CommandRunner:
    journal = Journal(desk.db, desk.home / "undo", desk.attempt, desk.root)
    return CommandRunner(desk.root, limits, journal, bounds=bounds or Bounds())


def prepare(runner: CommandRunner, command: str) -> Prepared:
    return runner.prepare(ToolCall("run_command", {"command": command}))


def perform(runner: CommandRunner, command: str) -> str:
    return runner.perform(prepare(runner, command), None)


def test_the_model_reads_exit_code_output_and_errors(desk: Any) -> None:
    assert perform(runner_of(desk), "echo out; echo err >&2; exit 2") == "exit code: 2\nstdout:\nout\nstderr:\nerr"


def test_a_command_that_prints_nothing_gives_its_exit_code(desk: Any) -> None:
    assert perform(runner_of(desk), "true") == "exit code: 0"


def test_the_model_reads_what_ended_a_command(desk: Any) -> None:
    runner = runner_of(desk, replace(LIMITS, seconds=0.2))
    assert perform(runner, "echo begun; sleep 30") == "ended: it ran longer than 0.2 seconds\nstdout:\nbegun"


def test_the_toolbox_runs_commands(desk: Any) -> None:
    tools = FileTools(Workspace(desk.root), None, runner_of(desk))
    prepared = tools.prepare(ToolCall("run_command", {"command": "echo through"}))
    assert (prepared.risk, prepared.summary, prepared.undoable) == (Risk.RUN, "Run echo through", True)
    assert tools.perform(prepared, None) == "exit code: 0\nstdout:\nthrough"


def test_everything_a_command_changes_is_undone(desk: Any) -> None:
    (desk.root / "kept").write_text("kept")
    (desk.root / "changed").write_text("old")
    (desk.root / "renamed").write_text("same")
    (desk.root / "script").write_text("#!/bin/sh\n")
    (desk.root / "folder" / "inner").mkdir(parents=True)
    (desk.root / "folder" / "inner" / "file").write_text("deep")
    (desk.root / "link").symlink_to("kept")
    before = desk.tree()
    command = "echo new > changed; mv renamed other; chmod +x script; rm -r folder; ln -sf script link; mkdir -p x/y"
    assert (
        perform(runner_of(desk), command + "; echo z > x/y/z; rm kept; mkdir kept; echo in > kept/in") == "exit code: 0"
    )
    after = desk.tree()
    desk.undo()
    assert desk.tree() == before
    desk.redo()
    assert desk.tree() == after


def test_a_command_that_was_ended_is_undone(desk: Any) -> None:
    perform(runner_of(desk, replace(LIMITS, seconds=0.3)), "echo x > new; sleep 30")
    assert (desk.root / "new").exists()
    desk.undo()
    assert not (desk.root / "new").exists()


def test_a_command_that_changes_nothing_leaves_no_row(desk: Any) -> None:
    perform(runner_of(desk), "ls")
    assert desk.db.query("SELECT id FROM changes") == []


def test_no_copy_of_the_workspace_is_left(desk: Any) -> None:
    (desk.root / "file").write_text("x")
    perform(runner_of(desk), "rm file")
    assert list((desk.home / "undo" / "commands").iterdir()) == []


def test_past_the_bound_the_question_says_that_it_cannot_be_undone(desk: Any) -> None:
    (desk.root / "one").touch()
    (desk.root / "two").touch()
    prepared = prepare(runner_of(desk, bounds=Bounds(entries=1)), "rm one")
    assert not prepared.undoable
    assert "cannot be undone: the workspace has more than 1 files" in prepared.note


def test_past_the_bound_a_command_runs_all_the_same(desk: Any) -> None:
    (desk.root / "one").touch()
    (desk.root / "two").touch()
    assert perform(runner_of(desk, bounds=Bounds(entries=1)), "rm one") == "exit code: 0"
    assert not (desk.root / "one").exists()


def test_what_was_approved_as_undoable_does_not_run_when_it_no_longer_is(desk: Any) -> None:
    runner = runner_of(desk, bounds=Bounds(entries=1))
    prepared = prepare(runner, "touch ran")
    (desk.root / "one").touch()
    (desk.root / "two").touch()
    assert runner.perform(prepared, None).startswith("Error: the command was not run")
    assert not (desk.root / "ran").exists()


def test_without_a_journal_the_question_says_that_it_cannot_be_undone(tmp_path: Path) -> None:
    prepared = prepare(CommandRunner(tmp_path, LIMITS), "ls")
    assert (prepared.undoable, "no journal" in prepared.note) == (False, True)


def test_a_command_does_not_see_the_home_of_its_journal(desk: Any) -> None:
    assert "outside" not in perform(runner_of(desk), f"cat '{desk.home}/memory.db' && echo outside")


def test_a_check_gives_the_whole_result_and_is_journaled(desk: Any) -> None:
    result = runner_of(desk).run("echo x > new; exit 1")
    assert result.exit_code == 1
    desk.undo()
    assert not (desk.root / "new").exists()


def test_what_a_killed_command_changed_is_journaled_later(desk: Any) -> None:
    (desk.root / "changed").write_text("old")
    Snapshot.take(desk.root, desk.home / "undo" / "commands", desk.attempt, None, Bounds()).release()
    (desk.root / "changed").write_text("new")
    assert recover(desk.db, desk.home / "undo") == (desk.attempt,)
    desk.undo()
    assert (desk.root / "changed").read_text() == "old"


def test_the_copy_of_a_running_command_is_left_alone(desk: Any) -> None:
    attempt = AttemptLog(desk.db).start_attempt(
        desk.session, "runs", workspace=desk.root, model="none", model_fingerprint="", system="", sampling={}
    )
    Snapshot.take(desk.root, desk.home / "undo" / "commands", attempt, None, Bounds()).release()
    assert recover(desk.db, desk.home / "undo") == ()
    assert len(list((desk.home / "undo" / "commands").iterdir())) == 1


def test_a_copy_of_an_attempt_that_is_forgotten_is_cleared_away(desk: Any) -> None:
    Snapshot.take(desk.root, desk.home / "undo" / "commands", 999, None, Bounds()).release()
    assert recover(desk.db, desk.home / "undo") == ()
    assert list((desk.home / "undo" / "commands").iterdir()) == []
