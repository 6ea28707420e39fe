"""Procedures: what was learned, searched and filtered, with wins, uses and uplift; one opens in procedure.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

from textual import work
from textual.binding import Binding, BindingType

from localnpm.memory.procedure_records import Procedure, ProcedureStatus
from localnpm.memory.procedures import Procedures
from localnpm.memory.uses import Statistics, some_statistics
from localnpm.tui.procedure_changes import switch
from localnpm.tui.screens.forgetting import consent, told
from localnpm.tui.screens.lists import ListPage


@dataclass(frozen=True)
class ProcedureRow:
    """A procedure and how it has done."""

    procedure: Procedure
    known: Statistics


class ProceduresScreen(ListPage[ProcedureRow]):
    """All procedures."""

    HELP = """
    What was learned. Wins: how many of its judged uses went well. Uplift: how much more often tasks succeed with it
    than without, and between which bounds that lies; a small share of tasks is done without it to know. Enter opens
    one, e switches it off or on, Delete forgets it for good.
    """

    heading = "Procedures: Enter opens one"
    columns = ("id", "status", "version", "wins", "uplift", "name", "title")
    wide_only = frozenset({"version", "uplift", "name"})
    filters = (
        ("active", "active"),
        ("waits for a word", "candidate"),
        ("disabled", "disabled"),
        ("retired", "retired"),
    )
    nothing = "Nothing has been learned yet: judge answers good or bad, with a reason, and it will be."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "switch", "Enable or disable", id="procedures.switch"),
        Binding("delete", "forget", "Forget", id="procedures.forget"),
    ]

    def find(self, text: str, wanted: str, limit: int) -> Sequence[ProcedureRow]:
        """By search in names, keys and scripts, or all, the newest first."""
        store = Procedures(self.app.database)
        status = cast(ProcedureStatus, wanted) if wanted else None
        found = store.search(text, limit, status) if text else store.latest(limit, status)
        known = some_statistics(self.app.database, [procedure.id for procedure in found])
        return [ProcedureRow(procedure, known.of(procedure.id)) for procedure in found]

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
            procedure.title,
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
            self.perform(lambda: switch(Procedures(self.app.database), row.procedure.id))

    @work
    async def action_forget(self) -> None:
        """Take it out of the memory for good."""
        from localnpm.memory.forget import backups_with, forget_procedures

        row = self.current
        if row is None:
            return
        database, ids = self.app.database, [row.procedure.id]
        question = f"Forget {row.procedure.name} for good? The attempts that it came from stay."
        chosen = await consent(self.app, question, lambda: backups_with(database, procedure_ids=ids))
        if chosen is not None:
            self.perform(lambda: told(forget_procedures(database, ids, backups=chosen)))


def uplift_words(known: Statistics) -> str:
    """The uplift with its interval, or nothing where it is not known."""
    if known.uplift is None:
        return ""
    between = f" ({known.interval[0]:+.2f} to {known.interval[1]:+.2f})" if known.interval else ""
    return f"{known.uplift:+.2f}{between}"
