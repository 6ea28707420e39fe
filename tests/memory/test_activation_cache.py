"""Cached activations: kept to the precision of float16, under a cap, gone with their attempt."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from localnpm.memory.activation_cache import ActivationCache, Rows, pack, unpack
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database

LAYERS, WIDTH = 7, 64
LogAttempt = Callable[..., int]


def rows(seed: int = 0, scale: float = 1.0) -> Rows:
    values: Rows = (scale * np.random.default_rng(seed).normal(size=(LAYERS, WIDTH))).astype(np.float32)
    return values


@given(arrays(np.float32, (3, 5), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_rows_come_back_to_a_thousandth_of_their_layers_largest_value(values: Rows) -> None:
    back = unpack(*pack(values))
    most = np.abs(values).max(axis=1, keepdims=True)
    assert (np.abs(back - values) <= 1e-3 * most).all()


def test_residual_streams_beyond_float16_are_kept(database: Database, log_attempt: LogAttempt) -> None:
    cache = ActivationCache(database, "f0")
    attempt = log_attempt()
    cache.put(attempt, [rows(1, 1e6)], rows(2, 1e6))
    found = cache.get(attempt)
    assert found is not None
    assert np.allclose(found.turns[0], rows(1, 1e6), rtol=0, atol=4e3)


def test_what_was_put_is_found_by_turn_and_last_token(database: Database, log_attempt: LogAttempt) -> None:
    cache = ActivationCache(database, "f0")
    attempt = log_attempt()
    cache.put(attempt, [rows(1), rows(2)], rows(3))
    found = cache.get(attempt)
    assert found is not None
    assert sorted(found.turns) == [0, 1]
    assert np.allclose(found.turns[1], rows(2), atol=4e-3)
    assert np.allclose(found.last, rows(3), atol=4e-3)


def test_a_slope_is_kept_beside_the_rows(database: Database, log_attempt: LogAttempt) -> None:
    cache = ActivationCache(database, "f0")
    attempt = log_attempt()
    cache.put(attempt, [rows(1)], rows(2))
    assert cache.slope(attempt) is None
    cache.put_slope(attempt, rows(3)[0], rows(4)[0])
    measured, found = cache.slope(attempt), cache.get(attempt)
    assert measured is not None
    assert found is not None
    assert np.allclose(measured[0], rows(3)[0], atol=0.01)
    assert np.allclose(measured[1], rows(4)[0], atol=0.01)
    assert list(found.turns) == [0]
    cache.put(attempt, [rows(5)], rows(6))
    assert cache.slope(attempt) is not None


def test_activations_belong_to_one_model(database: Database, log_attempt: LogAttempt) -> None:
    attempt = log_attempt()
    ActivationCache(database, "f0").put(attempt, [rows()], rows())
    other = ActivationCache(database, "f1")
    assert other.get(attempt) is None
    assert other.missing([attempt]) == (attempt,)


def test_putting_again_replaces(database: Database, log_attempt: LogAttempt) -> None:
    cache = ActivationCache(database, "f0")
    attempt = log_attempt()
    cache.put(attempt, [rows(1), rows(2)], rows(3))
    cache.put(attempt, [rows(4)], rows(5))
    found = cache.get(attempt)
    assert found is not None
    assert list(found.turns) == [0]


def test_only_what_is_not_cached_is_missing(database: Database, log_attempt: LogAttempt) -> None:
    cache = ActivationCache(database, "f0")
    first, second = log_attempt(), log_attempt("another task")
    cache.put(first, [rows()], rows())
    assert cache.missing([second, first]) == (second,)


def test_over_the_cap_unjudged_attempts_go_first(database: Database, log: AttemptLog, log_attempt: LogAttempt) -> None:
    many = 1 << 20
    wide: Rows = np.ones((1, many // 8), np.float32)
    cache = ActivationCache(database, "f0", capacity_mb=1)
    judged, unjudged, newest = log_attempt("one"), log_attempt("two"), log_attempt("three")
    log.add_verdict(judged, "user", success=True)
    for attempt in (judged, unjudged, newest):
        cache.put(attempt, [wide], wide)
    assert [cache.get(attempt) is not None for attempt in (judged, unjudged, newest)] == [True, False, False]
    assert cache.size() <= many


def test_an_attempt_that_was_forgotten_is_passed_over(database: Database) -> None:
    ActivationCache(database, "f0").put(4711, [rows()], rows())
    assert ActivationCache(database, "f0").size() == 0


def test_forgetting_an_attempt_removes_its_activations(database: Database, log_attempt: LogAttempt) -> None:
    cache = ActivationCache(database, "f0")
    attempt = log_attempt()
    cache.put(attempt, [rows()], rows())
    with database.transaction() as connection:
        connection.execute("DELETE FROM attempts WHERE id = ?", (attempt,))
    assert cache.get(attempt) is None
    assert cache.size() == 0


@pytest.mark.parametrize("capacity", [0, 500])
def test_a_capacity_of_nothing_keeps_nothing(database: Database, log_attempt: LogAttempt, capacity: int) -> None:
    cache = ActivationCache(database, "f0", capacity_mb=capacity)
    attempt = log_attempt()
    cache.put(attempt, [rows()], rows())
    assert (cache.get(attempt) is not None) == bool(capacity)
