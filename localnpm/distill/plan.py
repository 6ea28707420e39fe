"""What a pass is about to change, worked out beforehand, and its writing: all of it in the one publishing transaction.

Between the working out and the writing the user may have edited, forgotten or judged something. A kind that is no
longer what it was then is left for the next pass. Not covered: how a decision comes about (policies.py, upkeep.py).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localnpm.distill.decisions import NOTHING, Decision, Kind
from localnpm.distill.judged import Judged
from localnpm.distill.scripts import title_of
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Procedure, VectorStatus
from localnpm.memory.procedures import Procedures
from localnpm.memory.vector_store import VectorStore

MOST_KEYS = 64
"""Requests of one kind that recall compares with; further ones add little to what these find."""

LEFT = "left"
"""In a pass's summary: the attempts of the kinds that it left for the next one, which finds them as new."""

OWED = "vectors_owed"
"""In a pass's summary: the procedures whose vectors it had no time for."""


@dataclass(frozen=True)
class VectorDraft:
    """A control vector that is to be stored; the fields are those of `VectorStore.add`."""

    gguf: bytes
    status: VectorStatus
    status_reason: str
    method: str
    coefficient: float
    layers: tuple[int, int]
    pairs: int
    calibration: Mapping[str, Any]
    lineage: tuple[int, ...]


@dataclass(frozen=True)
class KindPlan:
    """One kind: who joins it, what it is to say, its vector.

    Attributes:
        joins: attempts that are to be its members.
        merged: procedures that become part of this one.
        leaves: the procedure that a new kind is split off.
        owes_vector: there was no time for its vector; the next pass makes it.
    """

    kind: Kind
    joins: tuple[Judged, ...] = ()
    decision: Decision = NOTHING
    vector: VectorDraft | None = None
    merged: tuple[Procedure, ...] = ()
    leaves: Procedure | None = None
    owes_vector: bool = False
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All of a pass."""

    kinds: tuple[KindPlan, ...] = ()
    attempts: int = 0


@dataclass
class Publisher:
    """Writes a plan; to be used within `Passes.publishing`."""

    database: Database
    pass_id: int
    model: str
    model_fingerprint: str
    entries: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    left: set[int] = field(default_factory=set)
    owed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._procedures = Procedures(self.database)
        self._vectors = VectorStore(self.database)

    def publish(self, plan: Plan) -> dict[str, Any]:
        """Write everything; returns the summary."""
        for kind in plan.kinds:
            self._publish(kind)
        return {
            "attempts": plan.attempts,
            "procedures": self.entries,
            "skipped": self.skipped,
            LEFT: sorted(self.left),
            OWED: list(dict.fromkeys(self.owed)),
        }

    def note(self, procedure_id: int, said: str) -> None:
        """Say of a procedure what was done to it outside of a plan."""
        known = next((entry for entry in self.entries if entry["id"] == procedure_id), None)
        if known is None:
            procedure = self._procedures.get(procedure_id)
            known = {"id": procedure.id, "name": procedure.name, "title": procedure.title, "said": []}
            self.entries.append(known)
        known["said"].append(said)

    def _publish(self, plan: KindPlan) -> None:
        if not self._as_planned(plan):
            where = plan.kind.procedure.name if plan.kind.procedure else "a new kind"
            self.skipped.append(f"{where}: it was changed while the pass ran, and is left for the next one")
            self.left |= plan.kind.fresh.intersection(attempt.id for attempt in plan.kind.attempts)
            if plan.kind.procedure is not None and (plan.owes_vector or plan.vector is not None):
                self.owed.append(plan.kind.procedure.id)
            return
        decision = plan.decision
        procedure = plan.kind.procedure
        if procedure is None:
            if decision.draft is None:
                return
            title = title_of(decision.draft.script) or plan.joins[0].trajectory.request
            status = "active" if decision.active else "candidate"
            procedure = self._procedures.add(title, (), None, status=status, status_reason="")  # type: ignore[arg-type]
        for other in plan.merged:
            self._procedures.merge(procedure.id, other.id, self.pass_id)
        if plan.leaves is not None:
            self._procedures.move([attempt.id for attempt in plan.joins], procedure.id)
        self._join(procedure.id, plan.joins)
        self._versions(procedure, decision)
        for said in (*plan.said, *decision.said):
            self.note(procedure.id, said)
        if plan.vector is not None:
            # Its versions may have brought it back under another name.
            self._store(self._procedures.get(procedure.id), plan.vector)
        if plan.owes_vector:
            self.owed.append(procedure.id)

    def _versions(self, procedure: Procedure, decision: Decision) -> None:
        for version_id, why in decision.retire:
            self._procedures.retire(version_id, why)
        self._procedures.confirm(decision.confirm)
        if decision.promote is not None:
            self._procedures.activate(decision.promote)
        if decision.draft is not None:
            self._procedures.add_version(
                procedure.id,
                decision.draft,
                status="active" if decision.active else "candidate",
                status_reason=decision.why,
                pass_id=self.pass_id,
            )
        in_use = decision.promote is not None or (decision.draft is not None and decision.active)
        if in_use and procedure.status in ("candidate", "retired"):
            self._procedures.set_status(procedure.id, "active", "")

    def _join(self, procedure_id: int, joins: Sequence[Judged]) -> None:
        known = set(self._procedures.keys(procedure_id))
        for attempt in joins:
            self._procedures.add_member(attempt.id, procedure_id, attempt.way)
            request = attempt.trajectory.request
            if request not in known and len(known) < MOST_KEYS:
                self._procedures.add_key(procedure_id, request, attempt.id)
                known.add(request)

    def _store(self, procedure: Procedure, vector: VectorDraft) -> None:
        stored = self._vectors.add(
            procedure.name,
            vector.gguf,
            procedure_id=procedure.id,
            status=vector.status,
            status_reason=vector.status_reason,
            origin="distilled",
            method=vector.method,
            model=self.model,
            model_fingerprint=self.model_fingerprint,
            coefficient=vector.coefficient,
            layers=vector.layers,
            pairs=vector.pairs,
            calibration=vector.calibration,
            lineage=vector.lineage,
            pass_id=self.pass_id,
        )
        reason = f" ({vector.status_reason})" if vector.status_reason else ""
        named = "" if stored.name == procedure.name else f" {stored.name}, as another vector has the procedure's name,"
        self.note(procedure.id, f"control vector{named} from {vector.pairs} pairs, {stored.status}{reason}")

    def _as_planned(self, plan: KindPlan) -> bool:
        """Whether the kind's procedures, versions and attempts are still what they were."""
        lineage = [attempt_id for attempt_id, _ in plan.decision.draft.lineage] if plan.decision.draft else []
        lineage += [attempt.id for attempt in plan.joins] + list(plan.vector.lineage if plan.vector else ())
        rows = self.database.query(
            "SELECT count(*) FROM attempts WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(lineage),)
        )
        if rows[0][0] != len(set(lineage)):
            return False
        held = [procedure for procedure in (plan.kind.procedure, plan.leaves) if procedure is not None]
        for procedure in (*held, *plan.merged):
            rows = self.database.query("SELECT status FROM procedures WHERE id = ?", (procedure.id,))
            if not rows or rows[0]["status"] != procedure.status:
                return False
        if plan.kind.procedure is None:
            return True
        now = {version.id: version.status for version in self._procedures.versions(plan.kind.procedure.id)}
        return now == {version.id: version.status for version in plan.kind.versions}
