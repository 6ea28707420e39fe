"""Attempts: all that was tried, searched and filtered; one opens whole in trajectory.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.records import Attempt, Judged
from localnpm.memory.search import MOST_ROWS
from localnpm.memory.verdicts import Outcome, outcomes
from localnpm.tui.screens.attempt_keys import AttemptPage
from localnpm.tui.screens.lists import ListPage

JUDGED = {"success": "good", "failure": "bad", "none": ""}


@dataclass(frozen=True)
class AttemptRow:
    """An attempt with its outcome, if it has one; `found` is where a search found its words."""

    attempt: Attempt
    outcome: Outcome | None
    found: str = ""

    @property
    def state(self) -> str:
        """What became of it, in a word."""
        return "undone" if self.attempt.undone_at else self.attempt.status

    @property
    def judged(self) -> str:
        """The outcome, in a word."""
        return "" if self.outcome is None else "good" if self.outcome.success else "bad"


class AttemptsScreen(ListPage[AttemptRow], AttemptPage[Sequence[AttemptRow]]):
    """The log."""

    HELP = """
    All that was tried, the newest first; / searches in requests, calls, results and answers. Enter opens one whole.
    g and b give a verdict, or another one, and ask why; u takes back what an attempt changed, r makes it again.
    Delete forgets it for good, with what was learned from it.
    """

    heading = "Attempts: Enter opens one whole"
    columns = ("id", "when", "state", "judged", "request")
    wide_only = frozenset({"when"})
    filters = (("good", "success"), ("bad", "failure"), ("not judged", "none"))
    nothing = "No attempts yet: what you ask for in the chat is listed here."

    @property
    def attempt_id(self) -> int | None:
        """That of the row under the cursor."""
        row = self.current
        return None if row is None else row.attempt.id

    def find(self, text: str, wanted: str, limit: int) -> Sequence[AttemptRow]:
        """By search in all texts, the best match first, or the newest."""
        database = self.app.database
        log = AttemptLog(database)
        if not text:
            attempts = log.attempts(limit=limit, judged=cast(Judged, wanted) if wanted else None)
            judged = outcomes(database, [attempt.id for attempt in attempts])
            return [AttemptRow(one, judged.get(one.id)) for one in attempts]
        hits = log.search(text, limit=MOST_ROWS if wanted else limit)
        judged = outcomes(database, [hit.attempt_id for hit in hits])
        if wanted:
            kept = (hit for hit in hits if _judged(judged.get(hit.attempt_id)) == JUDGED[wanted])
            hits = tuple(kept)[:limit]
        return [AttemptRow(log.attempt(hit.attempt_id), judged.get(hit.attempt_id), hit.snippet) for hit in hits]

    def cells(self, row: AttemptRow) -> Sequence[str]:
        """One line an attempt."""
        attempt = row.attempt
        when = f"{attempt.started_at.astimezone():%Y-%m-%d %H:%M}"
        return (str(attempt.id), when, row.state, row.judged, row.found or attempt.request)

    def identity(self, row: AttemptRow) -> str:
        """Its id."""
        return str(row.attempt.id)

    def open(self, row: AttemptRow) -> None:
        """The whole trajectory."""
        from localnpm.tui.screens.trajectory import TrajectoryScreen

        self.app.push_screen(TrajectoryScreen(row.attempt.id), lambda _: self.reload())


def _judged(outcome: Outcome | None) -> str:
    return "" if outcome is None else "good" if outcome.success else "bad"
