"""Search: any text is a query; words are found wherever they were said or read."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.search import search
from localnpm.memory.sessions import search_sessions

LogAttempt = Callable[..., int]


def found(log: AttemptLog, text: str) -> list[int]:
    return [hit.attempt_id for hit in log.search(text)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("shopping", "attempt"),
        ("buttermilk", "attempt"),
        ("appended", "step"),
        ("month", "verdict"),
    ],
)
def test_words_are_found_where_they_stand(log: AttemptLog, log_attempt: LogAttempt, text: str, place: str) -> None:
    attempt_id = log_attempt("Go shopping", result="appended one line", answer="buttermilk it is")
    log.add_verdict(attempt_id, "user", False, reason="I file by month")
    log_attempt("Something else")
    assert [(hit.attempt_id, hit.place) for hit in log.search(text)] == [(attempt_id, place)]


def test_all_words_must_be_there_in_any_order_and_case(log: AttemptLog, log_attempt: LogAttempt) -> None:
    both = log_attempt("Rename the holiday photos")
    log_attempt("Rename the invoices")
    assert found(log, "PHOTOS rename") == [both]


def test_the_beginning_of_a_word_is_enough(log: AttemptLog, log_attempt: LogAttempt) -> None:
    attempt_id = log_attempt("Rename the holiday photos")
    assert found(log, "holi") == [attempt_id]


def test_the_middle_of_a_word_is_found_when_no_word_begins_so(log: AttemptLog, log_attempt: LogAttempt) -> None:
    attempt_id = log_attempt("Rename the holiday photos")
    assert found(log, "oliday") == [attempt_id]


def test_text_without_spaces_is_found(log: AttemptLog, log_attempt: LogAttempt) -> None:
    attempt_id = log_attempt("把牛奶和面包加到购物清单")
    log_attempt("明天下雨吗")
    assert found(log, "面包") == [attempt_id]


def test_accents_do_not_matter(log: AttemptLog, log_attempt: LogAttempt) -> None:
    attempt_id = log_attempt("Räume den Schreibtisch auf")
    assert found(log, "raume") == [attempt_id]


def test_an_attempt_is_listed_once_however_often_it_matches(log: AttemptLog, log_attempt: LogAttempt) -> None:
    attempt_id = log_attempt("milk milk", result="milk", answer="milk")
    assert found(log, "milk") == [attempt_id]


def test_a_snippet_is_one_line_around_the_match(log: AttemptLog, log_attempt: LogAttempt) -> None:
    log_attempt("one\n" * 50 + "needle\nin hay")
    (hit,) = log.search("needle")
    assert "needle in hay" in hit.snippet
    assert "\n" not in hit.snippet
    assert len(hit.snippet) < 200


def test_changed_texts_are_found_by_what_they_say_now(log: AttemptLog, log_attempt: LogAttempt) -> None:
    attempt_id = log_attempt()
    log.finish_step(log.steps(attempt_id)[0].id, "entirely different")
    assert found(log, "different") == [attempt_id]
    assert found(log, "added") == []


@pytest.mark.parametrize("text", ['"', "NOT", "a AND", "request:x", "(", "*", "^x", "NEAR(a b)", "a-b", "'; --", "\\"])
def test_query_syntax_is_only_text(log: AttemptLog, log_attempt: LogAttempt, text: str) -> None:
    attempt_id = log_attempt(f"The text {text} stands here")
    assert found(log, text) == [attempt_id]


@given(st.text(st.characters(), max_size=60))
@example('"' * 50)
@example("\0")
@example("a\0b")
@example("\ud800")
@example("x " * 5000)
@example("é" * 100_000)
def test_no_text_is_a_mistake(text: str) -> None:
    with Database.open(None) as database:
        log = AttemptLog(database)
        log.start_attempt(
            log.start_session("", text), text, workspace="", model="", model_fingerprint="", system="", sampling={}
        )
        assert len(search(database, text)) <= 1
        assert len(search_sessions(database, text)) <= 1


@pytest.mark.parametrize("text", ["", "   ", "\0"])
def test_nothing_is_found_by_nothing(log: AttemptLog, log_attempt: LogAttempt, text: str) -> None:
    log_attempt()
    assert found(log, text) == []


def test_no_more_than_asked_for_are_found(log: AttemptLog, log_attempt: LogAttempt) -> None:
    for _ in range(5):
        log_attempt("the same")
    assert len(log.search("same", limit=3)) == 3
