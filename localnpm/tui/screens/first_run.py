"""The first run: which model is there and what it can honestly do, how to use another, three safe things to try."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from textual import events as keys
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Button, Static

from localnpm import config
from localnpm.catalogue import Entry, largest_fitting
from localnpm.models import chosen, list_models
from localnpm.plain import visible
from localnpm.sample import sample_workspace
from localnpm.tui.literal import literal
from localnpm.tui.screens.page import Page
from localnpm.units import size

BUNDLED = (
    "The model that came along, apprentice, is tiny: 7.9 million parameters, trained on file tasks alone (todo lists, "
    "filing, file names, settings, totals). It shows how localnpm learns your ways; it cannot chat, write or program, "
    "and names it does not know it gets wrong. Whatever it would change is shown first, and /undo takes it back."
)
ASK = "What can you do?"
TODO = 'Add "buy milk" to my todo list'
LOOK = "!ls"
SHOWN_MODELS = 6


@dataclass(frozen=True)
class Surroundings:
    """What there is to answer with: the model in use, others on this disk, one that would fit if it were pulled.

    `memory` is what is free, in bytes.
    """

    used: str
    others: tuple[str, ...]
    larger: Entry | None
    memory: int


class FirstRunScreen(Page[Surroundings]):
    """Shown once, before the first conversation."""

    HELP = """
    What is here, and three safe things to try: Tab goes from one to the next, Enter puts it where you can send it.
    Escape, or typing, begins.
    """

    heading = "Welcome to localnpm"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Begin", id="page.leave"),
        Binding("f6", "models", "Models", id="welcome.models"),
    ]

    def body(self) -> ComposeResult:
        """Filled when the disk has been looked at."""
        with VerticalScroll(id="first-run", can_focus=False):
            yield Static(literal(BUNDLED))
            yield Static(literal("Three safe things to try:", "bold"), classes="section")
            yield Button(literal(f"{ASK}  (only answers)"), id="try-ask", compact=True)
            where = "asks first"
            if not has_todo(self.app.options.workspace):
                where = "in a sample folder"
            yield Button(literal(f"{TODO}  ({where})"), id="try-todo", compact=True)
            yield Button(literal(f"{LOOK}  (a command of your own, kept to this folder)"), id="try-look", compact=True)
            yield Static(literal("Looking for models on this disk …"), id="models-here", classes="section")
            yield Button(literal("Models: use another, or pull one"), id="models", compact=True)
            yield Static(
                literal("Later: / lists commands, F1 the keys, Ctrl+P finds everything, /doctor checks this machine."),
                classes="section",
            )

    def on_mount(self) -> None:
        """The first thing to try has the focus."""
        self.query_one("#try-ask").focus()

    def read(self) -> Surroundings:
        """Look for models."""
        import psutil

        settings = config.load(self.app.home)
        used = chosen(settings.model, self.app.home)
        names = tuple(
            f"{model.name} ({size(model.size_bytes)}, {model.source})"
            for model in list_models(self.app.home)
            if model.path != used and not model.problem
        )
        memory = int(psutil.virtual_memory().available)
        return Surroundings(used.stem if used else "", names, largest_fitting(memory), memory)

    def show(self, data: Surroundings) -> None:
        """Say what was found."""
        self.query_one("#models-here", Static).update(literal("\n".join(told(data))))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Put the request where it can be sent, in a folder of samples where this one has nothing to try it on."""
        match event.button.id:
            case "models":
                self.action_models()
                return
            case "try-todo":
                request = TODO
                if not has_todo(self.app.options.workspace):
                    self._use_samples()
            case "try-look":
                request = LOOK
            case _:
                request = ASK
        self.dismiss()
        self.app.chat.composer.write(request)

    def on_key(self, event: keys.Key) -> None:
        """Whoever types wants to begin: what they type is not lost."""
        if event.is_printable and event.character and (event.key != "space" or self.app.chat.composer.text):
            event.stop()
            event.prevent_default()
            self.app.chat.composer.draft.insert(event.character)
            if self.is_current:
                self.dismiss()

    def on_paste(self, event: keys.Paste) -> None:
        """The same for what is pasted."""
        event.stop()
        self.app.chat.composer.draft.insert(event.text)
        if self.is_current:
            self.dismiss()

    def action_models(self) -> None:
        """The list of models."""
        from localnpm.tui.screens.models import ModelsScreen

        self.app.push_screen(ModelsScreen())

    def _use_samples(self) -> None:
        folder = sample_workspace()
        self.app.reopen(replace(self.app.options, workspace=folder))
        told = visible(f"You are in {folder}, with sample files. The next start is in your own folder.")
        self.app.notify(told, timeout=15, markup=False)


def told(found: Surroundings) -> Iterator[str]:
    """What was found, line by line."""
    yield f"In use: {found.used or 'none; choose one below'}."
    if found.others:
        yield "Also on this disk:"
        yield from (f"  {name}" for name in found.others[:SHOWN_MODELS])
        if len(found.others) > SHOWN_MODELS:
            yield f"  … and {len(found.others) - SHOWN_MODELS} more"
    else:
        yield "No other GGUF model was found on this disk; the setting `model` takes the path of one from anywhere."
    free = f"{size(found.memory)} of memory are free"
    if found.larger is None:
        yield f"{free}: too little for any of the larger models that localnpm knows of."
    else:
        larger = found.larger
        yield (
            f"{free}: enough for {larger.name}, {larger.parameters} parameters, a download of about "
            f"{size(larger.about_bytes)} that takes about {size(larger.about_memory)} of memory; {larger.purpose}. "
            "Smaller ones are quicker. Pulling it is the only time the network is used."
        )


def has_todo(workspace: Path) -> bool:
    """Whether the workspace itself has a todo list under a usual name."""
    try:
        return any(path.is_file() for path in workspace.glob("[Tt][Oo][Dd][Oo]*.md"))
    except OSError:
        return False
