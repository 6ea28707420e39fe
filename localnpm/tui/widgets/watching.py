"""What is being recorded while the user shows a task by hand: above the line where they type, until they end it."""

from time import monotonic
from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from localnpm.errors import LocalnpmError, NotFoundError
from localnpm.plain import json_text, one_line
from localnpm.tui.commands import BY_NAME
from localnpm.tui.guarded import Guarded
from localnpm.tui.literal import literal

if TYPE_CHECKING:
    from localnpm.engine.messages import ToolCall
    from localnpm.learning.watch import Watch
    from localnpm.tui.app import LocalnpmApp

LOOK_SECONDS = 2.0
SHARE = 0.1
"""The most of the time that is spent looking, however large the folder."""
SHOWN_CALLS = 3
REQUEST_CHARACTERS = 60
CALL_CHARACTERS = 200


class Watching(Guarded, Vertical):
    """Follows a demonstration: what was done so far, as the calls that would do it, and the ways to end it."""

    app: "LocalnpmApp"

    def __init__(self, watch: "Watch") -> None:
        super().__init__()
        self._watch = watch

    def compose(self) -> ComposeResult:
        """What is shown, the ways to end it, what was done."""
        with Horizontal(classes="head"):
            request = one_line(self._watch.request, REQUEST_CHARACTERS)
            yield Static(Content.assemble("watching: ", literal(request, "bold")), classes="what")
            yield Button("stop", id="watch-stop", compact=True, tooltip="see all of it, then learn it or not")
            yield Button("cancel", id="watch-cancel", compact=True, tooltip="forget it; the files stay as they are")
        yield Static(literal("nothing has changed yet"), id="so-far", classes="note")

    def on_mount(self) -> None:
        """Look at once, and the footer says so."""
        self.app.tell_status(watching=True)
        self._look()

    def on_unmount(self) -> None:
        """It is over."""
        self.app.tell_status(watching=False)

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        """As the command does."""
        event.stop()
        await self.app.chat.carry_out(BY_NAME["watch"], (event.button.id or "").removeprefix("watch-"))

    @work(thread=True, exit_on_error=False, exclusive=True)
    def _look(self) -> None:
        from localnpm.learning import watch as watching

        began = monotonic()
        try:
            calls, untold = watching.so_far(self.app.home, self.app.database, self._watch)
        except NotFoundError:
            self.app.call_later(self._over)
            return
        except LocalnpmError as error:
            told = literal(str(error), "$text-error")
        else:
            told = _told(calls, [f"{one.path}: {one.why}" for one in untold])
        self.app.call_later(self._show, told, max(LOOK_SECONDS, (monotonic() - began) / SHARE))

    def _show(self, told: Content, pause: float) -> None:
        if self.is_mounted:
            self.query_one("#so-far", Static).update(told)
            self.set_timer(pause, self._look)

    async def _over(self) -> None:
        if self.is_mounted:
            await self.remove()


def _told(calls: "tuple[ToolCall, ...]", untold: list[str]) -> Content:
    """The last calls, how many came before them, and what cannot be learned."""
    lines = [f"{call.name} {json_text(dict(call.arguments), indent=None)}" for call in calls[-SHOWN_CALLS:]]
    if len(calls) > SHOWN_CALLS:
        lines.insert(0, f"{len(calls) - SHOWN_CALLS} more, then")
    if untold:
        more = f" and {len(untold) - 1} more" if len(untold) > 1 else ""
        lines.append(f"cannot be learned: {untold[0]}{more}")
    return literal("\n".join(one_line(line, CALL_CHARACTERS) for line in lines) or "nothing has changed yet")
