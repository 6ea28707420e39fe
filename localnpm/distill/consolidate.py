"""The periodic pass: from what was judged since the last one to procedures and control vectors, published at once.

The model works before the publishing transaction; a pass that is cancelled or killed leaves the memory as it was, and
what it had worked out is not asked for again by the next one. One process distils at a time.
Elsewhere: what becomes of one kind (policies.py), its vector (kind_vectors.py), the writing (plan.py).
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from localnpm.config import Settings
from localnpm.distill import judged, upkeep
from localnpm.distill.build import Build, Writer
from localnpm.distill.decisions import Kind
from localnpm.distill.judged import Entry
from localnpm.distill.kind_vectors import kind_vector
from localnpm.distill.kinship import Kinship
from localnpm.distill.plan import LEFT, OWED, KindPlan, Plan, Publisher
from localnpm.distill.policies import decide
from localnpm.distill.scripts import title_of
from localnpm.distill.sorting import Sorting, sort
from localnpm.distill.version_records import records
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.messages import ToolSchema
from localnpm.engine.turns import ChatModel
from localnpm.errors import BusyError, CancelledError, SteeringError
from localnpm.memory import process
from localnpm.memory.database import Database
from localnpm.memory.drafts import Drafts
from localnpm.memory.embedding import Embedder
from localnpm.memory.passes import Passes
from localnpm.memory.procedure_records import Cause, Pass, Policy
from localnpm.memory.procedures import Procedures
from localnpm.memory.recall import Recall
from localnpm.memory.vector_store import VectorStore

LOCK = "distill"

PassProgress = Callable[[str, int, int], None]
"""Called with what is being done, how many parts are done and of how many."""

_SEEN = "SELECT coalesce(max(last_verdict), 0) FROM passes WHERE status IN ('published', 'reverted')"
_LATEST = "SELECT summary FROM passes WHERE status IN ('published', 'reverted') ORDER BY id DESC LIMIT 1"
_PUBLISHED = "SELECT summary FROM passes WHERE status = 'published' ORDER BY id DESC LIMIT 1"


def run_pass(
    database: Database,
    chat: ChatModel,
    embedder: Embedder,
    settings: Settings,
    *,
    cause: Cause,
    cancel: Cancel | None = None,
    progress: PassProgress | None = None,
    random_seed: int = 0,
    vectors: bool = True,
    rebuild: bool = False,
    tools: Sequence[ToolSchema] = (),
    seconds: float | None = None,
    key: str = "query",
) -> Pass:
    """Learn from the log, as the settings' policies say.

    Args:
        database: the log, and where what is learned goes.
        chat: the model that writes scripts, and that vectors are made for if it is a GGUF's.
        embedder: compares requests.
        settings: `learning` and `memory` of it.
        cause: why this pass runs.
        cancel: stops it; then nothing is published, and the pass is `interrupted`.
        progress: told how far it is.
        random_seed: fixes the folds that vectors are made on.
        vectors: make control vectors too.
        rebuild: look at every procedure again, not only at those that something has happened to.
        tools: as the model was told of them.
        seconds: from then on no vector is begun, and one under way is given up; the next pass makes them. None: never.
        key: the recall key of this memory; kinds are told apart by whole requests whatever it is.

    Returns:
        The pass, published or interrupted; its summary says what was done to which procedure, and why.

    Raises:
        BusyError: another process is at it.
        ModelError: the model failed; nothing is published.
        MemoryFileError: the memory cannot be read or written; nothing is published.
    """
    with process.exclusive(database, LOCK) as taken:
        if not taken:
            raise BusyError("another localnpm is learning from the log just now; try again when it has finished")
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        run = _Run(
            database, chat, embedder, settings, cancel or Cancel(), progress or _silent, random_seed, vectors, rebuild,
            tools, deadline,
        )  # fmt: skip
        return run.run(cause)


@dataclass
class _Run:
    database: Database
    chat: ChatModel
    embedder: Embedder
    settings: Settings
    cancel: Cancel
    progress: PassProgress
    seed: int
    vectors: bool
    rebuild: bool
    tools: Sequence[ToolSchema]
    deadline: float

    def run(self, cause: Cause) -> Pass:
        passes = Passes(self.database)
        policy = cast(Policy, self.settings.learning.update)
        drafts = Drafts(self.database)
        begun = passes.begin(cause, policy, self.chat.fingerprint)
        published = False
        try:
            plan = self._plan(begun, drafts)
            with passes.publishing(begun.id, backups=self.settings.memory.backups):
                passes.finish(begun.id, self._publish(begun, plan))
            published = True
        except CancelledError:
            # Whoever cancelled knows; the pass says so.
            pass
        finally:
            if not published:
                passes.interrupted(begun.id)
        if published:
            drafts.clear()
        return passes.get(begun.id)

    def _publish(self, begun: Pass, plan: Plan) -> dict[str, Any]:
        publisher = Publisher(self.database, begun.id, self.chat.name, self.chat.fingerprint)
        if not self.vectors:
            publisher.owed += sorted(self._owed())
        summary = publisher.publish(plan)
        procedures = Procedures(self.database)
        for found in (
            upkeep.harmful(self.database),
            upkeep.surplus(self.database, self.settings.memory.capacity),
        ):
            for procedure_id, why in found.items():
                procedures.set_status(procedure_id, "retired", why)
                publisher.note(procedure_id, f"retired: {why}")
        return {**summary, "procedures": publisher.entries}

    def _plan(self, begun: Pass, drafts: Drafts) -> Plan:
        self.progress("reading the log", 0, 1)
        seen = int(self.database.query(_SEEN)[0][0])
        entries = [entry for entry in judged.entries(self.database) if entry.verdict_id <= begun.last_verdict]
        left = self._left()
        fresh = frozenset(entry.id for entry in entries if entry.verdict_id > seen or entry.id in left)
        recall = Recall(self.database, self.embedder, self.settings.memory)
        kinship = Kinship(recall, self.chat, self.cancel)
        found = self._kinds(entries, fresh, sort(self.database, kinship, entries, fresh))
        build = cast(Build, self.settings.learning.build)
        writer = Writer(self.chat, build, drafts, self.cancel)
        plans = []
        for place, plan in enumerate(found):
            self._stop()
            procedure = plan.kind.procedure
            self.progress(procedure.title if procedure else plan.joins[0].trajectory.request, place, len(found))
            if procedure is None or procedure.status != "disabled":
                plan = replace(plan, decision=decide(plan.kind, writer, begun.policy))
            plans.append(plan)
        if self.vectors:
            plans = [self._with_vector(plan, drafts, place, len(plans)) for place, plan in enumerate(plans)]
        self._stop()
        self.progress("publishing", len(found), max(1, len(found)))
        return Plan(tuple(plans), len(fresh))

    def _kinds(self, entries: Sequence[Entry], fresh: frozenset[int], sorting: Sorting) -> list[KindPlan]:
        """The kinds that something has happened to, with those who join them; nothing is decided yet."""
        procedures = Procedures(self.database)
        eligible = {entry.id for entry in entries}
        members = {
            procedure.id: eligible.intersection(procedures.members(procedure.id)) for procedure in procedures.all()
        }
        touched = {procedure_id for procedure_id, ids in members.items() if ids & fresh}
        touched |= {procedure.id for procedure in procedures.stale()} | set(sorting.joins) | set(sorting.merges)
        if self.vectors:
            touched |= self._owed() & set(members)
        if self.rebuild:
            touched |= {procedure.id for procedure in procedures.all("active")}
        found = []
        for procedure_id in sorted(touched - {other for others in sorting.merges.values() for other in others}):
            merged = tuple(procedures.get(other) for other in sorting.merges.get(procedure_id, ()))
            whole = (procedure_id, *(other.id for other in merged))
            joining = {attempt_id for each in whole for attempt_id in sorting.joins.get(each, ())}
            ids = joining.union(*(members[each] for each in whole)) - set(sorting.splits.get(procedure_id, ()))
            attempts = judged.load(self.database, ids)
            procedure, versions = procedures.get(procedure_id), procedures.versions(procedure_id)
            found.append(
                KindPlan(
                    Kind(procedure, versions, attempts, fresh & ids, records(self.database, versions, ids)),
                    tuple(attempt for attempt in attempts if attempt.id in joining),
                    merged=merged,
                    said=tuple(f"took in {other.name}, which is of the same kind" for other in merged),
                )
            )
        for procedure_id, leaving in sorting.splits.items():
            source = procedures.get(procedure_id)
            attempts = judged.load(self.database, eligible.intersection(leaving))
            said = f"split off {source.name}, as its requests were too different"
            found.append(KindPlan(Kind(None, (), attempts, fresh), attempts, leaves=source, said=(said,)))
        for group in sorting.new:
            attempts = judged.load(self.database, group)
            found.append(KindPlan(Kind(None, (), attempts, fresh), attempts))
        return [plan for plan in found if plan.kind.procedure is not None or plan.joins]

    def _left(self) -> set[int]:
        """Attempts that the last pass has seen, but left, as their kinds were changed while it ran."""
        rows = self.database.query(_LATEST)
        return set(json.loads(rows[0]["summary"]).get(LEFT, ())) if rows else set()

    def _owed(self) -> set[int]:
        """Procedures whose vectors the last pass had no time for."""
        rows = self.database.query(_PUBLISHED)
        return set(json.loads(rows[0]["summary"]).get(OWED, ())) if rows else set()

    def _with_vector(self, plan: KindPlan, drafts: Drafts, place: int, total: int) -> KindPlan:
        """The plan with a new vector where the kind wants one and there is time to make it."""
        chat = self.chat
        if not isinstance(chat, LlamaChat) or not self._wants_vector(plan):
            return plan
        if time.monotonic() >= self.deadline:
            return replace(plan, owes_vector=True)
        procedure = plan.kind.procedure
        title = procedure.title if procedure else title_of(plan.decision.draft.script) if plan.decision.draft else ""
        given_up = Cancel()

        def told(what: str, done: int, of: int) -> None:
            if self.cancel.is_set() or time.monotonic() >= self.deadline:
                given_up.set()
            self.progress(f"control vector: {title}, {what}", place, total)

        self._stop()
        told("reading", 0, 1)
        try:
            vector = kind_vector(
                chat,
                plan.kind,
                plan.decision.script_after(plan.kind),
                self.settings.learning,
                drafts,
                seed=self.seed,
                tools=self.tools,
                cancel=given_up,
                progress=told,
            )
        except CancelledError:
            self._stop()
            return replace(plan, owes_vector=True)
        except SteeringError as error:
            return replace(plan, said=(*plan.said, f"no control vector: {error}"))
        return replace(plan, vector=vector)

    def _wants_vector(self, plan: KindPlan) -> bool:
        kind = plan.kind
        if not kind.successes or (kind.procedure is not None and kind.procedure.status == "disabled"):
            return False
        if kind.procedure is None:
            return plan.decision.draft is not None
        if self.rebuild or kind.fresh or plan.decision.draft is not None:
            return True
        vector = VectorStore(self.database).of_procedure(kind.procedure.id, self.chat.fingerprint)
        return vector is None or vector.stale

    def _stop(self) -> None:
        if self.cancel.is_set():
            raise CancelledError("stopped before anything was published")


def _silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""
