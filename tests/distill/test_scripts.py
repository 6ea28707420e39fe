"""Asking the model for scripts and key terms: the prompts, what is made of the answers, what happens with bad ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.agent.scripted import ScriptedModel, answer
from localnpm.distill.scripts import (
    MOST_STEPS,
    cleaned,
    key_terms,
    revise_script,
    steps_of,
    title_of,
    write_script,
)
from localnpm.engine.cancel import Cancel
from localnpm.engine.turns import Turn
from localnpm.errors import CancelledError, ScriptError

SCRIPT = "Add a todo\n1. Read the list.\n2. Append the todo."


def test_a_script_is_written_from_the_compact_trajectory_under_the_trained_prompt() -> None:
    model = ScriptedModel(SCRIPT)
    assert write_script(model, "Task: ...\nAnswer: ...") == SCRIPT
    system, user = model.seen[0]
    assert (system.role, system.content) == ("system", "You turn finished tasks into procedures.")
    assert (user.role, user.content) == ("user", "Task: ...\nAnswer: ...")


def test_a_larger_model_is_told_the_form_in_one_line_more() -> None:
    model = ScriptedModel(SCRIPT, protocol=0)
    write_script(model, "Task: ...")
    first, *more = model.seen[0][0].content.splitlines()
    assert first == "You turn finished tasks into procedures."
    assert len(more) == 1


def test_a_script_is_revised_after_a_complaint_as_it_was_trained() -> None:
    model = ScriptedModel(SCRIPT)
    revise_script(model, "Old\n1. Step.", failed="Task: a", complaint="No. Like this.")
    assert model.seen[0][0].content == "You correct procedures."
    assert model.seen[0][1].content == (
        "# Procedure\nOld\n1. Step.\n\n# Failed run\nTask: a\n\n# Complaint\nNo. Like this."
    )


def test_a_script_is_revised_after_a_good_run_as_it_was_trained() -> None:
    model = ScriptedModel(SCRIPT)
    revise_script(model, "Old\n1. Step.", good="Task: b")
    assert model.seen[0][1].content == "# Procedure\nOld\n1. Step.\n\n# Good run\nTask: b"


def test_a_revision_needs_something_to_go_by() -> None:
    with pytest.raises(ValueError, match="neither"):
        revise_script(ScriptedModel(), SCRIPT, failed="Task: a")


def test_an_answer_that_is_no_script_is_asked_for_once_more() -> None:
    model = ScriptedModel("I would add it.", SCRIPT)
    assert write_script(model, "Task: ...") == SCRIPT


def test_two_answers_that_are_no_script_are_an_error_that_shows_the_second() -> None:
    with pytest.raises(ScriptError, match="Certainly"):
        write_script(ScriptedModel("I would add it.", "Certainly!"), "Task: ...")


def test_an_answer_that_was_cut_off_is_no_script() -> None:
    cut = Turn(raw=SCRIPT, text=SCRIPT, stop_reason="length")
    with pytest.raises(ScriptError, match="cut off"):
        write_script(ScriptedModel(cut, cut), "Task: ...")


def test_a_cancel_stops_the_writing() -> None:
    cancel = Cancel()
    cancel.set()
    with pytest.raises(CancelledError):
        write_script(ScriptedModel(SCRIPT), "Task: ...", cancel=cancel)


def test_what_a_model_thought_is_no_part_of_the_script() -> None:
    assert write_script(ScriptedModel(answer(SCRIPT, thought="1. Hm.\n2. Well.")), "Task: ...") == SCRIPT


@pytest.mark.parametrize(
    "text",
    [
        f"Here is the procedure:\n\n```\n{SCRIPT}\n```\nI hope this helps!",
        "**Add a todo**\n\n1) Read the list.\n2) Append the todo.",
        "# Add a todo\nStep 1: Read the list.\nStep 2: Append the todo.",
        "Title: Add a todo\n1. Read the\n   list.\n2. Append the todo.",
        "Add a todo:\n3. Read the list.\n7. Append the todo.",
    ],
)
def test_what_stands_around_a_script_is_taken_away(text: str) -> None:
    assert cleaned(text) == SCRIPT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1. A step without a title.",
        "A title without a step",
        "T" * 200 + "\n1. Step.",
        "T\n1. " + "x" * 500,
        "T\n" + "\n".join(f"{number}. Step." for number in range(1, MOST_STEPS + 3)),
    ],
)
def test_what_has_no_title_no_step_or_too_much_is_no_script(text: str) -> None:
    with pytest.raises(ScriptError):
        cleaned(text)


@given(st.text())
def test_cleaning_ends_in_a_script_or_an_error_and_leaves_a_script_as_it_is(text: str) -> None:
    try:
        script = cleaned(text)
    except ScriptError:
        return
    assert title_of(script)
    assert steps_of(script)
    assert cleaned(script) == script


def test_key_terms_are_at_most_five_without_doubles() -> None:
    model = ScriptedModel("todo, milk, todo, list, a, b, c.\nAnd more")
    assert key_terms(model, "Add milk to my list") == "todo, milk, list, a, b"
    assert model.seen[0][0].content == "You list the key terms of a task."


def test_no_key_terms_twice_is_an_error() -> None:
    with pytest.raises(ScriptError):
        key_terms(ScriptedModel(" ,", ","), "Add milk")
