"""What memory has for the next task: recall, steering by hand, and the switches for one task or for all.

Everything heavy is opened when a request first needs it, in that thread. Elsewhere: what is done with it (guide.py),
the tasks themselves (learner.py).
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from localnpm.config import Settings
from localnpm.engine.cancel import Cancel
from localnpm.errors import ModelError
from localnpm.home import bundled_embedder
from localnpm.learning.bench import Bench
from localnpm.memory.database import Database

if TYPE_CHECKING:
    from localnpm.distill.kinship import Kinship
    from localnpm.learning.guide import Guidance, Guide
    from localnpm.learning.steering import Steered
    from localnpm.memory.channels import Wanted
    from localnpm.memory.embedding import Embedder


class Memory:
    """What was learned, as the tasks of one bench may use it.

    Attributes:
        memory: what the next tasks may recall, as `--memory` says it.
        learned_in: the database that holds what was learned; another one than the log's in private.
    """

    def __init__(
        self,
        bench: Bench,
        embedder: "Embedder | Callable[[], Embedder]",
        *,
        random: Random | None = None,
        memory: Database | None = None,
    ) -> None:
        """Nothing heavy is opened yet.

        Args:
            embedder: may be a function that opens one; it is called when a request first needs it, in that thread.
            memory: holds what was learned where that is not the bench's own database: a private run reads it and
                leaves no row in it.

        Raises:
            SteeringError, NotFoundError: the vectors that `bench.options.steer` names cannot be used.
        """
        self.bench = bench
        self.memory: Wanted = bench.options.memory
        self._embedder = embedder
        self._random = random or Random()
        self.learned_in = memory or bench.database
        self._lent = memory is not None
        self._guide: Guide | None = None
        self._steering: Steered | None = None
        self._next_memory: Wanted | None = None
        self._next_steering: Steered | None = None
        self.steer(bench.options.steer)

    def refresh(self) -> None:
        """Look at the memory anew after it has changed."""
        if self._guide is not None:
            self._guide.recall.refresh()

    def steer(self, texts: Sequence[str]) -> None:
        """Steer the next tasks by these vectors, `NAME:0.6@2-5`, in place of recall's; none: as recall chooses.

        Raises:
            ConfigError: a text is not of the form.
            NotFoundError, SteeringError: a vector that is not there, or not for this model.
        """
        self._steering = self._steered(texts)

    def only_next(self, *, memory: "Wanted | None" = None, steer: Sequence[str] = ()) -> None:
        """What the next task alone may recall, and is steered by; what is left out is as for all tasks.

        Raises:
            ConfigError, NotFoundError, SteeringError: as `steer`.
        """
        self._next_steering = self._steered(steer)
        self._next_memory = memory

    def _steered(self, texts: Sequence[str]) -> "Steered | None":
        if not texts:
            return None
        from localnpm.learning.steering import by_hand

        return by_hand(texts, self.learned_in, self.bench.model)

    def guided(self, request: str, *, for_user: bool) -> "Guidance":
        """What memory has for a request. What is wrong with the embedder is told, and the task is done without it."""
        from localnpm.learning.guide import Guidance, steered

        memory, steering = self.memory, self._steering
        if for_user:
            memory, steering = self._next_memory or memory, self._next_steering or steering
            self._next_memory = self._next_steering = None
        guidance = Guidance(why="no procedure has been learned yet")
        try:
            # An embedder takes a while to open: not before there is anything to compare a request with.
            if self.learned_in.query("SELECT 1 FROM recall_keys LIMIT 1"):
                guidance = self._open_guide().guide(request, memory, scripts_only=steering is not None)
        except ModelError as error:
            guidance = Guidance(problem="" if memory == "none" else str(error))
        return guidance if steering is None else steered(guidance, steering)

    def _open_guide(self) -> "Guide":
        if self._guide is None:
            from localnpm.distill.scripts import key_terms
            from localnpm.learning.guide import Guide
            from localnpm.learning.steering import Vectors, synthesizer
            from localnpm.memory.recall import Recall

            model, settings = self.bench.model, self.bench.settings
            recall = Recall(
                self.learned_in,
                self.open_embedder(),
                settings.memory,
                key_terms=partial(key_terms, model),
                random=self._random,
            )
            vectors = Vectors(self.learned_in, model, settings, recall, synthesizer(model, self.learned_in, settings))
            self._guide = Guide(self.learned_in, model, settings, recall, vectors, self._random)
        return self._guide

    def kinship(self, cancel: Cancel | None = None) -> "Kinship | None":
        """Tells kinds apart in the log's own memory; None where nothing was learned, or where no embedder opens."""
        from localnpm.distill.kinship import Kinship
        from localnpm.memory.recall import Recall

        database = self.bench.database
        if not database.query("SELECT 1 FROM recall_keys LIMIT 1"):
            return None
        try:
            recall = Recall(database, self.open_embedder(), self.bench.settings.memory)
        except ModelError:
            return None
        return Kinship(recall, self.bench.model, cancel)

    def open_embedder(self) -> "Embedder":
        if callable(self._embedder):
            self._embedder = self._embedder()
        return self._embedder


def embedder_opener(settings: Settings) -> "Callable[[], Embedder]":
    """Opens the embedder that the settings name, or the bundled one, when it is called.

    The function raises ModelError where it cannot be opened, with what to do.
    """

    def opened() -> "Embedder":
        from localnpm.memory.embedding import open_embedder

        chosen = settings.memory.embedder
        return open_embedder(Path(chosen).expanduser() if chosen else bundled_embedder())

    return opened
