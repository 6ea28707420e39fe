"""Models: those on this disk, which one answers, and those that can be pulled: the one use of the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.binding import BindingType

from localnpm import config
from localnpm.catalogue import CATALOGUE, Entry
from localnpm.models import ModelFile, chosen, fit, list_models, use
from localnpm.tui.messages import Learns
from localnpm.tui.screens.lists import ListPage
from localnpm.tui.widgets.dialogs import Confirm
from localnpm.units import size


@dataclass(frozen=True)
class ModelRow:
    """A model that is here, or one that can be pulled."""

    name: str
    bytes: str
    kind: str
    memory: str
    where: str
    file: ModelFile | None = None
    entry: Entry | None = None
    used: bool = False


class ModelsScreen(ListPage[ModelRow]):
    """What can answer."""

    heading = "Models (Enter uses one from the next start on; p pulls one from the hub)"
    columns = ("", "name", "size", "kind", "memory", "where")
    filters = (("on this disk", "here"), ("to pull", "pull"))

    BINDINGS: ClassVar[list[BindingType]] = [("p", "pull", "Pull")]

    def find(self, text: str, wanted: str, limit: int) -> Sequence[ModelRow]:
        """Those here first, then the catalogue."""
        found = [] if wanted == "pull" else self._here()
        if wanted != "here":
            found += [ModelRow(one.name, "", one.parameters, "", one.purpose, entry=one) for one in CATALOGUE]
        return [row for row in found if text.lower() in f"{row.name} {row.kind} {row.where}".lower()][:limit]

    def cells(self, row: ModelRow) -> Sequence[str]:
        """One line a model."""
        return ("*" if row.used else "", row.name, row.bytes, row.kind, row.memory, row.where)

    def identity(self, row: ModelRow) -> str:
        """Its name and place."""
        return f"{row.name} {row.where}"

    def open(self, row: ModelRow) -> None:
        """Use it."""
        if row.file is None:
            self.action_pull()
            return
        path = row.file.path
        self.perform(lambda: f"{use(str(path), self.app.home).name} answers from the next start on.")

    @work
    async def action_pull(self) -> None:
        """Download it, after saying what that means."""
        row = self.current
        if row is None or row.entry is None:
            self.notify("Choose one that can be pulled.", severity="warning")
            return
        entry = row.entry
        about = f"{entry.parameters} parameters, licence {entry.licence}"
        question = f"Download {entry.repository}/{entry.file} ({about})? This uses the network."
        if await self.app.push_screen_wait(Confirm(question)):
            self.perform(lambda: self._pull(entry))

    def _pull(self, entry: Entry) -> str:
        from localnpm import pull as pulling

        path = pulling.pull(pulling.plan(entry.name), self.app.home, self._progress)
        return f"Pulled {path.name}; Enter uses it."

    def _progress(self, what: str, done: int, total: int) -> None:
        self.app.post_message(Learns(what, done, total))

    def _here(self) -> list[ModelRow]:
        from localnpm.engine.plan import Machine

        settings = config.load(self.app.home)
        used, machine = chosen(settings.model, self.app.home), Machine.detect(gpu=False, amx=False)
        rows = []
        for model in list_models(self.app.home):
            room = fit(model.header, settings.engine, machine) if model.header else None
            kind = f"{model.header.architecture} {model.header.quantization}" if model.header else "damaged"
            memory = f"{size(room.needed)}: {room.verdict}" if room else model.problem
            rows.append(
                ModelRow(
                    model.name, size(model.size_bytes), kind, memory, _short(model.path), model, used=model.path == used
                )
            )
        return rows


def _short(path: Path) -> str:
    """A path under the user's home with `~`."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
