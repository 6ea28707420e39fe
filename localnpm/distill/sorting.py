"""Which kind of task each judged attempt is of, and which new kinds there are.

Compared are whole requests, with the similarity and the threshold by which they are recalled, so that what is learned
together is also found together. Not covered: what becomes of a kind (policies.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from localnpm.config import MemorySettings
from localnpm.distill.judged import Entry
from localnpm.memory.database import Database
from localnpm.memory.embedding import Embedder, Float32Array
from localnpm.memory.embedding_store import vectors_of
from localnpm.memory.recall import Recall
from localnpm.memory.recall_keys import MEAN_SHARE

MOST_UNSORTED = 2000
"""Attempts of no kind that are looked at, the newest; older ones have been passed over many times."""


@dataclass(frozen=True)
class Sorting:
    """Attempts by kind.

    Attributes:
        joins: attempts that are to be members of known procedures, by the procedure's id.
        new: the attempts of each kind that is new, oldest first.
        merges: procedures that are one kind with another, by that one's id.
    """

    joins: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    new: tuple[tuple[int, ...], ...] = ()
    merges: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


def sort(
    database: Database, embedder: Embedder, settings: MemorySettings, entries: Sequence[Entry], fresh: frozenset[int]
) -> Sorting:
    """Sort the attempts that are of no kind yet: to the known kinds, or to new ones that hold a fresh attempt.

    A retry is of its first attempt's kind, whatever became of either.
    """
    kinds = {row["attempt_id"]: row["procedure_id"] for row in database.query("SELECT * FROM members")}
    unsorted = [entry for entry in entries if entry.id not in kinds][-MOST_UNSORTED:]
    recall = Recall(database, embedder, settings)
    least, keys = recall.calibrate("query"), recall.keys("query", "all")
    requests, vectors = vectors_of(
        database, embedder, "attempt_id", [entry.id for entry in unsorted], make=embedder.embed
    )
    vector_of = dict(zip(requests.tolist(), vectors, strict=True))
    groups: list[list[int]] = []
    group_of: dict[int, int] = {}
    joins: dict[int, list[int]] = {}
    for entry in unsorted:
        if entry.id not in vector_of:
            continue
        kind = kinds.get(entry.retry_of) if entry.retry_of is not None else None
        if kind is None and len(keys):
            nearest = keys.nearest(entry.request, vector_of[entry.id])[0]
            kind = nearest.procedure_id if nearest.similarity >= least else None
        if kind is not None:
            kinds[entry.id] = kind
            joins.setdefault(kind, []).append(entry.id)
            continue
        group = group_of.get(entry.retry_of) if entry.retry_of is not None else None
        if group is None:
            group = _nearest(vector_of[entry.id], [[vector_of[other] for other in ids] for ids in groups], least)
        if group is None:
            group = len(groups)
            groups.append([])
        groups[group].append(entry.id)
        group_of[entry.id] = group
    return Sorting(
        {kind: tuple(ids) for kind, ids in joins.items()},
        tuple(tuple(ids) for ids in groups if fresh.intersection(ids)),
    )


def _nearest(vector: Float32Array, groups: Sequence[Sequence[Float32Array]], least: float) -> int | None:
    """The group whose requests are most like this one, if they are at all."""
    if not groups:
        return None
    likeness = [_likeness(vector, np.array(group)) for group in groups]
    best = int(np.argmax(likeness))
    return best if likeness[best] >= least else None


def _likeness(vector: Float32Array, group: Float32Array) -> float:
    """As recall has it: the mean of the cosines with the nearest request and with what the requests have in common."""
    mean = group.mean(axis=0)
    return float(
        (1 - MEAN_SHARE) * (group @ vector).max() + MEAN_SHARE * (mean @ vector) / (float(np.linalg.norm(mean)) or 1.0)
    )
