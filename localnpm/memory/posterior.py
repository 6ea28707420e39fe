"""What is believed of a channel's success: Beta posteriors shrunk to all procedures', and decisions that rest on them.

A channel of one procedure starts from what the channel does for all procedures, which counts as `STRENGTH` judged uses;
that in turn starts from `STARTING` (uses.py). A verdict counts by its confidence.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from localnpm.memory.records import Channel
from localnpm.memory.uses import CHANNELS, STARTING, STRENGTH, Statistics, Tallies, Tally

RETIRE_USES = 3
RETIRE_BELOW = 0.5
RETIRE_SURE = 0.9
"""A procedure is retired when it is this sure that doing without it is better."""

_FLAT = 1.0
_BASE_STRENGTH = 4.0
_GRID = (np.arange(512) + 0.5) / 512
_LOGS, _LOGS1 = np.log(_GRID), np.log1p(-_GRID)


@dataclass(frozen=True)
class Beta:
    """A Beta distribution over a rate of success."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        """The expected rate."""
        return self.a / (self.a + self.b)

    @classmethod
    def of(cls, tally: Tally, prior: float, strength: float) -> "Beta":
        """The posterior for a prior mean that counts as `strength` judged uses."""
        return cls(strength * prior + tally.won, strength * (1 - prior) + tally.weight - tally.won)


def starting(overall: Tallies, channel: Channel) -> float:
    """The success expected of a channel for a procedure of which nothing is known."""
    return Beta.of(overall[channel], STARTING[channel], STRENGTH).mean


def posterior(statistics: Statistics, channel: Channel) -> Beta:
    """What is believed of a channel for one procedure or version."""
    return Beta.of(statistics.by_channel[channel], starting(statistics.overall, channel), STRENGTH)


def best_of(beliefs: Mapping[Channel, Beta]) -> dict[Channel, float]:
    """The probability of each channel that its rate is the highest, by quadrature; they sum to 1."""
    masses = {channel: _mass(belief) for channel, belief in beliefs.items()}
    below = {channel: np.cumsum(mass) - mass / 2 for channel, mass in masses.items()}
    shares = {
        channel: float(np.sum(mass * np.prod([below[other] for other in masses if other != channel], axis=0)))
        for channel, mass in masses.items()
    }
    whole = sum(shares.values())
    return {channel: share / whole for channel, share in shares.items()}


def to_retire(statistics: Statistics) -> bool:
    """Whether a procedure does harm: used often enough, wins less than half, and surely less than doing without.

    A rate alone would retire, at their third use, a quarter of the procedures that succeed four times in five, where a
    fifth of all verdicts are wrong.
    """
    used = statistics.used
    if used.uses < RETIRE_USES or used.won >= RETIRE_BELOW * used.weight:
        return False
    base = Beta.of(statistics.by_channel["none"], starting(statistics.overall, "none"), _BASE_STRENGTH)
    if used.won / used.weight >= base.mean:
        return False
    worse = best_of({"none": base, "script": Beta(_FLAT + used.won, _FLAT + used.weight - used.won)})["none"]
    return worse >= RETIRE_SURE


def beliefs(statistics: Statistics, available: frozenset[Channel]) -> dict[Channel, Beta]:
    """What is believed of each available channel, in the order of `CHANNELS`."""
    return {channel: posterior(statistics, channel) for channel in CHANNELS if channel in available}


def _mass(belief: Beta) -> NDArray[np.float64]:
    """The distribution on a grid over (0, 1)."""
    logs = (belief.a - 1) * _LOGS + (belief.b - 1) * _LOGS1
    mass: NDArray[np.float64] = np.exp(logs - logs.max())
    mass /= mass.sum()
    return mass
