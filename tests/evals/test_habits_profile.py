"""Profiles: variants by their priors, drawn when asked for and then kept."""

import random

import pytest

from localnpm.evals.habits.families import FAMILIES
from localnpm.evals.habits.profile import HABITS, VARIANTS, Profile, full_profile, other_variant


@pytest.mark.parametrize("habit", HABITS)
def test_the_priors_of_a_habit_sum_to_one(habit: str) -> None:
    assert sum(HABITS[habit].values()) == pytest.approx(1)


def test_every_habit_belongs_to_a_family_or_shows_in_the_way_of_working() -> None:
    checked = {habit for family in FAMILIES for habit in family.habits}
    working = {habit for family in FAMILIES for habit in family.working_habits}
    assert checked | working == set(HABITS)
    assert working == {"verify", "explore"}


def test_variants_are_drawn_by_their_priors() -> None:
    uniform = random.Random(1).random
    drawn = [Profile(uniform)["backup"] for _ in range(4000)]
    for variant, prior in HABITS["backup"].items():
        assert drawn.count(variant) / len(drawn) == pytest.approx(prior, abs=0.03)


def test_a_uniform_profile_has_rare_variants_as_often_as_others() -> None:
    uniform = random.Random(1).random
    drawn = [Profile(uniform, uniform=True)["backup"] for _ in range(4000)]
    for variant in VARIANTS["backup"]:
        assert drawn.count(variant) / len(drawn) == pytest.approx(0.25, abs=0.03)


def test_a_profile_keeps_what_it_has_drawn_and_what_it_was_given() -> None:
    profile = Profile(random.Random(1).random, {"verify": "yes"})
    first = profile["filing"]
    assert all(profile["filing"] == first for _ in range(20))
    assert profile == {"verify": "yes", "filing": first}


def test_a_full_profile_has_a_variant_of_every_habit() -> None:
    profile = full_profile(random.Random(1))
    assert list(profile) == list(HABITS)
    assert all(profile[habit] in VARIANTS[habit] for habit in HABITS)


def test_another_variant_is_never_the_same() -> None:
    uniform = random.Random(1).random
    for habit, variants in VARIANTS.items():
        for variant in variants:
            others = {other_variant(uniform, habit, variant) for _ in range(60)}
            assert others == set(variants) - {variant}
