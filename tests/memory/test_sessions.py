"""Sessions: how they are named, listed and found, and how they leave as Markdown and JSON."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.errors import NotFoundError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.export import fenced, session_markdown, session_record
from localnpm.memory.sessions import TITLE_LENGTH, last_session, search_sessions, session, sessions, title_of

LogAttempt = Callable[..., int]


@pytest.mark.parametrize(
    ("request_text", "title"),
    [
        ("Buy milk", "Buy milk"),
        ("\n\n  Buy milk  \nand bread", "Buy milk"),
        ("", ""),
        ("word " * 30, "word " * 11 + "word…"),
        ("x" * 100, "x" * 59 + "…"),
    ],
)
def test_a_title_is_the_first_line_shortened_at_a_word(request_text: str, title: str) -> None:
    assert title_of(request_text) == title


@given(st.text())
def test_a_title_is_one_short_line(text: str) -> None:
    assert len(title_of(text)) <= TITLE_LENGTH
    assert len(title_of(text).splitlines()) <= 1


def test_a_session_without_a_title_gets_its_first_requests(log: AttemptLog, log_attempt: LogAttempt) -> None:
    session_id = log.start_session("/work")
    log_attempt("Buy milk", session_id=session_id)
    log_attempt("Then bread", session_id=session_id)
    found = session(log.database, session_id)
    assert (found.title, found.attempts, found.workspace) == ("Buy milk", 2, "/work")


def test_the_session_used_last_is_listed_first(database: Database, log: AttemptLog, log_attempt: LogAttempt) -> None:
    first, second = log.start_session("/one", "first"), log.start_session("/two", "second")
    log_attempt("again", session_id=first)
    assert [found.id for found in sessions(database)] == [first, second]
    assert [found.id for found in sessions(database, limit=1)] == [first]


def test_the_last_session_of_a_workspace_is_found(database: Database, log: AttemptLog) -> None:
    first, second = log.start_session("/one"), log.start_session("/two")
    found = [last_session(database), last_session(database, "/one"), last_session(database, "/three")]
    assert [entry and entry.id for entry in found] == [second, first, None]


def test_an_unknown_session_is_an_error(database: Database) -> None:
    with pytest.raises(NotFoundError, match="No session has the id 7"):
        session(database, 7)


def test_sessions_are_found_by_title_and_by_what_was_said_in_them(
    database: Database, log: AttemptLog, log_attempt: LogAttempt
) -> None:
    titled = log.start_session("/work", "All about lighthouses")
    said = log.start_session("/work", "Something else")
    log_attempt("First", session_id=said, result="a lighthouse, twice: lighthouse")
    log_attempt("Second", session_id=said, answer="lighthouse")
    assert [found.id for found in search_sessions(database, "LIGHTHOUSE")] == [titled, said]


def test_a_session_leaves_as_json_with_all_that_is_logged(log: AttemptLog, log_attempt: LogAttempt) -> None:
    attempt_id = log_attempt("Buy milk")
    log.add_verdict(attempt_id, "user", True, reason="thanks")
    exported = json.loads(json.dumps(session_record(log, 1)))
    (attempt,) = exported["attempts"]
    assert exported["schema"] == 1
    assert exported["session"]["title"] == "Buy milk"
    assert (attempt["request"], attempt["system"], attempt["sampling"]["seed"]) == ("Buy milk", "You help.", 7)
    assert [step["result"] for step in attempt["steps"]] == ["Added it.", None]
    assert attempt["outcome"] == attempt["verdicts"][0]
    assert attempt["outcome"]["reason"] == "thanks"


def test_a_session_leaves_as_markdown_to_read(log: AttemptLog, log_attempt: LogAttempt) -> None:
    log.add_verdict(log_attempt("Buy milk"), "user", False, reason="soy milk")
    text = session_markdown(log, 1)
    assert text.startswith("# Buy milk\n")
    for part in ("**append_line**", "path: todo.md", "Added it.", "Milk is on your list.", "failure: soy milk"):
        assert part in text


@given(st.text("`a\n", max_size=30))
def test_a_fence_is_longer_than_any_inside(text: str) -> None:
    first, *_, last = fenced(text).split("\n")
    assert first == last
    assert first not in text
