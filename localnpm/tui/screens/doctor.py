"""Doctor: what this machine and installation can do, each finding with its fix."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from localnpm.doctor import examine
from localnpm.doctor.finding import Finding
from localnpm.tui.literal import literal
from localnpm.tui.screens.page import Page

MARKS = {"ok": "✓", "warning": "!", "problem": "✗"}
STYLES = {"ok": "$text-success", "warning": "$text-warning", "problem": "$text-error"}


class DoctorScreen(Page[list[Finding]]):
    """All findings; looking takes a moment."""

    heading = "Doctor"

    def body(self) -> ComposeResult:
        """Filled when all has been looked at."""
        with VerticalScroll(id="findings"):
            yield Static(literal("looking …"), classes="note")

    def read(self) -> list[Finding]:
        """Look at everything."""
        return list(examine(self.app.home))

    def show(self, data: list[Finding]) -> None:
        """One entry a finding."""
        place = self.query_one("#findings", VerticalScroll)
        place.remove_children()
        for finding in data:
            line = f"{MARKS[finding.status]} {finding.name}: {finding.detail}"
            place.mount(Static(literal(line, STYLES[finding.status])))
            if finding.fix:
                place.mount(Static(literal(f"    → {finding.fix}")))
        place.focus()
