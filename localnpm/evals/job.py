"""What one process is asked to do for one user of an environment: a value that travels to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from localnpm.config import Settings
from localnpm.evals.environment import Environment

if TYPE_CHECKING:
    from localnpm.engine.llama_chat import LlamaChat
    from localnpm.evals.results import Line
    from localnpm.memory.embedding import Embedder

Feedback = Literal["reasons", "verdicts", "shuffled"]
"""What the simulated user gives in practice: verdicts with reasons and a retry, verdicts alone, or others' verdicts and
reasons (a control)."""

PracticeMemory = Literal["none", "script"]
"""Whether a practice task may already use what the ones before it have taught."""


class Share(Protocol):
    """A part of an evaluation that one process does by itself."""

    @property
    def model(self) -> Path:
        """The model's file."""

    @property
    def settings(self) -> Settings:
        """All settings."""

    def play(self, model: "LlamaChat", embedder: "Embedder") -> "Iterator[Line]":
        """Do it; each line is written before the next is begun."""


@dataclass(frozen=True)
class Job:
    """One user's practice and scored tasks.

    Attributes:
        folder: this user's memory lies here; what is found there is gone on with.
        learned_by: the model that practises and writes scripts where it is another one than is scored; the vectors are
            then made again for the scored one.
        done: (condition, kind, number) of what was scored already.
        any_vector: use vectors that the health gate has not passed, too.
    """

    environment: Environment
    user: int
    conditions: tuple[str, ...]
    model: Path
    settings: Settings
    seed: int
    folder: Path
    feedback: Feedback = "reasons"
    practice_memory: PracticeMemory = "script"
    wrong_verdicts: float = 0.0
    any_vector: bool = False
    learned_by: Path | None = None
    done: frozenset[tuple[str, str, int]] = frozenset()

    def play(self, model: "LlamaChat", embedder: "Embedder") -> "Iterator[Line]":
        """See `Share.play`."""
        from localnpm.evals.worker import play

        return play(self, model, embedder)
