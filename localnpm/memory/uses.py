"""The table `uses`: what was recalled in which attempt, by which channel; and how often that went well.

What became of an attempt is what the view `outcomes` says. Retries, practice and what failed for the surroundings are
in no statistic; uses whose channel chance had no part in (`counts` 0) are in the tallies, but not in the uplift.
Elsewhere: the uplift's arithmetic (uplift.py), beliefs made of the tallies (posterior.py).
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from weakref import WeakKeyDictionary

from localnpm.memory.database import Database, storable
from localnpm.memory.procedure_records import Use
from localnpm.memory.records import Channel
from localnpm.memory.uplift import Arm, Uplift, uplift
from localnpm.memory.verdicts import literally

CHANNELS: tuple[Channel, ...] = ("none", "script", "vector", "both")
WITH_MEMORY: tuple[Channel, ...] = ("script", "vector", "both")

STARTING: Mapping[Channel, float] = MappingProxyType({"none": 0.3, "script": 0.7, "vector": 0.4, "both": 0.7})
"""Success of each channel before anything is known, near what the bundled model showed on its evaluation set."""

STRENGTH = 8.0
"""Judged uses that a prior counts as."""

_UTILITY = 0.1

_COLUMNS = (
    "attempt_id, procedure_id, version_id, vector_id, place, similarity, channel, coefficient, probability, counts, "
    "reason"
)
_INSERT = f"""
    INSERT INTO uses({_COLUMNS})
    SELECT :attempt_id, :procedure_id, (SELECT id FROM procedure_versions WHERE id = :version_id),
        (SELECT id FROM vectors WHERE id = :vector_id), :place, :similarity, :channel, :coefficient, :probability,
        :counts, :reason
    WHERE EXISTS (SELECT 1 FROM attempts WHERE id = :attempt_id)
    AND EXISTS (SELECT 1 FROM procedures WHERE id = :procedure_id)
"""
# One pass over everything: a query a procedure would take seconds where this takes tens of milliseconds.
_TALLIES = """
    SELECT procedure_id, version_id, uses.channel AS channel, count(*) AS uses, sum(success) AS wins,
        sum(confidence) AS weight, sum(confidence * success) AS won,
        sum(counts) AS chosen, sum(counts * confidence / probability) AS total,
        sum(counts * confidence * confidence / (probability * probability)) AS squares,
        sum(counts * success * confidence / probability) AS total_won
    FROM uses JOIN outcomes USING (attempt_id) JOIN attempts ON attempts.id = attempt_id
    WHERE practice = 0 AND retry_of IS NULL AND surroundings = 0 {more}
    GROUP BY procedure_id, version_id, uses.channel
"""
# Changes with every use that is recorded, forgotten or given to another procedure, and with every verdict.
_STAMP = """
    SELECT count(*), max(id), total(procedure_id), total(version_id), (SELECT count(*) FROM verdicts),
        (SELECT max(id) FROM verdicts) FROM uses
"""
_known: WeakKeyDictionary[Database, tuple[tuple[object, ...], "AllStatistics"]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Tally:
    """Judged uses by one channel. `weight` and `won` sum the verdicts' confidences: of all, and of the successes."""

    wins: int = 0
    uses: int = 0
    weight: float = 0.0
    won: float = 0.0
    arm: Arm = field(default_factory=Arm)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.wins + other.wins,
            self.uses + other.uses,
            self.weight + other.weight,
            self.won + other.won,
            self.arm + other.arm,
        )


Tallies = Mapping[Channel, Tally]
NOTHING: Tallies = MappingProxyType(dict.fromkeys(CHANNELS, Tally()))


@dataclass(frozen=True)
class Statistics:
    """How a procedure, or one version of it, has done.

    Attributes:
        version_id: the version that was asked for; what was done without memory counts for every version.
        by_channel: its judged uses by each of the four channels.
        overall: those of all procedures, which what is known of one is shrunk to.
        measured: the uplift with its interval, None where there is too little.
    """

    procedure_id: int
    version_id: int | None = None
    by_channel: Tallies = field(default_factory=lambda: NOTHING)
    overall: Tallies = field(default_factory=lambda: NOTHING)
    measured: Uplift | None = None

    @property
    def used(self) -> Tally:
        """All judged uses with memory, by whatever channel."""
        return sum((self.by_channel[channel] for channel in WITH_MEMORY), Tally())

    @property
    def wins(self) -> int:
        """Successes among the judged uses with memory."""
        return self.used.wins

    @property
    def uses(self) -> int:
        """Judged uses with memory."""
        return self.used.uses

    @property
    def without_wins(self) -> int:
        """Successes among the judged tasks from which it was withheld."""
        return self.by_channel["none"].wins

    @property
    def without_uses(self) -> int:
        """Judged tasks from which it was withheld."""
        return self.by_channel["none"].uses

    @property
    def utility(self) -> float:
        """A factor from 0.9 to 1.1 for ranking what recall finds: higher for what went well when it was used."""
        expected = _shrunk(self.overall, STARTING["script"])
        return 1 + _UTILITY * (2 * _shrunk(self.by_channel, expected) - 1)

    @property
    def uplift(self) -> float | None:
        """Success with minus success without, -1 to 1; None: not known yet."""
        return self.measured.value if self.measured else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The uplift's 95% interval."""
        return self.measured.interval if self.measured else None


