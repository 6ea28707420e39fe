"""The first run: which model is there and what it can honestly do, how to use another, three safe things to try."""

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Button, Static

from localnpm import config
from localnpm.catalogue import CATALOGUE, Entry
from localnpm.models import chosen, list_models
from localnpm.tui.literal import literal
from localnpm.tui.screens.page import Page
from localnpm.units import size

BUNDLED = (
    "The bundled model, apprentice, is small: 7.9 million parameters, trained here on file tasks (lists, notes, "
    "renaming, filing, adding up) and nothing else. It follows what it has learned of your ways; it cannot chat, "
    "reason or write programs. It makes mistakes: every change is shown first and can be undone."
)
TRIES: tuple[tuple[str, str], ...] = (
    ("Which files are there?", "only looks"),
    ("Make a note called First day: I tried localnpm.", "makes one small file; /undo takes it away"),
    ('Add "water the plants" to my todo list', "changes a todo list, if there is one; asks first"),
)
GB = 1 << 30
PARAMETERS_PER_GB = 0.6
"""Billions of parameters that run well in each gigabyte of free memory, with four to eight bits each and a context."""


@dataclass(frozen=True)
class Surroundings:
    """What there is to answer with: the model in use, others on this disk, one that would fit if it were pulled."""

    used: str
    others: tuple[str, ...]
    larger: Entry | None
    memory: int


class FirstRunScreen(Page[Surroundings]):
    """Shown once, before the first conversation; `/help` leads back to most of it."""

    heading = "Welcome to localnpm"

    BINDINGS: ClassVar[list[BindingType]] = [("enter", "leave", "Start"), ("m", "models", "Models")]

    def body(self) -> ComposeResult:
        """Filled when the disk has been looked at."""
        with VerticalScroll(id="first-run"):
            yield Static(literal(BUNDLED))
            yield Static(literal("Three safe things to try:", "bold"), classes="section")
            for place, (request, note) in enumerate(TRIES):
                yield Button(literal(f"{request}  ({note})"), id=f"try-{place}", compact=True)
            yield Static(literal("Looking for models on this disk …"), id="models-here", classes="section")
            yield Static(literal("Enter begins. F1 shows keys, / commands, Ctrl+P everything."), classes="section")

    def read(self) -> Surroundings:
        """Look for models."""
        import psutil

        settings = config.load(self.app.home)
        found = list(list_models(self.app.home))
        used = chosen(settings.model, self.app.home)
        names = [f"{model.name} ({size(model.size_bytes)}, {model.source})" for model in found if model.path != used]
        memory = int(psutil.virtual_memory().available)
        return Surroundings(used.stem if used else "", tuple(names), larger_model(memory), memory)

    def show(self, data: Surroundings) -> None:
        """Say what was found."""
        lines = [f"In use: {data.used}."]
        if data.others:
            lines += ["Also on this disk (m opens the list, Enter there uses one):"]
            lines += [f"  {name}" for name in data.others]
        else:
            lines.append(
                "No other GGUF models were found on this disk; `localnpm -m FILE.gguf` uses one from anywhere."
            )
        if data.larger:
            lines.append(
                f"Your {size(data.memory)} of free memory would hold {data.larger.name} ({data.larger.parameters} "
                f"parameters: {data.larger.purpose}). m, then p, pulls it: the only time the network is used."
            )
        self.query_one("#models-here", Static).update(literal("\n".join(lines)))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Put the request where it can be sent."""
        request = TRIES[int((event.button.id or "try-0").removeprefix("try-"))][0]
        self.dismiss()
        self.app.chat.composer.write(request)

    async def action_models(self) -> None:
        """The list of models."""
        from localnpm.tui.screens.models import ModelsScreen

        await self.app.push_screen(ModelsScreen())


def larger_model(memory: int) -> Entry | None:
    """The largest model of the catalogue that runs well in so many bytes of free memory; None where none does."""
    room = memory / GB * PARAMETERS_PER_GB
    fitting = [entry for entry in CATALOGUE if float(entry.parameters.split()[0]) <= room]
    return max(fitting, key=lambda entry: float(entry.parameters.split()[0]), default=None)
