"""How much success a memory adds over doing without it, from tasks on which chance decided whether it was used.

Each task counts by the inverse of the probability with which its channel was chosen, the weights of an arm normalized
to one (Hajek's estimator), so that a channel which was chosen more often as time went on does not distort the
comparison. The interval is Newcombe's hybrid score interval for a difference of proportions (Statistics in Medicine 17,
1998, method 10) on Kish's effective numbers of tasks (Survey Sampling, 1965), which holds for few tasks and for rates
of 0 and 1 too. Not covered: tasks that drift over time while one of the arms is hardly ever chosen.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

LEAST = 3
"""Judged tasks of each arm without which nothing is estimated."""

_Z95 = 1.959964


@dataclass(frozen=True)
class Arm:
    """Sums over the judged tasks of one channel whose choice was left to chance.

    `total` is the sum of the weights (confidence of the verdict / probability of the channel), `squares` that of their
    squares, `won` that of the successes' weights.
    """

    tasks: int = 0
    total: float = 0.0
    squares: float = 0.0
    won: float = 0.0

    def __add__(self, other: "Arm") -> "Arm":
        return Arm(
            self.tasks + other.tasks, self.total + other.total, self.squares + other.squares, self.won + other.won
        )


@dataclass(frozen=True)
class Uplift:
    """Success with minus success without, -1 to 1, and its 95% interval."""

    value: float
    interval: tuple[float, float]


def uplift(used: Collection[Arm], without: Arm) -> Uplift | None:
    """The uplift of memory, its channels in the shares in which they were used; None where there are too few tasks.

    Args:
        used: one arm for each channel that uses memory.
        without: the arm `none`.
    """
    used = [arm for arm in used if arm.tasks]
    tasks = sum(arm.tasks for arm in used)
    if tasks < LEAST or without.tasks < LEAST:
        return None
    shares = [arm.tasks / tasks for arm in used]
    rate = sum(share * arm.won / arm.total for share, arm in zip(shares, used, strict=True))
    spread = sum(share**2 * arm.squares / arm.total**2 for share, arm in zip(shares, used, strict=True))
    base, base_spread = without.won / without.total, without.squares / without.total**2
    low, high = _wilson(rate, 1 / spread)
    base_low, base_high = _wilson(base, 1 / base_spread)
    value = rate - base
    below = math.hypot(rate - low, base_high - base)
    above = math.hypot(high - rate, base - base_low)
    return Uplift(value, (max(-1.0, value - below), min(1.0, value + above)))


def _wilson(rate: float, tasks: float) -> tuple[float, float]:
    """Wilson's score interval of a rate measured on (effectively) so many tasks."""
    square = _Z95**2 / tasks
    middle = (rate + square / 2) / (1 + square)
    half = _Z95 * math.sqrt(max(0.0, rate * (1 - rate)) / tasks + square / (4 * tasks)) / (1 + square)
    return middle - half, middle + half
