"""Models: those on this disk, which one answers, and those that can be pulled: the one use of the network."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, ProgressBar, Static

from localnpm import config
from localnpm.catalogue import CATALOGUE, Entry
from localnpm.errors import LocalnpmError
from localnpm.models import ModelFile, chosen, fit, list_models, use
from localnpm.plain import visible
from localnpm.tui.literal import literal
from localnpm.tui.pulling import Pulling
from localnpm.tui.reopening import offer_reopening
from localnpm.tui.screens.lists import ListPage
from localnpm.tui.widgets.dialogs import AskText, Confirm
from localnpm.units import size

LOOK_SECONDS = 0.2
HUB = "A GGUF file on the hub, as OWNER/REPOSITORY/FILE.gguf, or its web address:"


@dataclass(frozen=True)
class ModelRow:
    """A model that is here, or one that can be pulled."""

    name: str
    bytes: str
    kind: str
    memory: str
    about: str
    file: ModelFile | None = None
    entry: Entry | None = None
    used: bool = False


class ModelsScreen(ListPage[ModelRow]):
    """What can answer."""

    HELP = """
    Every GGUF model that was found on this disk, also those that other programs have pulled; * marks the one in use.
    Enter uses the model under the cursor. Below them is a list of well-known models: p pulls one, after asking; it is
    the only time the network is used. To use a file from anywhere: `model` in /settings takes a path.
    """

    heading = "Models: Enter uses one, p pulls one"
    columns = ("", "name", "size", "kind", "memory")
    wide_only = frozenset({"kind"})
    filters = (("on this disk", "here"), ("to pull", "pull"))

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pull", "Pull", id="models.pull"),
        Binding("o", "other", "Pull another", id="models.other"),
        Binding("c", "stop_pull", "Stop pulling", id="models.stop"),
    ]

    def body(self) -> ComposeResult:
        """The list, the row under the cursor in full, and the pull that runs."""
        yield from super().body()
        yield Static(id="about", classes="note")
        yield Static(id="pulling")
        yield ProgressBar(show_eta=False, id="pulled")

    def on_mount(self) -> None:
        """Follow the pull."""
        self._follow()
        self.set_interval(LOOK_SECONDS, self._follow)

    def find(self, text: str, wanted: str, limit: int) -> Sequence[ModelRow]:
        """Those here first, then the catalogue."""
        found = [] if wanted == "pull" else _here(self)
        if wanted != "here":
            found += _catalogue()
        return [row for row in found if text.lower() in f"{row.name} {row.kind} {row.about}".lower()][:limit]

    def cells(self, row: ModelRow) -> Sequence[str]:
        """One line a model."""
        return ("*" if row.used else "", row.name, row.bytes, row.kind, row.memory)

    def identity(self, row: ModelRow) -> str:
        """Its name and place."""
        return f"{row.name} {row.about}"

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Say all about the row."""
        row = self.current
        self.query_one("#about", Static).update(literal(row.about if row else ""))

    def open(self, row: ModelRow) -> None:
        """Use it, or pull it."""
        if row.file is None:
            self.action_pull()
        elif row.file.problem:
            self.notify(visible(row.file.problem), severity="warning", markup=False)
        elif not row.used:
            self._use(row.file.path)

    @work(exit_on_error=False, group="ask")
    async def _use(self, path: Path) -> None:
        try:
            await asyncio.to_thread(use, str(path), self.app.home)
        except LocalnpmError as error:
            self.notify(visible(str(error)), severity="error", timeout=15, markup=False)
            return
        self.reload()
        if os.environ.get("LOCALNPM_MODEL"):
            self.notify("LOCALNPM_MODEL is set and goes before the settings; unset it.", severity="warning")
        await offer_reopening(self.app, visible(f"{path.stem} is the model from now on."))

    @work(exit_on_error=False, group="ask")
    async def action_pull(self) -> None:
        """Download the model under the cursor, after saying what that means."""
        row = self.current
        if row is None or row.entry is None:
            self.notify("That one is here already; o pulls another one from the hub.", severity="warning")
            return
        entry = row.entry
        question = (
            f"Download {entry.repository}/{entry.file}, about {size(entry.about_bytes)}, licence {entry.licence}? "
            f"In memory it takes about {size(entry.about_memory)}; {size(_free())} are free. The network is used."
        )
        if await self.app.push_screen_wait(Confirm(question)):
            self._pull(entry.name)

    @work(exit_on_error=False, group="ask")
    async def action_other(self) -> None:
        """Download a model that the user names."""
        wanted = await self.app.push_screen_wait(AskText(HUB, "OWNER/REPOSITORY/FILE.gguf"))
        if wanted and wanted.strip():
            self._pull(wanted.strip())

    def action_stop_pull(self) -> None:
        """Stop the pull; what has come is kept."""
        if self.app.pulling is not None:
            self.app.pulling.stop()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to stop only while something is pulled."""
        return self.app.pulling is not None if action == "stop_pull" else super().check_action(action, parameters)

    def _pull(self, wanted: str) -> None:
        if self.app.pulling is not None:
            self.notify("One pull at a time; c stops the one that runs.", severity="warning")
            return
        app = self.app
        app.pulling = Pulling(wanted, app.home, lambda pull: app.call_later(_ended, self, pull))
        app.pulling.start()
        self._follow()

    def _follow(self) -> None:
        pull = self.app.pulling
        line, bar = self.query_one("#pulling", Static), self.query_one(ProgressBar)
        if line.display != (pull is not None):
            self.refresh_bindings()
        line.display = bar.display = pull is not None
        if pull is not None:
            line.update(literal(pull.words()))
            bar.update(total=pull.total or None, progress=pull.done)


def _ended(screen: ModelsScreen, pull: Pulling) -> None:
    """Tell how a pull ended, whatever screen is open by then."""
    app = screen.app
    app.pulling = None
    if pull.path is not None:
        app.notify(visible(f"Pulled {pull.path.name}. In /model, Enter on it uses it."), timeout=15, markup=False)
    else:
        told = visible(f"{pull.wanted}: {pull.problem}")
        app.notify(told, title="Not pulled", severity="warning", timeout=20, markup=False)
    if screen.is_mounted:
        screen.reload()


def _here(screen: ModelsScreen) -> list[ModelRow]:
    from localnpm.engine.plan import Machine

    home = screen.app.home
    settings = config.load(home)
    used, machine = chosen(settings.model, home), Machine.detect(gpu=False, amx=False)
    rows = []
    for model in list_models(home):
        room = fit(model.header, settings.engine, machine) if model.header else None
        kind = f"{model.header.architecture} {model.header.quantization}" if model.header else "damaged"
        memory = f"{size(room.needed)}: {room.verdict}" if room else ""
        about = f"{_short(model.path)} ({model.source})" + (f": {model.problem}" if model.problem else "")
        rows.append(
            ModelRow(model.name, size(model.size_bytes), kind, memory, about, file=model, used=model.path == used)
        )
    return rows


def _catalogue() -> list[ModelRow]:
    free = _free()
    rows = []
    for entry in CATALOGUE:
        verdict = "fits" if entry.about_memory <= free else "more than is free"
        about = f"{entry.purpose}. {entry.repository}/{entry.file}, licence {entry.licence}"
        memory = f"~{size(entry.about_memory)}: {verdict}"
        rows.append(
            ModelRow(f"{entry.name} ↓", f"~{size(entry.about_bytes)}", entry.parameters, memory, about, entry=entry)
        )
    return rows


def _free() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def _short(path: Path) -> str:
    """A path under the user's home with `~`."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
