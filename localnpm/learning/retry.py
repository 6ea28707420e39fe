"""What a reason teaches at once: a script made from the failed attempt and the user's words, proved by trying again.

The script waits as a candidate while the retry runs. A retry that is judged a success, or that is still in place at the
next request or at the session's end, puts it to use; one that fails leaves it where it is, never recalled. Where the
attempt's kind has a procedure already, the script is a version beside the one in use.
Not covered: carrying the retry out (learner.py), asking the model for the script (distill/reasons.py), what tells kinds
apart (distill/kinship.py).
"""

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localnpm.agent.events import Learned
from localnpm.distill.compact import way
from localnpm.errors import NotFoundError
from localnpm.learning.remains import remains_of
from localnpm.memory import verdicts
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Draft, Version, overwritten
from localnpm.memory.procedure_rows import REPLACED
from localnpm.memory.procedures import Procedures
from localnpm.memory.process import alive, current
from localnpm.memory.records import Attempt, Trajectory

if TYPE_CHECKING:
    from localnpm.distill.kinship import Kinship

LEFT_IN_PLACE = 0.5
"""Confidence in the success of a retry that the user asked for and left as it is."""

_REASONED = ("user", "correction", "declined")
_TRIED = """
    SELECT attempts.*, uses.version_id, uses.procedure_id, procedure_versions.status AS version_status,
           procedures.status AS procedure_status
    FROM attempts JOIN uses ON uses.attempt_id = attempts.id
    JOIN procedure_versions ON procedure_versions.id = uses.version_id
    JOIN procedures ON procedures.id = uses.procedure_id
    WHERE attempts.retry_of IS NOT NULL AND NOT attempts.practice AND attempts.status != 'running'
    AND procedure_versions.source = 'reason' AND procedure_versions.status IN ('active', 'candidate')
    AND procedures.status IN ('active', 'candidate')
    ORDER BY attempts.id
"""
_OTHER_WINS = """
    SELECT 1 FROM uses JOIN outcomes ON outcomes.attempt_id = uses.attempt_id
    WHERE uses.version_id = ? AND uses.channel != 'none' AND outcomes.success AND uses.attempt_id != ?
"""


@dataclass(frozen=True)
class Complaint:
    """A failed attempt and what the user said of it."""

    trajectory: Trajectory
    reason: str

    @property
    def attempt(self) -> Attempt:
        """The failed attempt."""
        return self.trajectory.attempt


def complaint(log: AttemptLog, attempt_id: int) -> Complaint:
    """What there is to learn from in an attempt's verdicts.

    Raises:
        NotFoundError: no such attempt, or it is not judged a failure with a reason in words.
    """
    trajectory = log.trajectory(attempt_id)
    entries = verdicts.ledger(log.database, attempt_id)
    outcome = log.outcome(attempt_id)
    reasons = [entry.reason for entry in entries if not entry.success and entry.reason and entry.source in _REASONED]
    if outcome is None or outcome.success or not reasons:
        raise NotFoundError(
            f"Attempt {attempt_id} is not judged bad for a reason, and the reason is what trying again learns from. "
            f'Say it: localnpm retry {attempt_id} --reason "..."'
        )
    return Complaint(trajectory, reasons[-1])


def known_kind(
    database: Database, attempt_id: int, kinship: "Kinship | None" = None
) -> tuple[int, Version | None] | None:
    """The procedure of the kind that an attempt is of, and the version to go on from; None: of no known kind.

    What was recalled for it is of its kind only where its request and what it did say so. A retry is of the kind of
    what was made for it, and goes on from that.

    Args:
        database: the log.
        attempt_id: the attempt.
        kinship: tells kinds apart; without it the attempt is taken for what it is filed under, or for what was recalled
            where its way agrees.

    Raises:
        NotFoundError: no attempt has that id.
        ModelError: the model failed.
    """
    from localnpm.distill.kinship import same_way

    procedures, run = Procedures(database), AttemptLog(database).trajectory(attempt_id)
    rows = database.query(
        "SELECT procedure_id, version_id FROM uses WHERE attempt_id = ? ORDER BY channel = 'none', place", (attempt_id,)
    )
    used = {row["procedure_id"]: procedures.version(row["version_id"]) for row in rows if row["version_id"] is not None}
    if run.attempt.retry_of is not None and used:
        return next(iter(used.items()))
    found = procedures.procedure_of(attempt_id)
    if found is None and kinship is not None:
        found = kinship.of(run)
    if found is None and kinship is None:
        found = next((each for each, version in used.items() if same_way(version.way, way(run))), None)
    if found is None:
        return None
    base = used.get(found) or procedures.get(found).active
    return found, base if base is None or kinship is None or kinship.fits(base, run) else None


def store(database: Database, told: Complaint, draft: Draft, procedure_id: int | None) -> Version:
    """Keep the script as a candidate: of a new procedure that is not recalled yet, or beside the version in use."""
    procedures = Procedures(database)
    why = f"made from what was said of attempt {told.attempt.id}; not proved yet"
    if procedure_id is not None:
        return procedures.add_version(procedure_id, draft, status="candidate", status_reason=why)
    title = draft.script.split("\n", 1)[0]
    with database.transaction():
        made = procedures.add(
            title,
            [(told.attempt.request, told.attempt.id)],
            draft,
            status="candidate",
            status_reason=why,
            version_status="candidate",
        )
    return procedures.versions(made.id)[-1]


