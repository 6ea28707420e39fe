"""The task families: the expert satisfies the verifier, and nobody else does."""

import random
import re

import pytest

from localnpm.evals.habits.families import BY_NAME, FAMILIES
from localnpm.evals.habits.names import Names, Split
from localnpm.evals.habits.profile import VARIANTS, Profile, full_profile
from localnpm.evals.habits.runs import Run, careless_run, expert_run, remember
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.task import DESCRIBED, LOST, MISSING, WRONG_FOLDER, Habits, Task
from localnpm.evals.habits.verdict import Verdict
from localnpm.evals.habits.workspace import SIGNATURES

EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES, ids=list(BY_NAME))
SPLITS: tuple[Split, Split] = ("train", "eval")

MOST_CALLS = 11


def expert_verdict(task: Task, does: Habits, wants: Habits) -> tuple[Verdict, Run]:
    """What the verifier says of an expert who follows one profile, when the user has another one."""
    workspace = task.workspace()
    before = workspace.snapshot()
    run = expert_run(task, does, workspace)
    return task.check(before, workspace.snapshot(), run.answer, wants), run


def test_there_are_twenty_families() -> None:
    assert len(BY_NAME) == len(FAMILIES) == 20


@EVERY_FAMILY
def test_the_expert_succeeds_with_every_variant(family: type[Task]) -> None:
    rng = random.Random(1)
    for habit in (*family.habits, "verify", "explore"):
        for variant in VARIANTS[habit]:
            for k in range(20):
                task = family.make(Names(rng, SPLITS[k % 2]))
                profile = Profile(rng.random, {habit: variant}, uniform=True)
                verdict, run = expert_verdict(task, profile, profile)
                assert verdict == (True, "ok"), (task.request, run)
                assert task.read_back_as_wanted(profile, run.steps) in (None, True)
                assert len(run.steps) <= MOST_CALLS


@EVERY_FAMILY
def test_the_expert_calls_tools_with_their_arguments_in_order(family: type[Task]) -> None:
    rng = random.Random(2)
    for _ in range(40):
        for step in expert_run(family.make(Names(rng)), full_profile(rng)).steps:
            assert tuple(step.arguments) == SIGNATURES[step.tool]


@EVERY_FAMILY
def test_any_other_variant_fails(family: type[Task]) -> None:
    rng = random.Random(3)
    for habit in family.habits:
        for wanted in VARIANTS[habit]:
            for other in set(VARIANTS[habit]) - {wanted}:
                for _ in range(8):
                    task = family.make_solid(Names(rng, "eval"))
                    profile = {**full_profile(rng), habit: wanted}
                    verdict, run = expert_verdict(task, {**profile, habit: other}, profile)
                    assert not verdict.success, (wanted, other, task.request, run)


@EVERY_FAMILY
def test_a_careless_run_fails(family: type[Task]) -> None:
    rng = random.Random(4)
    for _ in range(100):
        task = family.make_solid(Names(rng, "eval"))
        profile = full_profile(rng)
        workspace = task.workspace()
        before = workspace.snapshot()
        run = careless_run(task, profile, workspace)
        assert not task.check(before, workspace.snapshot(), run.answer, profile).success, (task.request, run)


@EVERY_FAMILY
def test_what_memory_shows_is_enough_for_the_verifier(family: type[Task]) -> None:
    rng = random.Random(5)
    for _ in range(30):
        profile = full_profile(rng)
        remembered = remember(family, Names(rng), profile)
        shown = remembered.task.revealed(profile)
        assert set(family.habits) <= set(shown)
        task = family.make_solid(Names(rng, "eval"))
        verdict, _ = expert_verdict(task, Profile(rng.random, shown), profile)
        assert verdict.success, verdict.reason


