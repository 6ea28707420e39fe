"""Means and differences with intervals, by a bootstrap over clusters.

Tasks of one cluster (a user and a kind) share what was learned for them, so whole clusters are drawn again, not tasks.
Not covered: which rows are compared (report.py), curves over time (learning_curves.py).
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Task = TypeVar("Task", bound=Hashable)
Cluster = TypeVar("Cluster", bound=Hashable)

RESAMPLES = 4000
LEVEL = 95.0
"""Per cent that an interval is to cover."""
FEWEST_CLUSTERS = 8
"""For a claim."""


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` tasks of `clusters` clusters, with its percentile interval; the mean of nothing is nan."""

    mean: float
    low: float
    high: float
    n: int
    clusters: int

    @property
    def excludes_zero(self) -> bool:
        """Whether a claim may be made of it; of a few clusters a bootstrap's intervals are too narrow."""
        return self.clusters >= FEWEST_CLUSTERS and (self.low > 0 or self.high < 0)


def cluster_bootstrap(
    values: Sequence[float], clusters: Sequence[Hashable], *, seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """The mean of the values and its interval; `clusters` names each value's cluster.

    A resample draws as many clusters as there are, with replacement, and takes the mean over all their values.

    Raises:
        ValueError: not one cluster for each value.
    """
    if len(values) != len(clusters):
        raise ValueError(f"{len(values)} values and {len(clusters)} clusters")
    sums, counts = _by_cluster(values, clusters)
    if not len(sums):
        return Estimate(float("nan"), float("nan"), float("nan"), 0, 0)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (resamples, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return Estimate(float(sums.sum() / counts.sum()), float(low), float(high), len(values), len(sums))


def paired_difference(
    these: Mapping[Task, float],
    those: Mapping[Task, float],
    clusters: Mapping[Task, Cluster],
    *,
    seed: int = 0,
) -> Estimate:
    """The mean of these less those over the tasks that both have; `clusters` has each task's cluster."""
    tasks = [task for task in these if task in those]
    return cluster_bootstrap(
        [these[task] - those[task] for task in tasks], [clusters[task] for task in tasks], seed=seed
    )


def harm(these: Mapping[Task, float], those: Mapping[Task, float]) -> tuple[int, int]:
    """(tasks that succeed in those and fail in these, tasks that succeed in those), of the tasks that both have."""
    succeeded = [task for task, value in those.items() if value > 0 and task in these]
    return sum(these[task] <= 0 for task in succeeded), len(succeeded)


def _by_cluster(
    values: Sequence[float], clusters: Sequence[Hashable]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each cluster's sum and count."""
    sums: defaultdict[Hashable, float] = defaultdict(float)
    counts: defaultdict[Hashable, int] = defaultdict(int)
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] += value
        counts[cluster] += 1
    return np.array(list(sums.values()), float), np.array([counts[name] for name in sums], float)
