"""Which kind of task each judged attempt is of, which new kinds there are, which are one, and which one is two.

Not covered: how alike requests are (memory/kinds.py), what else tells kinds apart (kinship.py), what becomes of a kind
(policies.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from localnpm.distill.judged import Entry
from localnpm.distill.kinship import Kinship
from localnpm.memory import kinds
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.procedures import Procedures
from localnpm.memory.recall import Recall
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
    recall, log = kinship.recall, AttemptLog(database)
    known = {row["attempt_id"]: row["procedure_id"] for row in database.query("SELECT * FROM members")}
    unsorted = [entry for entry in entries if entry.id not in known][-MOST_UNSORTED:]
    joins: dict[int, list[int]] = {}
    left: dict[int, Entry] = {}
    for entry in unsorted:
        kind = known.get(entry.retry_of) if entry.retry_of is not None else None
        if kind is None and entry.retry_of not in left:
            kind = kinship.of(log.trajectory(entry.id))
        if kind is None:
            left[entry.id] = entry
        else:
            known[entry.id] = kind
            joins.setdefault(kind, []).append(entry.id)
    first = {entry.id: entry.request for entry in left.values() if entry.retry_of not in left}
    alike = kinds.group(recall, first) if first else ()
    groups = [list(ids) for each in alike for ids in kinship.parts([log.trajectory(id_) for id_ in each])]
    for entry in left.values():
        if entry.id not in first:
            next(ids for ids in groups if _origin(entry, left) in ids).append(entry.id)
    merges = _merges(database, recall)
    return Sorting(
        {kind: tuple(ids) for kind, ids in joins.items()},
        tuple(tuple(sorted(ids)) for ids in groups if fresh.intersection(ids)),
        merges,
        _splits(database, recall, {each for into, others in merges.items() for each in (into, *others)}),
    )


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
