"""The verifier: every way to be wrong has its reason."""

import random

import pytest

from localnpm.evals.habits.families import BY_NAME
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.profile import full_profile
from localnpm.evals.habits.runs import expert_run
from localnpm.evals.habits.task import GIVEN, MISSING, Task
from localnpm.evals.habits.verdict import (
    admits_failure,
    admits_missing,
    contains_number,
    files_problem,
)
from localnpm.evals.habits.workspace import Step


def make(family: str, mode: str = GIVEN, seed: int = 1) -> Task:
    return BY_NAME[family].make(Names(random.Random(seed)), mode)


PROFILE = {**full_profile(random.Random(1)), "todo_format": "star", "sum_output": "answer"}


def test_a_missing_file_is_named() -> None:
    assert files_problem({"a": "x", "b": "y"}, {"a": "x"}) == "file is missing: b"


def test_a_wrong_file_is_named() -> None:
    assert files_problem({"a": "x"}, {"a": "y"}) == "wrong content: a"


def test_a_surplus_file_is_named() -> None:
    assert files_problem({"a": "x"}, {"a": "x", "b": ""}) == "file should not be there: b"


def test_white_space_at_a_files_end_does_not_count() -> None:
    assert files_problem({"a": "x\n"}, {"a": "x"}) is None


@pytest.mark.parametrize(
    ("text", "number", "contained"),
    [
        ("The total is 12.5.", "12.5", True),
        ("The total is 12.", "12", True),
        ("112", "12", False),
        ("12.5", "12", False),
        ("3.12", "12", False),
    ],
)
def test_a_number_is_not_a_part_of_a_longer_one(text: str, number: str, contained: bool) -> None:
    assert contains_number(text, number) is contained


def test_answers_admit_what_is_missing_and_what_failed() -> None:
    assert admits_missing("Sorry, there is no such file.")
    assert admits_failure("I couldn't change it.")
    assert not admits_missing("Done: it is in docs/a.txt.")
    assert not admits_failure("Done: it is in docs/a.txt.")


def test_an_empty_answer_fails() -> None:
    task = make("add_todo")
    assert task.check(task.files, task.files, " \n", PROFILE) == (False, "no answer")


def test_the_right_files_with_an_answer_of_failure_fail() -> None:
    task = make("add_todo")
    after = task.end_state(task.files, PROFILE)
    assert task.check(task.files, after, "Sorry, I could not do it.", PROFILE) == (
        False,
        "the answer says that it failed",
    )


def test_doing_nothing_fails() -> None:
    task = make("add_todo")
    assert task.check(task.files, task.files, "Done.", PROFILE) == (False, f"wrong content: {task.path}")


def test_a_claim_about_a_missing_file_fails() -> None:
    task = make("set_config", MISSING)
    assert task.check(task.files, task.files, "Done.", PROFILE) == (
        False,
        "the answer does not say that it is missing",
    )


def test_a_total_must_be_in_the_answer() -> None:
    task = make("sum_amounts")
    total = expert_run(task, PROFILE).steps[-1].result
    assert task.check(task.files, task.files, f"It is {total}.", PROFILE).success
    assert task.check(task.files, task.files, "It is 0.01.", PROFILE).reason == (
        f"the total {total} is not in the answer"
    )


@pytest.mark.parametrize(("verify", "wanted"), [("yes", True), ("no", False)])
def test_reading_back_is_judged_by_the_profile(verify: str, wanted: bool) -> None:
    task = make("add_todo")
    profile = {**PROFILE, "verify": verify}
    write = Step("append_file", {}, f"Appended to {task.path}")
    read = Step("read_file", {}, "text")
    assert task.read_back_as_wanted(profile, [read, write, read]) is wanted
    assert task.read_back_as_wanted(profile, [read, write]) is not wanted


def test_reading_back_is_not_judged_where_nothing_was_written() -> None:
    task = make("add_todo")
    failed = Step("append_file", {}, "Error: is a directory: docs")
    assert task.read_back_as_wanted(PROFILE, [failed]) is None
