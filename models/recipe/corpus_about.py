"""What is known about a document besides its text: for statistics, filters and tests."""

from dataclasses import dataclass


@dataclass
class About:
    """A document's kind, and what its generator chose; None where a kind has no such thing."""

    kind: str
    length: int = 0
    """Characters, with those of the turns' tags counted roughly."""
    family: str | None = None
    mode: str | None = None
    """How the request names its file (`localnpm.evals.habits.task`)."""
    memory: str | None = None
    """What the prompt has of earlier tasks, or why the assistant does the task as it does."""
    two: bool = False
    """Whether there is a second task."""
    calls: int | None = None
    """Tool calls of the first task."""
    habit: str | None = None
    """The habit that a correction is about."""
    variant: str | None = None
    """The variant that the user of a correction wants."""
    repaired: bool | None = None
    """Whether the files are right after a correction."""
