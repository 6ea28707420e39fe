"""Drafts of what a procedure is to say: from successes, from a failure and what the user said of it, from both.

The build policies of Mem^p (arXiv 2508.06433, section 3.1): `trajectory` keeps the compact trajectory of a success,
`script` what the model makes of it, `proceduralization` both. A failure never becomes an example.
Not covered: when a draft is wanted and what becomes of it (policies.py), what a reason teaches (reasons.py), prompts
(scripts.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from localnpm.distill.choose import can_score, likeliest, most_agreed, support
from localnpm.distill.doubt import doubtful
from localnpm.distill.judged import Judged, seen, trusted
from localnpm.distill.kinship import same_way, tells_of, titled
from localnpm.distill.reasons import draft_from_reason, put_right
from localnpm.distill.scripts import DRAW, revise_script, title_of, write_script
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.sampling import GREEDY
from localnpm.engine.turns import ChatModel
from localnpm.errors import ContextFullError, ScriptError
from localnpm.memory.drafts import Drafts
from localnpm.memory.procedure_records import Draft, Role, Source, Version

Build = Literal["trajectory", "script", "proceduralization"]

SLACK = 2.0
"""Nats by which a script may make a success less likely than no script does, where it was written from another one."""
SOURCES = 3
"""Successes that scripts are written from, for them to agree on one."""
DRAWN = (1, 2)
"""Seeds of further scripts that a small model draws from a success, to choose among."""


@dataclass(frozen=True)
class Writer:
    """Writes drafts with one model. What it has written for a pass that was interrupted it does not write again."""

    chat: ChatModel
    build: Build
    drafts: Drafts
    cancel: Cancel | None = None

    def from_successes(self, successes: Sequence[Judged]) -> Draft:
        """What successes of one kind have in common; the example is the one that the script was written from.

        There is no script, only the example, where none that the model writes makes likelier what was done.

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
            usable = [
                (text, attempt)
                for text, attempt in written
                if text and tells_of(text, attempt.way) and self._titled(text, chosen)
            ]
            while usable and not script:
                best = self._choose(usable, chosen)
                origin = next(attempt for text, attempt in usable if text == best)
                if self._supported(best, [origin]) and self._supported(best, chosen, -SLACK):
                    script, source = best, origin
                usable = [(text, attempt) for text, attempt in usable if text != best]
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
            if complaint:
                return put_right(self.chat, version.script, failure.trajectory, complaint, cancel=self.cancel)
            return revise_script(self.chat, version.script, good=run, cancel=self.cancel)

        script = self._kept(write, "adjust", version.script, failure.example, complaint, run)
        if not script or script == version.script:
            return None
        if good is not None and not (tells_of(script, good.way) and self._supported(script, [good])):
            return None
        draft = self._draft(script, good or failure, "adjusted", [a for a in (failure, good) if a], version)
        if good is None:
            # The failure is no example; what the version had to show still fits where the way is the same.
            draft = replace(draft, example="")
        roles: tuple[Role, ...] = ("failure", "reason") if complaint else ("failure",)
        return replace(draft, lineage=draft.lineage + tuple((failure.id, role) for role in roles))

    def shows(self, version: Version, success: Judged) -> bool:
        """Whether a success can be a version's example: one of another way, or unlikely by the script, cannot."""
        if not same_way(version.way, success.way) or not tells_of(version.script, success.way):
            return False
        return not version.script or self._supported(version.script, [success], -SLACK)

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

    def _titled(self, script: str, successes: Sequence[Judged]) -> bool:
        """Whether most successes could go by a script's title: one of them alone may have been misread."""
        fitting = [titled(self.chat, title_of(script), each.trajectory, cancel=self.cancel) for each in successes]
        return 2 * sum(fitting) > len(fitting)

    def _supported(self, script: str, successes: Sequence[Judged], least: float = 0.0) -> bool:
        """Whether what successes did is likelier with a script than without it; of larger models it is not asked.

        A script that fails this by the success that it was written from has misread it.
        """
        chat = self.chat
        if not isinstance(chat, LlamaChat) or not can_score(chat):
            return True
        runs = [attempt.trajectory for attempt in successes]
        return support(chat, script, runs, cancel=self.cancel) >= least

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
