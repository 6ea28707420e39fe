"""Attempts: all that was tried, searched and filtered; opened whole, judged, undone, made again, forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual import work
from textual.binding import BindingType

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.records import Attempt, Judged
from localnpm.memory.verdicts import Outcome, outcomes
from localnpm.plain import one_line
from localnpm.tui.screens.lists import ListPage
from localnpm.tui.widgets.dialogs import AskText, Choose, Confirm

if TYPE_CHECKING:
    from localnpm.memory.forget import Forgotten

REQUEST_CHARACTERS = 200


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


class AttemptsScreen(ListPage[AttemptRow]):
    """The log."""

    heading = "Attempts"
    columns = ("id", "when", "state", "judged", "request")
    filters = (("good", "success"), ("bad", "failure"), ("not judged", "none"))
    nothing = "No attempts."

    BINDINGS: ClassVar[list[BindingType]] = [
        ("u", "undo", "Undo"),
        ("r", "redo", "Redo"),
        ("g", "judge(True)", "Good"),
        ("b", "judge(False)", "Bad"),
        ("delete", "forget", "Forget"),
    ]

    def find(self, text: str, wanted: str, limit: int) -> Sequence[AttemptRow]:
        """By search in all texts, or the newest."""
        database = self.app.database
        log = AttemptLog(database)
        if text:
            hits = log.search(text, limit=limit)
            places = {hit.attempt_id: hit.snippet for hit in hits}
            attempts: Sequence[Attempt] = [log.attempt(attempt_id) for attempt_id in places]
        else:
            places = {}
            attempts = log.attempts(limit=limit, judged=cast(Judged, wanted) if wanted else None)
        judged = outcomes(database, [attempt.id for attempt in attempts])
        rows = [AttemptRow(one, judged.get(one.id), places.get(one.id, "")) for one in attempts]
        named = {"success": "good", "failure": "bad", "none": ""}.get(wanted)
        return rows if named is None else [row for row in rows if row.judged == named]

    def cells(self, row: AttemptRow) -> Sequence[str]:
        """One line an attempt."""
        attempt = row.attempt
        text = one_line(row.found or attempt.request, REQUEST_CHARACTERS)
        return (str(attempt.id), f"{attempt.started_at.astimezone():%Y-%m-%d %H:%M}", row.state, row.judged, text)

    def identity(self, row: AttemptRow) -> str:
        """Its id."""
        return str(row.attempt.id)

    def open(self, row: AttemptRow) -> None:
        """The whole trajectory."""
        from localnpm.tui.screens.trajectory import TrajectoryScreen

        self.app.push_screen(TrajectoryScreen(row.attempt.id), lambda _: self.reload())

    def action_undo(self) -> None:
        """Take its changes back."""
        self._reverse("undo")

    def action_redo(self) -> None:
        """Make its changes again."""
        self._reverse("redo")

    def _reverse(self, way: str) -> None:
        from localnpm.tui.reversing import reverse

        row = self.current
        if row is not None:
            attempt_id = row.attempt.id
            self.perform(lambda: reverse(self.app, way, attempt_id))

    @work
    async def action_judge(self, success: bool) -> None:
        """Give a verdict, or another one."""
        row = self.current
        if row is None:
            return
        reason = await self.app.push_screen_wait(
            AskText(f"Attempt {row.attempt.id} was {'good' if success else 'bad'}. Why?", "a reason, or nothing")
        )
        if reason is not None:
            attempt_id = row.attempt.id
            self.perform(lambda: judge(AttemptLog(self.app.database), attempt_id, success, reason))

    @work
    async def action_forget(self) -> None:
        """Take it out of the memory for good."""
        from localnpm.memory.forget import Backups, backups_with, forget_attempts

        row = self.current
        if row is None:
            return
        attempt_id = row.attempt.id
        question = f"Forget attempt {attempt_id} for good, with all that was learned from it? Files stay as they are."
        if not await self.app.push_screen_wait(Confirm(question)):
            return
        consent: str | None = "keep"
        if backups_with(self.app.database, [attempt_id]):
            consent = await self.app.push_screen_wait(
                Choose("Backups hold it too. What shall become of them?", BACKUPS)
            )
        if consent is not None:
            chosen = cast(Backups, consent)
            self.perform(lambda: told(forget_attempts(self.app.database, [attempt_id], backups=chosen)))


BACKUPS = (
    ("rewrite", "take it out of them too"),
    ("delete", "delete those backups"),
    ("keep", "leave them as they are"),
)


def judge(log: AttemptLog, attempt_id: int, success: bool, reason: str) -> str:
    """Write the user's verdict; what to tell them."""
    log.add_verdict(attempt_id, "user", success, reason=reason.strip())
    return f"Attempt {attempt_id} is judged {'good' if success else 'bad'}."


def told(forgotten: "Forgotten") -> str:
    """What was forgotten and what still holds it, for the user."""
    lines = [f"Forgot {len(forgotten.attempts)} attempt(s)."]
    if forgotten.undo_files:
        lines.append(f"Deleted {forgotten.undo_files} undo file(s).")
    if not forgotten.wiped:
        lines.append("Another localnpm reads the memory; forget anything again when it has ended.")
    lines += [f"Still in the backup {backup}" for backup in forgotten.backups]
    return "\n".join(lines)
