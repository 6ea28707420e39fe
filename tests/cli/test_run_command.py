"""`localnpm run`, on the bundled model: files, log, undo, exit codes, JSON."""

import json
import os
import signal
import subprocess

import pytest

from localnpm.home import Home
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures

ADD_MILK = 'Add "buy milk" to my todo list'


def test_a_request_changes_the_file_answers_and_is_in_the_log(localnpm, work):
    ended = localnpm("run", ADD_MILK, "--allow", "write")
    assert ended.code == 0
    assert (work / "todo.md").read_text() == "# Todo\n- [ ] call the bank\n- [ ] buy milk\n"
    assert "buy milk" in ended.out
    assert ADD_MILK in localnpm("attempts", "list").out


def test_what_was_done_can_be_undone_and_redone(localnpm, work):
    before = (work / "todo.md").read_bytes()
    localnpm("run", ADD_MILK, "--allow", "write")
    after = (work / "todo.md").read_bytes()
    assert localnpm("undo").code == 0
    assert (work / "todo.md").read_bytes() == before
    assert localnpm("redo").code == 0
    assert (work / "todo.md").read_bytes() == after


def test_without_a_terminal_nothing_changes_unless_allowed(localnpm, work):
    before = (work / "todo.md").read_bytes()
    ended = localnpm("run", ADD_MILK)
    assert (work / "todo.md").read_bytes() == before
    assert "not allowed in this run" in ended.err


def test_read_only_wins_over_allow(localnpm, work):
    before = (work / "todo.md").read_bytes()
    localnpm("run", ADD_MILK, "--allow", "write", "--read-only")
    assert (work / "todo.md").read_bytes() == before


def test_json_prints_one_event_a_line_and_ends_in_the_result(localnpm, work):
    ended = localnpm("run", ADD_MILK, "--allow", "write", "--json")
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert lines[0]["type"] == "attempt_started"
    result = lines[-1]
    assert (result["type"], result["schema"], result["status"]) == ("result", 1, "done")
    assert result["changed"] == ["todo.md"]
    assert {line["type"] for line in lines} >= {"prompt_progress", "token", "tool_called", "tool_result", "answer"}


def test_the_same_seed_gives_the_same_attempt(localnpm, work):
    def tokens():
        ended = localnpm(
            "run", "what is on my todo list?", "--json", "--private", "--seed", "7", "-o", "temperature=1.5"
        )
        lines = [json.loads(line) for line in ended.out.splitlines()]
        return [line["text"] for line in lines if line["type"] == "token"]

    assert tokens() == tokens() != []


def test_private_leaves_no_row(localnpm, work, home):
    assert localnpm("run", ADD_MILK, "--allow", "write", "--private").code == 0
    assert "buy milk" in (work / "todo.md").read_text()
    assert not (home / "memory.db").exists()


def test_a_conversation_is_gone_on_with(localnpm, work):
    localnpm("run", "hello", "--json")
    result = json.loads(localnpm("run", "thanks", "--continue", "--json").out.splitlines()[-1])
    assert (result["attempt_id"], result["session_id"]) == (2, 1)
    other = json.loads(localnpm("run", "hello", "--json").out.splitlines()[-1])
    assert other["session_id"] == 2
    back = json.loads(localnpm("run", "bye", "--session", "1", "--json").out.splitlines()[-1])
    assert back["session_id"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--model", "no-such-model"], 2, "no-such-model"),
        (["--workspace", "/no/such/folder"], 5, "/no/such/folder"),
        (["--session", "77"], 2, "77"),
        (["--continue"], 2, "no conversation"),
        (["-o", "temperature=hot"], 2, "temperature"),
        (["-o", "temperature"], 2, "KEY=VALUE"),
        (["--allow", "everything"], 2, "everything"),
        (["--threads", "-3"], 2, "engine.threads"),
    ],
)
def test_what_a_user_gets_wrong_is_told_without_a_traceback(localnpm, work, arguments, code, said):
    ended = localnpm("run", "hello", *arguments)
    assert (ended.code, said in ended.err, "Traceback" in ended.err) == (code, True, False), ended.err


