"""`localnpm retry` on the bundled model: a reason makes the next similar task right, in a new process too."""

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing

import pytest

from localnpm.cli import main

ADD_MILK = 'Add "buy milk" to my todo list'
CALL_DENTIST = 'Add "call the dentist" to my todo list'


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    """A home and a todo list: todos got a checkbox, the user said that a star is wanted; tried again, it was right."""
    folder = tmp_path_factory.mktemp("lesson")
    (folder / "work").mkdir()
    (folder / "work/todo.md").write_text("# Todo\n- [ ] call the bank\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALNPM_HOME", str(folder / "home"))
        patch.chdir(folder / "work")
        for arguments in (
            ("run", ADD_MILK, "--allow", "write"),
            ("attempts", "bad", "1", "I wanted a * bullet."),
            ("retry", "--allow", "write"),
        ):
            with pytest.raises(SystemExit) as ended:
                main(arguments)
            assert not ended.value.code
    return folder


@pytest.fixture
def taught(lesson, home, work):
    """That home and todo list."""
    shutil.copytree(lesson / "home", home)
    shutil.copy(lesson / "work/todo.md", work)


def test_the_retry_does_it_as_the_reason_says(taught, work):
    assert (work / "todo.md").read_text() == "# Todo\n- [ ] call the bank\n* buy milk\n"


def test_the_next_similar_request_is_done_right_in_a_new_process_and_shows_why(taught, localnpm, start, work):
    localnpm("attempts", "good")
    process = start("run", CALL_DENTIST, "--allow", "write")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert (work / "todo.md").read_text().endswith("\n* buy milk\n* call the dentist\n")
    assert "recalled add-a-todo (similarity 0." in err and "as script" in err and "--no-memory" in err


def test_a_retry_left_in_place_is_learned_from_at_the_next_request(taught, localnpm, work):
    ended = localnpm("run", CALL_DENTIST, "--allow", "write")
    assert "Learned: Add a todo (add-a-todo)" in ended.err
    assert (work / "todo.md").read_text().endswith("\n* buy milk\n* call the dentist\n")


def test_without_memory_it_is_done_as_ever(taught, localnpm, work):
    localnpm("attempts", "good")
    ended = localnpm("run", CALL_DENTIST, "--allow", "write", "--no-memory")
    assert (work / "todo.md").read_text().endswith("\n- [ ] call the dentist\n")
    assert "as script" not in ended.err


def rows(home):
    with closing(sqlite3.connect(home / "memory.db")) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


def test_a_private_run_uses_it_and_leaves_no_row(taught, localnpm, work, home):
    localnpm("run", "hello")
    before = rows(home)
    ended = localnpm("run", CALL_DENTIST, "--allow", "write", "--private")
    assert (work / "todo.md").read_text().endswith("\n* call the dentist\n")
    assert "recalled add-a-todo" in ended.err
    assert rows(home) == before


def test_json_has_recalled_after_the_beginning_and_ends_in_the_result(taught, localnpm):
    lines = [json.loads(line) for line in localnpm("run", CALL_DENTIST, "--json").out.splitlines()]
    assert [line["type"] for line in lines[:2]] == ["attempt_started", "recalled"]
    (item,) = lines[1]["items"]
    assert (lines[1]["channel"], item["name"], lines[-1]["type"]) == ("script", "add-a-todo", "result")


def test_the_reason_may_be_given_along_and_the_folder_is_the_attempts(localnpm, work, tmp_path, monkeypatch):
    localnpm("run", ADD_MILK, "--allow", "write")
    monkeypatch.chdir(tmp_path)
    assert localnpm("retry", "1", "--reason", "I wanted a * bullet.", "--allow", "write").code == 0
    assert (work / "todo.md").read_text().endswith("\n* buy milk\n")


def test_without_a_reason_it_says_how_to_give_one(localnpm, work):
    localnpm("run", "hello")
    ended = localnpm("retry")
    assert (ended.code, "--reason" in ended.err) == (2, True)


def test_with_nothing_in_the_log_there_is_nothing_to_retry(localnpm, work):
    assert localnpm("retry").code == 2


def test_in_a_chat_a_reason_is_learned_and_told(start, work):
    process = start("chat", "--allow", "write", stdin=subprocess.PIPE)
    lines = (
        ADD_MILK,
        "/bad I wanted a * bullet.",
        "/retry",
        "/good",
        CALL_DENTIST,
        "/memory",
        "/memory off",
        "/memory",
    )
    out, err = process.communicate("".join(line + "\n" for line in lines), timeout=90)
    assert "/retry undoes it" in err and "Learned: Add a todo (add-a-todo)" in err
    assert (work / "todo.md").read_text().endswith("\n* buy milk\n* call the dentist\n")
    assert "1. add-a-todo: Add a todo" in out and "Memory for what comes next: off." in out
