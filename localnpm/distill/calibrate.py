"""How strongly, and in which layers: the coefficient within a bound on KL, by what it does to held-out successes.

Over held-out runs, teacher-forced as generation steers (each turn on an unsteered prompt): the 95th percentile of the
per-token KL(steered || unsteered) must stay within the bound, and among the coefficients and layer ranges that do, the
one is taken under which most turns of the successes would be generated as they are, and of several the one with the
greatest gain in the log-probability of their tokens. A margin between two turns alone grows with any force that breaks
the failure more than the success, and would always ask for the strongest vector.

Not covered: whether the vector may be used (gate.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from localnpm.distill.contrast import log_softmax
from localnpm.distill.directions import rows_at, steering_of
from localnpm.distill.replay import Replay
from localnpm.engine.arrays import Float32Array
from localnpm.engine.model import Model
from localnpm.engine.steering import Steering

COEFFICIENTS = (0.1, 0.2, 0.3)
USUAL = 0.2
PROBE_TOKENS = 96
"""Of each turn so many tokens are looked at, from its first."""
BISECTIONS = 4


@dataclass(frozen=True)
class Effect:
    """What a steering does to runs.

    Attributes:
        gain: nats by which it raises the log-probability of a run's generated tokens, mean over runs.
        kl: 95th percentile of KL(steered || unsteered) over generated tokens, in nats.
        turns, plain_turns: share of turns that would be generated greedily as they are, with and without it.
    """

    gain: float
    kl: float
    turns: float = 0.0
    plain_turns: float = 0.0

    @property
    def merit(self) -> tuple[bool, float, float]:
        """What strengths are compared by: that they do no harm, turns done right, then how likely."""
        return self.gain >= 0, self.turns, self.gain


@dataclass(frozen=True)
class Strength:
    """A calibrated choice and what was seen of it."""

    coefficient: float
    layers: tuple[int, int]
    effect: Effect


def windows(n_layer: int) -> tuple[tuple[int, int], ...]:
    """Layer ranges over 30 to 80% of the depth: the whole, and its two halves where it has that many."""
    first = max(1, round(0.3 * (n_layer - 1)))
    last = max(first, min(n_layer - 1, round(0.8 * (n_layer - 1))))
    middle = (first + last) // 2
    whole = (first, last)
    return (whole,) if last - first < 2 else (whole, (first, middle), (middle, last))


def candidates(ranges: Sequence[tuple[int, int]]) -> list[tuple[float, tuple[int, int]]]:
    """The strengths that are compared: some coefficients in the first range, the usual one in the others."""
    return [(c, ranges[0]) for c in COEFFICIENTS] + [(USUAL, layers) for layers in ranges[1:]]


def best(
    strengths: Sequence[tuple[float, tuple[int, int]]], seen: Sequence[Sequence[Effect]], bound: float
) -> tuple[float, tuple[int, int]]:
    """The strength with the greatest mean merit within the bound; the first one, the weakest, if none is within it.

    Args:
        seen: for each part of the runs, the effect of each strength.
        bound: nats.
    """
    means = [mean_effect([row[index] for row in seen]) for index in range(len(strengths))]
    within = [index for index, effect in enumerate(means) if effect.kl <= bound]
    return strengths[max(within, key=lambda index: means[index].merit, default=0)]


def mean_effect(seen: Sequence[Effect]) -> Effect:
    """Mean of each of the figures."""
    return Effect(*(float(value) for value in np.mean([astuple(effect) for effect in seen], axis=0)))


def effects(model: Model, runs: Sequence[Replay], steerings: Sequence[Steering]) -> list[Effect]:
    """Each steering's effect on the runs. Prompts are read once, whatever the number of steerings."""
    gains = np.zeros(len(steerings))
    kls: list[list[float]] = [[] for _ in steerings]
    turns = np.zeros(len(steerings))
    plain_turns = 0
    for run in runs:
        for first, end in run.spans:
            end = min(end, first + PROBE_TOKENS)
            positions = range(first - 1, end - 1)
            at, targets = np.arange(end - first), list(run.tokens[first:end])
            plain = log_softmax(model.logits(run.tokens[: end - 1], positions))
            plain_turns += bool((plain.argmax(axis=1) == targets).all())
            for index, steering in enumerate(steerings):
                steered = log_softmax(model.logits(run.tokens[: end - 1], positions, steering=steering))
                gains[index] += float((steered - plain)[at, targets].sum())
                turns[index] += bool((steered.argmax(axis=1) == targets).all())
                kls[index] += [float(kl) for kl in (np.exp(steered) * (steered - plain)).sum(axis=1)]
    count, every = max(1, len(runs)), max(1, sum(len(run.spans) for run in runs))
    return [
        Effect(
            float(gains[index]) / count,
            float(np.percentile(kls[index], 95)) if kls[index] else 0.0,
            float(turns[index]) / every,
            plain_turns / every,
        )
        for index in range(len(steerings))
    ]


def calibrate(
    model: Model,
    directions: Float32Array,
    norms: Float32Array,
    runs: Sequence[Replay],
    *,
    bound: float,
    ranges: Sequence[tuple[int, int]],
) -> Strength:
    """The best of some coefficients in the first of `ranges`, and of the other ranges at the usual coefficient.

    Args:
        directions: float32 [n_layer - 1, n_embd], of any length.
        norms: float32 [n_layer - 1].
        runs: held-out successes.
        bound: nats.
    """

    def tried(strengths: Sequence[tuple[float, tuple[int, int]]]) -> list[Strength]:
        steerings = [steering_of(rows_at(directions, norms, c, layers)) for c, layers in strengths]
        found = effects(model, runs, steerings)
        return [Strength(c, layers, effect) for (c, layers), effect in zip(strengths, found, strict=True)]

    within = [one for one in tried(candidates(ranges)) if one.effect.kl <= bound]
    if not within:
        return bisect(lambda c: tried([(c, ranges[0])])[0], COEFFICIENTS[0], bound)
    return max(within, key=lambda one: one.effect.merit)


def bisect(at: Callable[[float], Strength], too_strong: float, bound: float) -> Strength:
    """The strongest coefficient below one that is known to be too strong, within some steps of halving the interval."""
    low, high = 0.0, too_strong
    best: Strength | None = None
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        found = at(middle)
        if found.effect.kl <= bound:
            low, best = middle, found
        else:
            high = middle
    return best or at(high / 4)
