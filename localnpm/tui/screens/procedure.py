"""One procedure: script, example, versions with their differences, uses, vectors; edited, accepted, forgotten."""

import asyncio
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from localnpm.memory.procedure_records import Procedure, StoredVector, Use, Version
from localnpm.memory.procedures import Procedures
from localnpm.memory.uses import Statistics, of_procedure, some_statistics
from localnpm.memory.vector_store import VectorStore
from localnpm.memory.verdicts import Outcome, outcomes
from localnpm.plain import visible
from localnpm.tui import procedure_changes as changes
from localnpm.tui.literal import literal
from localnpm.tui.screens.forgetting import consent, told
from localnpm.tui.screens.page import Page
from localnpm.tui.screens.procedures import uplift_words
from localnpm.tui.widgets.dialogs import EditText
from localnpm.tui.widgets.diff import diff_content
from localnpm.tui.widgets.folded import Folded

HISTORY = 50


@dataclass(frozen=True)
class WholeProcedure:
    """All that is known of a procedure."""

    procedure: Procedure
    versions: tuple[Version, ...]
    keys: tuple[str, ...]
    known: Statistics
    uses: tuple[Use, ...]
    judged: dict[int, Outcome]
    vectors: tuple[StoredVector, ...]


class ProcedureScreen(Page[WholeProcedure]):
    """Shows one procedure and lets the user change it."""

    HELP = """
    One procedure: its versions, each with how it differs from the one before it, its example, the requests for which
    it is recalled, its last uses. e changes the script: a new version, in use at once. a accepts a version that waits
    for your word. d switches it off or on.
    """

    heading = "Procedure"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", "Edit", id="procedure.edit"),
        Binding("a", "accept", "Accept", id="procedure.accept"),
        Binding("d", "switch", "Disable or enable", id="procedure.switch"),
        Binding("delete", "forget", "Forget", id="procedure.forget"),
    ]

    def __init__(self, procedure_id: int) -> None:
        super().__init__()
        self._procedure_id = procedure_id
        self._whole: WholeProcedure | None = None

    def body(self) -> ComposeResult:
        """Filled when it has been read."""
        yield VerticalScroll(id="procedure")

    def read(self) -> WholeProcedure:
        """From the memory."""
        database, store = self.app.database, Procedures(self.app.database)
        uses = of_procedure(database, self._procedure_id, HISTORY)
        return WholeProcedure(
            store.get(self._procedure_id),
            store.versions(self._procedure_id),
            store.keys(self._procedure_id),
            some_statistics(database, [self._procedure_id]).of(self._procedure_id),
            uses,
            outcomes(database, [use.attempt_id for use in uses]),
            VectorStore(database).live_of(self._procedure_id),
        )

    def show(self, data: WholeProcedure) -> None:
        """One widget a part."""
        self._whole = data
        place = self.query_one("#procedure", VerticalScroll)
        place.remove_children()
        place.mount(*_widgets(data))
        place.focus()

    @work
    async def action_edit(self) -> None:
        """Change the script; that makes a new version, in use at once."""
        if self._whole is None:
            return
        said = [version for version in self._whole.versions if version.script or version.example]
        shown = next((version for version in said if version.status == "active"), said[-1] if said else None)
        text = shown.script if shown is not None and shown.script else f"{self._whole.procedure.title}\n1. "
        box = "keep its example" if shown is not None and shown.example else ""
        saved = await self.app.push_screen_wait(EditText("A title, then numbered steps:", text, box))
        if saved is not None and (saved[0].strip() != text.strip() or not saved[1]):
            self.perform(lambda: changes.edit(Procedures(self.app.database), self._procedure_id, *saved))

    def action_accept(self) -> None:
        """Put the newest version that waits to use, with what was doubtful in it."""
        self.perform(lambda: changes.accept(Procedures(self.app.database), self._procedure_id))

    def action_switch(self) -> None:
        """Put it to use, or out of use."""
        self.perform(lambda: changes.switch(Procedures(self.app.database), self._procedure_id))

    @work
    async def action_forget(self) -> None:
        """Take it out of the memory for good."""
        from localnpm.memory.forget import backups_with, forget_procedures

        if self._whole is None:
            return
        database, ids = self.app.database, [self._procedure_id]
        question = f"Forget {self._whole.procedure.name} for good? The attempts that it came from stay."
        chosen = await consent(self.app, question, lambda: backups_with(database, procedure_ids=ids))
        if chosen is not None:
            forgotten = await asyncio.to_thread(lambda: forget_procedures(database, ids, backups=chosen))
            self.app.notify(visible(told(forgotten)), markup=False)
            self.dismiss()


