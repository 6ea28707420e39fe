"""Doctor: what this machine and installation can do, each finding with its fix, shown as soon as it is known."""

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static
from textual.worker import get_current_worker

from localnpm.doctor import examine
from localnpm.doctor.finding import Finding
from localnpm.tui.literal import literal
from localnpm.tui.screens.page import Page

MARKS = {"ok": "✓", "warning": "!", "problem": "✗"}
STYLES = {"ok": "$text-success", "warning": "$text-warning", "problem": "$text-error"}
LOOKING = "looking …"


class DoctorScreen(Page[Finding]):
    """All findings; looking takes a moment."""

    HELP = """
    What this machine and this installation can do: ✓ is well, ! could be better, ✗ does not work. An arrow says what to
    do about it. F5 looks again; nothing is changed and no network is used.
    """

    heading = "Doctor"

    def body(self) -> ComposeResult:
        """Filled while it is looked."""
        yield VerticalScroll(id="findings")
        yield Static(literal(LOOKING), id="looking", classes="note")

    def on_mount(self) -> None:
        """Scrolled by keys from the first finding on."""
        self.query_one("#findings").focus()

    def reload(self) -> None:
        """Look again, from the beginning."""
        self._findings.remove_children()
        self.query_one("#looking", Static).update(literal(LOOKING))
        self._look()

    @work(thread=True, exclusive=True, exit_on_error=False, group="look")
    def _look(self) -> None:
        worker = get_current_worker()
        counts = dict.fromkeys(MARKS, 0)
        for finding in examine(self.app.home):
            if worker.is_cancelled:
                return
            counts[finding.status] += 1
            self.call_later(self.show, finding)
        self.call_later(self._end, counts)

    def show(self, data: Finding) -> None:
        """One more finding."""
        line = f"{MARKS[data.status]} {data.name}: {data.detail}"
        self._findings.mount(Static(literal(line, STYLES[data.status])))
        if data.fix:
            self._findings.mount(Static(literal(f"    → {data.fix}")))

    def _end(self, counts: dict[str, int]) -> None:
        told = f"{counts['problem']} problem(s), {counts['warning']} warning(s), {counts['ok']} in order"
        self.query_one("#looking", Static).update(literal(told))
        self.shown += 1

    @property
    def _findings(self) -> VerticalScroll:
        return self.query_one("#findings", VerticalScroll)