def withdraw(database: Database, version: Version, failed_id: int, retry_id: int) -> None:
    """Keep nothing of a reason given to somebody who refused and, told more, has refused again.

    Without a call on either side there is nothing that the script could have come from, or that could prove it.
    """
    log = AttemptLog(database)
    if any(step.tool for attempt_id in (failed_id, retry_id) for step in log.steps(attempt_id)):
        return
    procedures = Procedures(database)
    left = procedures.versions(version.procedure_id)
    if [each.id for each in left] == [version.id]:
        procedures.forget(version.procedure_id)
    elif any(each.id == version.id for each in left):
        procedures.retire(version.id, f"attempts {failed_id} and {retry_id} did nothing")


def settle(database: Database, session_id: int | None = None, *, weak_evidence: bool = True) -> tuple[Learned, ...]:
    """Put to use what retries have proved, and take out of use what a later verdict has disproved.

    Looks at retries that are judged, and at those left in place: of this session (None: of all in this process), and of
    programs that have ended. `weak_evidence` False leaves the latter to the user's verdict.
    """
    learned: list[Learned] = []
    for row in database.query(_TRIED):
        # What another process forgets meanwhile needs no settling any more.
        with suppress(NotFoundError):
            learned += _settled(database, row, session_id, weak_evidence)
    return tuple(learned)


def _settled(database: Database, row: sqlite3.Row, session_id: int | None, weak_evidence: bool) -> list[Learned]:
    outcome = verdicts.outcome(database, row["id"])
    if outcome is not None:
        return _proved(database, row) if outcome.success else _disproved(database, row)
    over = row["session_id"] == session_id if session_id is not None else _own(database, row)
    over = over or _owner_is_gone(database, row)
    in_place = row["status"] == "done" and row["undone_at"] is None and not row["surroundings"]
    if not (weak_evidence and over and in_place):
        return []
    if not _did_otherwise(database, row) or remains_of(database, _trajectory(database, row)).corrected:
        return []
    verdicts.add_verdict(
        database, row["id"], "kept", True, confidence=LEFT_IN_PLACE, reason="the retry was left in place"
    )
    return _proved(database, row)


def _proved(database: Database, row: sqlite3.Row) -> list[Learned]:
    """The retry worked: its script is used from now on."""
    procedures = Procedures(database)
    version = procedures.version(row["version_id"])
    if version.status == "active" and row["procedure_status"] == "active":
        return []
    name = procedures.get(row["procedure_id"]).name
    title = version.script.split("\n", 1)[0]
    if version.doubtful or overwritten(version, procedures.versions(version.procedure_id)):
        return []
    attempts = [row["id"], row["retry_of"]]
    with database.transaction():
        if version.status != "active":
            procedures.activate(version.id)
        procedures.set_status(row["procedure_id"], "active", "")
        log = AttemptLog(database)
        for attempt_id in attempts:
            procedures.add_member(
                attempt_id, row["procedure_id"], tuple(step.tool for step in log.steps(attempt_id) if step.tool)
            )
        if row["request"] not in procedures.keys(row["procedure_id"]):
            procedures.add_key(row["procedure_id"], row["request"], row["id"])
    return [Learned(f"Learned: {title} ({name})", row["procedure_id"], version.id)]


def _disproved(database: Database, row: sqlite3.Row) -> list[Learned]:
    """The retry failed: its script is not recalled, or no longer where nothing else speaks for it."""
    if row["version_status"] != "active" or row["procedure_status"] != "active":
        return []
    if database.query(_OTHER_WINS, (row["version_id"], row["id"])):
        return []
    procedures = Procedures(database)
    version = procedures.version(row["version_id"])
    name = procedures.get(row["procedure_id"]).name
    before = _before(procedures, version)
    if before is not None:
        procedures.activate(before.id)
        text = f"Taken back: {name} is as it was before attempt {row['id']}"
    else:
        procedures.set_status(row["procedure_id"], "candidate", f"attempt {row['id']}, which tried it, failed")
        text = f"Not used any more: {name}, since attempt {row['id']} failed with it"
    return [Learned(text, row["procedure_id"], version.id)]


def _before(procedures: Procedures, version: Version) -> Version | None:
    """The nearest version that this one comes from that was in use; what only waited has proved nothing."""
    known = {each.id: each for each in procedures.versions(version.procedure_id)}
    parent = known.get(version.parent_id or 0)
    while parent is not None:
        if parent.status == "retired" and parent.status_reason == REPLACED and (parent.script or parent.example):
            return parent
        parent = known.get(parent.parent_id or 0)
    return None


def _trajectory(database: Database, row: sqlite3.Row) -> Trajectory:
    return AttemptLog(database).trajectory(row["id"])


def _did_otherwise(database: Database, row: sqlite3.Row) -> bool:
    """Whether the retry did anything that the failed attempt had not: else its being left alone says nothing."""
    log = AttemptLog(database)
    after, before = _trajectory(database, row), log.trajectory(row["retry_of"])
    calls, earlier = ([(step.tool, step.arguments) for step in each.steps if step.tool] for each in (after, before))
    if log.changed_paths(row["id"]):
        return calls != earlier
    return bool(calls) and (calls, after.answer) != (earlier, before.answer)


def _own(database: Database, row: sqlite3.Row) -> bool:
    return bool(row["process"] == current(database))


def _owner_is_gone(database: Database, row: sqlite3.Row) -> bool:
    """Whether the program in which the retry was made has ended, so that its user has seen what came of it."""
    return database.folder is not None and not alive(database.folder / "run", row["process"])
