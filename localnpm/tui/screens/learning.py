"""Learning: success over time, what the last passes did, going back on one, learning now."""

from dataclasses import dataclass
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, ProgressBar, Static

from localnpm.memory.curve import JudgedTask, judged_tasks, sliding_success
from localnpm.memory.pass_words import in_words
from localnpm.memory.passes import Passes
from localnpm.memory.procedure_records import Pass
from localnpm.tui.commands import BY_NAME
from localnpm.tui.literal import literal
from localnpm.tui.screens.page import Page
from localnpm.tui.status import Status
from localnpm.tui.widgets.dialogs import Confirm
from localnpm.tui.widgets.folded import Folded
from localnpm.tui.widgets.plot import PlotView

WINDOW = 10
SHOWN_PASSES = 10
SHOWN_TASKS = 300


@dataclass(frozen=True)
class Progress:
    """What is known of the learning so far; `waiting` judged attempts no pass has seen."""

    tasks: tuple[JudgedTask, ...]
    passes: tuple[Pass, ...]
    waiting: int


class LearningScreen(Page[Progress]):
    """How it goes, and why."""

    HELP = """
    How often judged tasks went well, and what each pass over the log did. l learns now, s puts off the pass that runs,
    Delete takes back the latest pass: what it made is out of use, what it replaced is in use again.
    """

    heading = "Learning"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "learn", "Learn now", id="learning.learn"),
        Binding("s", "stop", "Stop learning", id="learning.stop"),
        Binding("delete", "revert", "Revert the last pass", id="learning.revert"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._learned = False

    def body(self) -> ComposeResult:
        """Filled when it has been read; above, the pass that is under way."""
        with Horizontal(classes="learns"):
            yield ProgressBar(total=1, show_eta=False)
            yield Button("put it off", id="stop", compact=True)
        yield VerticalScroll(id="learning")

    def on_mount(self) -> None:
        """Follow the pass that is under way, if there is one."""
        self.watch(self.app, "status", self._follow)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Put it off."""
        self.action_stop()

    def _follow(self, status: Status) -> None:
        learns = status.activity == "learning"
        self.query_one(".learns").display = learns
        if learns:
            self.query_one(ProgressBar).update(progress=status.progress)
        elif self._learned:
            self.reload()
        self._learned = learns

    def read(self) -> Progress:
        """From the memory."""
        passes, tasks = Passes(self.app.database), judged_tasks(self.app.database, SHOWN_TASKS)
        return Progress(tasks, passes.latest(SHOWN_PASSES), passes.newly_judged())

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
        if self.app.status.activity == "learning":
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
        plot = Plot(title, [curve], "judged tasks", "success", y_range=(0, 1), whole_x=True)
        widgets.append(PlotView(plot, height=8))
    else:
        widgets.append(Static(literal("No task has been judged yet: say good or bad to an answer."), classes="note"))
    widgets.append(Static(literal(f"{known.waiting} judged attempt(s) wait for the next pass."), classes="note"))
    return widgets + [_pass(one, place > 0) for place, one in enumerate(known.passes)]


def _pass(one: Pass, folded: bool) -> Widget:
    when = f"{one.started_at.astimezone():%Y-%m-%d %H:%M}"
    head = f"pass {one.id} · {when} · {one.cause} · {one.policy} · {one.status}"
    return Folded(literal(head), Static(literal("\n".join(in_words(one)))), classes="card", collapsed=folded)
