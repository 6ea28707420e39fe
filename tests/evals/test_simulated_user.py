"""The simulated user names habits that were really violated, in known or held-out words."""

import random

import pytest

from localnpm.evals.environment import Complaint, Judgement, draw_of
from localnpm.evals.habits.families import BY_NAME, FAMILIES
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.phrases import plain_reasons, split, wide_reasons
from localnpm.evals.habits.profile import full_profile, other_variant
from localnpm.evals.habits.runs import expert_run
from localnpm.evals.habits.task import Task
from localnpm.evals.simulated_user import Shuffled, complain, mistaken, violated

EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES, ids=list(BY_NAME))


def named_after(task: Task, wants: dict[str, str], does: dict[str, str]) -> tuple[str, ...]:
    """The habits that a user names after an expert with another profile."""
    workspace = task.workspace()
    before = workspace.snapshot()
    run = expert_run(task, does, workspace)
    return violated(task, wants, before, workspace.snapshot(), run.answer)


@EVERY_FAMILY
def test_the_habit_that_was_not_kept_is_named(family: type[Task]) -> None:
    rng = random.Random(3)
    for habit in family.habits:
        for _ in range(6):
            wants = full_profile(rng)
            does = {**wants, habit: other_variant(rng.random, habit, wants[habit])}
            task = family.make_solid(Names(rng))
            assert named_after(task, wants, does) == (habit,)


def test_both_habits_are_named_when_neither_was_kept() -> None:
    rng = random.Random(5)
    family = BY_NAME["merge_files"]
    wants = full_profile(rng)
    does = {**wants, **{habit: other_variant(rng.random, habit, wants[habit]) for habit in family.habits}}
    assert named_after(family.make_solid(Names(rng)), wants, does) == family.habits


def test_a_habit_is_seen_in_work_that_is_wrong_otherwise_too() -> None:
    rng = random.Random(6)
    wants = {**full_profile(rng), "journal": "bullet"}
    task = BY_NAME["journal"].make_solid(Names(rng))
    before = dict(task.workspace().files)
    after = {
        path: text.replace("a", "e") for path, text in task.end_state(before, {**wants, "journal": "heading"}).items()
    }
    assert violated(task, wants, before, after, "Done.") == ("journal",)


def test_a_slip_in_a_name_hides_no_habit() -> None:
    rng = random.Random(6)
    wants = {**full_profile(rng), "note_place": "folder"}
    task = BY_NAME["write_note"].make_solid(Names(rng))
    before = dict(task.workspace().files)
    wrong = task.end_state(before, {**wants, "note_place": "root"})
    after = {path if path in before else path.replace("-", "x", 1): text for path, text in wrong.items()}
    assert after != wrong
    assert violated(task, wants, before, after, "Done.") == ("note_place",)


def test_who_changed_nothing_has_shown_no_habit() -> None:
    rng = random.Random(7)
    task = BY_NAME["remove_file"].make_solid(Names(rng))
    files = dict(task.workspace().files)
    assert violated(task, full_profile(rng), files, files, "I could not find it.") == ()


@pytest.mark.parametrize("key", plain_reasons("correction"), ids="-".join)
def test_words_are_known_or_held_out_as_asked(key: tuple[str, str]) -> None:
    habit, variant = key
    known, held_out = split(wide_reasons("correction").get(key, ()))
    trained = {*known, *plain_reasons("correction")[key]}
    draw = random.Random(8)
    for _ in range(5):
        complaint = complain((habit,), {habit: variant}, draw, "known")
        assert (complaint.text.removesuffix(".") in trained, complaint.worded) == (True, "known")
        new = complain((habit,), {habit: variant}, draw, "new")
        assert (new.text.removesuffix(".") in held_out, new.worded) == (True, "new")


def test_no_habit_to_blame_gives_no_reason() -> None:
    assert complain((), {}, random.Random(0), "new") == Complaint()


def test_shuffled_judgements_are_those_of_others() -> None:
    shuffled = Shuffled(random.Random(9))
    given = [(Judgement(False, str(number)), Complaint(str(number))) for number in range(200)]
    told = [shuffled(*pair) for pair in given]
    own = sum(mine == other for mine, other in zip(given, told, strict=True))
    assert own < 30
    assert len({pair for pair in told if pair in given}) > 150


def test_a_mistaken_user_turns_a_share_of_judgements_round() -> None:
    draw = draw_of("mistakes")
    right = Judgement(True, "ok")
    assert mistaken(right, 0, draw) == right
    assert not mistaken(right, 1, draw).success
    wrong = sum(not mistaken(right, 0.2, draw).success for _ in range(500))
    assert 60 < wrong < 140
