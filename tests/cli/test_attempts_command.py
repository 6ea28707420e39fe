"""`localnpm attempts`: lists, verdicts, search and forgetting as a user sees them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database

Localnpm = Callable[..., Any]


@pytest.fixture
def logged(home: Path) -> Path:
    """A home whose memory holds two attempts: 1, and 2 with an escape sequence in its request."""
    with Database.open(home / "memory.db") as database:
        log = AttemptLog(database)
        for request in ("Add milk to my todo list", "Sort\x1b[31m the invoices"):
            attempt_id = log.start_attempt(
                log.start_session("/work", request), request, workspace="/work", model="m", model_fingerprint="f",
                system="You help.", sampling={"seed": 7},
            )  # fmt: skip
            step = log.start_step(attempt_id, turn=0, text="<call>", tool="append_line", arguments={"path": "todo.md"})
            log.finish_step(step, "Added it.")
            log.finish_attempt(attempt_id, "done", "All done.")
    return home


def test_an_empty_memory_has_no_attempts(localnpm: Localnpm) -> None:
    ended = localnpm("attempts", "list")
    assert (ended.code, ended.out, ended.err) == (0, "", "No attempts.\n")


def test_attempts_are_listed_newest_first_and_harmlessly(logged: Path, localnpm: Localnpm) -> None:
    first, second = localnpm("attempts", "list").out.splitlines()
    assert first.endswith("done                  Sort\\x1b[31m the invoices")
    assert second.split()[0] == "1"


def test_a_list_as_json_holds_each_attempt_with_its_outcome(logged: Path, localnpm: Localnpm) -> None:
    localnpm("attempts", "good", "1")
    newest, oldest = json.loads(localnpm("attempts", "list", "--json").out)
    assert newest["request"] == "Sort\x1b[31m the invoices"
    assert (newest["outcome"], oldest["outcome"]["success"]) == (None, True)


def test_a_verdict_without_an_id_is_the_last_attempts(logged: Path, localnpm: Localnpm) -> None:
    ended = localnpm("attempts", "bad", "I", "file", "by month")
    assert ended.out == "Attempt 2 is a failure: Sort\\x1b[31m the invoices\n"
    (judged,) = json.loads(localnpm("attempts", "list", "--outcome", "failure", "--json").out)
    assert (judged["id"], judged["outcome"]["reason"]) == (2, "I file by month")


def test_a_verdict_with_an_id_is_that_attempts(logged: Path, localnpm: Localnpm) -> None:
    localnpm("attempts", "good", "1", "thanks")
    (judged,) = json.loads(localnpm("attempts", "list", "--outcome", "success", "--json").out)
    assert (judged["id"], judged["outcome"]["source"], judged["outcome"]["reason"]) == (1, "user", "thanks")


def test_after_a_bad_verdict_with_a_reason_the_way_to_try_again_is_told(logged: Path, localnpm: Localnpm) -> None:
    assert "localnpm retry 1" in localnpm("attempts", "bad", "1", "I", "file", "by month").err


@pytest.mark.parametrize("words", [("bad", "1"), ("good", "1", "fine")])
def test_a_verdict_that_teaches_no_other_way_says_nothing_of_trying_again(
    logged: Path, localnpm: Localnpm, words: tuple[str, ...]
) -> None:
    assert "retry" not in localnpm("attempts", *words).err


def test_an_attempt_is_shown_whole(logged: Path, localnpm: Localnpm) -> None:
    localnpm("attempts", "bad", "1", "soy milk")
    shown = localnpm("attempts", "show", "1", "--system").out
    for part in ("You help.", "Add milk", "append_line", "path: todo.md", "Added it.", "All done.", ": soy milk"):
        assert part in shown


def test_without_an_id_the_last_attempt_is_shown(logged: Path, localnpm: Localnpm) -> None:
    assert localnpm("attempts", "show").out.startswith("Attempt 2 of session 2: done\n")


def test_an_attempt_is_shown_as_json_with_all_that_is_logged(logged: Path, localnpm: Localnpm) -> None:
    shown = json.loads(localnpm("attempts", "show", "2", "--json").out)
    assert shown["request"] == "Sort\x1b[31m the invoices"
    assert [step["tool"] for step in shown["steps"]] == ["append_line"]
    assert (shown["verdicts"], shown["changes"]) == ([], [])


def test_words_find_attempts(logged: Path, localnpm: Localnpm) -> None:
    assert localnpm("attempts", "search", "milk").out.split()[:2] == ["1", "attempt"]
    (hit,) = json.loads(localnpm("attempts", "search", "invoices", "--json").out)
    assert hit["attempt_id"] == 2
    assert localnpm("attempts", "search", '"nothing', "NOT").err == "No attempt has all these words.\n"


@pytest.mark.parametrize("command", ["show", "good", "bad", "forget"])
def test_an_unknown_id_is_named(logged: Path, localnpm: Localnpm, command: str) -> None:
    ended = localnpm("attempts", command, "99")
    assert ended.code == 2
    assert ended.err == "Error: No attempt has the id 99. `localnpm attempts list` shows those there are.\n"


@pytest.mark.parametrize("command", ["show", "good", "bad"])
def test_an_empty_memory_has_no_last_attempt(localnpm: Localnpm, command: str) -> None:
    ended = localnpm("attempts", command)
    assert (ended.code, ended.err) == (2, "Error: There is no attempt yet. `localnpm run` makes one.\n")


def test_a_forgotten_attempt_is_gone(logged: Path, localnpm: Localnpm) -> None:
    ended = localnpm("attempts", "forget", "1", "--yes")
    assert (ended.code, ended.out) == (0, "Forgot 1 attempt.\n")
    assert localnpm("attempts", "show", "1").code == 2
    assert b"milk" not in (logged / "memory.db").read_bytes()


def test_without_a_yes_nothing_is_forgotten(logged: Path, localnpm: Localnpm, start: Callable[..., Any]) -> None:
    assert start("attempts", "forget", "1").wait() == 130
    assert localnpm("attempts", "show", "1").code == 0


def test_forgetting_asks_which(logged: Path, localnpm: Localnpm) -> None:
    ended = localnpm("attempts", "forget", "--yes")
    assert ended.code == 2
    assert "Give an ID" in ended.err


def test_all_that_is_old_can_be_forgotten(logged: Path, localnpm: Localnpm) -> None:
    assert localnpm("attempts", "forget", "--older-than", "1", "--yes").err == "No attempt is older than that.\n"
    assert localnpm("attempts", "forget", "--older-than", "0", "--yes").out == "Forgot 2 attempts.\n"


def test_backups_that_still_hold_it_are_named_or_rewritten(logged: Path, localnpm: Localnpm) -> None:
    backup = logged / "backups" / "copy.db"
    with Database.open(logged / "memory.db") as database:
        database.backup(backup)
    assert f"Still in the backup {backup}" in localnpm("attempts", "forget", "1", "--yes").err
    ended = localnpm("attempts", "forget", "2", "--yes", "--backups", "rewrite")
    assert "Still" not in ended.err
    assert b"invoices" not in backup.read_bytes()


def test_a_damaged_memory_ends_in_a_message(home: Path, localnpm: Localnpm) -> None:
    home.mkdir()
    (home / "memory.db").write_bytes(b"rubbish" * 1000)
    ended = localnpm("attempts", "list")
    assert ended.code == 6
    assert "It is left as it is." in ended.err
    assert "Traceback" not in ended.err
