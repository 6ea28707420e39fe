"""Residual-stream capture: every block, listed positions, pooled, the same whatever the batches."""

from collections.abc import Callable

import numpy as np
import pytest

from localnpm.engine.activations import capture
from localnpm.engine.model import Model
from localnpm.errors import ContextFullError, SteeringError


def test_every_block_gives_every_position(bundled: Model, prompt: list[int]) -> None:
    states = capture(bundled, prompt)
    assert states.shape == (bundled.info.n_layer, len(prompt), bundled.info.n_embd)
    assert states.dtype == np.float32
    assert (np.linalg.norm(states, axis=2) > 0).all()


def test_listed_positions_are_rows_of_the_whole(bundled: Model, prompt: list[int]) -> None:
    positions = [0, 7, len(prompt) - 1]
    assert np.allclose(capture(bundled, prompt, positions), capture(bundled, prompt)[:, positions], atol=1e-3)


def test_the_mean_is_that_of_the_listed_rows(bundled: Model, prompt: list[int]) -> None:
    positions = [3, 4, 9]
    rows = capture(bundled, prompt, positions)
    pooled = capture(bundled, prompt, positions, "mean")
    assert pooled.shape == (bundled.info.n_layer, 1, bundled.info.n_embd)
    assert np.allclose(pooled[:, 0], rows.mean(axis=1), atol=1e-3)


def test_the_last_is_the_last_listed_row(bundled: Model, prompt: list[int]) -> None:
    assert np.allclose(capture(bundled, prompt, [2, 5], "last")[:, 0], capture(bundled, prompt, [5])[:, 0], atol=1e-3)


def test_a_position_does_not_see_what_follows(bundled: Model, prompt: list[int]) -> None:
    short = capture(bundled, prompt[:12])
    assert np.allclose(short, capture(bundled, prompt)[:, :12], atol=1e-2)


def test_texts_longer_than_a_batch_are_captured_whole(tiny: Callable[[str], Model]) -> None:
    model = tiny("llama")
    tokens = model.tokenize("capture all of this, please. " * 20)[:500]
    positions = [0, 128, 256, 499]
    few, every = capture(model, tokens, positions), capture(model, tokens)
    assert np.allclose(few, every[:, positions], atol=1e-3)


def test_capture_leaves_the_models_own_cache_alone(bundled: Model, prompt: list[int]) -> None:
    list(bundled.generate(prompt, max_tokens=1))
    capture(bundled, [1, 2, 3])
    again = bundled.generate(prompt, max_tokens=1)
    list(again)
    assert again.usage.cached_tokens == len(prompt) - 1


@pytest.mark.parametrize("positions", [[], [3, 1], [1, 1], [-1], [99]])
def test_positions_that_do_not_rise_within_the_text_are_an_error(bundled: Model, positions: list[int]) -> None:
    with pytest.raises(ValueError, match="rising indices into 5 tokens"):
        capture(bundled, [1, 2, 3, 4, 5], positions)


def test_a_text_longer_than_the_context_is_refused(tiny: Callable[[str], Model]) -> None:
    model = tiny("llama")
    with pytest.raises(ContextFullError):
        capture(model, [1] * (model.context + 1))


def test_an_architecture_that_hides_its_blocks_is_reported(tiny: Callable[[str], Model]) -> None:
    with pytest.raises(SteeringError, match="the activations of a 'plamo2' model cannot be read"):
        capture(tiny("plamo2"), [1, 2, 3])
