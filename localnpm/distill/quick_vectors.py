"""A vector on the spot, for one request: from what is cached of its nearest trajectories, without asking the model.

NPM (arXiv 2606.29824) pools the differences of the K nearest trajectories; so do the directions `mean` and
`principal`. For `gradient` what is pooled is the slope of each success at the positions where the model by itself goes
wrong. One vector is made of them; finished vectors are never summed.

Nothing is read at the time of the request, so nothing tells what the vector does there. What guards it: the neighbours
must be of one kind, what they say must agree (each with the others, left out in turn), and the strength is the one that
this memory's calibrated vectors have. Not covered: measuring what is cached (slopes.py), and judging the result, which
only a distilled vector is worth (vectors.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from localnpm.config import LearningSettings
from localnpm.distill import contrast
from localnpm.distill.calibrate import windows
from localnpm.distill.directions import mean_difference, principal_component, rows_at, unit
from localnpm.distill.distilled import Synthesized
from localnpm.distill.slopes import cache_activations, cache_slopes
from localnpm.engine.arrays import Float32Array
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.steering import ControlVector
from localnpm.memory.activation_cache import ActivationCache, AttemptActivations
from localnpm.memory.database import Database
from localnpm.memory.procedures import Procedures
from localnpm.memory.records import Trajectory
from localnpm.memory.vector_store import VectorStore

__all__ = ["cache_activations", "cache_slopes", "synthesize"]

CAUTIOUS = 0.1
"""The coefficient where this memory has no calibrated vector of the model yet: the weakest that is calibrated with."""
ONE_KIND = 2 / 3
"""Share of the neighbours, weighed by similarity, that must be of one kind."""
FEWEST = 2
"""Trajectories, or pairs that share none, from which on they can agree."""

Near = tuple[Trajectory, bool, float]
"""A trajectory, whether it succeeded, and its similarity to the request, which weighs it."""


@dataclass(frozen=True, eq=False)
class _Share:
    """What one trajectory, or a pair, says of the direction: rows [n_layer - 1, n_embd], weighted."""

    attempts: frozenset[int]
    weight: float
    rows: Float32Array


def synthesize(
    chat: LlamaChat, nearest: Sequence[Near], settings: LearningSettings, *, database: Database
) -> Synthesized | None:
    """One vector for a new request from its nearest trajectories, as far as they are cached.

    Args:
        nearest: with their outcomes and similarities.
        database: where activations and slopes are cached, kinds known and calibrated vectors kept.

    Returns:
        None where the model cannot be steered, too little is cached, or the neighbours are of several kinds or
        disagree.
    """
    if not chat.model.steerable().works:
        return None
    kept = _of_one_kind(Procedures(database), [one for one in nearest if contrast.usable(one[0])])
    cache = ActivationCache(database, chat.fingerprint, capacity_mb=settings.activations_mb)
    if settings.direction == "gradient":
        shares, lengths = _slope_shares(cache, kept)
    else:
        shares, lengths = _difference_shares(cache, kept)
    layers = windows(chat.model.info.n_layer)[0]
    if len(shares) < FEWEST or _agreement(shares, layers) < 2 / float(np.sqrt(chat.model.info.n_embd)):
        return None
    take = principal_component if settings.direction == "principal" else mean_difference
    direction = take(np.stack([share.rows for share in shares]), [share.weight for share in shares])
    norms: Float32Array = np.median(lengths, axis=0).astype(np.float32)
    coefficient = _strength(database, chat.fingerprint)
    vector = ControlVector("synthesized", rows_at(direction, norms, coefficient, layers))
    return Synthesized(vector, coefficient, len(shares))


def _of_one_kind(procedures: Procedures, nearest: Sequence[Near]) -> list[Near]:
    """The neighbours of the kind that most of them are of; none where several kinds are as near."""
    kinds = [procedures.procedure_of(trajectory.attempt.id) for trajectory, _, _ in nearest]
    weights: dict[int | None, float] = {}
    for kind, (_, _, near) in zip(kinds, nearest, strict=True):
        weights[kind] = weights.get(kind, 0.0) + max(near, 0.0)
    leading = max(weights, key=lambda kind: weights[kind], default=None)
    if not weights or weights[leading] < ONE_KIND * sum(weights.values()):
        return []
    return [one for kind, one in zip(kinds, nearest, strict=True) if kind == leading]


def _strength(database: Database, fingerprint: str) -> float:
    """The median coefficient of this memory's calibrated vectors of the model."""
    known = [abs(one.coefficient) for one in VectorStore(database).all(fingerprint, "active") if one.procedure_id]
    return float(np.median(known)) if known else CAUTIOUS


def _slope_shares(cache: ActivationCache, nearest: Sequence[Near]) -> tuple[list[_Share], list[Float32Array]]:
    """The cached slope of each success, the same in all layers, and the norms beside it."""
    shares, lengths = [], []
    for trajectory, success, near in nearest:
        known = cache.slope(trajectory.attempt.id) if success else None
        if known is not None and known[0].any():
            slope, norms = known
            rows = np.tile(unit(slope), (len(norms), 1))
            shares.append(_Share(frozenset((trajectory.attempt.id,)), max(near, 1e-3), rows))
            lengths.append(norms)
    return shares, lengths


def _difference_shares(cache: ActivationCache, nearest: Sequence[Near]) -> tuple[list[_Share], list[Float32Array]]:
    """NPM's pairs from cached activations: within failures, or each success against each failure."""
    rows = {one.attempt.id: found for one, _, _ in nearest if (found := cache.get(one.attempt.id)) is not None}
    lengths = [np.linalg.norm(found.last, axis=1) for found in rows.values()]
    known = [one for one in nearest if one[0].attempt.id in rows]
    if contrast.prefers_intra([one for one, success, _ in known if success], [one for one, _, _ in known]):
        inner = _within_failures(known, rows)
        if inner:
            return inner, lengths
    pairs = []
    for success, good, near in known:
        for failure, bad, other in known:
            if good and not bad:
                ids = (success.attempt.id, failure.attempt.id)
                weight = max(near, 1e-3) * max(other, 1e-3)
                pairs.append(_Share(frozenset(ids), weight, rows[ids[0]].last - rows[ids[1]].last))
    return pairs, lengths


def _within_failures(nearest: Sequence[Near], rows: Mapping[int, AttemptActivations]) -> list[_Share]:
    """Sound turns of each failure against its degenerate ones."""
    found = []
    for trajectory, success, near in nearest:
        turns, bad = rows[trajectory.attempt.id].turns, set(contrast.degenerate_turns(trajectory))
        sound = [row for turn, row in turns.items() if turn not in bad]
        broken = [row for turn, row in turns.items() if turn in bad]
        if not success and sound and broken:
            difference = np.mean(sound, axis=0) - np.mean(broken, axis=0)
            found.append(_Share(frozenset((trajectory.attempt.id,)), max(near, 1e-3), difference))
    return found


def _agreement(shares: Sequence[_Share], layers: tuple[int, int]) -> float:
    """Mean cosine of each share and the weighted sum of those that have no attempt in common with it.

    0 where there are none: what rests on one attempt agrees with nobody.
    """
    cosines = []
    for share in shares:
        others = [other.weight * other.rows for other in shares if not other.attempts & share.attempts]
        if others:
            both = unit(share.rows) * unit(np.sum(others, axis=0, dtype=np.float32))
            cosines.append(float(both.sum(axis=1)[layers[0] - 1 : layers[1]].mean()))
    return float(np.mean(cosines)) if cosines else 0.0
