"""What a pass did, as every front end tells it."""

from dataclasses import replace
from datetime import UTC, datetime

from localnpm.memory.pass_words import NOTHING, STOPPED, in_words, learned, taken_back
from localnpm.memory.procedure_records import Pass

WHEN = datetime(2026, 1, 5, tzinfo=UTC)
ADDED = {"name": "add-a-todo", "title": "Add a todo", "said": ["wrote a script", "made a vector"]}
DONE = Pass(7, "command", "adjustment", "published", 3, 3, WHEN, WHEN, {"attempts": 1, "procedures": [ADDED]})


def test_each_thing_that_was_done_to_a_procedure_is_a_line() -> None:
    lines = ["Add a todo (add-a-todo): wrote a script", "Add a todo (add-a-todo): made a vector"]
    assert learned(DONE) == lines
    assert in_words(DONE) == ["1 newly judged attempt.", *lines]


def test_a_pass_that_has_learned_nothing_says_so() -> None:
    done = replace(DONE, summary={"attempts": 2, "procedures": [], "skipped": ["left out attempt 3"]})
    assert in_words(done) == ["2 newly judged attempts.", "left out attempt 3", NOTHING]


def test_vectors_that_wait_are_told() -> None:
    done = replace(DONE, summary={"attempts": 2, "vectors_owed": [4]})
    assert in_words(done)[-1] == "1 control vector had to wait for the next pass."


def test_a_pass_that_was_stopped_says_that_it_changed_nothing() -> None:
    assert in_words(replace(DONE, status="interrupted", summary={})) == [STOPPED]


def test_what_could_not_be_taken_back_is_named() -> None:
    done = replace(DONE, status="reverted", summary={"kept": ["file-it"]})
    assert taken_back(done)[1:] == ["Changed since, and left as it is: file-it"]
