"""Control vectors: those of all models, with status, strength and where they come from; one opens in vector.py."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, cast

from textual import work
from textual.binding import Binding, BindingType

from localnpm.memory.procedure_records import StoredVector, VectorStatus
from localnpm.memory.vector_store import VectorStore
from localnpm.tui.screens.lists import ListPage
from localnpm.tui.vector_jobs import take_in
from localnpm.tui.widgets.dialogs import AskText, Confirm


class VectorsScreen(ListPage[StoredVector]):
    """All vectors that are not retired."""

    HELP = """
    Directions that are added to what the model computes, to steer it. Coefficient: how strongly, as it was calibrated.
    Quarantined ones act on no task until you enable them. Enter opens one, e switches it off or on, i takes in a GGUF
    file.
    """

    heading = "Control vectors: Enter opens one"
    columns = ("id", "name", "status", "coefficient", "layers", "pairs", "origin", "model", "why")
    wide_only = frozenset({"layers", "pairs", "origin", "model", "why"})
    filters = (
        ("active", "active"),
        ("candidate", "candidate"),
        ("quarantined", "quarantined"),
        ("disabled", "disabled"),
    )
    nothing = "No control vectors. Learning makes them; i takes in a GGUF file."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "switch", "Enable or disable", id="vectors.switch"),
        Binding("i", "take_in", "Take in a file", id="vectors.take-in"),
        Binding("delete", "forget", "Forget", id="vectors.forget"),
    ]

    def find(self, text: str, wanted: str, limit: int) -> Sequence[StoredVector]:
        """Those whose name or model holds the text, the newest first."""
        status = cast(VectorStatus, wanted) if wanted else None
        return VectorStore(self.app.database).latest(limit, status=status, text=text)

    def cells(self, row: StoredVector) -> Sequence[str]:
        """One line a vector."""
        first, last = row.layers
        return (
            str(row.id), row.name, row.status, f"{row.coefficient:+.3g}", f"{first}-{last}", str(row.pairs), row.origin,
            row.model, row.status_reason,
        )  # fmt: skip

    def identity(self, row: StoredVector) -> str:
        """Its id."""
        return str(row.id)

    def open(self, row: StoredVector) -> None:
        """All of it."""
        from localnpm.tui.screens.vector import VectorScreen

        self.app.push_screen(VectorScreen(row.id), lambda _: self.reload())

    @work
    async def action_take_in(self) -> None:
        """Take in a vector's GGUF file; it is checked against the model in use, and starts quarantined."""
        name = await self.app.push_screen_wait(AskText("Which GGUF file?", "path of a control vector"))
        if name and name.strip():
            file = self.app.options.workspace / Path(name.strip()).expanduser()
            take_in(self.app.chat, file, lambda: self.call_later(self.reload))

    def action_switch(self) -> None:
        """Put it to use, or out of use."""
        row = self.current
        if row is not None:
            self.perform(lambda: switch(VectorStore(self.app.database), row))

    @work
    async def action_forget(self) -> None:
        """Take it out of the memory for good."""
        row = self.current
        if row is None:
            return
        question = f"Forget the vector {row.name} for good? The attempts that it came from stay."
        if await self.app.push_screen_wait(Confirm(question)):
            self.perform(lambda: forget(VectorStore(self.app.database), row))


def switch(store: VectorStore, vector: StoredVector) -> str:
    """Disable an active vector, enable any other; what to tell the user."""
    if vector.status == "active":
        store.set_status(vector.id, "disabled", "disabled by the user")
        return f"The vector {vector.name} is disabled."
    store.set_status(vector.id, "active", "enabled by the user")
    return f"The vector {vector.name} is in use."


def forget(store: VectorStore, vector: StoredVector) -> str:
    """Forget a vector; what to tell the user."""
    from localnpm.memory.forget import forget_vector

    forget_vector(store.database, vector.id)
    return f"Forgot the vector {vector.name}."
