"""One control vector: norms by layer, calibration, gate; exported as a GGUF file, or named to steer the next tasks."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from localnpm.distill import gguf, steer
from localnpm.distill.vector_file import VectorFile
from localnpm.memory.procedure_records import StoredVector
from localnpm.memory.vector_store import VectorStore
from localnpm.plain import json_text
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

    heading = "Control vector"

    BINDINGS: ClassVar[list[BindingType]] = [
        ("s", "steer", "Steer the next tasks"),
        ("d", "switch", "Disable or enable"),
        ("x", "export", "Export"),
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
    from localnpm.distill.vector_plots import norm_plot

    stored, file = whole.stored, whole.file
    first, last = stored.layers
    why = f": {stored.status_reason}" if stored.status_reason else ""
    facts = [
        f"{stored.status}{why}",
        f"coefficient {stored.coefficient:+.3g} in layers {first}-{last}, from {stored.pairs} pairs ({stored.method})",
        f"{stored.origin}, for {stored.model}, unit {file.unit}",
    ]
    return [
        Static(literal(stored.name), classes="request"),
        Static(literal("\n".join(facts)), classes="note"),
        PlotView(norm_plot(file, stored)),
        Static(literal(f"Calibration:\n{json_text(dict(stored.calibration))}"), classes="note"),
    ]