def test_the_home_folder_is_no_workspace(localnpm, home):
    home.mkdir()
    ended = localnpm("run", "hello", "--workspace", str(home))
    assert ended.code == 5 and "--workspace" in ended.err


def test_a_corrupt_memory_is_left_as_it_is(localnpm, work, home):
    home.mkdir()
    (home / "memory.db").write_bytes(b"this is not a database, whatever its name says" * 100)
    before = (home / "memory.db").read_bytes()
    ended = localnpm("run", "hello")
    assert ended.code == 6 and "memory.db" in ended.err
    assert (home / "memory.db").read_bytes() == before


def test_no_request_is_wrong_usage(localnpm, work):
    assert localnpm("run").code == 2


def test_material_comes_on_standard_input(start, work):
    process = start("run", "summarize this", "--json", stdin=subprocess.PIPE)
    out, _ = process.communicate("some words of material\n", timeout=60)
    assert json.loads(out.splitlines()[0])["request"] == "summarize this\n\nsome words of material"


def test_a_killed_attempt_is_interrupted_and_can_be_undone(start, localnpm, work):
    before = (work / "todo.md").read_bytes()
    process = start("run", ADD_MILK, "--allow", "write", "--json")
    for line in process.stdout:
        event = json.loads(line)
        if event["type"] == "tool_result" and event["name"] == "append_file":
            break
    assert localnpm("attempts", "list", "--json").out.count('"running"') == 1
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert (work / "todo.md").read_bytes() != before
    assert "interrupted" in localnpm("attempts", "list").out
    assert localnpm("undo").code == 0
    assert (work / "todo.md").read_bytes() == before


def test_an_interrupt_ends_it_with_130_and_a_result(start, work):
    # So hot that the model rambles on until its context is full, for seconds.
    hot = [word for option in ("temperature=5", "top_k=0", "top_p=1", "min_p=0") for word in ("-o", option)]
    process = start("run", "hello", "--json", "--seed", "3", *hot)
    for line in process.stdout:
        if json.loads(line)["type"] == "token":
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    last = json.loads(out.splitlines()[-1])
    assert (process.returncode, last["type"], last["status"]) == (130, "result", "cancelled")
    assert "Traceback" not in err


def test_a_vector_to_steer_by_that_is_not_there_is_an_error_before_anything_is_done(localnpm, work, home):
    ended = localnpm("run", ADD_MILK, "--allow", "write", "--steer", "no-such-vector:0.6")
    assert (ended.code, "no-such-vector" in ended.err) == (2, True)
    assert "No attempts" in localnpm("attempts", "list").err


def test_a_broken_embedder_is_told_and_the_task_is_done(localnpm, work, home):
    Home(home).prepare()
    with Database.open(home / "memory.db") as database:
        Procedures(database).add("Add a todo", [(ADD_MILK, None)], Draft("Add a todo\n1. Add it.", "", "built"))
    ended = localnpm("run", ADD_MILK, "--allow", "write", "-o", "memory.embedder=/no/such/folder")
    assert ended.code == 0
    assert "memory cannot be used: /no/such/folder" in ended.err
    assert "buy milk" in (work / "todo.md").read_text()


def test_when_it_is_due_a_run_learns_after_its_answer(localnpm, work):
    localnpm("run", ADD_MILK, "--allow", "write")
    localnpm("attempts", "good")
    ended = localnpm("run", "hello", "-o", "learning.every=1")
    assert "Learned: " in ended.err
    assert "add-a-todo" in localnpm("memory", "list").out
    assert "Learned: " not in localnpm("run", "hello", "-o", "learning.every=1").err


def test_a_run_that_may_spend_no_time_on_learning_learns_nothing(localnpm, work):
    localnpm("run", ADD_MILK, "--allow", "write")
    localnpm("attempts", "good")
    ended = localnpm("run", "hello", "-o", "learning.every=1", "-o", "learning.run_seconds=0")
    assert "Learned: " not in ended.err
