"""Directions: from differences of activations, and measured from what moves a choice."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.distill.contrast import Site, median_norms
from localnpm.distill.directions import (
    halves,
    mean_difference,
    principal_component,
    random_directions,
    rows_at,
    site_slopes,
    split_half,
    steering_of,
    unit,
)
from localnpm.distill.gate import margin_gains
from localnpm.distill.gguf import compose
from localnpm.distill.replay import Replay
from localnpm.engine.arrays import Float32Array
from localnpm.engine.llama_chat import LlamaChat


def noisy(shift: Float32Array, count: int = 12, noise: float = 0.2) -> Float32Array:
    """Differences around a shift, [count, 2, n]."""
    rng = np.random.default_rng(1)
    pairs = shift + noise * rng.normal(size=(count, 2, len(shift)))
    result: Float32Array = pairs.astype(np.float32)
    return result


SHIFT = np.array([3, 0, -4, 0, 0, 0], np.float32)


@pytest.mark.parametrize("take", [mean_difference, principal_component])
def test_the_direction_is_the_shift_at_length_one(take: Callable[..., Float32Array]) -> None:
    assert np.allclose(take(noisy(SHIFT)), SHIFT / 5, atol=0.08)


def test_the_principal_component_keeps_a_shift_that_centring_would_remove() -> None:
    same = np.tile(SHIFT, (5, 1, 1)).astype(np.float32)
    assert np.allclose(principal_component(same)[0], SHIFT / 5, atol=1e-6)


def test_the_sign_is_that_of_most_pairs() -> None:
    pairs = noisy(SHIFT, 5)
    pairs[:2] *= -3
    assert principal_component(pairs)[0] @ SHIFT > 0


def test_weights_decide_which_pairs_count() -> None:
    pairs = np.stack([SHIFT[None], -SHIFT[None]])
    assert mean_difference(pairs, [3, 1])[0] @ SHIFT > 0
    assert mean_difference(pairs, [1, 3])[0] @ SHIFT < 0


@given(
    coefficient=st.floats(0.01, 2),
    layers=st.tuples(st.integers(1, 6), st.integers(1, 6)).map(lambda pair: (min(pair), max(pair))),
    seed=st.integers(0, 99),
)
def test_rows_are_those_that_a_file_holds(coefficient: float, layers: tuple[int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    directions, norms = rng.normal(size=(6, 8)).astype(np.float32), rng.uniform(1, 99, 6).astype(np.float32)
    file = compose(directions, norms, coefficient, layers, model_hint="x")
    assert np.allclose(rows_at(directions, norms, coefficient, layers), file.directions, rtol=1e-5)


def test_zero_rows_stay_zero() -> None:
    assert not unit(np.zeros((2, 4), np.float32)).any()


def test_random_directions_are_one_in_every_layer_and_differ_between_draws() -> None:
    rng = np.random.default_rng(0)
    first, second = random_directions((3, 64), rng), random_directions((3, 64), rng)
    assert np.allclose(first[0], first[2])
    assert abs(float(first[0] @ second[0])) < 0.6


def test_halves_that_agree_have_a_cosine_of_one() -> None:
    assert split_half(np.tile(SHIFT, (4, 1)), [0, 1, 1, 0]) == pytest.approx(1, abs=1e-5)


def test_a_runs_sites_stay_in_one_half() -> None:
    sites = [Site((1,), 0, 0, 2, 3, 1.0, run) for run in (2, 2, 5, 7, 7)]
    assert halves(sites) == [0, 0, 1, 0, 0]


def test_a_single_row_has_no_halves() -> None:
    assert split_half(SHIFT[None], [0]) == 0


def test_a_measured_direction_raises_the_margin_that_it_was_measured_on(apprentice: LlamaChat) -> None:
    model = apprentice.model
    prompt = model.tokenize("<|im_start|>user\nThrow away notes.md<|im_end|>\n<|im_start|>assistant\n<tool_call>\n")
    row = model.logits(prompt, [len(prompt) - 1])[0]
    likeliest, wanted = (int(token) for token in np.argsort(row)[[-1, -3]])
    site = Site(tuple(prompt), len(prompt), len(prompt) - 1, wanted, likeliest, 1.0, 0)
    norms = median_norms(model, [Replay(tuple(prompt), ((len(prompt) - 8, len(prompt)),))])
    rng = np.random.default_rng(0)
    slopes = site_slopes(model, [site], norms, (2, 6), probes=256, rng=rng)
    shape = (len(norms), model.info.n_embd)
    rows = [rows_at(np.tile(slopes[0], (len(norms), 1)), norms, 0.2, (2, 6))]
    rows += [rows_at(random_directions(shape, rng), norms, 0.2, (2, 6)) for _ in range(5)]
    gains = margin_gains(model, [site], [steering_of(one) for one in rows])[:, 0]
    assert gains[0] > 3 * np.abs(gains[1:]).max()