@dataclass(frozen=True)
class AllStatistics:
    """The statistics of every procedure as they were at one moment."""

    overall: Tallies = field(default_factory=lambda: NOTHING)
    _rows: Mapping[int, tuple[tuple[int | None, Channel, Tally], ...]] = field(default_factory=dict)

    @property
    def procedures(self) -> tuple[int, ...]:
        """The procedures that have a judged use."""
        return tuple(self._rows)

    def of(self, procedure_id: int, version_id: int | None = None) -> Statistics:
        """Those of one procedure, or of one of its versions; of an unknown one, nothing was ever judged."""
        tallies = dict(NOTHING)
        for version, channel, tally in self._rows.get(procedure_id, ()):
            if channel == "none" or version_id is None or version == version_id:
                tallies[channel] += tally
        measured = uplift([tallies[channel].arm for channel in WITH_MEMORY], tallies["none"].arm)
        return Statistics(procedure_id, version_id, tallies, self.overall, measured)


def record(database: Database, uses: Sequence[Use]) -> None:
    """Write what memory had for an attempt, a row for each eligible procedure, also where it was withheld.

    What another process has forgotten meanwhile is left out: the row with the attempt or the procedure, else the
    version or the vector alone.

    Raises:
        ValueError: a probability outside (0, 1].
    """
    for use in uses:
        if not 0 < use.probability <= 1:
            raise ValueError(f"a channel's probability is above 0 and at most 1, not {use.probability}")
    with database.transaction() as connection:
        connection.executemany(
            _INSERT,
            [{**asdict(use), "counts": int(use.counts), "reason": storable(use.reason)} for use in uses],
        )


def of_attempt(database: Database, attempt_id: int) -> tuple[Use, ...]:
    """What memory had for an attempt, the best match first."""
    return _uses(database.query(f"SELECT {_COLUMNS} FROM uses WHERE attempt_id = ? ORDER BY place, id", (attempt_id,)))


def of_procedure(database: Database, procedure_id: int, limit: int = 20) -> tuple[Use, ...]:
    """A procedure's uses, the latest first, at most so many."""
    sql = f"SELECT {_COLUMNS} FROM uses WHERE procedure_id = ? ORDER BY id DESC LIMIT ?"
    return _uses(database.query(sql, (procedure_id, limit)))


def all_statistics(database: Database) -> AllStatistics:
    """The statistics of all procedures, read at once, and again only after a use or a verdict has come or gone."""
    stamp = tuple(database.query(_STAMP)[0])
    known = _known.get(database)
    if known is None or known[0] != stamp:
        known = _known[database] = (stamp, _read(database))
    return known[1]


def statistics(database: Database, procedure_id: int, *, version_id: int | None = None) -> Statistics:
    """How a procedure, or one version of it, has done. For several, read `all_statistics` once."""
    return all_statistics(database).of(procedure_id, version_id)


def utilities(everything: AllStatistics, procedure_ids: Iterable[int]) -> dict[int, float]:
    """`Statistics.utility` of many procedures, those without a judged use among them."""
    unused = Statistics(0, overall=everything.overall).utility
    judged = set(everything.procedures)
    return {chosen: everything.of(chosen).utility if chosen in judged else unused for chosen in procedure_ids}


def some_statistics(database: Database, procedure_ids: Iterable[int]) -> AllStatistics:
    """The statistics of some procedures, sooner read than those of all; `overall` is of these only."""
    ids = literally(procedure_ids)
    attempts = database.query(f"SELECT DISTINCT attempt_id FROM uses WHERE procedure_id IN ({ids})")
    listed = literally(row[0] for row in attempts)
    return _read(database, f"AND procedure_id IN ({ids}) AND outcomes.attempt_id IN ({listed})")


def _read(database: Database, more: str = "") -> AllStatistics:
    rows: dict[int, list[tuple[int | None, Channel, Tally]]] = {}
    overall = dict(NOTHING)
    for row in database.query(_TALLIES.format(more=more)):
        tally = _tally(row)
        rows.setdefault(row["procedure_id"], []).append((row["version_id"], row["channel"], tally))
        overall[row["channel"]] += tally
    return AllStatistics(overall, {procedure_id: tuple(found) for procedure_id, found in rows.items()})


def _shrunk(tallies: Tallies, expected: float) -> float:
    """The rate of success with memory, `expected` counting as `STRENGTH` judged uses."""
    won = sum(tallies[channel].won for channel in WITH_MEMORY)
    return (STRENGTH * expected + won) / (STRENGTH + sum(tallies[channel].weight for channel in WITH_MEMORY))


def _tally(row: sqlite3.Row) -> Tally:
    arm = Arm(row["chosen"], row["total"], row["squares"], row["total_won"])
    return Tally(row["wins"], row["uses"], row["weight"], row["won"], arm)


def _uses(rows: Iterable[sqlite3.Row]) -> tuple[Use, ...]:
    return tuple(Use(**{**dict(row), "counts": bool(row["counts"])}) for row in rows)
