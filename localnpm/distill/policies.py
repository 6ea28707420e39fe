"""The update policies of Mem^p (arXiv 2508.06433, section 3.3): what becomes of one kind of task in a pass.

`vanilla` takes what is new as it is, judged well or not. `validation` learns from successes only. `adjustment` also
puts right the script that led to a failure: beside the version in use, which stays until the new one has shown itself
better, so that one bad day undoes nothing that has worked. Not covered: writing (build.py), storing (plan.py).
"""

from collections.abc import Sequence
from dataclasses import replace

from localnpm.distill.build import Writer
from localnpm.distill.decisions import LEARNED, Decision, Kind, Record
from localnpm.distill.judged import Judged
from localnpm.memory.procedure_records import Draft, Policy, Version, overwritten

WORSE_AFTER = 2
"""Judged uses after which an adjusted version that does worse than the one in use is dropped."""


def decide(kind: Kind, writer: Writer, policy: Policy) -> Decision:
    """What a pass does with one kind.

    Raises:
        CancelledError: the pass was told to stop.
        ModelError: the model failed.
    """
    decision, kind = _look_again(kind)
    decision, kind = _judge_candidates(kind, decision)
    if kind.active is not None and kind.active.source not in LEARNED:
        return decision
    match policy:
        case "vanilla":
            return _vanilla(kind, writer, decision)
        case "validation":
            return _validation(kind, writer, decision)
        case "adjustment":
            return _adjustment(kind, writer, decision)


def _look_again(kind: Kind) -> tuple[Decision, Kind]:
    """Versions whose attempts have another verdict now: out of use where that takes their ground away."""
    outcomes = {attempt.id: attempt.success for attempt in kind.attempts}
    retire: list[tuple[int, str]] = []
    confirm: list[int] = []
    said: list[str] = []
    for version in kind.versions:
        if not version.stale or version.status == "retired":
            continue
        refuted = [
            attempt_id
            for attempt_id, role in version.lineage
            if role in ("script", "example") and outcomes.get(attempt_id) is False
        ]
        worked = len(kind.record(version).wins - set(refuted)) > 0
        if refuted and not (worked and not version.example):
            why = f"attempt {refuted[0]}, which it came from, is now judged a failure"
            retire.append((version.id, why))
            said.append(f"took version {version.number} out of use: {why}")
        else:
            confirm.append(version.id)
            said.append(f"looked at version {version.number} again after a changed verdict: it stays")
    gone = {version_id for version_id, _ in retire}
    left = tuple(version for version in kind.versions if version.id not in gone)
    return Decision(retire=tuple(retire), confirm=tuple(confirm), said=tuple(said)), replace(kind, versions=left)


def _judge_candidates(kind: Kind, decision: Decision) -> tuple[Decision, Kind]:
    """Versions that have been tried: the better one takes over; an adjusted one that does worse is dropped."""
    active = kind.active
    for version in kind.versions:
        if version.status != "candidate" or version.source not in ("adjusted", "reason") or version.doubtful:
            continue
        if overwritten(version, kind.versions):
            continue
        record = kind.record(version)
        if _takes_over(kind, version, active):
            said = f"version {version.number} takes over: {_told(record)}"
            if active is not None:
                said += f", version {active.number} {_told(kind.record(active))}"
            decision = replace(decision, promote=version.id, said=(*decision.said, said))
            versions = tuple(
                replace(v, status="active" if v.id == version.id else "retired" if v.status == "active" else v.status)
                for v in kind.versions
            )
            return decision, replace(kind, versions=versions)
        tried = version.source == "adjusted" and record.uses >= WORSE_AFTER
        if tried and active is not None and record.rate < kind.record(active).rate:
            why = f"it {_told(record)}, version {active.number} {_told(kind.record(active))}"
            decision = replace(
                decision,
                retire=(*decision.retire, (version.id, why)),
                said=(*decision.said, f"dropped version {version.number}: {why}"),
            )
            kind = replace(kind, versions=tuple(v for v in kind.versions if v.id != version.id))
    return decision, kind


def _takes_over(kind: Kind, candidate: Version, active: Version | None) -> bool:
    """Whether a candidate has a success that the version in use lacks, and is not behind otherwise."""
    record = kind.record(candidate)
    if not record.wins:
        return False
    if active is None:
        return True
    lost = kind.record(active).losses
    if any(a.success and a.id in record.wins and a.trajectory.attempt.retry_of in lost for a in kind.attempts):
        return True
    return record.rate > kind.record(active).rate


def _vanilla(kind: Kind, writer: Writer, decision: Decision) -> Decision:
    new = [attempt for attempt in kind.attempts if attempt.id in kind.fresh]
    if not new:
        return _rebuilt(kind, writer, decision)
    return _put(kind, decision, writer.from_any(new[-1]), f"from attempt {new[-1].id}, the newest")


def _validation(kind: Kind, writer: Writer, decision: Decision) -> Decision:
    if not kind.successes:
        return decision
    if not any(attempt.id in kind.fresh for attempt in kind.successes):
        return _rebuilt(kind, writer, decision)
    draft = writer.from_successes(kind.successes)
    return _put(kind, decision, draft, f"from {_count(len(kind.successes), 'success', 'successes')}")


