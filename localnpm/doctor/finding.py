"""What every part of the doctor gives back."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `fix` is what to do about a warning or problem; empty where nothing need be done.

    A problem keeps localnpm or a part of it from working; a warning makes it slower or worse than it could be.
    """

    name: str
    status: Status
    detail: str
    fix: str = ""


def ok(name: str, detail: str) -> Finding:
    """Nothing to do."""
    return Finding(name, "ok", detail)


def warning(name: str, detail: str, fix: str) -> Finding:
    """It works, though not as well as it could."""
    return Finding(name, "warning", detail, fix)


def problem(name: str, detail: str, fix: str) -> Finding:
    """Something does not work."""
    return Finding(name, "problem", detail, fix)
