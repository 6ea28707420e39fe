"""`localnpm sessions`: lists, search, export and deleting as a user sees them. Resuming is the chat's business."""

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
    """A home whose memory holds two sessions with an attempt each; the second's answer holds an escape sequence."""
    with Database.open(home / "memory.db") as database:
        log = AttemptLog(database)
        for request in ("Add milk to my todo list", "Sort the invoices"):
            attempt_id = log.start_attempt(
                log.start_session("/work"), request, workspace="/work", model="m", model_fingerprint="f", system="",
                sampling={},
            )  # fmt: skip
            log.finish_attempt(attempt_id, "done", "All \x1b[31mdone.")
    return home


def test_an_empty_memory_has_no_sessions(localnpm: Localnpm) -> None:
    ended = localnpm("sessions", "list")
    assert (ended.code, ended.out, ended.err) == (0, "", "No sessions.\n")


def test_sessions_are_listed_with_their_attempts(logged: Path, localnpm: Localnpm) -> None:
    first, second = localnpm("sessions", "list").out.splitlines()
    assert first.endswith("1 attempt     Sort the invoices")
    assert second.endswith("1 attempt     Add milk to my todo list")
    assert [entry["id"] for entry in json.loads(localnpm("sessions", "list", "--json").out)] == [2, 1]


def test_words_find_sessions(logged: Path, localnpm: Localnpm) -> None:
    assert localnpm("sessions", "search", "milk").out.split()[0] == "1"
    assert [entry["id"] for entry in json.loads(localnpm("sessions", "search", "invoices", "--json").out)] == [2]
    assert localnpm("sessions", "search", "elephant").err == "No session has all these words.\n"


def test_a_session_is_shown_whole_and_harmlessly(logged: Path, localnpm: Localnpm) -> None:
    shown = localnpm("sessions", "show", "1").out
    assert shown.startswith("# Add milk to my todo list\n")
    assert "All \\x1b[31mdone." in shown


def test_json_is_exact_on_standard_output_too(logged: Path, localnpm: Localnpm) -> None:
    for arguments in (("show", "1", "--json"), ("export", "1", "--format", "json")):
        out = localnpm("sessions", *arguments).out
        assert "\x1b" not in out
        assert json.loads(out)["attempts"][0]["answer"] == "All \x1b[31mdone."


@pytest.mark.parametrize("form", ["markdown", "json"])
def test_a_session_is_exported_to_a_file(logged: Path, localnpm: Localnpm, tmp_path: Path, form: str) -> None:
    file = tmp_path / "session.txt"
    ended = localnpm("sessions", "export", "1", "--format", form, "-o", str(file))
    assert (ended.code, ended.out) == (0, "")
    assert "Add milk to my todo list" in file.read_text("utf-8")


def test_an_export_that_cannot_be_written_says_so(logged: Path, localnpm: Localnpm, tmp_path: Path) -> None:
    ended = localnpm("sessions", "export", "1", "-o", str(tmp_path / "missing" / "session.md"))
    assert ended.code == 1
    assert "No such file or directory" in ended.err


@pytest.mark.parametrize("command", ["show", "export", "resume", "delete"])
def test_an_unknown_id_is_named(logged: Path, localnpm: Localnpm, command: str) -> None:
    ended = localnpm("sessions", command, "99")
    assert ended.code == 2
    assert ended.err == "Error: No session has the id 99. `localnpm sessions list` shows those there are.\n"


def test_a_deleted_session_is_gone_with_its_attempts(logged: Path, localnpm: Localnpm) -> None:
    assert localnpm("sessions", "delete", "1", "--yes").out == "Forgot 1 attempt.\n"
    assert localnpm("sessions", "show", "1").code == 2
    assert [entry["id"] for entry in json.loads(localnpm("attempts", "list", "--json").out)] == [2]
    assert b"milk" not in (logged / "memory.db").read_bytes()


def test_without_a_yes_nothing_is_deleted(logged: Path, localnpm: Localnpm, start: Callable[..., Any]) -> None:
    assert start("sessions", "delete", "1").wait() == 130
    assert localnpm("sessions", "show", "1").code == 0
