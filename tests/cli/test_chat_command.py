"""`localnpm chat` without a terminal: a request a line, commands with a slash. The bundled model."""

import subprocess

import pytest

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database

ADD_MILK = 'Add "buy milk" to my todo list'


@pytest.fixture
def chat(start, work, home):
    def talk(*lines, arguments=("--allow", "write")):
        process = start("chat", *arguments, stdin=subprocess.PIPE)
        out, err = process.communicate("".join(line + "\n" for line in lines), timeout=90)
        assert "Traceback" not in err
        return process.returncode, out, err

    return talk


def test_a_request_is_carried_out_and_answered(chat, work):
    code, out, _ = chat(ADD_MILK)
    assert code == 0
    assert "- [ ] buy milk\n" in (work / "todo.md").read_text()
    assert "buy milk" in out


def test_a_change_is_undone_and_redone_in_the_conversation(chat, work):
    before = (work / "todo.md").read_text()
    _, out, _ = chat(ADD_MILK, "/undo", "/redo", "/undo")
    assert (work / "todo.md").read_text() == before
    assert out.count("Undid attempt 1") == 2 and out.count("Redid attempt 1") == 1


def test_a_verdict_with_its_reason_is_in_the_ledger(chat, home):
    chat(ADD_MILK, "/bad I keep them sorted")
    with Database.open(home / "memory.db") as database:
        outcome = AttemptLog(database).outcome(1)
    assert outcome is not None
    assert (outcome.success, outcome.reason) == (False, "I keep them sorted")


def test_the_two_lines_are_one_conversation_and_new_starts_another(chat, home):
    chat("hello", "thanks", "/new", "hello")
    with Database.open(home / "memory.db") as database:
        assert [attempt.session_id for attempt in AttemptLog(database).attempts()] == [2, 1, 1]


def test_an_old_conversation_is_shown_and_gone_on_with(chat):
    chat("hello")
    _, out, _ = chat("thanks", arguments=("--session", "1"))
    assert "> hello" in out


def test_what_is_no_command_is_told_and_the_conversation_goes_on(chat, work):
    code, out, err = chat("/nonsense", "/undo 77", "/undo", "/good", "/help")
    assert code == 0
    assert "/nonsense" in err and "77" in err and "nothing to judge" in err
    assert "/redo" in out


def test_without_a_terminal_nothing_changes_unless_allowed(chat, work):
    before = (work / "todo.md").read_text()
    chat(ADD_MILK, arguments=())
    assert (work / "todo.md").read_text() == before


def test_the_sample_folder_is_new_and_may_be_changed(chat, work):
    before = (work / "todo.md").read_text()
    code, out, err = chat(ADD_MILK, arguments=("--sample",))
    assert code == 0
    assert "localnpm-sample-" in out
    assert "not allowed" not in err
    assert (work / "todo.md").read_text() == before


def test_where_no_app_can_be_drawn_it_is_the_plain_chat(start, work):
    process = start("app", "--sample", stdin=subprocess.PIPE)
    out, err = process.communicate("/help\n", timeout=60)
    assert (process.returncode, "localnpm-sample-" in out) == (0, True), err


def test_an_app_that_shall_go_on_with_nothing_says_so(start, work):
    process = start("app", "--continue", stdin=subprocess.PIPE)
    _, err = process.communicate("", timeout=60)
    assert (process.returncode, "no conversation" in err) == (2, True), err


def test_a_session_is_resumed_in_its_own_folder(chat, start, tmp_path, monkeypatch):
    chat("hello")
    monkeypatch.chdir(tmp_path)
    process = start("sessions", "resume", "1", stdin=subprocess.PIPE)
    out, err = process.communicate("thanks\n", timeout=60)
    assert (process.returncode, str(tmp_path / "work") in out) == (0, True), err


def test_commands_about_memory_say_what_they_take(chat):
    code, out, err = chat(
        "/memory", "/memory nonsense", "/memory vector", "/memory on", "/steer", "/steer x:y:z", "/retry"
    )
    assert code == 0
    assert "nothing was recalled" in out and "next: vector." in out and "next: auto." in out
    assert "/memory takes" in err and "/steer NAME:0.6" in err and "x:y:z" in err and "nothing to try again" in err


def test_distill_learns_at_once(chat):
    _, _, err = chat(ADD_MILK, "/good", "/distill")
    assert "Learned: " in err