@EVERY_FAMILY
def test_a_script_is_a_title_and_numbered_steps(family: type[Task]) -> None:
    rng = random.Random(6)
    for _ in range(20):
        title, *steps = family.make(Names(rng)).script(full_profile(rng), Phrasing(rng.random)).split("\n")
        assert title in family.titles
        assert [step.split(" ", 1)[0] for step in steps] == [f"{k}." for k in range(1, len(steps) + 1)]


@EVERY_FAMILY
def test_a_script_tells_variants_apart(family: type[Task]) -> None:
    rng = random.Random(7)
    for _ in range(20):
        task = family.make_solid(Names(rng))
        profile = full_profile(rng)
        phrasing = Phrasing(rng.random)
        for habit in family.habits:
            scripts = {task.script({**profile, habit: variant}, phrasing) for variant in VARIANTS[habit]}
            assert len(scripts) == len(VARIANTS[habit])


@EVERY_FAMILY
def test_a_script_says_nothing_of_the_task_it_comes_from(family: type[Task]) -> None:
    rng = random.Random(8)
    for _ in range(30):
        task = family.make_solid(Names(rng, "eval"))
        script = task.script(full_profile(rng), Phrasing(rng.random))
        assert task.request not in script
        assert task.path == "." or "." not in task.path or task.path not in script


def test_a_revised_script_keeps_the_wording_of_its_other_steps() -> None:
    rng = random.Random(9)
    task = BY_NAME["set_config"].make_solid(Names(rng))
    profile = {**full_profile(rng), "verify": "no"}
    phrasing = Phrasing(rng.random)
    old = task.script({**profile, "backup": "bak"}, phrasing).split("\n")
    new = task.script({**profile, "backup": "orig"}, phrasing).split("\n")
    assert sum(before != after for before, after in zip(old, new, strict=True)) == 1


@EVERY_FAMILY
def test_the_same_seed_makes_the_same_task(family: type[Task]) -> None:
    def make() -> tuple[object, ...]:
        task = family.make(Names(random.Random(10), "eval"))
        run = expert_run(task, full_profile(random.Random(11)))
        return task.request, list(task.files.items()), task.key_terms, run

    assert make() == make()


@EVERY_FAMILY
def test_key_terms_are_two_to_five(family: type[Task]) -> None:
    rng = random.Random(12)
    assert all(2 <= len(family.make(Names(rng)).key_terms) <= 5 for _ in range(30))


@pytest.mark.parametrize("mode", [MISSING, LOST])
def test_a_missing_file_is_admitted_and_nothing_changes(mode: str) -> None:
    rng = random.Random(13)
    for _ in range(30):
        task = BY_NAME["set_config"].make(Names(rng), mode)
        profile = full_profile(rng)
        workspace = task.workspace()
        run = expert_run(task, profile, workspace)
        assert workspace.files == task.files
        assert "not" in run.answer
        assert task.missing


def test_a_file_in_another_folder_is_found_by_its_name() -> None:
    rng = random.Random(14)
    task = BY_NAME["file_document"].make(Names(rng), WRONG_FOLDER)
    first, second, *_ = expert_run(task, full_profile(rng)).steps
    assert first.result == f"Error: no such file: {task.given}"
    assert second.tool == "find_files"


@pytest.mark.parametrize(
    ("way", "tool"), [("list", "list_directory"), ("find", "find_files"), ("search", "search_text")]
)
def test_a_described_file_is_looked_for_as_the_user_likes_it(way: str, tool: str) -> None:
    rng = random.Random(15)
    for _ in range(20):
        task = BY_NAME["replace_text"].make(Names(rng), DESCRIBED)
        assert task.path not in task.request
        assert expert_run(task, {**full_profile(rng), "explore": way}).steps[0].tool == tool


def test_held_out_names_are_in_no_training_request() -> None:
    rng = random.Random(16)
    held_out = set(Names(rng, "eval").topic())
    requests = " ".join(family.make(Names(rng)).request for family in FAMILIES for _ in range(30))
    assert not held_out & set(re.findall("[a-z]+", requests.lower()))
