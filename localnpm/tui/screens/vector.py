"""One control vector: plots by layer, calibration, gate; tried, exported, or named to steer the next tasks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from localnpm.distill import gguf, steer
from localnpm.distill.vector_file import VectorFile
from localnpm.distill.vector_plots import number
from localnpm.memory.procedure_records import StoredVector
from localnpm.memory.vector_store import VectorStore
from localnpm.tui.commands import BY_NAME
from localnpm.tui.literal import literal
from localnpm.tui.screens.page import Page
from localnpm.tui.screens.vectors import switch
from localnpm.tui.widgets.dialogs import AskText
from localnpm.tui.widgets.plot import PlotView


@dataclass(frozen=True)
class WholeVector:
    """A vector as it is stored, and what its file says."""

    stored: StoredVector
    file: VectorFile


class VectorScreen(Page[WholeVector]):
    """Shows one vector."""

    HELP = """
    One control vector. Norm: how large it is in each layer, beside what the layer itself computes. Margin: how well it
    tells successes from failures that it was not made from, beside random directions. t shows what the model writes
    under it, s steers the next tasks by it, x writes the file that llama.cpp reads.
    """

    heading = "Control vector"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "try", "Try", id="vector.try"),
        Binding("s", "steer", "Steer the next tasks", id="vector.steer"),
        Binding("d", "switch", "Disable or enable", id="vector.switch"),
        Binding("x", "export", "Export", id="vector.export"),
    ]

    def __init__(self, vector_id: int) -> None:
        super().__init__()
        self._vector_id = vector_id
        self._whole: WholeVector | None = None

    def body(self) -> ComposeResult:
        """Filled when it has been read."""
        yield VerticalScroll(id="vector")

    def read(self) -> WholeVector:
        """From the memory."""
        store = VectorStore(self.app.database)
        stored = store.get(self._vector_id)
        return WholeVector(stored, steer.read_stored(stored, store))

    def show(self, data: WholeVector) -> None:
        """Facts, then the plot."""
        self._whole = data
        place = self.query_one("#vector", VerticalScroll)
        place.remove_children()
        place.mount(*_widgets(data))
        place.focus()

    @work
    async def action_try(self) -> None:
        """See what the model writes under it, side by side, at chosen scales."""
        from localnpm.tui.screens.trial import TrialScreen, scales_of

        if self._whole is None:
            return
        prompt = await self.app.push_screen_wait(AskText("Try it on which request?", "such as: list the files"))
        if not prompt or not prompt.strip():
            return
        text = await self.app.push_screen_wait(
            AskText("At which scales? 1 is as it was calibrated, 0 without it, -1 against it:", value="-1, 0, 1")
        )
        if text is None:
            return
        scales = scales_of(text)
        if scales:
            self.app.push_screen(TrialScreen(self._whole.stored.name, prompt.strip(), scales))
        else:
            self.notify("Scales are numbers between commas, at most six, such as -1, 0, 1.", severity="warning")

    @work
    async def action_steer(self) -> None:
        """Steer the next tasks by it, at a strength that is asked for."""
        if self._whole is None:
            return
        stored = self._whole.stored
        strength = await self.app.push_screen_wait(
            AskText(f"How strongly? The calibrated coefficient of {stored.name}:", value=f"{stored.coefficient:.3g}")
        )
        if strength:
            await self.app.chat.carry_out(BY_NAME["steer"], f"{stored.name}:{strength}")

    def action_switch(self) -> None:
        """Put it to use, or out of use."""
        if self._whole is not None:
            stored = self._whole.stored
            self.perform(lambda: switch(VectorStore(self.app.database), stored))

    @work
    async def action_export(self) -> None:
        """Write it as the GGUF file that llama.cpp reads."""
        if self._whole is None:
            return
        stored = self._whole.stored
        name = await self.app.push_screen_wait(AskText("Export as GGUF to:", value=f"{stored.name}.gguf"))
        if name:
            file = self.app.options.workspace / Path(name).expanduser()
            self.perform(lambda: _exported(VectorStore(self.app.database), stored, file))


def _exported(store: VectorStore, stored: StoredVector, file: Path) -> str:
    gguf.export(store.gguf(stored.id), file)
    return f"Saved {file}; llama.cpp reads it with --control-vector-scaled {file}:1"


def _widgets(whole: WholeVector) -> list[Widget]:
    from localnpm.distill.vector_plots import margin_plot, norm_plot, strength_plot

    stored, file = whole.stored, whole.file
    first, last = stored.layers
    facts = [
        f"coefficient {stored.coefficient:+.3g} in layers {first}-{last}{_source(stored)}",
        f"{stored.origin}, for {stored.model}, unit {file.unit}",
        *_measured(stored.calibration),
    ]
    status = f"{stored.status}: {stored.status_reason}" if stored.status_reason else stored.status
    plots = (norm_plot(file, stored), margin_plot(stored), strength_plot(stored))
    return [
        Static(literal(stored.name), classes="request"),
        Static(literal(status), classes="failed" if stored.status == "quarantined" else "note"),
        Static(literal("\n".join(facts)), classes="note"),
        *(PlotView(plot) for plot in plots if plot is not None),
    ]


def _source(stored: StoredVector) -> str:
    by = f" ({stored.method})" if stored.method else ""
    return f", from {stored.pairs} pairs{by}" if stored.pairs else by


def _measured(calibration: Mapping[str, Any]) -> Iterator[str]:
    """What calibration and gate have measured, in words."""
    from localnpm.distill import beside

    if (kl := number(calibration.get("kl"))) is not None:
        yield f"moves tokens by {kl:.3g} nats (95th percentile of KL)"
    if (gain := number(calibration.get("gain"))) is not None:
        yield f"makes held-out successes likelier by {gain:+.3g} nats a run"
    if (agreement := number(calibration.get("agreement"))) is not None:
        yield f"its two halves agree with cosine {agreement:.2f}"
    calls = calibration.get("calls")
    if isinstance(calls, list) and len(calls) == 2:
        yield f"valid calls: {calls[0]:.0%} without it, {calls[1]:.0%} with it"
    if (above := beside.read(calibration)) is not None:
        yield above.told
