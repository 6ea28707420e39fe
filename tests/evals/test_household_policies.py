"""The expert and the careless players, and the episodes and scripts made of them."""

import random
import re

import pytest

from localnpm.evals.household import (
    CARELESS,
    Careful,
    TaskType,
    compact,
    example,
    good_episode,
    play_episode,
    script,
    system_prompt,
)
from localnpm.evals.household.scripts import STEPS, choose_wordings, format_script
from localnpm.evals.household.text import Step


@pytest.mark.parametrize("task_type", list(TaskType))
def test_the_expert_reaches_every_goal(task_type: TaskType) -> None:
    rng = random.Random(3)
    episodes = [play_episode(rng, task_type, limit=300) for _ in range(60)]
    assert all(episode.won and (episode.answer or "").startswith("Done") for episode in episodes)


def test_the_expert_searches_without_going_anywhere_twice() -> None:
    rng = random.Random(4)
    for _ in range(60):
        episode = play_episode(rng, TaskType.PLACE)
        before = [step.command for step in episode.steps]
        search = before[: next((k for k, command in enumerate(before) if command.startswith("take")), None)]
        assert len(search) == len(set(search))


@pytest.mark.parametrize("policy", CARELESS)
def test_a_careless_player_fails_more_often_than_the_expert(policy: type[Careful]) -> None:
    wins = sum(play_episode(random.Random(seed), None, policy).won for seed in range(40))
    assert wins < sum(play_episode(random.Random(seed)).won for seed in range(40))


@pytest.mark.parametrize("policy", CARELESS)
def test_a_careless_player_always_answers(policy: type[Careful]) -> None:
    assert all(play_episode(random.Random(seed), None, policy, limit=100).answer for seed in range(40))


def test_a_policy_refuses_a_task_it_cannot_read() -> None:
    with pytest.raises(ValueError, match="water the plants"):
        Careful("You see a shelf 1.\n\nYour task is to: water the plants.")


def test_slips_are_marked_as_not_meant() -> None:
    rng = random.Random(1)
    episodes = [good_episode(rng, slips=True) for _ in range(30)]
    assert any(not step.meant for episode in episodes for step in episode.steps)


def test_no_step_is_a_slip_unless_asked_for() -> None:
    assert all(step.meant for step in good_episode(random.Random(1)).steps)


@pytest.mark.parametrize("task_type", list(TaskType))
def test_a_script_is_a_title_and_numbered_steps(task_type: TaskType) -> None:
    title, *steps = script(random.Random(2).random, task_type).split("\n")
    assert title[0].isupper()
    assert [step.split(". ")[0] for step in steps] == [str(number) for number in range(1, len(STEPS[task_type]) + 1)]


def test_a_script_without_a_step_keeps_the_wording_of_the_others() -> None:
    wordings = choose_wordings(random.Random(2).random, TaskType.HEAT)
    whole = re.sub(r"^\d+\. ", "", format_script(TaskType.HEAT, wordings), flags=re.M).split("\n")
    part = re.sub(r"^\d+\. ", "", format_script(TaskType.HEAT, wordings, {"heat"}), flags=re.M).split("\n")
    assert [line for line in whole if line != wordings["heat"]] == part


def test_a_trajectory_shows_the_first_line_cut_at_80_characters() -> None:
    steps = [Step("look", "x" * 100 + "\nsecond line", True)]
    assert compact("put a mug in desk.", steps, "Done.") == (
        'Task: put a mug in desk.\nact(command="look") -> ' + "x" * 80 + "\nAnswer: Done."
    )


def test_an_example_is_a_short_success_of_the_task_type() -> None:
    lines = example(random.Random(6), TaskType.COOL).split("\n")
    assert "cool" in lines[0]
    assert lines[-1].startswith("Answer: Done")


def test_memory_stands_behind_the_system_text() -> None:
    prompt = system_prompt("Title\n1. Step.", "Task: x")
    assert prompt.endswith("\n\n# Procedure\nTitle\n1. Step.\n\n# Example\nTask: x")
