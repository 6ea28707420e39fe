"""The index of vectors: exact while small, and the same answers from a shortlist."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.memory.index import Index, leading_directions


def vectors(rows: int, dimensions: int, seed: int = 0) -> np.ndarray:
    """Unit vectors that lie mostly along few directions, as embeddings do."""
    rng = np.random.default_rng(seed)
    scale = 1 / np.sqrt(1 + np.arange(dimensions))
    drawn = (rng.standard_normal((rows, dimensions)) * scale).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_the_nearest_come_first_with_their_products() -> None:
    index = Index(vectors(500, 32))
    query = vectors(1, 32, seed=1)[0]
    rows, products = index.nearest(query, 5)
    every = index.vectors @ query
    np.testing.assert_array_equal(rows, np.argsort(-every, kind="stable")[:5])
    np.testing.assert_allclose(products, every[rows], atol=1e-6)


@given(st.integers(0, 30), st.integers(1, 40))
def test_there_are_as_many_as_asked_for_or_as_there_are(rows: int, count: int) -> None:
    index = Index(vectors(rows, 8))
    found, products = index.nearest(np.ones(8, np.float32), count)
    assert len(found) == len(products) == min(rows, count)


def test_equal_products_come_in_the_order_of_their_rows() -> None:
    index = Index(np.ones((6, 4), np.float32) / 2)
    assert index.nearest(np.ones(4, np.float32), 3)[0].tolist() == [0, 1, 2]


def test_a_small_index_looks_at_every_row() -> None:
    assert not Index(vectors(100, 256)).shortlisted


def test_a_shortlist_gives_the_same_ten_in_99_of_100_queries() -> None:
    stored = vectors(9000, 256)
    index, exact = Index(stored), Index(stored, shortlist_from=len(stored))
    assert index.shortlisted and not exact.shortlisted
    queries = vectors(200, 256, seed=1)
    same = [set(index.nearest(query, 10)[0]) == set(exact.nearest(query, 10)[0]) for query in queries]
    assert np.mean(same) >= 0.99


def test_leading_directions_are_orthonormal_and_hold_most_of_the_length() -> None:
    stored = vectors(2000, 64)
    basis = leading_directions(stored, 16)
    np.testing.assert_allclose(basis.T @ basis, np.eye(16), atol=1e-5)
    kept = np.square(stored @ basis).sum()
    assert kept == pytest.approx(np.square(stored).sum(), rel=0.4)
    assert kept > np.square(stored[:, :16]).sum()
