"""Means with intervals over clusters, paired differences, harm."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.evals.statistics import cluster_bootstrap, harm, paired_difference


def test_the_mean_is_that_of_all_values_however_large_their_clusters() -> None:
    estimate = cluster_bootstrap([1, 0, 0, 0], ["a", "b", "b", "b"])
    assert (estimate.mean, estimate.n, estimate.clusters) == (0.25, 4, 2)


def test_equal_values_leave_no_doubt() -> None:
    estimate = cluster_bootstrap([1.0] * 20, list(range(20)))
    assert (estimate.low, estimate.high) == (1.0, 1.0)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 12))
def test_the_interval_holds_the_mean(outcomes: list[bool], clusters: int) -> None:
    estimate = cluster_bootstrap(outcomes, [place % clusters for place in range(len(outcomes))], resamples=800)
    assert estimate.low - 0.05 <= estimate.mean <= estimate.high + 0.05
    assert 0 <= estimate.low <= estimate.high <= 1


def test_values_that_go_with_their_cluster_are_worth_less() -> None:
    values = [1.0, 0.0] * 40
    apart = cluster_bootstrap(values, list(range(80)))
    together = cluster_bootstrap(sorted(values), [place // 10 for place in range(80)])
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_the_same_seed_gives_the_same_interval() -> None:
    values, clusters = [0.0, 1.0, 1.0] * 9, list(range(27))
    assert cluster_bootstrap(values, clusters, seed=4) == cluster_bootstrap(values, clusters, seed=4)


def test_the_mean_of_nothing_is_not_a_number() -> None:
    assert math.isnan(cluster_bootstrap([], []).mean)


def test_each_value_has_a_cluster() -> None:
    with pytest.raises(ValueError, match="2 values and 1 clusters"):
        cluster_bootstrap([1, 0], ["a"])


def test_a_difference_is_taken_over_the_tasks_that_both_have() -> None:
    difference = paired_difference({1: 1, 2: 1, 3: 0}, {1: 0, 2: 1, 9: 1}, {1: "a", 2: "b", 3: "c"})
    assert (difference.mean, difference.n) == (0.5, 2)


def test_a_few_clusters_are_no_ground_for_a_claim() -> None:
    assert not cluster_bootstrap([1.0] * 8, ["a", "b"] * 4).excludes_zero


def test_a_difference_in_every_cluster_is() -> None:
    assert cluster_bootstrap([1.0] * 10, list(range(10))).excludes_zero


def test_harm_counts_what_went_well_without() -> None:
    assert harm({1: 0, 2: 1, 3: 1}, {1: 1, 2: 1, 3: 0, 4: 1}) == (1, 2)
