"""Going back in a conversation: an earlier request is asked again or changed, and what came after it is taken back."""

from typing import TYPE_CHECKING

from localnpm.agent.undo import UndoReport
from localnpm.errors import NotFoundError, UndoError

if TYPE_CHECKING:
    from localnpm.learning.bench import Bench


def rewind(bench: "Bench", attempt_id: int) -> tuple[UndoReport, ...]:
    """Take back an attempt and all later ones of its session, the newest first, out of the conversation too.

    This says nothing about any of them: no evidence is written.

    Raises:
        NotFoundError: no attempt has that id.
        UndoError: files of one of them were changed since; that one and those before it are left as they are.
    """
    session_id = bench.log.attempt(attempt_id).session_id
    later = [one.attempt.id for one in bench.log.conversation(session_id) if one.attempt.id >= attempt_id]
    reports = []
    for taken in reversed(later):
        report = _undone(bench, taken)
        if report is not None:
            reports.append(report)
            if report.refused:
                named = ", ".join(refusal.path for refusal in report.refused)
                raise UndoError(
                    f"Attempt {taken} cannot be taken back whole: {named} changed since. Put these files right, then "
                    "try again, or ask anew without going back."
                )
        bench.log.set_undone(taken, True)
    return tuple(reports)


def _undone(bench: "Bench", attempt_id: int) -> UndoReport | None:
    """The report, or None for an attempt that has changed nothing."""
    try:
        return bench.undo(attempt_id)
    except NotFoundError:
        return None
