"""What the user thinks of an answer: one click each for good, bad and why, undo and redo; what was said can be changed.

One widget a line, as a long conversation has many. Not covered: what a verdict leads to (actions/verdicts.py).
"""

from typing import TYPE_CHECKING

from textual import work
from textual.content import Content
from textual.widgets import Static

from localnpm.errors import LocalnpmError
from localnpm.plain import one_line
from localnpm.tui.guarded import Guarded
from localnpm.tui.literal import literal
from localnpm.tui.widgets.links import link

if TYPE_CHECKING:
    from localnpm.tui.app import LocalnpmApp

REASON_CHARACTERS = 120


class VerdictBar(Guarded, Static):
    """One line under an answer. `from_log`: what was said of it before is read."""

    app: "LocalnpmApp"

    def __init__(self, attempt_id: int, *, changed: bool = False, undone: bool = False, from_log: bool = False) -> None:
        super().__init__()
        self.attempt_id = attempt_id
        self.success: bool | None = None
        self.reason = ""
        self._changed = changed
        self._undone = undone
        self._from_log = from_log

    def on_mount(self) -> None:
        """Nothing is said yet, or what the log has."""
        self._draw()
        if self._from_log and not self.app.options.private:
            self._read()

    def tell(self, success: bool, reason: str) -> None:
        """Show a verdict."""
        self.success, self.reason = success, reason
        self._draw()

    def tell_undone(self, undone: bool) -> None:
        """Show whether the attempt's changes are taken back."""
        self._undone = undone
        self._draw()

    def action_judge(self, success: bool) -> None:
        """Good, or bad."""
        from localnpm.tui.actions.verdicts import judge_by_key

        judge_by_key(self.app.chat, self.attempt_id, success)

    def action_why(self) -> None:
        """Say why."""
        from localnpm.tui.actions.verdicts import ask_reason

        ask_reason(self.app.chat, self.attempt_id, bool(self.success), self.reason)

    async def action_reverse(self) -> None:
        """Take its changes back, or make them again."""
        from localnpm.tui.actions import changes

        await (changes.redo if self._undone else changes.undo)(self.app.chat, str(self.attempt_id))

    @work(thread=True, exit_on_error=False)
    def _read(self) -> None:
        from localnpm.memory.verdicts import outcome

        try:
            known = outcome(self.app.database, self.attempt_id)
        except LocalnpmError:
            # Whoever judges it meets the same trouble, and is told.
            return
        if known is not None:
            self.call_later(self.tell, known.success, known.reason)

    def _draw(self) -> None:
        parts = []
        for words, meant in (("good", True), ("bad", False)):
            chosen = self.success is meant
            parts.append(link(f"✓ {words}" if chosen else words, f"judge({meant})", "bold" if chosen else "underline"))
        if self.success is not None:
            parts.append(link("why", "why"))
        if self._changed:
            parts.append(link("redo" if self._undone else "undo", "reverse"))
        if self.reason:
            parts.append(literal(one_line(self.reason, REASON_CHARACTERS), "dim"))
        self.update(Content("  ").join(parts))
