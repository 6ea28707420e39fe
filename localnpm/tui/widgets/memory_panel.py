"""What memory did for the last task, beside the chat: what was recalled, why, how it has done, and by which channel."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from localnpm.agent import events
from localnpm.tui.literal import literal

NOTHING = "Nothing has been asked yet."


class MemoryPanel(VerticalScroll):
    """Shows a `Recalled` event in full."""

    def compose(self) -> ComposeResult:
        """Filled with each task."""
        yield Static(literal("Memory", "bold"))
        yield Static(literal(NOTHING), id="recalled")

    async def show(self, recalled: events.Recalled) -> None:
        """Another task, another recall."""
        lines = [literal(f"channel: {recalled.channel}", "bold"), literal(recalled.why)]
        if recalled.coefficient:
            lines.append(literal(f"steering {recalled.coefficient:+.3g}"))
        for item in recalled.items:
            lines += [Content(""), *_item(item)]
        if recalled.items:
            lines += [Content(""), literal("/memory off leaves it out, /procedures opens it", "dim")]
        self.query_one("#recalled", Static).update(Content("\n").join(lines))


def _item(item: events.RecalledItem) -> list[Content]:
    lines = [
        literal(item.title, "bold"),
        literal(f"similarity {item.similarity:.2f}, {item.wins} of {item.uses} went well"),
    ]
    if item.uplift is not None:
        between = f" ({item.interval[0]:+.2f} to {item.interval[1]:+.2f})" if item.interval else ""
        lines.append(literal(f"uplift {item.uplift:+.2f}{between}"))
    return [*lines, literal(item.reason, "dim")]
