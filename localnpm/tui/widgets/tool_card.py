"""One tool call as a line that unfolds to its arguments, its diff and its result."""

from textual.content import Content
from textual.widgets import Static

from localnpm.agent import events
from localnpm.plain import json_text, one_line
from localnpm.tui.literal import literal
from localnpm.tui.widgets.diff import diff_content
from localnpm.tui.widgets.folded import Folded

SUMMARY_CHARACTERS = 200
RESULT_LINES = 200


class ToolCard(Folded):
    """Shows a call while it waits, when it is done, and when it failed."""

    def __init__(self, called: events.ToolCalled) -> None:
        self.called = called
        self._summary = one_line(called.summary or called.name, SUMMARY_CHARACTERS)
        inside = [Static(literal(json_text(dict(called.arguments)), "dim"))]
        if called.diff:
            inside.append(Static(diff_content(called.diff)))
        super().__init__(self._line("·"), *inside, classes="card")

    async def finish(self, result: events.ToolResult) -> None:
        """Show what came of the call; a failure shows its first line without unfolding."""
        self.set_class(not result.ok, "-failed")
        self.retitle(self._line("✓") if result.ok else self._line("✗", one_line(result.result, SUMMARY_CHARACTERS)))
        await self.add(Static(literal(_head(result.result))))

    def _line(self, mark: str, note: str = "") -> Content:
        line = Content.assemble(f"{mark} ", literal(self._summary))
        return Content.assemble(line, "  ", literal(note, "$text-error")) if note else line


def _head(text: str) -> str:
    """The first lines of a long result."""
    lines = text.split("\n")
    if len(lines) <= RESULT_LINES:
        return text
    return "\n".join([*lines[:RESULT_LINES], f"… {len(lines) - RESULT_LINES} more lines"])
