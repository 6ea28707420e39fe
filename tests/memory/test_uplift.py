"""The uplift on simulated tasks whose true uplift is known."""

from random import Random

import pytest

from localnpm.memory.uplift import Arm, uplift


def arm(results: list[tuple[int, float]]) -> Arm:
    """An arm from outcomes and the probabilities with which its channel was chosen."""
    return sum((Arm(1, 1 / p, 1 / p**2, won / p) for won, p in results), Arm())


def test_too_few_tasks_of_either_arm_give_no_estimate() -> None:
    many, few = arm([(1, 0.5)] * 10), arm([(0, 0.5)] * 2)
    assert uplift([many], few) is None
    assert uplift([few], many) is None
    assert uplift([], many) is None


def test_all_wins_against_no_win_is_an_uplift_of_one_of_which_little_is_sure() -> None:
    found = uplift([arm([(1, 0.5)] * 3)], arm([(0, 0.5)] * 3))
    assert found is not None and found.value == 1
    assert found.interval[0] < 0.5 and found.interval[1] == 1


def test_newcombes_own_example_is_met() -> None:
    # Newcombe 1998, table II, method 10: 56/70 against 48/80 is 0.2 (0.0524, 0.3339).
    found = uplift([arm([(1, 1)] * 56 + [(0, 1)] * 14)], arm([(1, 1)] * 48 + [(0, 1)] * 32))
    assert found is not None
    assert (found.value, *found.interval) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_the_weights_mend_what_an_uneven_choice_distorts() -> None:
    # Easy tasks got memory with 0.9, hard ones with 0.1; memory changes nothing.
    random = Random(5)
    used, without = [], []
    for number in range(4000):
        easy = number % 2 == 0
        chance, won = (0.9, random.random() < 0.9) if easy else (0.1, random.random() < 0.2)
        with_memory = random.random() < chance
        (used if with_memory else without).append((int(won), chance if with_memory else 1 - chance))
    found = uplift([arm(used)], arm(without))
    plain = sum(won for won, _ in used) / len(used) - sum(won for won, _ in without) / len(without)
    assert found is not None and plain > 0.4
    assert abs(found.value) < 0.1


def test_channels_count_by_how_often_they_were_used() -> None:
    script, vector = arm([(1, 0.6)] * 9), arm([(0, 0.3)] * 1)
    found = uplift([script, vector], arm([(0, 0.1)] * 5))
    assert found is not None and found.value == pytest.approx(0.9)


@pytest.mark.parametrize(("rate", "base"), [(0.5, 0.3), (0.8, 0.24), (0.3, 0.3), (0.4, 0.6), (0.95, 0.9)])
def test_the_interval_covers_the_true_uplift_about_as_often_as_it_says(rate: float, base: float) -> None:
    random = Random(11)
    covered = worlds = 0
    for _ in range(400):
        used, without = [], []
        for _ in range(60):
            # Verdicts of different confidence, and chances that change as a sampler's do.
            chance = random.choice((0.5, 0.7, 0.9))
            with_memory = random.random() < chance
            won = int(random.random() < (rate if with_memory else base))
            (used if with_memory else without).append((won, chance if with_memory else 1 - chance))
        found = uplift([arm(used)], arm(without))
        if found is not None:
            worlds += 1
            covered += found.interval[0] <= rate - base <= found.interval[1]
    assert 0.91 <= covered / worlds <= 0.995
