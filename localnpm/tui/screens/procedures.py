"""Procedures: what was learned, searched and filtered, with wins, uses and uplift; one opens in procedure.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import work
from textual.binding import BindingType

from localnpm.memory.procedure_records import Procedure
from localnpm.memory.procedures import Procedures
from localnpm.memory.uses import Statistics, all_statistics
from localnpm.plain import one_line
from localnpm.tui.screens.lists import ListPage
from localnpm.tui.widgets.dialogs import Confirm

TITLE_CHARACTERS = 100


@dataclass(frozen=True)
class ProcedureRow:
    """A procedure and how it has done."""

    procedure: Procedure
    known: Statistics


class ProceduresScreen(ListPage[ProcedureRow]):
    """All procedures."""

    heading = "Procedures"
    columns = ("id", "status", "version", "wins", "uplift", "name", "title")
    filters = (("active", "active"), ("candidate", "candidate"), ("disabled", "disabled"), ("retired", "retired"))
    nothing = "Nothing has been learned yet: judge answers good or bad, with a reason, and it will be."

    BINDINGS: ClassVar[list[BindingType]] = [
        ("e", "switch", "Enable or disable"),
        ("delete", "forget", "Forget"),
    ]

    def find(self, text: str, wanted: str, limit: int) -> Sequence[ProcedureRow]:
        """By search in names, keys and scripts, or all, the newest first."""
        store = Procedures(self.app.database)
        known = all_statistics(self.app.database)
        found = store.search(text, limit=limit) if text else store.all()[::-1]
        kept = [procedure for procedure in found if wanted in ("", procedure.status)][:limit]
        return [ProcedureRow(procedure, known.of(procedure.id)) for procedure in kept]

    def cells(self, row: ProcedureRow) -> Sequence[str]:
        """One line a procedure."""
        procedure, known = row.procedure, row.known
        return (
            str(procedure.id),
            procedure.status,
            f"v{procedure.active.number}" if procedure.active else "",
            f"{known.wins}/{known.uses}" if known.uses else "",
            uplift_words(known),
            procedure.name,
            one_line(procedure.title, TITLE_CHARACTERS),
        )

    def identity(self, row: ProcedureRow) -> str:
        """Its id."""
        return str(row.procedure.id)

    def open(self, row: ProcedureRow) -> None:
        """All of it."""
        from localnpm.tui.screens.procedure import ProcedureScreen

        self.app.push_screen(ProcedureScreen(row.procedure.id), lambda _: self.reload())

    def action_switch(self) -> None:
        """Put it to use, or out of use."""
        row = self.current
        if row is not None:
            self.perform(lambda: switch(Procedures(self.app.database), row.procedure))

    @work
    async def action_forget(self) -> None:
        """Take it out of the memory for good."""
        row = self.current
        if row is None:
            return
        question = f"Forget {row.procedure.name} for good? The attempts that it came from stay."
        if await self.app.push_screen_wait(Confirm(question)):
            self.perform(lambda: forget(Procedures(self.app.database), row.procedure))


def uplift_words(known: Statistics) -> str:
    """The uplift with its interval, or nothing where it is not known."""
    if known.uplift is None:
        return ""
    between = f" ({known.interval[0]:+.2f} to {known.interval[1]:+.2f})" if known.interval else ""
    return f"{known.uplift:+.2f}{between}"


def switch(store: Procedures, procedure: Procedure) -> str:
    """Disable an active procedure, enable any other; what to tell the user."""
    status, done = ("disabled", "disabled") if procedure.status == "active" else ("active", "in use")
    store.set_status(procedure.id, "disabled" if status == "disabled" else "active", "by the user")
    return f"{procedure.name} is {done}."


def forget(store: Procedures, procedure: Procedure) -> str:
    """Forget a procedure; what to tell the user."""
    from localnpm.memory.forget import forget_procedures

    forget_procedures(store.database, [procedure.id])
    return f"Forgot {procedure.name}."
