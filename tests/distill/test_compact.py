"""A trajectory told in a few lines, in the form that the bundled model was trained on."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from localnpm.distill.compact import LONGEST_TEXT, compact, way
from localnpm.evals.habits.families import FAMILIES
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.profile import Profile
from localnpm.evals.habits.runs import careless_run, expert_run
from localnpm.evals.habits.task import Task
from localnpm.evals.habits.transcript import compact_trajectory
from localnpm.memory.records import Attempt, Step, Trajectory

NOW = datetime(2026, 1, 2, tzinfo=UTC)

Call = tuple[str | None, Mapping[str, Any] | None, str | None]


def trajectory(request: str, calls: Sequence[Call], answer: str | None, turns: Sequence[int] = ()) -> Trajectory:
    """A logged attempt that made these calls, one a turn unless `turns` says otherwise."""
    attempt = Attempt(
        id=1, session_id=1, request=request, status="done", workspace="/w", model="m", model_fingerprint="f", system="",
        sampling={}, channel="none", answer=answer, error=None, surroundings=False, retry_of=None, undone_at=None,
        prompt_tokens=0, generated_tokens=0, started_at=NOW, finished_at=NOW,
    )  # fmt: skip
    steps = tuple(
        Step(
            id=index, attempt_id=1, position=index, turn=turns[index] if turns else index, text="", thought="",
            tool=tool, arguments=arguments, result=result, error=None, generated_tokens=0, started_at=NOW,
            finished_at=NOW,
        )
        for index, (tool, arguments, result) in enumerate(calls)
    )  # fmt: skip
    return Trajectory(attempt, (*steps, *_answering(len(steps), answer)))


def _answering(position: int, answer: str | None) -> tuple[Step, ...]:
    if answer is None:
        return ()
    return (
        Step(
            id=99, attempt_id=1, position=position, turn=90, text=answer, thought="", tool=None, arguments=None,
            result=None, error=None, generated_tokens=0, started_at=NOW, finished_at=NOW,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_it_is_what_the_bundled_model_was_trained_on_byte_for_byte(family: type[Task]) -> None:
    for seed in range(12):
        rng = random.Random(seed)
        task = family.make(Names(rng, "train" if seed % 2 else "eval"))
        profile = Profile(rng.random, uniform=True)
        for run in (expert_run(task, profile), careless_run(task, profile, task.workspace())):
            logged = trajectory(task.request, [tuple(step) for step in run.steps], run.answer)
            assert compact(logged) == compact_trajectory(task.request, *run)


def test_several_calls_of_one_turn_are_told_in_their_order() -> None:
    logged = trajectory("Look", [("read_file", {"path": "a"}, "1"), ("read_file", {"path": "b"}, "2")], "Done", [0, 0])
    assert compact(logged) == 'Task: Look\nread_file(path="a") -> 1\nread_file(path="b") -> 2\nAnswer: Done'


def test_a_call_that_could_not_be_read_is_left_out() -> None:
    logged = trajectory(
        "Look", [(None, None, "Error: invalid tool call: no name"), ("read_file", {"path": "a"}, "1")], "1"
    )
    assert compact(logged) == 'Task: Look\nread_file(path="a") -> 1\nAnswer: 1'
    assert way(logged) == ("read_file",)


def test_a_failed_call_is_told_with_its_error() -> None:
    logged = trajectory("Look", [("read_file", {"path": "a"}, "Error: no such file: a")], "It is not there.")
    assert 'read_file(path="a") -> Error: no such file: a\n' in compact(logged)


def test_of_a_result_only_the_head_of_its_first_line_is_told() -> None:
    logged = trajectory("Look", [("read_file", {"path": "a"}, "x" * 100 + "\nmore\n[cut: 1 of 9 lines]")], "Done")
    assert f"-> {'x' * 80}\nAnswer" in compact(logged)


def test_arguments_that_are_no_text_are_told_as_json() -> None:
    arguments = {"lines": [1, 2], "deep": {"all": True}, "none": None, "share": 0.5, "text": 'a "b"\nü'}
    logged = trajectory("Look", [("tool", arguments, "ok")], "Done")
    told = r'tool(lines=[1, 2], deep={"all": true}, none=null, share=0.5, text="a \"b\"\nü") -> ok'
    assert compact(logged).split("\n")[1] == told


def test_a_call_under_which_the_program_died_has_no_result() -> None:
    assert compact(trajectory("Look", [("read_file", {"path": "a"}, None)], None)).endswith('(path="a") -> \nAnswer: ')


def test_a_whole_file_in_an_argument_is_cut() -> None:
    logged = trajectory("Write", [("write_file", {"path": "a", "content": "x" * 50_000}, "Wrote a")], "Done")
    assert len(compact(logged)) < LONGEST_TEXT + 100
