"""“Learned: …”: what became of something learned, and what the user may do about it: open, accept, edit, switch."""

import asyncio
from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from localnpm.agent import events
from localnpm.errors import LocalnpmError
from localnpm.plain import visible
from localnpm.tui.guarded import Guarded
from localnpm.tui.literal import literal
from localnpm.tui.widgets.dialogs import EditText

if TYPE_CHECKING:
    from collections.abc import Callable

    from localnpm.tui.app import LocalnpmApp


class LearnedCard(Guarded, Vertical):
    """A `Learned` event with links to its procedure."""

    app: "LocalnpmApp"

    def __init__(self, learned: events.Learned) -> None:
        super().__init__(classes="card")
        self.learned = learned

    def compose(self) -> ComposeResult:
        """The line, then what can be done."""
        yield Static(literal(self.learned.text), classes="learned")
        with Horizontal(classes="links"):
            yield Button("open", id="open", compact=True)
            yield Button("accept", id="accept", compact=True)
            yield Button("edit", id="edit", compact=True)
            yield Button("disable", id="switch", compact=True)

    def on_mount(self) -> None:
        """Only what is possible is offered."""
        self.query_one("#accept").display = False
        self.query_one(".links").display = not self.app.options.private
        if not self.app.options.private:
            self._read()

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do it."""
        from localnpm.memory.procedures import Procedures
        from localnpm.tui import procedure_changes

        event.stop()
        procedure_id = self.learned.procedure_id
        match event.button.id:
            case "open":
                from localnpm.tui.screens.procedure import ProcedureScreen

                self.app.push_screen(ProcedureScreen(procedure_id), self._look_again)
            case "accept":
                self._change(lambda: procedure_changes.accept(Procedures(self.app.database), procedure_id))
            case "switch":
                self._change(lambda: procedure_changes.switch(Procedures(self.app.database), procedure_id))
            case _:
                self._edit()

    @work(thread=True, exit_on_error=False, group="read", exclusive=True)
    def _read(self) -> None:
        """What state the procedure is in now."""
        from localnpm.memory.procedures import Procedures
        from localnpm.tui.procedure_changes import waiting

        try:
            store = Procedures(self.app.database)
            active = store.get(self.learned.procedure_id).status == "active"
            waits = waiting(store.versions(self.learned.procedure_id)) is not None
        except LocalnpmError:
            # It was forgotten: there is nothing to link to.
            self.call_later(self._gone)
            return
        self.call_later(self._draw, active, waits)

    def _look_again(self, _: object) -> None:
        self._read()

    def _draw(self, active: bool, waits: bool) -> None:
        self.query_one("#accept").display = waits
        self.query_one("#switch", Button).label = "disable" if active else "enable"

    def _gone(self) -> None:
        self.query_one(".links").display = False

    @work(thread=True, exit_on_error=False)
    def _change(self, task: "Callable[[], str]") -> None:
        try:
            told = task()
        except LocalnpmError as error:
            self.app.call_later(self.notify, visible(str(error)), severity="error", markup=False)
            return
        self.app.call_later(self.notify, visible(told), markup=False)
        self._read()

    @work
    async def _edit(self) -> None:
        from localnpm.memory.procedures import Procedures
        from localnpm.tui import procedure_changes

        procedure_id = self.learned.procedure_id
        newest = await asyncio.to_thread(lambda: Procedures(self.app.database).newest(procedure_id))
        box = "keep its example" if newest is not None and newest.example else ""
        saved = await self.app.push_screen_wait(
            EditText("A title, then numbered steps:", newest.script if newest is not None else "", box)
        )
        if saved is not None:
            text, keep = saved
            self._change(lambda: procedure_changes.edit(Procedures(self.app.database), procedure_id, text, keep))
