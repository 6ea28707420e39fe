"""Which kind of task each judged attempt is of, which new kinds there are, which are one, and which one is two.

Not covered: how alike requests are (memory/kinds.py), what else tells kinds apart (kinship.py), what becomes of a kind
(policies.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from localnpm.distill.judged import Entry
from localnpm.distill.kinship import Kinship
from localnpm.errors import NotFoundError
from localnpm.memory import kinds
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.embedding import Float32Array
from localnpm.memory.embedding_store import vectors_of
from localnpm.memory.procedures import Procedures
from localnpm.memory.recall import Recall
from localnpm.memory.records import Trajectory
from localnpm.memory.uses import all_statistics

MOST_UNSORTED = 2000
"""Attempts of no kind that are looked at, the newest; older ones have been passed over many times."""


@dataclass(frozen=True)
class Sorting:
    """Attempts by kind.

    Attributes:
        joins: attempts that are to be members of known procedures, by the procedure's id.
        new: the attempts of each kind that is new, oldest first.
        merges: procedures that are one kind with another, by that one's id.
        splits: of procedures that are two kinds, the attempts that are to leave.
    """

    joins: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    new: tuple[tuple[int, ...], ...] = ()
    merges: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    splits: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


def sort(database: Database, kinship: Kinship, entries: Sequence[Entry], fresh: frozenset[int]) -> Sorting:
    """Sort the attempts that are of no kind yet: to the known kinds, or to new ones that hold a fresh attempt.

    What an attempt is of, its request and its way say; not what happened to be recalled for it. A retry is of its first
    attempt's kind, whatever became of either.

    Raises:
        CancelledError: told to stop.
        ModelError: the model failed.
        MemoryFileError: the memory cannot be read or written.
    """
    try:
        return _sorted(database, kinship, entries, fresh)
    finally:
        # A pass that is stopped has asked for something too.
        kinship.asked.save()


def _sorted(database: Database, kinship: Kinship, entries: Sequence[Entry], fresh: frozenset[int]) -> Sorting:
    recall, log = kinship.recall, AttemptLog(database)
    known = {row["attempt_id"]: row["procedure_id"] for row in database.query("SELECT * FROM members")}
    unsorted = [entry for entry in entries if entry.id not in known][-MOST_UNSORTED:]
    vectors = _vectors(recall, unsorted)
    joins: dict[int, list[int]] = {}
    left: dict[int, Entry] = {}
    for entry in unsorted:
        run = _run(log, entry.id)
        if run is None or entry.id not in vectors:
            continue
        kind = known.get(entry.retry_of) if entry.retry_of is not None else None
        if kind is None and entry.retry_of not in left:
            kind = kinship.of(run, vectors[entry.id])
        if kind is None:
            left[entry.id] = entry
        else:
            known[entry.id] = kind
            joins.setdefault(kind, []).append(entry.id)
    merges = _merges(database, recall)
    return Sorting(
        {kind: tuple(ids) for kind, ids in joins.items()},
        _new(kinship, log, left, vectors, fresh),
        merges,
        _splits(database, recall, {each for into, others in merges.items() for each in (into, *others)}),
    )


def _vectors(recall: Recall, entries: Sequence[Entry]) -> dict[int, Float32Array]:
    """The vectors of requests, which the memory keeps."""
    found, vectors = vectors_of(
        recall.database, recall.embedder, "attempt_id", [entry.id for entry in entries], make=recall.embedder.embed
    )
    return dict(zip(found.tolist(), vectors, strict=True))


def _run(log: AttemptLog, attempt_id: int) -> Trajectory | None:
    """An attempt with its steps, or None where another process has forgotten it meanwhile."""
    try:
        return log.trajectory(attempt_id)
    except NotFoundError:
        return None


def _new(
    kinship: Kinship,
    log: AttemptLog,
    left: Mapping[int, Entry],
    vectors: Mapping[int, Float32Array],
    fresh: frozenset[int],
) -> tuple[tuple[int, ...], ...]:
    """The attempts of each new kind that has a fresh one; others were passed over before, and are not looked at."""
    begun = {_origin(entry, left) for entry in left.values() if entry.id in fresh}
    if not begun:
        return ()
    first = {entry.id: entry.request for entry in left.values() if entry.retry_of not in left}
    alike = kinds.group(kinship.recall, first, vectors)
    groups: list[list[int]] = []
    for each in alike:
        if begun.intersection(each):
            runs = [run for id_ in each if (run := _run(log, id_)) is not None]
            groups += [list(ids) for ids in kinship.parts(runs)]
    for entry in left.values():
        if entry.id not in first:
            for ids in groups:
                if _origin(entry, left) in ids:
                    ids.append(entry.id)
    return tuple(tuple(sorted(ids)) for ids in groups if fresh.intersection(ids))


def _origin(entry: Entry, entries: Mapping[int, Entry]) -> int:
    """The first attempt of a chain of retries, as far as they are among the entries."""
    while entry.retry_of is not None and entry.retry_of in entries:
        entry = entries[entry.retry_of]
    return entry.id


def _merges(database: Database, recall: Recall) -> dict[int, tuple[int, ...]]:
    """Procedures to merge, both in use and learned; what has worked more often takes the other in."""
    pairs = kinds.near_duplicates(recall)
    if not pairs:
        return {}
    everything = all_statistics(database)
    usable = {procedure.id for procedure in Procedures(database).all("active") if procedure.origin == "learned"}
    found: dict[int, tuple[int, ...]] = {}
    for pair in pairs:
        ids = (pair.procedure_id, pair.other_id)
        if usable.issuperset(ids):
            into, other = sorted(ids, key=lambda each: (-everything.of(each).wins, each))
            found[into] = (other,)
    return found


def _splits(database: Database, recall: Recall, merged: set[int]) -> dict[int, tuple[int, ...]]:
    """Procedures to split: the requests that the version in use came from stay, the others leave."""
    procedures = Procedures(database)
    found: dict[int, tuple[int, ...]] = {}
    for wide in kinds.too_wide(recall):
        procedure = procedures.get(wide.procedure_id)
        if wide.procedure_id in merged or procedure.status != "active" or procedure.origin != "learned":
            continue
        sources = {attempt_id for attempt_id, _ in procedure.active.lineage} if procedure.active else set()
        _, leaves = sorted(wide.groups, key=lambda ids: (len(sources.intersection(ids)), len(ids)), reverse=True)
        found[wide.procedure_id] = leaves
    return found