def _widgets(whole: WholeProcedure) -> list[Widget]:
    procedure, known = whole.procedure, whole.known
    why = f" ({procedure.status_reason})" if procedure.status_reason else ""
    done = f"{known.wins} of {known.uses} judged uses went well" if known.uses else "no use has been judged yet"
    if known.without_uses:
        done += f"; {known.without_wins} of {known.without_uses} without it"
    widgets: list[Widget] = [
        Static(literal(f"{procedure.name}: {procedure.title}"), classes="request"),
        Static(literal(f"{procedure.status}{why} · {procedure.origin}"), classes="note"),
        Static(literal(f"{done} · uplift {uplift_words(known) or 'not known yet'}"), classes="note"),
    ]
    widgets += [_version(version, whole.versions) for version in reversed(whole.versions)]
    lines = "\n".join(whole.keys)
    widgets.append(Folded(literal(f"recalled for requests like these ({len(whole.keys)})"), Static(literal(lines))))
    widgets.append(Folded(literal(f"last uses ({len(whole.uses)})"), Static(literal(_history(whole)))))
    widgets += [Static(literal(_vector(vector)), classes="note") for vector in whole.vectors]
    return widgets


def _version(version: Version, versions: Sequence[Version]) -> Widget:
    why = f", {version.status_reason}" if version.status_reason else ""
    stale = ", a verdict on what it came from has changed" if version.stale else ""
    head = f"version {version.number}: {version.status}{why}{stale} · {version.source}"
    inside: list[Widget] = [Static(literal(version.script or "(no script)"), classes="answer")]
    if version.doubtful:
        inside.append(
            Static(literal("Rests on what was read in files alone:\n" + "\n".join(version.doubtful)), classes="failed")
        )
    if version.example:
        inside.append(Static(literal(f"Example:\n{version.example}"), classes="note"))
    before = next((other for other in versions if other.id == version.parent_id), None)
    if before is not None:
        inside.append(Static(diff_content(_difference(before, version)), classes="diff"))
    if version.lineage:
        came = ", ".join(f"attempt {attempt_id} ({role})" for attempt_id, role in version.lineage)
        inside.append(Static(literal(f"From {came}"), classes="note"))
    folded = Folded(literal(head), *inside, classes="card")
    folded.collapsed = version.status != "active"
    return folded


def _difference(before: Version, after: Version) -> str:
    lines = difflib.unified_diff(
        before.script.splitlines(),
        after.script.splitlines(),
        f"version {before.number}",
        f"version {after.number}",
        lineterm="",
    )
    return "\n".join(lines)


def _history(whole: WholeProcedure) -> str:
    numbers = {version.id: version.number for version in whole.versions}
    lines = []
    for use in whole.uses:
        outcome = whole.judged.get(use.attempt_id)
        became = "not judged" if outcome is None else "good" if outcome.success else "bad"
        version = f" v{numbers[use.version_id]}" if use.version_id in numbers else ""
        lines.append(f"attempt {use.attempt_id}: {became} · {use.channel}{version}, similarity {use.similarity:.2f}")
    return "\n".join(lines) or "none yet"


def _vector(vector: StoredVector) -> str:
    why = f" ({vector.status_reason})" if vector.status_reason else ""
    first, last = vector.layers
    strength = f"{vector.coefficient:+.3g} in layers {first}-{last}"
    return f"vector {vector.name}: {vector.status}{why}, {strength}, {vector.model}"
