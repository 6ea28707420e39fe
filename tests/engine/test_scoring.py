"""Log-probabilities of given tokens, and logits at given positions."""

import numpy as np
import pytest

from localnpm.engine.model import Model


def test_scores_are_the_log_softmax_of_the_logits(bundled: Model, prompt: list[int]) -> None:
    scores = bundled.score(prompt, 3)
    rows = bundled.logits(prompt, list(range(2, len(prompt) - 1))).astype(np.float64)
    normal = rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
    expected = [row[token] for row, token in zip(normal, prompt[3:], strict=True)]
    assert np.allclose(scores, expected, atol=1e-4)


def test_the_probabilities_of_all_next_tokens_sum_to_one(bundled: Model, prompt: list[int]) -> None:
    size = bundled.info.n_vocab
    total = sum(float(np.exp(bundled.score([*prompt, token], len(prompt))[0])) for token in range(0, size, size // 8))
    row = bundled.logits(prompt, [len(prompt) - 1])[0].astype(np.float64)
    share = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
    assert total == pytest.approx(share[:: size // 8].sum(), rel=1e-3)


def test_scores_do_not_depend_on_what_is_cached(bundled: Model, prompt: list[int]) -> None:
    bundled.forget_cache()
    fresh = bundled.score(prompt, 5)
    list(bundled.generate(prompt, max_tokens=4))
    assert np.allclose(bundled.score(prompt, 5), fresh, atol=1e-3)


def test_more_positions_than_one_batch_can_give_are_all_scored(bundled: Model) -> None:
    tokens = bundled.tokenize("mark the third line done " * 200)[:900]
    scores = bundled.score(tokens, 1)
    assert scores.shape == (899,)
    assert np.isfinite(scores).all() and (scores <= 1e-4).all()
    assert np.allclose(scores[500:], bundled.score(tokens, 501), atol=1e-3)


def test_nothing_to_score_gives_nothing(bundled: Model, prompt: list[int]) -> None:
    assert bundled.score(prompt, len(prompt)).shape == (0,)


@pytest.mark.parametrize("start", [0, -1, 99])
def test_a_start_outside_the_tokens_is_an_error(bundled: Model, start: int) -> None:
    with pytest.raises(ValueError, match=f"start {start} is not within"):
        bundled.score([1, 2, 3], start)
