"""One attempt whole: request, what memory gave it, thoughts, calls with their results, answer, changes, verdicts."""

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.export import Record, changes
from localnpm.memory.records import Attempt, Trajectory
from localnpm.memory.verdicts import Verdict, ledger
from localnpm.tui.literal import literal
from localnpm.tui.screens.attempt_keys import AttemptPage
from localnpm.tui.widgets.folded import Folded
from localnpm.tui.widgets.told import turn_widgets


@dataclass(frozen=True)
class Whole:
    """All that is logged of an attempt."""

    trajectory: Trajectory
    changed: list[Record]
    verdicts: tuple[Verdict, ...]


class TrajectoryScreen(AttemptPage[Whole]):
    """Shows an attempt as it was."""

    HELP = """
    One attempt as it was: what the model was told, thought and called, what came of it, the answer, what was changed,
    and every verdict with whose it is. Enter unfolds a line.
    """

    heading = "Attempt"

    def __init__(self, attempt_id: int) -> None:
        super().__init__()
        self._attempt_id = attempt_id

    @property
    def attempt_id(self) -> int | None:
        """The one that is shown."""
        return self._attempt_id

    def body(self) -> ComposeResult:
        """Filled when it has been read."""
        yield VerticalScroll(id="trajectory")

    def read(self) -> Whole:
        """From the log."""
        log = AttemptLog(self.app.database)
        return Whole(
            log.trajectory(self._attempt_id),
            changes(log, self._attempt_id),
            ledger(self.app.database, self._attempt_id),
        )

    def show(self, data: Whole) -> None:
        """One widget a part."""
        place = self.query_one("#trajectory", VerticalScroll)
        place.remove_children()
        place.mount(*_widgets(data))
        place.focus()


def _widgets(whole: Whole) -> list[Widget]:
    attempt = whole.trajectory.attempt
    widgets: list[Widget] = [
        Static(literal(_about(attempt)), classes="note"),
        Static(literal(attempt.request), classes="request"),
        Folded(literal("system text", "dim"), Static(literal(attempt.system)), classes="card"),
    ]
    for turn in whole.trajectory.turns:
        widgets += turn_widgets(turn)
    if attempt.answer:
        widgets.append(Static(literal(attempt.answer), classes="answer"))
    if attempt.error:
        widgets.append(Static(literal(f"{attempt.status}: {attempt.error}"), classes="failed"))
    if whole.changed:
        lines = [" ".join(filter(None, (row["kind"], row["path"], row["destination"]))) for row in whole.changed]
        widgets.append(Static(literal("Changed:\n" + "\n".join(f"  {line}" for line in lines)), classes="note"))
    widgets += [Static(literal(_judged(verdict)), classes="note") for verdict in whole.verdicts]
    return widgets


def _about(attempt: Attempt) -> str:
    parts = [
        f"attempt {attempt.id} of session {attempt.session_id}",
        f"{attempt.started_at.astimezone():%Y-%m-%d %H:%M:%S}",
        "undone" if attempt.undone_at else attempt.status,
        f"memory: {attempt.channel}",
        attempt.model,
        f"{attempt.generated_tokens} tokens",
        attempt.workspace,
    ]
    if attempt.retry_of is not None:
        parts.insert(1, f"a retry of attempt {attempt.retry_of}")
    return " · ".join(parts)


def _judged(verdict: Verdict) -> str:
    doubt = f", confidence {verdict.confidence:g}" if verdict.confidence < 1 else ""
    what = f"{'good' if verdict.success else 'bad'}, by {verdict.source}{doubt}"
    return f"{what}: {verdict.reason}" if verdict.reason else what
