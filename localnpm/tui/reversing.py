"""Undo and redo from the app: the same reports as on the command line, as a text for the user."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from localnpm.agent.undo import UndoReport
    from localnpm.tui.app import LocalnpmApp

Way = Literal["undo", "redo"]
SHOWN_PATHS = 12


def reverse(app: "LocalnpmApp", way: Way, attempt_id: int | None = None) -> str:
    """Take an attempt's changes back or make them again, and say what became of it; for a thread.

    Raises:
        NotFoundError: there is nothing to reverse.
    """
    return told(reverse_attempt(app, way, attempt_id), way)


def reverse_attempt(app: "LocalnpmApp", way: Way, attempt_id: int | None = None) -> "UndoReport":
    """Take an attempt's changes back (`undo`) or make them again (`redo`); for a thread.

    Raises:
        NotFoundError: there is nothing to reverse.
    """
    from localnpm.agent import undo as undoing
    from localnpm.config import load
    from localnpm.learning import evidence

    settings = load(app.home).learning
    if way == "undo":
        report = undoing.undo(app.database, app.home.undo, attempt_id)
        evidence.note_undone(app.database, report, settings=settings)
    else:
        report = undoing.redo(app.database, app.home.undo, attempt_id)
        evidence.note_redone(app.database, report, settings=settings)
    return report


def told(report: "UndoReport", way: Way) -> str:
    """What was restored and what was left alone, with why."""
    lines = []
    if report.restored:
        done = "Undid" if way == "undo" else "Redid"
        lines.append(f"{done} attempt {report.attempt_id} in {report.workspace}: {_listed(report.restored)}")
    elif not report.refused:
        lines.append(f"Attempt {report.attempt_id} was ended before it had changed anything.")
    lines += [f"Left as it is: {refusal.path}: {refusal.why}" for refusal in report.refused]
    return "\n".join(lines)


def _listed(paths: tuple[str, ...]) -> str:
    shown = ", ".join(paths[:SHOWN_PATHS])
    return shown if len(paths) <= SHOWN_PATHS else f"{shown} and {len(paths) - SHOWN_PATHS} more"
