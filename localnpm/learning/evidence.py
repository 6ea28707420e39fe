"""Weak evidence: what a user does after an attempt, without judging it, written to the verdict ledger.

`undone` within the session; `declined`, a proposed change was refused; `edited` by hand before the next task; `kept`,
in place after three later attempts; `correction`, the next message plainly corrects the last attempt. Each is written
once; none where the user or a check has judged already, unless it agrees and says more; none of attempts that failed
for the surroundings, were cancelled or reached a limit, and none of practice. The setting learning.weak_evidence turns
all of it off. What an undo for a retry means is the retry's business: it does not call `note_undone`.
Not covered: looking at the files (remains.py), what a correction is (corrections.py).
"""

from datetime import UTC, datetime, timedelta

from localnpm.agent.permissions import NOT_ALLOWED, STOPPED, Decline
from localnpm.agent.tools import RISKS
from localnpm.agent.undo import UndoReport
from localnpm.config import LearningSettings
from localnpm.learning.corrections import plainly_corrects
from localnpm.learning.remains import remains_of
from localnpm.memory import verdicts
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.records import Attempt, read_attempt
from localnpm.memory.sessions import session
from localnpm.memory.verdicts import Source, Verdict

KEPT_AFTER = 3
"""Later attempts in the same folder after which changes still in place count as kept."""

SESSION_HOURS = 12.0
"""An undo from outside the conversation belongs to its session as long as that was in use so recently."""

REASON_CHARACTERS = 2000

_DECLINED = "the user declined: "
_SURE: tuple[Source, ...] = ("user", "check", "environment")
_SAYING: tuple[Source, ...] = ("declined", "edited", "correction")
"""Evidence that may say more than the verdict that it agrees with."""


def before_request(
    database: Database, session_id: int, request: str, *, settings: LearningSettings
) -> tuple[Verdict, ...]:
    """What the user's next request, and the files as they are now, say of earlier attempts in the session's folder.

    Call it before the request's own attempt is logged.

    Raises:
        NotFoundError: no session has that id.
    """
    if not settings.weak_evidence:
        return ()
    log = AttemptLog(database)
    workspace = session(database, session_id).workspace
    found = [_corrected(log, session_id, request)]
    earlier = _earlier(database, workspace)
    if earlier and _is_quiet(database, workspace):
        found.append(_edited(log, earlier[0]))
    if len(earlier) > KEPT_AFTER:
        found.append(_kept(log, earlier[KEPT_AFTER]))
    return tuple(verdict for verdict in found if verdict is not None)


def note_declined(database: Database, attempt_id: int, *, settings: LearningSettings) -> Verdict | None:
    """After an attempt: whether the user refused one of its changes, and with which words.

    Raises:
        NotFoundError: no attempt has that id.
    """
    if not settings.weak_evidence:
        return None
    log = AttemptLog(database)
    refused = [
        step.error.removeprefix(_DECLINED)
        for step in log.steps(attempt_id)
        # A file that is read can hold the same words.
        if step.tool in RISKS and step.error is not None and step.error.startswith(_DECLINED)
    ]
    reasons = [reason for reason in refused if reason not in (NOT_ALLOWED, STOPPED)]
    if not reasons:
        return None
    said = [reason for reason in dict.fromkeys(reasons) if reason != Decline().reason]
    return _write(log, log.attempt(attempt_id), "declined", "; ".join(said))


def note_undone(
    database: Database, report: UndoReport, *, settings: LearningSettings, session_id: int | None = None
) -> Verdict | None:
    """After the user undid an attempt; `session_id` is the conversation in which it was asked for, if in one.

    An undo long after the session says nothing of how the task was done, nor one that took nothing back.
    """
    if not settings.weak_evidence or not report.restored:
        return None
    log = AttemptLog(database)
    attempt = log.attempt(report.attempt_id)
    if attempt.session_id != session_id:
        used = session(database, attempt.session_id).updated_at
        if used < datetime.now(UTC) - timedelta(hours=SESSION_HOURS):
            return None
    return _write(log, attempt, "undone")


def note_redone(database: Database, report: UndoReport, *, settings: LearningSettings) -> Verdict | None:
    """After the user redid what was undone: it is in place again, and the undo no longer speaks against it."""
    outcome = verdicts.outcome(database, report.attempt_id)
    if not settings.weak_evidence or not report.restored or outcome is None or outcome.source != "undone":
        return None
    log = AttemptLog(database)
    return _write(log, log.attempt(report.attempt_id), "kept", "made again after it was undone")


def _corrected(log: AttemptLog, session_id: int, request: str) -> Verdict | None:
    latest = log.attempts(limit=1, session_id=session_id)
    if not latest or latest[0].undone_at is not None or not plainly_corrects(request):
        return None
    return _write(log, latest[0], "correction", request)


def _edited(log: AttemptLog, attempt: Attempt) -> Verdict | None:
    if attempt.undone_at is not None or not _speaks(attempt):
        return None
    remains = remains_of(log.database, log.trajectory(attempt.id))
    if not remains.corrected:
        return None
    return _write(log, attempt, "edited", f"edited by hand afterwards:\n{remains.difference}")


def _kept(log: AttemptLog, attempt: Attempt) -> Verdict | None:
    if attempt.undone_at is not None or not _speaks(attempt) or verdicts.ledger(log.database, attempt.id):
        return None
    remains = remains_of(log.database, log.trajectory(attempt.id))
    return _write(log, attempt, "kept") if remains.in_place else None


def _write(log: AttemptLog, attempt: Attempt, source: Source, reason: str = "") -> Verdict | None:
    """Add the entry, unless it is there, or does not belong."""
    if not _speaks(attempt):
        return None
    success = source == "kept"
    with log.database.transaction():
        entries = verdicts.ledger(log.database, attempt.id)
        judged = [entry for entry in entries if entry.source in _SURE]
        if judged and (source not in _SAYING or not reason or judged[-1].success != success):
            return None
        if source in ("undone", "kept"):
            # An undo, its redo and a second undo are three things.
            repeated = [entry for entry in entries if entry.source in ("undone", "kept")][-1:]
        else:
            repeated = list(entries)
        if any(entry.source == source for entry in repeated):
            return None
        log.add_verdict(attempt.id, source, success, reason=_bounded(reason))
        return verdicts.ledger(log.database, attempt.id)[-1]


def _speaks(attempt: Attempt) -> bool:
    """Whether what becomes of an attempt says how well it was done."""
    return attempt.status == "done" and not attempt.surroundings and not attempt.practice


def _bounded(reason: str) -> str:
    return reason if len(reason) <= REASON_CHARACTERS else reason[: REASON_CHARACTERS - 1] + "…"


def _earlier(database: Database, workspace: str) -> tuple[Attempt, ...]:
    """The latest attempts in a folder, the newest first, as many as are looked at."""
    rows = database.query(
        "SELECT * FROM attempts WHERE workspace = ? AND practice = 0 AND status != 'running' ORDER BY id DESC LIMIT ?",
        (workspace, KEPT_AFTER + 1),
    )
    return tuple(read_attempt(row) for row in rows)


def _is_quiet(database: Database, workspace: str) -> bool:
    """Whether changes in a folder are the user's, and no other attempt's or demonstration's under way."""
    rows = database.query(
        "SELECT 1 FROM attempts WHERE workspace = :workspace AND status = 'running' AND practice = 0 "
        "UNION SELECT 1 FROM watches WHERE workspace = :workspace",
        {"workspace": workspace},
    )
    return not rows
