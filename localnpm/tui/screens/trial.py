"""A control vector tried: what the model writes at several scales, side by side, and how far each is from its own."""

import math
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from localnpm.tui.literal import literal
from localnpm.tui.screens.page import Page
from localnpm.tui.vector_jobs import try_vector

if TYPE_CHECKING:
    from localnpm.distill.trial import Trial

MOST_SCALES = 6


def scales_of(text: str) -> tuple[float, ...]:
    """The numbers in a list between commas; none where it is no such list."""
    try:
        scales = tuple(float(part) for part in text.split(","))
    except ValueError:
        return ()
    usable = len(scales) <= MOST_SCALES and all(math.isfinite(scale) and abs(scale) <= 100 for scale in scales)
    return tuple(dict.fromkeys(scales)) if usable else ()


class TrialScreen(Page[None]):
    """One column a scale; they fill one after the other."""

    HELP = """
    The same request answered once at each scale: 0 is the model as it is, 1 as the vector was calibrated, -1 against
    it. KL says how far the words' probabilities are from the model's own. Nothing is logged and no tool acts.
    """

    heading = "Trial"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f5", "reload", "Try again", id="page.reload")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-wide")]  # noqa: RUF012 - Screen declares it so

    def __init__(self, name: str, prompt: str, scales: tuple[float, ...]) -> None:
        super().__init__()
        self._vector = name
        self._prompt = prompt
        self._scales = scales
        self._job = 0
        self.ended = False

    def body(self) -> ComposeResult:
        """What is tried, then the columns."""
        yield Static(literal(f"{self._vector}: {self._prompt}"), classes="request")
        with VerticalScroll(id="trial"), Horizontal(classes="columns"):
            for place, scale in enumerate(self._scales):
                with Vertical(classes="column"):
                    yield Static(literal(f"{scale:g} x", "bold"), id=f"head-{place}")
                    yield Static(literal("...", "dim"), id=f"text-{place}")

    def read(self) -> None:
        """The model does it in its own thread."""

    def show(self, data: None) -> None:
        """Begin."""
        self.query_one("#trial").focus()
        self.ended = False
        self._job = try_vector(
            self.app.chat,
            self._vector,
            self._prompt,
            self._scales,
            lambda one: self.call_later(self._tell, one),
            lambda wrong: self.call_later(self._end, wrong),
        )

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        if not self.ended and self._job and not self.app.backend.withdraw(self._job):
            self.app.backend.cancel()

    def _tell(self, one: "Trial") -> None:
        place = self._scales.index(one.scale)
        kl = "" if math.isnan(one.kl) else f" · KL {one.kl:.3g} nats"
        head = f"{one.scale:g} x = {one.coefficient:+.3g}{kl}"
        self.query_one(f"#head-{place}", Static).update(literal(head, "bold"))
        self.query_one(f"#text-{place}", Static).update(literal(one.text or "(nothing)"))

    def _end(self, wrong: str) -> None:
        self.ended = True
        self.fail(wrong)