def _adjustment(kind: Kind, writer: Writer, decision: Decision) -> Decision:
    active = kind.active
    if active is None:
        if kind.successes:
            return _rebuilt(kind, writer, decision)
        return _from_reason(kind, writer, decision)
    failure = _blamed(kind, active)
    if failure is not None:
        good = _later_success(kind, failure)
        draft = writer.adjusted(active, failure, good)
        if draft is None:
            said = f"version {active.number} stays: it {_told(kind.record(active))}, and " + (
                "what was said of the failure changes nothing in it"
                if failure.reason or good
                else "nothing was said of the failure"
            )
            decision = replace(decision, said=(*decision.said, said))
        else:
            proved = bool(kind.record(active).wins)
            cause = f"attempt {failure.id} failed with version {active.number}"
            if proved:
                cause += f", which {_told(kind.record(active))} and stays in use until this one has shown itself better"
            return _put(kind, decision, draft, f"adjusted: {cause}", active=not proved)
    return _rebuilt(kind, writer, decision)


def _rebuilt(kind: Kind, writer: Writer, decision: Decision) -> Decision:
    """A version where there is none, or the example that the one in use lacks."""
    active = kind.active
    if active is None:
        if not kind.successes:
            return decision
        draft = writer.from_successes(kind.successes)
        return _put(kind, decision, draft, f"from {_count(len(kind.successes), 'success', 'successes')}")
    wants_example = writer.build == "proceduralization" and not active.example
    shown = [attempt for attempt in kind.successes if attempt.id in kind.record(active).wins] or [
        attempt for attempt in kind.successes if _retries(attempt, active)
    ]
    if wants_example and active.script:
        example = next((attempt for attempt in reversed(shown) if writer.shows(active, attempt)), None)
        if example is not None:
            draft = writer.with_example(active, example)
            return _put(kind, decision, draft, f"with attempt {example.id} as its example")
    wants_script = writer.build != "trajectory" and not active.script
    if (wants_script or (writer.build == "trajectory" and not active.example)) and kind.successes:
        return _put(kind, decision, writer.from_successes(kind.successes), f"as {writer.build} asks for")
    return decision


def _from_reason(kind: Kind, writer: Writer, decision: Decision) -> Decision:
    """A kind that has never gone well: what the user said of a failure is all there is to learn from.

    Where it was tried already, it did not help: neither what was said of a failed retry nor what was said before it is
    put to use untried. An attempt without a call shows nothing that could be put right.
    """
    tried = {attempt_id for version in kind.versions for attempt_id, role in version.lineage if role == "reason"}
    retries = {attempt.trajectory.attempt.retry_of: attempt.id for attempt in kind.failures}
    tried |= {attempt_id for origin, retry in retries.items() if origin is not None for attempt_id in (origin, retry)}
    told = [attempt for attempt in kind.failures if attempt.reason and attempt.way and attempt.id not in tried]
    if not told or writer.build == "trajectory":
        return decision
    draft = writer.from_reason(told[-1], None)
    if draft is None:
        said = f"nothing could be made of what was said of attempt {told[-1].id}"
        return replace(decision, said=(*decision.said, said))
    return _put(kind, decision, draft, f"from what was said of attempt {told[-1].id}")


def _blamed(kind: Kind, active: Version) -> Judged | None:
    """The newest failure with the script in use in its prompt that nothing was learned from yet."""
    learned = {attempt_id for version in kind.versions for attempt_id, role in version.lineage if role == "failure"}
    lost = kind.record(active).losses - learned
    found = [attempt for attempt in kind.failures if attempt.id in lost and attempt.id in kind.fresh]
    return found[-1] if found else None


def _later_success(kind: Kind, failure: Judged) -> Judged | None:
    """A success that shows how it should have been: the failure's own retry, else the newest since."""
    retries = [attempt for attempt in kind.successes if attempt.trajectory.attempt.retry_of == failure.id]
    later = [attempt for attempt in kind.successes if attempt.id > failure.id]
    return retries[-1] if retries else later[-1] if later else None


def _retries(attempt: Judged, version: Version) -> bool:
    """Whether an attempt is the retry of a failure that a version came from."""
    return any(attempt.trajectory.attempt.retry_of == attempt_id for attempt_id, _ in version.lineage)


def _put(kind: Kind, decision: Decision, draft: Draft, why: str, *, active: bool = True) -> Decision:
    """Add a draft to a decision, unless the version in use says the same."""
    known: Sequence[Version] = [v for v in kind.versions if v.status != "retired"]
    if any((version.script, version.example) == (draft.script, draft.example) for version in known):
        return decision
    if not draft.script and not draft.example:
        return decision
    said = f"{'new version' if kind.versions else 'learned'} {why}"
    if draft.doubtful:
        active = False
        said += "; it waits for you, as a sentence of it rests on the words of a file alone: " + "; ".join(
            f'"{sentence}"' for sentence in draft.doubtful
        )
    return replace(decision, draft=draft, active=active, why=why, said=(*decision.said, said))


def _told(record: Record) -> str:
    wins, losses = record.wins - record.retries, record.losses - record.retries
    retried, uses = record.wins & record.retries, len(wins) + len(losses)
    told = f"worked in {len(wins)} of {_count(uses, 'judged use')}" if uses else "was not used yet"
    return told + (f", and worked in a retry (attempt {max(retried)})" if retried else "")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
