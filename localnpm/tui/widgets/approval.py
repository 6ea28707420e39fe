"""The question about a change: what would change, and the ways to answer."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Static

from localnpm.agent.permissions import Allow, Decision, Decline
from localnpm.tui.literal import literal
from localnpm.tui.messages import Question


class Approval(Vertical, can_focus=True):
    """Shows a prepared call with its diff and waits for the user's decision."""

    BINDINGS: ClassVar[list[BindingType]] = [("y", "allow", "Allow once"), ("n", "decline", "Decline")]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        """The diff and the keys."""
        prepared = self.question.prepared
        yield Static(literal(prepared.diff or prepared.summary), classes="diff")
        yield Static(literal(f"{prepared.summary}: y once, n no"))

    def on_mount(self) -> None:
        """Take the keys."""
        self.focus()

    def action_allow(self) -> None:
        """Allow it once."""
        self._decide(Allow("once"))

    def action_decline(self) -> None:
        """Decline it."""
        self._decide(Decline())

    def _decide(self, decision: Decision) -> None:
        self.question.decided.put(decision)
        self.remove()
