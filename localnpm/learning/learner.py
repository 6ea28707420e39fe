"""What front ends call: requests carried out with what memory has for them, verdicts, retries, passes.

The agent knows nothing of learning; a `Learner` wraps it. Elsewhere: what is recalled and how it is used (guide.py),
what a reason teaches (retry.py), when a pass is due (due.py), what tells of an attempt without a verdict (evidence.py),
practice (practice.py).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import inf
from random import Random
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, cast

from localnpm.agent.attempt import Task
from localnpm.agent.events import AttemptStarted, Event, Learned, Result
from localnpm.agent.permissions import Approve, decline_all
from localnpm.engine.cancel import Cancel
from localnpm.engine.sampling import Sampling
from localnpm.engine.turns import Progress
from localnpm.errors import LocalnpmError, NotFoundError, UndoError
from localnpm.learning import evidence, retry
from localnpm.learning.bench import Bench
from localnpm.learning.due import is_due
from localnpm.learning.remembering import Memory, embedder_opener
from localnpm.memory.database import Database
from localnpm.memory.forget_learned import remove_system
from localnpm.memory.procedure_records import Cause, Pass, Version
from localnpm.memory.procedures import Procedures
from localnpm.memory.uses import record

if TYPE_CHECKING:
    from localnpm.engine.llama_chat import LlamaChat
    from localnpm.learning.guide import Guidance
    from localnpm.memory.embedding import Embedder

__all__ = ["Judgement", "Learner", "PassProgress", "embedder_opener"]

PassProgress = Callable[[str, int, int], None]
"""Called with what a pass does, how far it is and of how much."""


CACHED = 32
"""Successes, and failures, whose activations a pass leaves cached."""
MEASURED = 64
"""Successes whose slopes it leaves measured, which are small and what a vector on the spot is made from."""


@dataclass(frozen=True)
class Judgement:
    """What follows from a verdict. `can_retry`: there is a reason to learn from, by undoing and trying again."""

    attempt_id: int
    success: bool
    reason: str
    can_retry: bool
    learned: tuple[Learned, ...] = ()


class Learner(Memory):
    """Recall before a task, evidence around it, learning after it. One attempt or pass at a time, from any thread.

    Attributes:
        last: what the latest task was given by memory.
    """

    def __init__(
        self,
        bench: Bench,
        embedder: "Embedder | Callable[[], Embedder]",
        *,
        random: Random | None = None,
        memory: Database | None = None,
    ) -> None:
        """As `Memory`. Nothing heavy is opened yet.

        Raises:
            SteeringError, NotFoundError: the vectors that `bench.options.steer` names cannot be used.
        """
        super().__init__(bench, embedder, random=random, memory=memory)
        self.last: Guidance | None = None
        self._turn = Lock()

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
        """Carry out a request: `AttemptStarted`, `Recalled`, perhaps `Learned`, then the attempt's events.

        Args:
            practice_of: the attempt that this one practises; it then counts in no statistic and is no evidence.
            sampling: in place of the model's and the settings'.

        Raises:
            LocalnpmError: a task or a pass is under way.
            MemoryFileError: the log cannot be written.
        """
        # The model is used before the attempt too: it takes key terms, counts tokens, makes vectors.
        with self._alone():
            learned: tuple[Learned, ...] = ()
            if practice_of is None:
                evidence.before_request(self.bench.database, session_id, request, settings=self.bench.settings.learning)
                learned = self.settle()
            guidance = self.guided(request, for_user=practice_of is None)
            terms = replace(guidance.terms, retry_of=practice_of, practice=practice_of is not None, sampling=sampling)
            task = self.bench.task(request, session_id, terms)
            yield from self._carry_out(task, guidance, learned, practice_of is None, approve, cancel, progress)

    def judge(self, attempt_id: int, success: bool, reason: str = "") -> Judgement:
        """Write the user's verdict and say what follows from it.

        Raises:
            NotFoundError: no attempt has that id.
        """
        self.bench.log.add_verdict(attempt_id, "user", success, reason=reason)
        learned = self.settle(self.bench.log.attempt(attempt_id).session_id)
        return Judgement(attempt_id, success, reason, bool(reason) and not success, learned)

    def retry(
        self,
        attempt_id: int,
        *,
        approve: Approve = decline_all,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Event]:
        """Undo an attempt and try again with a script made from the reason of its bad verdict.

        One that failed for its surroundings (a full disk, no permission) is tried again as it was, and teaches nothing.

        Raises:
            LocalnpmError: a task or a pass is under way.
            NotFoundError: no such attempt, or no bad verdict with a reason.
            ScriptError: the model could write no script; nothing was undone.
            UndoError: some of its files were changed since, and are left as they are.
        """
        from localnpm.distill.reasons import draft_from_reason
        from localnpm.learning.guide import told_to_use

        database = self.bench.database
        # The script is written, and kinds are told apart, by the model that the attempt uses.
        with self._alone():
            told = retry.complaint(self.bench.log, attempt_id)
            version: Version | None = None
            if told.attempt.surroundings:
                # A script made from it would tell of what was only in the way that day.
                self._take_back(attempt_id)
                guidance = self.guided(told.attempt.request, for_user=True)
            else:
                kind = retry.known_kind(database, attempt_id, self.kinship(cancel))
                base = kind[1] if kind else None
                draft = draft_from_reason(self.bench.model, told.trajectory, told.reason, base, cancel=cancel)
                self._take_back(attempt_id)
                version = retry.store(database, told, draft, kind[0] if kind else None)
                procedure = Procedures(database).get(version.procedure_id)
                guidance = told_to_use(procedure, version, f"made from what you said of attempt {attempt_id}")
            terms = replace(guidance.terms, retry_of=attempt_id)
            task = self.bench.task(told.attempt.request, told.attempt.session_id, terms)
            for event in self._carry_out(task, guidance, (), False, approve, cancel, progress):
                if isinstance(event, Result) and version is not None:
                    retry.withdraw(database, version, attempt_id, event.attempt_id)
                yield event

    def settle(self, session_id: int | None = None) -> tuple[Learned, ...]:
        """Put to use what retries have proved: those judged, and those left in place at the session's end.

        To be called when a session ends; `run` does it before each request, for all sessions of this process.
        """
        settings = self.bench.settings.learning
        return retry.settle(self.bench.database, session_id, weak_evidence=settings.weak_evidence)

    def due(self) -> bool:
        """Whether so much has been judged since the last pass that another one is due."""
        return not self.bench.options.private and is_due(self.bench.database, self.bench.settings.learning)

    def distil(
        self,
        cause: Cause,
        *,
        cancel: Cancel | None = None,
        progress: PassProgress | None = None,
        vectors: bool = True,
        seconds: float | None = None,
    ) -> Pass:
        """Learn from the log, in one pass that is published whole or not at all.

        Args:
            vectors: make control vectors too.
            seconds: from then on no further vector is made; the next pass makes those that are missing.

        Raises:
            LocalnpmError: a task is running, this is a private run, or another process distils.
        """
        from localnpm.distill.consolidate import run_pass

        if self.bench.options.private:
            raise LocalnpmError("A private run keeps nothing, so there is nothing to learn from.")
        started = monotonic()
        with self._alone():
            done = run_pass(
                self.bench.database,
                cast("LlamaChat", self.bench.model),
                self.open_embedder(),
                self.bench.settings,
                cause=cause,
                cancel=cancel,
                progress=progress,
                vectors=vectors,
                seconds=seconds,
            )
            left = inf if seconds is None else seconds - (monotonic() - started)
            if vectors:
                self._cache_activations(cancel, left)
            self.refresh()
        return done

    def _cache_activations(self, cancel: Cancel | None, seconds: float) -> None:
        """Read the newest judged attempts once, so that a vector made on the spot need not; the next pass goes on."""
        from localnpm.distill.quick_vectors import cache_activations, cache_slopes
        from localnpm.engine.llama_chat import LlamaChat

        model, log = self.bench.model, self.bench.log
        if not isinstance(model, LlamaChat) or not model.model.steerable().works:
            return
        database, settings = self.bench.database, self.bench.settings.learning
        successes, failures = (
            [log.trajectory(one.id) for one in log.attempts(limit=MEASURED, judged=judged) if not one.surroundings]
            for judged in ("success", "failure")
        )
        end = monotonic() + seconds
        cache_slopes(model, successes, database, settings, cancel=cancel, seconds=seconds)
        newest = [*successes[:CACHED], *failures[:CACHED]]
        cache_activations(model, newest, database, settings, cancel=cancel, seconds=end - monotonic())

    def _carry_out(
        self,
        task: Task,
        guidance: "Guidance",
        learned: Sequence[Learned],
        counts: bool,
        approve: Approve,
        cancel: Cancel | None,
        progress: Progress | None,
    ) -> Iterator[Event]:
        """The attempt's events, with what memory did among them; writes the `uses` rows and what declining tells."""
        database = self.bench.database
        self.last = guidance
        for event in self.bench.agent.run(task, approve=approve, cancel=cancel, progress=progress):
            if isinstance(event, AttemptStarted) and not self._lent:
                uses = guidance.uses_of(event.attempt_id, counts=counts)
                record(database, uses)
                remove_system(database, event.attempt_id, [use.version_id for use in uses])
            if isinstance(event, Result) and not task.practice:
                evidence.note_declined(database, event.attempt_id, settings=self.bench.settings.learning)
            yield event
            if isinstance(event, AttemptStarted):
                yield guidance.event
                yield from learned

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One attempt or pass at a time: they share the model, and nothing is learned while a task runs."""
        if not self._turn.acquire(blocking=False):
            raise LocalnpmError("A task or a pass is under way; wait until it has ended, or stop it.")
        try:
            yield
        finally:
            self._turn.release()

    def _take_back(self, attempt_id: int) -> None:
        """Undo an attempt's changes, where it made any that are in place; this is no evidence.

        Raises:
            UndoError: some files were changed since; they are left as they are.
        """
        try:
            report = self.bench.undo(attempt_id)
        except NotFoundError:
            return
        if report.refused:
            named = ", ".join(refusal.path for refusal in report.refused)
            raise UndoError(
                f"Attempt {attempt_id} cannot be tried again from its beginning: {named} changed since. The rest is "
                "undone; put these files right, then ask again."
            )
