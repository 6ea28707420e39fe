"""What the user does to a procedure from the app: accept, edit, switch. Each returns what to tell; for threads."""

from typing import TYPE_CHECKING

from localnpm.errors import LocalnpmError
from localnpm.memory.procedures import Procedures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localnpm.memory.procedure_records import Version


def waiting(versions: "Sequence[Version]") -> "Version | None":
    """The newest version that waits to be put to use, if there is one."""
    candidates = [one for one in versions if one.status == "candidate" and (one.script or one.example)]
    return candidates[-1] if candidates else None


def accept(store: Procedures, procedure_id: int) -> str:
    """Put the newest version that waits to use, with what was doubtful in it.

    Raises:
        LocalnpmError: none waits.
    """
    procedure = store.get(procedure_id)
    version = waiting(store.versions(procedure_id))
    if version is None:
        raise LocalnpmError(f"{procedure.name} has no version that waits for your word.")
    store.accept(version.id)
    return f"Version {version.number} of {procedure.name} is in use."


def edit(store: Procedures, procedure_id: int, script: str, keep_example: bool) -> str:
    """Store the user's wording as a new version, in use at once.

    Raises:
        LocalnpmError: there is no text.
    """
    version = store.edit(procedure_id, script, keep_example=keep_example)
    procedure = store.get(procedure_id)
    if procedure.status == "active":
        return f"Version {version.number} of {procedure.name} is in use."
    return f"Version {version.number} of {procedure.name} is kept; the procedure is {procedure.status}: enable it."


def switch(store: Procedures, procedure_id: int) -> str:
    """Disable an active procedure, enable any other.

    Raises:
        LocalnpmError: it has no version that could be used.
    """
    procedure = store.get(procedure_id)
    if procedure.status == "active":
        store.set_status(procedure_id, "disabled", "by you")
        return f"{procedure.name} is disabled."
    if procedure.active is None:
        raise LocalnpmError(f"{procedure.name} has no version in use: open it, then accept one, or edit it.")
    store.set_status(procedure_id, "active")
    return f"{procedure.name} is in use."
