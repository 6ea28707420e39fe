"""Kinds of task: which new ones there are, which two are one, and which one is two.

The similarity and the threshold are recall's, so that what is grouped together is also found together. Not covered:
which known kind an attempt is of, and what becomes of kinds that are to be merged or split (distill).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from localnpm.memory.embedding import Float32Array
from localnpm.memory.recall import Recall
from localnpm.memory.recall_keys import MEAN_SHARE, RecallKeys

LEAST_KEYS = 3
"""Keys that a kind needs before it is judged by how alike they are."""
COHESION = 0.92
"""Two kinds are one when they are at least so alike, as a share of how alike the requests within them are."""
MOST_KINDS = 2000
"""Kinds that are compared with each other, the newest."""
ROUNDS = 10


@dataclass(frozen=True)
class Alike:
    """Two procedures that are of one kind, the older first, and how similar their requests are."""

    procedure_id: int
    other_id: int
    similarity: float


@dataclass(frozen=True)
class Wide:
    """A procedure whose requests are too different, and the two groups that they fall into.

    Attributes:
        similarity: mean similarity of its requests with each other.
        groups: the attempts of each; keys that are of no attempt are left out.
    """

    procedure_id: int
    similarity: float
    groups: tuple[tuple[int, ...], tuple[int, ...]]


def group(
    recall: Recall, requests: Mapping[int, str], vectors: Mapping[int, Float32Array] | None = None
) -> tuple[tuple[int, ...], ...]:
    """Requests of no known kind as new kinds: the ids of each, in the order in which they are given.

    Args:
        recall: whose similarity and threshold count.
        requests: texts by id.
        vectors: of the requests by id, float32 [dimensions], unit norm; made here when left out.
    """
    if not requests:
        return ()
    least = recall.calibrate("query")
    ids = list(requests)
    if vectors is None:
        rows = recall.embedder.embed(list(requests.values()))
    else:
        rows = np.stack([vectors[each] for each in ids])
    groups: list[list[int]] = []
    of = np.empty(len(ids), np.int64)
    sums = np.zeros_like(rows)
    for row, vector in enumerate(rows):
        # As `_with_group` has it, of all groups at once.
        nearest = np.full(len(groups), -1, np.float32)
        np.maximum.at(nearest, of[:row], rows[:row] @ vector)
        norms = np.linalg.norm(sums[: len(groups)], axis=1)
        common = (sums[: len(groups)] @ vector) / np.where(norms > 0, norms, 1)
        alike = (1 - MEAN_SHARE) * nearest + MEAN_SHARE * common
        best = int(np.argmax(alike)) if len(groups) else -1
        if best < 0 or alike[best] < least:
            best = len(groups)
            groups.append([])
        groups[best].append(row)
        of[row] = best
        sums[best] += vector
    return tuple(tuple(ids[row] for row in members) for members in groups)


def near_duplicates(recall: Recall) -> tuple[Alike, ...]:
    """Pairs of procedures of one kind, the most alike first; a procedure is in one pair only."""
    keys = recall.keys("query", "all")
    least = recall.calibrate("query")
    kinds = sorted(keys.members)[-MOST_KINDS:]
    if len(kinds) < 2:
        return ()
    means = np.array([_unit(_vectors(keys, kind).sum(0)) for kind in kinds])
    cosines = means @ means.T
    found = []
    for one, other in zip(*np.nonzero(np.triu(cosines >= least, 1)), strict=True):
        pair = _vectors(keys, kinds[one]), _vectors(keys, kinds[other])
        if min(len(vectors) for vectors in pair) < LEAST_KEYS:
            continue
        across = min(_across(*pair), _across(*reversed(pair)))
        if across >= COHESION * min(cohesion(pair[0]), cohesion(pair[1])):
            found.append(Alike(kinds[one], kinds[other], across))
    chosen: list[Alike] = []
    for pair_found in sorted(found, key=lambda alike: -alike.similarity):
        taken = {each for alike in chosen for each in (alike.procedure_id, alike.other_id)}
        if not taken & {pair_found.procedure_id, pair_found.other_id}:
            chosen.append(pair_found)
    return tuple(chosen)


def too_wide(recall: Recall) -> tuple[Wide, ...]:
    """Procedures whose requests are on average less alike than what is recalled, each in two groups."""
    keys = recall.keys("query", "all")
    least = recall.calibrate("query")
    found = []
    for kind, rows in keys.members.items():
        vectors = keys.index.vectors[rows]
        if len(rows) < 2 * LEAST_KEYS or (alike := cohesion(vectors)) >= least:
            continue
        side = _two_groups(vectors)
        groups = tuple(
            tuple(attempt for row in rows[side == which] if (attempt := keys.attempts[row]) is not None)
            for which in (False, True)
        )
        if all(groups):
            found.append(Wide(kind, alike, (groups[0], groups[1])))
    return tuple(found)


def cohesion(vectors: Float32Array) -> float:
    """The mean similarity of each of at least two vectors with the others: float32 [rows, dimensions], unit norm."""
    rest = [np.delete(vectors, row, axis=0) for row in range(len(vectors))]
    return float(np.mean([_with_group(vector, others) for vector, others in zip(vectors, rest, strict=True)]))


def _across(vectors: Float32Array, others: Float32Array) -> float:
    """The mean similarity of the vectors with another kind."""
    return float(np.mean([_with_group(vector, others) for vector in vectors]))


def _with_group(vector: Float32Array, others: Float32Array) -> float:
    """As recall has it: the mean of the cosines with the nearest and with what all have in common."""
    nearest, common = float((others @ vector).max()), float(_unit(others.sum(0)) @ vector)
    return (1 - MEAN_SHARE) * nearest + MEAN_SHARE * common


def _vectors(keys: RecallKeys, procedure_id: int) -> Float32Array:
    return keys.index.vectors[keys.members[procedure_id]]


def _unit(vector: Float32Array) -> Float32Array:
    norm = float(np.linalg.norm(vector))
    return vector / norm if norm else vector


def _two_groups(vectors: Float32Array) -> NDArray[np.bool_]:
    """Two means on the sphere, begun with the two vectors that are least alike."""
    one, other = np.unravel_index(int((vectors @ vectors.T).argmin()), (len(vectors), len(vectors)))
    centres: Sequence[Float32Array] = (vectors[one], vectors[other])
    side = np.zeros(len(vectors), np.bool_)
    for _ in range(ROUNDS):
        side = vectors @ centres[1] > vectors @ centres[0]
        if side.all() or not side.any():
            break
        centres = (_unit(vectors[~side].sum(0)), _unit(vectors[side].sum(0)))
    return side
