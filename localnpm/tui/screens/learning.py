"""Learning: success over time, what the last passes did, going back on one, learning now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from localnpm.memory.curve import JudgedTask, judged_tasks, sliding_success
from localnpm.memory.passes import Passes
from localnpm.memory.procedure_records import Pass
from localnpm.plain import json_text
from localnpm.tui.commands import BY_NAME
from localnpm.tui.literal import literal
from localnpm.tui.screens.page import Page
from localnpm.tui.widgets.dialogs import Confirm
from localnpm.tui.widgets.folded import Folded
from localnpm.tui.widgets.plot import PlotView

WINDOW = 10
SHOWN_PASSES = 20


@dataclass(frozen=True)
class Progress:
    """What is known of the learning so far; `waiting` judged attempts no pass has seen."""

    tasks: tuple[JudgedTask, ...]
    passes: tuple[Pass, ...]
    waiting: int


class LearningScreen(Page[Progress]):
    """How it goes, and why."""

    heading = "Learning"

    BINDINGS: ClassVar[list[BindingType]] = [
        ("l", "learn", "Learn now"),
        ("s", "stop", "Stop learning"),
        ("delete", "revert", "Revert the last pass"),
    ]

    def body(self) -> ComposeResult:
        """Filled when it has been read."""
        yield VerticalScroll(id="learning")

    def read(self) -> Progress:
        """From the memory."""
        passes = Passes(self.app.database)
        return Progress(judged_tasks(self.app.database), passes.latest(SHOWN_PASSES), passes.newly_judged())

    def show(self, data: Progress) -> None:
        """Curve, then passes."""
        place = self.query_one("#learning", VerticalScroll)
        place.remove_children()
        place.mount(*_widgets(data))
        place.focus()

    async def action_learn(self) -> None:
        """Learn from the log now."""
        await self.app.chat.carry_out(BY_NAME["distill"])

    def action_stop(self) -> None:
        """Put it off."""
        self.app.backend.cancel()

    @work
    async def action_revert(self) -> None:
        """Put back what the latest pass changed."""
        if await self.app.push_screen_wait(Confirm("Put back everything that the latest pass changed?")):
            self.perform(self._revert)

    def _revert(self) -> str:
        reverted = Passes(self.app.database).revert()
        kept = reverted.summary.get("kept") or []
        left = f" Changed since, and left as they are: {', '.join(kept)}." if kept else ""
        return f"Pass {reverted.id} is reverted.{left}"


def _widgets(known: Progress) -> list[Widget]:
    tasks = known.tasks
    widgets: list[Widget] = []
    if tasks:
        from localnpm.distill.plots import Plot, Series

        numbers = list(range(1, len(tasks) + 1))
        curve = Series("success", numbers, sliding_success(tasks, WINDOW))
        good = sum(task.success for task in tasks)
        widgets.append(Static(literal(f"{good} of {len(tasks)} judged tasks went well."), classes="request"))
        title = f"Success among the last {WINDOW} judged tasks"
        widgets.append(PlotView(Plot(title, [curve], "judged tasks", "success")))
    else:
        widgets.append(Static(literal("No task has been judged yet: say good or bad to an answer."), classes="note"))
    widgets.append(Static(literal(f"{known.waiting} judged attempt(s) wait for the next pass."), classes="note"))
    return widgets + [_pass(one) for one in known.passes]


def _pass(one: Pass) -> Widget:
    when = f"{one.started_at.astimezone():%Y-%m-%d %H:%M}"
    head = f"pass {one.id} · {when} · {one.cause} · {one.policy} · {one.status}"
    return Folded(literal(head), Static(literal(_summary(one.summary))), classes="card")


def _summary(summary: Mapping[str, Any]) -> str:
    lines = summary.get("lines")
    return "\n".join(map(str, lines)) if isinstance(lines, list) else json_text(dict(summary))
