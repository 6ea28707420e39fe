"""The questions around forgetting, and the answers: whether for good, what becomes of backups, what still holds it."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual.app import App

from localnpm.tui.widgets.dialogs import Choose, Confirm

if TYPE_CHECKING:
    from localnpm.memory.forget import Backups, Forgotten

BACKUPS = (
    ("rewrite", "take it out of them too"),
    ("delete", "delete those backups"),
    ("keep", "leave them as they are"),
)


async def consent(app: App[Any], question: str, held: Callable[[], Sequence[Path]]) -> "Backups | None":
    """Ask before anything is lost; None: it stays. `held` looks for backups that hold it too, in a thread."""
    if not await app.push_screen_wait(Confirm(question)):
        return None
    backups = await asyncio.to_thread(held)
    if not backups:
        return "keep"
    listed = "\n".join(map(str, backups))
    chosen = await app.push_screen_wait(
        Choose("These backups hold it too, or cannot be read to tell. What shall become of them?", BACKUPS, listed)
    )
    return cast("Backups | None", chosen)


def told(forgotten: "Forgotten") -> str:
    """What was forgotten and what still holds it, for the user."""
    count, names = len(forgotten.attempts), ", ".join(forgotten.procedures)
    lines = [f"Forgot {count} attempt{'' if count == 1 else 's'}." if count or not names else f"Forgot {names}."]
    if count and names:
        lines.append(f"Emptied what came from there: {names}.")
    if forgotten.undo_files:
        lines.append(f"Deleted {forgotten.undo_files} undo file{'' if forgotten.undo_files == 1 else 's'}.")
    if not forgotten.wiped:
        lines.append("Another localnpm reads the memory, so the old bytes are still in its files: end it, then forget.")
    lines += [f"Still in the backup {backup}" for backup in forgotten.backups]
    return "\n".join(lines)
