"""Drafts of what a procedure is to say: from successes, from a failure and what the user said of it, from both.

The build policies of Mem^p (arXiv 2508.06433, section 3.1): `trajectory` keeps the compact trajectory of a success,
`script` what the model makes of it, `proceduralization` both. A failure never becomes an example.
Not covered: when a draft is wanted and what becomes of it (policies.py), the prompts (scripts.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from localnpm.distill.choose import can_score, likeliest, most_agreed
from localnpm.distill.compact import compact, way
from localnpm.distill.doubt import doubtful
from localnpm.distill.judged import Judged, seen, trusted
from localnpm.distill.scripts import revise_script, write_script
from localnpm.engine.cancel import Cancel
from localnpm.engine.sampling import GREEDY, Sampling
from localnpm.engine.turns import ChatModel
from localnpm.errors import ContextFullError, ScriptError
from localnpm.memory.drafts import Drafts
from localnpm.memory.procedure_records import Draft, Role, Source, Version
from localnpm.memory.records import Trajectory

Build = Literal["trajectory", "script", "proceduralization"]

SOURCES = 3
"""Successes that scripts are written from, for them to agree on one."""
DRAWN = (1, 2)
"""Seeds of further scripts that a small model draws from a success, to choose among."""
DRAW = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.02)
"""How scripts are drawn."""
SAMPLES = 4
"""Revisions that are drawn where the first changes nothing."""


@dataclass(frozen=True)
class Writer:
    """Writes drafts with one model. What it has written for a pass that was interrupted it does not write again."""

    chat: ChatModel
    build: Build
    drafts: Drafts
    cancel: Cancel | None = None

    def from_successes(self, successes: Sequence[Judged]) -> Draft:
        """What successes of one kind have in common; the example is the one that the script was written from.

        Raises:
            CancelledError: the pass was told to stop.
            ModelError: the model failed.
            ValueError: there are no successes.
        """
        chosen = sorted(successes, key=_quality, reverse=True)[:SOURCES]
        if not chosen:
            raise ValueError("a procedure is built from at least one success")
        script, source = "", chosen[0]
        if self.build != "trajectory":
            written = [(self._write(attempt), attempt) for attempt in chosen]
            if can_score(self.chat):
                written += [(self._write(attempt, seed), attempt) for attempt in chosen[:2] for seed in DRAWN]
            usable = [(text, attempt) for text, attempt in written if text]
            if usable:
                script = self._choose(usable, chosen)
                source = next(attempt for text, attempt in usable if text == script)
        return self._draft(script, source, "built", successes)

    def from_any(self, attempt: Judged) -> Draft:
        """What one attempt shows, success or not, as the update policy `vanilla` takes it.

        Raises:
            CancelledError: the pass was told to stop.
            ModelError: the model failed.
        """
        script = self._write(attempt) if self.build != "trajectory" else ""
        return self._draft(script, attempt, "built", [attempt])

    def from_reason(self, failure: Judged, base: Version | None) -> Draft | None:
        """What a failure and its reason teach; None where the model makes nothing of it.

        Raises:
            CancelledError: the pass was told to stop.
            ModelError: the model failed.
        """

        def write() -> str:
            draft = draft_from_reason(self.chat, failure.trajectory, failure.reason, base, cancel=self.cancel)
            return draft.script

        script = self._kept(write, "reason", failure.example, failure.reason, base.script if base else "")
        if not script:
            return None
        return replace(self._draft(script, failure, "reason", [failure], base), example="")

    def adjusted(self, version: Version, failure: Judged, good: Judged | None) -> Draft | None:
        """A script that has led to a failure, put right by what the user said of it, else by a success of later.

        None where there is neither, or where what there is asks for no change.

        Raises:
            CancelledError: the pass was told to stop.
            ModelError: the model failed.
        """
        if not version.script or not (failure.reason or good):
            return None
        complaint, run = failure.reason, good.example if good is not None else ""

        def write() -> str:
            return revise_script(
                self.chat,
                version.script,
                failed=failure.example,
                complaint=complaint,
                good="" if complaint else run,
                cancel=self.cancel,
            )

        script = self._kept(write, "adjust", version.script, failure.example, complaint, run)
        if not script or script == version.script:
            return None
        draft = self._draft(script, good or failure, "adjusted", [a for a in (failure, good) if a], version)
        if good is None:
            # The failure is no example; what the version had to show still fits where the way is the same.
            draft = replace(draft, example="")
        roles: tuple[Role, ...] = ("failure", "reason") if complaint else ("failure",)
        return replace(draft, lineage=draft.lineage + tuple((failure.id, role) for role in roles))

    def with_example(self, version: Version, success: Judged) -> Draft:
        """The version with a success of it as its example; what a failure taught gives way to what tells it better.

        Raises:
            CancelledError: the pass was told to stop.
            ModelError: the model failed.
        """
        script = version.script
        if version.source == "reason" and can_score(self.chat):
            written = self._write(success)
            script = self._choose([(script, success), (written or script, success)], [success])
        return Draft(
            script=script,
            example=success.example,
            source=version.source,
            way=success.way,
            lineage=(*version.lineage, (success.id, "example")),
            doubtful=self._doubts(script, [success]) if script != version.script else version.doubtful,
            parent_id=version.id,
        )

    def _doubts(self, script: str, attempts: Sequence[Judged]) -> tuple[str, ...]:
        return doubtful(script, trusted(attempts), seen([attempt.trajectory for attempt in attempts]))

    def _choose(self, written: Sequence[tuple[str, Judged]], successes: Sequence[Judged]) -> str:
        """Of scripts for one kind, the one that tells best what its successes did."""
        texts = [text for text, _ in written]
        if not can_score(self.chat):
            return most_agreed(texts, [attempt.confidence for _, attempt in written])
        runs = [attempt.trajectory for attempt in successes]
        return self._kept(
            lambda: likeliest(self.chat, texts, runs, cancel=self.cancel),
            "likeliest",
            texts,
            [attempt.id for attempt in successes],
        )

    def _write(self, attempt: Judged, seed: int | None = None) -> str:
        sampling = GREEDY if seed is None else replace(DRAW, seed=seed)
        return self._kept(
            lambda: write_script(self.chat, attempt.example, sampling=sampling, cancel=self.cancel),
            "write",
            attempt.example,
            seed,
        )

    def _kept(self, write: Callable[[], str], *sources: Any) -> str:
        """What `write` gives, remembered; empty where the model cannot."""
        known = self.drafts.get(self.chat.fingerprint, *sources)
        if known is None:
            try:
                known = write()
            except (ScriptError, ContextFullError):
                known = ""
            self.drafts.put(known, self.chat.fingerprint, *sources)
        return str(known)

    def _draft(
        self, script: str, source: Judged, kind: Source, attempts: Sequence[Judged], parent: Version | None = None
    ) -> Draft:
        words = trusted(attempts)
        if parent is not None and not parent.doubtful:
            words += (parent.script,)
        lineage: list[tuple[int, Role]] = []
        if source.success:
            lineage += [(source.id, "script")] if script else []
            lineage += [(source.id, "example")] if self.build != "script" or not script else []
        elif kind == "reason":
            lineage += [(source.id, "failure"), (source.id, "reason")]
        elif kind == "built":
            lineage += [(source.id, "script")]
        return Draft(
            script=script,
            example=source.example if source.success and (self.build != "script" or not script) else "",
            source=kind,
            way=source.way,
            lineage=tuple(lineage),
            doubtful=doubtful(script, words, seen([attempt.trajectory for attempt in attempts])),
            parent_id=parent.id if parent is not None else None,
        )


def _quality(attempt: Judged) -> tuple[float, bool, int, int]:
    """Better successes have more certain verdicts, no failed call, fewer calls, and are newer."""
    faultless = all(step.error is None for step in attempt.trajectory.steps)
    return attempt.confidence, faultless, -len(attempt.trajectory.steps), attempt.id


def draft_from_reason(
    chat: ChatModel,
    trajectory: Trajectory,
    reason: str,
    base: Version | None,
    *,
    said: Sequence[str] = (),
    cancel: Cancel | None = None,
) -> Draft:
    """What a failed attempt and the user's words teach: the script in use, or one written from the failure, put right.

    Args:
        chat: the model that writes.
        trajectory: the failed attempt.
        reason: what the user said of it.
        base: the version that was in the prompt, or the one in use; None where there is none.
        said: further words of the user's, such as the session's requests.
        cancel: stops the writing.

    Raises:
        ScriptError: the model wrote no procedure, or none that differs from what had failed.
        CancelledError: `cancel` was set.
        ModelError: the model failed, or the attempt does not fit its context.
    """
    failed = compact(trajectory)
    revised = ""
    if base is not None and base.script:
        revised = revise_script(chat, base.script, failed=failed, complaint=reason, cancel=cancel)
    if base is None or revised in ("", base.script):
        # What was in the prompt says it already, and did not help: say it in the failed run's own terms.
        revised = revise(chat, write_script(chat, failed, cancel=cancel), trajectory, reason, cancel=cancel)
    lineage: tuple[tuple[int, Role], ...] = ((trajectory.attempt.id, "failure"), (trajectory.attempt.id, "reason"))
    words = (trajectory.request, reason, *said)
    kept = base.script if base is not None else ""
    return Draft(
        script=revised,
        example="",
        source="reason",
        way=way(trajectory),
        lineage=lineage,
        doubtful=doubtful(revised, (*words, kept), seen([trajectory])),
        parent_id=base.id if base is not None else None,
    )


def revise(chat: ChatModel, script: str, failure: Trajectory, complaint: str, *, cancel: Cancel | None = None) -> str:
    """The script of a failed run after a complaint, which must differ from what it was.

    A small model often hands the script back as it is. Then more are drawn, and of those that differ the one is taken
    in whose light the failed run is least likely, or, of a larger model's, that the others agree with most.

    Raises:
        ScriptError: whatever is drawn, nothing changes.
        CancelledError, ModelError: as `revise_script`.
    """
    failed = compact(failure)
    revised = revise_script(chat, script, failed=failed, complaint=complaint, cancel=cancel)
    if revised != script:
        return revised
    others = []
    for seed in range(1, SAMPLES + 1):
        sampling = replace(DRAW, seed=seed)
        try:
            others.append(
                revise_script(chat, script, failed=failed, complaint=complaint, sampling=sampling, cancel=cancel)
            )
        except ScriptError:
            continue
    changed = [other for other in others if other != script]
    if not changed:
        raise ScriptError("the model sees nothing in the script that the complaint would change")
    if can_score(chat):
        return likeliest(chat, changed, [failure], unlikely=True, cancel=cancel)
    return most_agreed(changed)
