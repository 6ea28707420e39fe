"""What memory did for the last task, beside the chat, and what it may do for the next one; how far a pass is.

Shown: what was recalled, how similar it is, how it has done, by which channel it acted. For the next task the strength
of the vector can be set, and memory can be left out. Open or closed, it is so again at the next start.
"""

from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Checkbox, ProgressBar, Static

from localnpm.agent import events
from localnpm.errors import LocalnpmError
from localnpm.plain import one_line, visible
from localnpm.tui.guarded import Guarded
from localnpm.tui.literal import literal
from localnpm.tui.status import Status
from localnpm.tui.widgets.slider import Slider
from localnpm.tui.widgets.tick import Tick

if TYPE_CHECKING:
    from localnpm.memory.procedure_records import StoredVector
    from localnpm.tui.app import LocalnpmApp

NOTHING = "Nothing has been asked yet."
LEAST_COLUMNS = 100
"""Where the terminal has fewer, the panel opens only when it is asked for."""
WHAT_CHARACTERS = 60


class MemoryPanel(Guarded, VerticalScroll):
    """Shows a `Recalled` event in full, with what can be set for the next task."""

    HELP = """
    What memory did for the last task: what was recalled, how similar it is, how often it went well, how much better
    tasks go with it, and whether it acted as a script or a vector. Arrows set how strongly the vector steers the next
    task; the box leaves memory out of the next one. F4 closes this.
    """

    app: "LocalnpmApp"

    def __init__(self) -> None:
        super().__init__()
        self._vector = ""
        self._steer = ""

    def compose(self) -> ComposeResult:
        """The pass, the last task, the next one."""
        with Vertical(id="pass"):
            yield Static(id="pass-what")
            yield ProgressBar(total=1, show_eta=False, id="pass-bar")
            yield Button("put it off", id="pass-stop", compact=True)
        yield Static(literal("Memory", "bold"))
        yield Static(literal(NOTHING), id="channel")
        yield Vertical(id="items")
        yield Vertical(id="strength")
        yield Tick("use memory for the next task", value=True, compact=True, id="next")

    def on_mount(self) -> None:
        """Open as it was left, where there is room for it."""
        self.display = self.app.looks.memory_panel and self.app.size.width >= LEAST_COLUMNS
        self.query_one("#pass").display = False
        self.watch(self.app, "status", self._follow)

    def toggle(self) -> None:
        """Open or close, and keep that for the next start."""
        self.display = not self.display
        self._keep(bool(self.display))

    async def show(self, recalled: events.Recalled) -> None:
        """Another task, another recall; what was set for one task is over."""
        self._steer = ""
        with self.prevent(Checkbox.Changed):
            self.query_one("#next", Checkbox).value = True
        lines = [literal(f"channel: {recalled.channel}", "bold"), literal(recalled.why)]
        if recalled.problem:
            lines.append(literal(recalled.problem, "$text-error"))
        if recalled.coefficient:
            lines.append(literal(f"steering {recalled.coefficient:+.3g}"))
        self.query_one("#channel", Static).update(Content("\n").join(line for line in lines if line.plain))
        items, strength = self.query_one("#items"), self.query_one("#strength")
        await items.remove_children()
        await strength.remove_children()
        for item in recalled.items:
            await items.mount(_Item(item))
        if recalled.items and not self.app.options.private:
            self._read(recalled.items[0], recalled.coefficient)

    def learns(self, what: str) -> None:
        """Say what a pass is doing."""
        self.query_one("#pass-what", Static).update(literal(f"learning: {one_line(what, WHAT_CHARACTERS)}"))

    def on_slider_chosen(self, message: Slider.Chosen) -> None:
        """Steer the next task so strongly."""
        message.stop()
        self._steer = f"{self._vector}:{message.value:.4g}"
        self._set_next()

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        """Leave memory out of the next task, or not."""
        event.stop()
        self._set_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Stop the pass, or open a procedure."""
        event.stop()
        if event.button.id == "pass-stop":
            self.app.backend.cancel()
            return
        from localnpm.tui.screens.procedure import ProcedureScreen

        card = next(one for one in event.button.ancestors if isinstance(one, _Item))
        self.app.push_screen(ProcedureScreen(card.item.procedure_id))

    def _set_next(self) -> None:
        from localnpm.tui.actions.memory import set_next

        set_next(self.app.chat, memory=self.query_one("#next", Checkbox).value, steer=self._steer)

    def _follow(self, status: Status) -> None:
        learning = status.activity == "learning"
        self.query_one("#pass").display = learning
        if learning:
            self.query_one("#pass-bar", ProgressBar).update(progress=status.progress)

    @work(thread=True, exit_on_error=False, exclusive=True, group="vector")
    def _read(self, item: events.RecalledItem, coefficient: float) -> None:
        """The vector that acted, or else the one that its procedure has."""
        from localnpm.memory.vector_store import VectorStore

        store = VectorStore(self.app.database)
        try:
            live = [store.get(item.vector_id)] if item.vector_id is not None else store.live_of(item.procedure_id)
        except LocalnpmError:
            # It was forgotten meanwhile: there is nothing to set.
            return
        if live:
            self.call_later(self._offer, live[0], coefficient)

    async def _offer(self, stored: "StoredVector", coefficient: float) -> None:
        place = self.query_one("#strength")
        await place.remove_children()
        self._vector = stored.name
        most = 2 * max(abs(stored.coefficient), abs(coefficient)) or 1.0
        told = f"{stored.name} for the next task (calibrated {stored.coefficient:+.3g}):"
        await place.mount(Static(literal(told)), Slider(coefficient or stored.coefficient, -most, most, steps=40))

    @work(thread=True, exit_on_error=False, exclusive=True, group="keep")
    def _keep(self, shown: bool) -> None:
        from localnpm.config_file import set_value

        try:
            set_value(self.app.home, "app.memory_panel", shown)
        except LocalnpmError as error:
            self.app.call_later(self.notify, visible(str(error)), severity="warning", markup=False)


class _Item(Vertical):
    """One recalled procedure."""

    def __init__(self, item: events.RecalledItem) -> None:
        super().__init__(classes="item")
        self.item = item

    def compose(self) -> ComposeResult:
        """Its title, how it has done, why it was taken or not."""
        item = self.item
        lines = [
            literal(one_line(item.title, 200), "bold"),
            literal(f"similarity {item.similarity:.2f}, {item.wins} of {item.uses} went well"),
        ]
        if item.uplift is not None:
            between = f" ({item.interval[0]:+.2f} to {item.interval[1]:+.2f})" if item.interval else ""
            lines.append(literal(f"uplift {item.uplift:+.2f}{between}"))
        else:
            lines.append(literal("uplift not known yet", "dim"))
        yield Static(Content("\n").join([*lines, literal(one_line(item.reason, 300), "dim")]))
        yield Button("open", compact=True)
