"""Choosing among scripts, by what the others agree on and, on the bundled model, by what they make likely."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from localnpm.distill.choose import likeliest, most_agreed, support
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.errors import CancelledError
from localnpm.evals.habits.families.add_todo import AddTodo
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.profile import Profile
from localnpm.evals.habits.runs import expert_run
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.transcript import SYSTEM, tool_call
from localnpm.home import bundled_model
from localnpm.memory.records import Attempt, Step, Trajectory

NOW = datetime(2026, 1, 2, tzinfo=UTC)
STYLES = ("star", "checkbox", "label")


@pytest.fixture(scope="module")
def chat() -> Iterator[LlamaChat]:
    """The bundled model."""
    with LlamaChat.open(bundled_model()) as opened:
        yield opened


def task() -> AddTodo:
    """The same task each time."""
    return AddTodo.make_solid(Names(random.Random(5), "train"), "given")


def profile(style: str) -> Profile:
    """A user who likes todos in this style."""
    return Profile(random.Random(0).random, {"todo_format": style, "verify": "no"})


def run(style: str) -> Trajectory:
    """The task as the expert does it for a user who likes this style."""
    request, (calls, said) = task().request, expert_run(task(), profile(style))
    attempt = Attempt(
        id=1, session_id=1, request=request, status="done", workspace="/w", model="m", model_fingerprint="f",
        system=SYSTEM, sampling={}, channel="none", answer=said, error=None, surroundings=False, retry_of=None,
        undone_at=None, prompt_tokens=0, generated_tokens=0, started_at=NOW, finished_at=NOW,
    )  # fmt: skip
    made = [(tool_call(call.tool, call.arguments), call.tool, call.arguments, call.result) for call in calls]
    steps = [
        Step(
            id=turn, attempt_id=1, position=turn, turn=turn, text=text, thought="", tool=tool, arguments=arguments,
            result=result, error=None, generated_tokens=0, started_at=NOW, finished_at=NOW,
        )
        for turn, (text, tool, arguments, result) in enumerate([*made, (said, None, None, None)])
    ]  # fmt: skip
    return Trajectory(attempt, tuple(steps))


def scripts() -> list[str]:
    """One for each style, otherwise the same."""
    return [task().script(profile(style), Phrasing(random.Random(1).random)) for style in STYLES]


@pytest.mark.parametrize("style", STYLES)
def test_the_script_that_tells_what_a_run_did_makes_it_likeliest(chat: LlamaChat, style: str) -> None:
    chosen = likeliest(chat, scripts(), [run(style)])
    assert chosen == scripts()[STYLES.index(style)]


def test_the_script_that_a_failed_run_followed_is_not_the_one_that_makes_it_unlikely(chat: LlamaChat) -> None:
    assert likeliest(chat, scripts(), [run("star")], unlikely=True) != scripts()[0]


def test_a_script_supports_the_run_that_it_tells_of_and_no_other(chat: LlamaChat) -> None:
    assert support(chat, scripts()[0], [run("star")]) > 0
    assert support(chat, scripts()[1], [run("star")]) < 0


def test_a_cancel_stops_the_comparison(chat: LlamaChat) -> None:
    cancel = Cancel()
    cancel.set()
    with pytest.raises(CancelledError):
        likeliest(chat, scripts(), [run("star")], cancel=cancel)


def test_the_script_that_others_agree_with_is_taken() -> None:
    odd = "Add a todo\n1. Write a poem.\n2. Sing it."
    same = ["Add a todo\n1. Read the list.\n2. Append it.", "Add a todo\n1. Read it.\n2. Append it to the list."]
    assert most_agreed([odd, *same]) in same


def test_a_script_of_more_weight_outdoes_one_of_less() -> None:
    assert most_agreed(["a b c", "x y z"], [0.3, 1.0]) == "x y z"
