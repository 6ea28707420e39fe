"""The habit `backup`: what happens to the old version of a file before it is changed."""

from localnpm.evals.habits.finding import Search
from localnpm.evals.habits.paths import base_name
from localnpm.evals.habits.scripts import Phrasing
from localnpm.evals.habits.task import Habits

KEPT_AT = (
    " The old version is in {backup}.",
    " A backup is in {backup}.",
    " I kept the old version as {backup}.",
    " Backup: {backup}.",
)

_STEPS = {
    "bak": (
        "Copy it to <path>.bak.",
        "Keep a backup as <path>.bak with copy_file.",
        "First save a copy as <path>.bak.",
    ),
    "folder": (
        "Copy it to backups/<name>.",
        "Save a copy in backups/ under its own name.",
        "First copy it to backups/<name> as a backup.",
    ),
    "orig": (
        "Copy it to <path>.orig.",
        "Keep the old version as <path>.orig.",
        "First save a copy as <path>.orig.",
    ),
}


def backup_path(path: str, profile: Habits) -> str | None:
    """Where the old version goes; None for users who want no backup."""
    match profile["backup"]:
        case "bak":
            return f"{path}.bak"
        case "orig":
            return f"{path}.orig"
        case "folder":
            return f"backups/{base_name(path)}"
        case _:
            return None


def back_up(path: str, profile: Habits) -> Search[str | None]:
    """Keep the old version as the profile has it; the path of the copy."""
    backup = backup_path(path, profile)
    if backup:
        yield "copy_file", {"source": path, "destination": backup}
    return backup


def backup_steps(profile: Habits, phrasing: Phrasing) -> list[str]:
    """The step that keeps the old version."""
    variant = profile["backup"]
    return [] if variant == "none" else [phrasing(f"backup-{variant}", _STEPS[variant])]
