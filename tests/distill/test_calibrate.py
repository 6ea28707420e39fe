"""Calibration: strength within the bound on KL, layers within the depth."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from localnpm.distill.calibrate import COEFFICIENTS, Effect, Strength, bisect, calibrate, effects, windows
from localnpm.distill.directions import random_directions, rows_at, steering_of
from localnpm.distill.replay import Replay, replay
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.steering import NO_STEERING
from localnpm.evals.habits.transcript import SYSTEM

NORMS = np.full(7, 900, np.float32)


@pytest.fixture(scope="module")
def run(apprentice: LlamaChat, practice: Callable[..., Any]) -> Replay:
    """One expert's run."""
    found: Replay = replay(apprentice, practice("remove_file", 1).right[0], SYSTEM)[0]
    return found


def directions(seed: int = 0) -> Any:
    return random_directions((7, 256), np.random.default_rng(seed))


@pytest.mark.parametrize("n_layer", [2, 3, 8, 24, 80])
def test_windows_lie_within_the_layers_that_can_be_steered(n_layer: int) -> None:
    for first, last in windows(n_layer):
        assert 1 <= first <= last <= n_layer - 1


def test_the_bundled_models_windows_span_thirty_to_eighty_per_cent_of_its_depth() -> None:
    assert windows(8) == ((2, 6), (2, 4), (4, 6))


def test_no_steering_has_no_effect(apprentice: LlamaChat, run: Replay) -> None:
    (effect,) = effects(apprentice.model, [run], [NO_STEERING])
    assert (effect.gain, effect.kl) == (0.0, 0.0)
    assert effect.turns == effect.plain_turns


def test_the_gain_is_that_of_scoring_each_turn_as_it_would_be_generated(apprentice: LlamaChat, run: Replay) -> None:
    steering = steering_of(rows_at(directions(), NORMS, 0.2, (2, 6)))
    (effect,) = effects(apprentice.model, [run], [steering])
    model = apprentice.model
    gain = sum(
        float((model.score(run.tokens[:end], first, steering=steering) - model.score(run.tokens[:end], first)).sum())
        for first, end in run.spans
    )
    assert effect.gain == pytest.approx(gain, abs=1e-2)


def test_a_stronger_vector_changes_more(apprentice: LlamaChat, run: Replay) -> None:
    weak, strong = (steering_of(rows_at(directions(), NORMS, c, (2, 6))) for c in (0.1, 1.0))
    low, high = effects(apprentice.model, [run], [weak, strong])
    assert low.kl < high.kl


def test_the_chosen_strength_keeps_the_bound(apprentice: LlamaChat, run: Replay) -> None:
    found = calibrate(apprentice.model, directions(), NORMS * 40, [run], bound=0.5, ranges=windows(8))
    assert 0 < found.coefficient < COEFFICIENTS[0]
    assert found.effect.kl <= 0.5


def test_halving_finds_the_strongest_that_keeps_the_bound() -> None:
    def at(coefficient: float) -> Strength:
        return Strength(coefficient, (1, 1), Effect(0, coefficient))

    assert bisect(at, 1.0, 0.3).coefficient == pytest.approx(0.25)
