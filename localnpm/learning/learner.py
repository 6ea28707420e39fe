"""What front ends call: requests carried out with what memory has for them, verdicts, retries, passes.

The agent knows nothing of learning; a `Learner` wraps it. Elsewhere: what is recalled and how it is used (guide.py),
what a reason teaches (retry.py), when a pass is due (due.py), what tells of an attempt without a verdict (evidence.py),
practice (practice.py).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from localnpm.agent.events import Event, Learned
from localnpm.agent.permissions import Approve, decline_all
from localnpm.engine.cancel import Cancel
from localnpm.engine.sampling import Sampling
from localnpm.engine.turns import Progress
from localnpm.learning.bench import Bench
from localnpm.memory.database import Database
from localnpm.memory.embedding import Embedder
from localnpm.memory.procedure_records import Cause, Pass

PassProgress = Callable[[str, int, int], None]
"""Called with what a pass does, how far it is and of how much."""


@dataclass(frozen=True)
class Judgement:
    """What follows from a verdict. `can_retry`: there is a reason to learn from, by undoing and trying again."""

    attempt_id: int
    success: bool
    reason: str
    can_retry: bool
    learned: tuple[Learned, ...] = ()


class Learner:
    """Recall before a task, evidence around it, learning after it. One attempt at a time, from any thread."""

    def __init__(
        self,
        bench: Bench,
        embedder: Embedder | Callable[[], Embedder],
        *,
        random: Random | None = None,
        memory: Database | None = None,
    ) -> None:
        """`embedder` may be a function that opens one; it is called when a request first needs it, in that thread.

        `memory` holds what was learned where that is not the bench's own database: a private run reads it and leaves
        no row in it.
        """
        raise NotImplementedError

    def run(
        self,
        request: str,
        session_id: int,
        *,
        approve: Approve = decline_all,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
        practice_of: int | None = None,
        sampling: Sampling | None = None,
    ) -> Iterator[Event]:
        """Carry out a request: `AttemptStarted`, `Recalled`, perhaps `Learned`, then the attempt's events."""
        raise NotImplementedError

    def judge(self, attempt_id: int, success: bool, reason: str = "") -> Judgement:
        """Write the user's verdict and say what follows from it."""
        raise NotImplementedError

    def retry(
        self,
        attempt_id: int,
        *,
        approve: Approve = decline_all,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Event]:
        """Undo an attempt and try again with a script made from the reason of its bad verdict."""
        raise NotImplementedError

    def settle(self, session_id: int | None = None) -> tuple[Learned, ...]:
        """Put to use what retries of this session (None: of all that have ended) have proved."""
        raise NotImplementedError

    def due(self) -> bool:
        """Whether so much has been judged since the last pass that another one is due."""
        raise NotImplementedError

    def distil(self, cause: Cause, *, cancel: Cancel | None = None, progress: PassProgress | None = None) -> Pass:
        """Learn from the log, in one pass that is published whole or not at all."""
        raise NotImplementedError

    def steer(self, texts: Sequence[str]) -> None:
        """Steer the next tasks by these vectors, `NAME:0.6@2-5`, in place of recall's; none: as recall chooses."""
        raise NotImplementedError
