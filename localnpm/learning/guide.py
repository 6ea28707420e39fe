"""Guidance for a request: what recall finds, through which channel it acts, and how much of it fits the prompt.

Not covered: carrying the task out and writing the `uses` rows (learner.py), where control vectors come from
(steering.py), what is similar to what (memory/recall.py), which channel is the most promising (memory/channels.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from localnpm.agent.attempt import Terms
from localnpm.agent.events import Recalled, RecalledItem
from localnpm.agent.prompts import memory_parts
from localnpm.config import Settings
from localnpm.engine.steering import Steering
from localnpm.engine.turns import ChatModel
from localnpm.learning.steering import Offer, Steered, Vectors
from localnpm.memory.channels import Choice, Wanted, choose
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Procedure, Use, Version
from localnpm.memory.recall import Match, Recall
from localnpm.memory.records import Channel
from localnpm.memory.uses import AllStatistics, Statistics, all_statistics

BUNDLED_SCRIPTS = 1
BUNDLED_TOKENS = 300
"""What the bundled model was trained with: one procedure, at most so many tokens of memory."""
SCRIPTS = 3
TOKENS = 1500
CONTEXT_SHARE = 8
"""Larger models: at most this part of the context, and at most `TOKENS`."""
TRIAL_SHARE = 0.5
"""How often an adjusted version that waits beside the one in use is tried in its place."""


@dataclass(frozen=True)
class Guidance:
    """What one task is given by memory.

    Attributes:
        scripts: the best first.
        items: what was recalled, used or withheld.
        uses: one row for each item; the attempt's id is filled in by `uses_of`.
    """

    scripts: tuple[str, ...] = ()
    example: str = ""
    steering: Steering | None = None
    channel: Channel = "none"
    coefficient: float = 0.0
    items: tuple[RecalledItem, ...] = ()
    uses: tuple[Use, ...] = ()
    why: str = ""
    problem: str = ""

    @property
    def terms(self) -> Terms:
        """On what terms the task is carried out."""
        return Terms(self.scripts, self.example, self.steering, self.channel)

    @property
    def event(self) -> Recalled:
        """For the front end."""
        return Recalled(self.channel, self.items, self.coefficient, self.why, self.problem)

    def uses_of(self, attempt_id: int, *, counts: bool = True) -> tuple[Use, ...]:
        """The rows of `uses` for an attempt; `counts` False for a retry or for practice."""
        return tuple(replace(use, attempt_id=attempt_id, counts=use.counts and counts) for use in self.uses)


NOTHING = Guidance()


@dataclass(frozen=True)
class Found:
    """A match with the version that is to be used, and how it and the procedure as a whole have done."""

    match: Match
    version: Version
    statistics: Statistics
    overall: Statistics


class Guide:
    """Guides requests of one model by one memory."""

    def __init__(
        self, database: Database, model: ChatModel, settings: Settings, recall: Recall, vectors: Vectors, random: Random
    ) -> None:
        self.database = database
        self.model = model
        self.settings = settings
        self.recall = recall
        self.vectors = vectors
        self.random = random

    @property
    def scripts(self) -> int:
        """Procedures in one prompt at most."""
        return self.settings.memory.scripts or (BUNDLED_SCRIPTS if self.model.protocol == 1 else SCRIPTS)

    @property
    def tokens(self) -> int:
        """Tokens of memory in one prompt at most."""
        if self.settings.memory.tokens:
            return self.settings.memory.tokens
        return BUNDLED_TOKENS if self.model.protocol == 1 else min(TOKENS, self.model.context // CONTEXT_SHARE)

    def guide(self, request: str, wanted: Wanted = "auto", *, scripts_only: bool = False) -> Guidance:
        """What memory has for a request, and what is used of it; `scripts_only` where the user steers by hand.

        Raises:
            MemoryFileError: the memory cannot be read.
        """
        recollection = self.recall.find(request, k=self.scripts)
        if not recollection.items:
            return Guidance(why=recollection.why)
        everything = all_statistics(self.database)
        found = [self._version(match, everything) for match in recollection.items]
        best = found[0]
        scripts, example = self._fitting(found)
        offered = frozenset[Channel](["script"] if scripts or example else [])
        # On the spot a vector is made only when the user asks for it: no gate has tried it, and it can spoil the text.
        # Beside a script it would have to be measured, too.
        asked = wanted == "vector" or (wanted == "both" and not offered)
        steerable = not scripts_only and wanted in ("vector", "both", "auto")
        told, procedure_id = scripts[0] if scripts else "", best.match.procedure.id
        vector = self.vectors.look(request, procedure_id, script=told, on_the_spot=asked) if steerable else None
        if vector is not None:
            offered |= {"vector", "both"} if offered and vector.beside is not None else {"vector"}
        choice = choose(
            best.statistics,
            available=offered,
            wanted=wanted,
            holdout=self.settings.memory.holdout,
            random=self.random,
            from_reason=best.version.source == "reason",
        )
        return self._chosen(found, choice, scripts, example, vector)

    def _version(self, match: Match, everything: AllStatistics) -> Found:
        """The version to use: the one in use, or now and then the one that waits to be tried."""
        version = match.version
        if match.trial is not None and self.random.random() < TRIAL_SHARE:
            version = match.trial
        procedure_id = match.procedure.id
        return Found(match, version, everything.of(procedure_id, version.id), everything.of(procedure_id))

    def _fitting(self, found: Sequence[Found]) -> tuple[tuple[str, ...], str]:
        """The scripts and the example that fit the budget: the best script, its example, the other scripts."""
        best, *others = found
        scripts: list[str] = []
        example = ""
        if best.version.script and self._fits([best.version.script], ""):
            scripts.append(best.version.script)
        if best.version.example and self._fits(scripts, best.version.example):
            example = best.version.example
        for other in others:
            if other.version.script and scripts and self._fits([*scripts, other.version.script], example):
                scripts.append(other.version.script)
        return tuple(scripts), example

    def _fits(self, scripts: Sequence[str], example: str) -> bool:
        return self.model.count("\n\n".join(memory_parts(scripts, example))) <= self.tokens

    def _chosen(
        self, found: Sequence[Found], choice: Choice, scripts: tuple[str, ...], example: str, vector: Offer | None
    ) -> Guidance:
        channel, why, counts = choice.channel, choice.why, choice.counts
        steering: Steering | None = None
        coefficient = 0.0
        if channel in ("vector", "both"):
            take = None if vector is None else vector.beside if channel == "both" else vector.take
            steering, coefficient = (None, 0.0) if take is None else take()
            if steering is None:
                channel, counts = ("script" if channel == "both" else "none"), False
                why = "no vector could be made from the nearest trajectories"
        shown = channel in ("script", "both")
        if shown and vector is not None and vector.why:
            why += f"; {vector.why}"
        if not scripts and not example and channel == "none":
            why += f"; the procedure is longer than the {self.tokens} tokens that memory may have"
        used_vector = vector.vector_id if vector is not None and steering is not None else None
        items, uses = [], []
        for place, each in enumerate(found):
            # Beyond the best, a procedure is used only as far as its script fits.
            used = channel if place == 0 else "script" if shown and each.version.script in scripts else "none"
            vector_id = used_vector if place == 0 else None
            items.append(item_of(each, vector_id))
            uses.append(
                Use(
                    attempt_id=0,
                    procedure_id=each.match.procedure.id,
                    version_id=each.version.id,
                    vector_id=vector_id,
                    place=place,
                    similarity=each.match.similarity,
                    channel=used,
                    coefficient=coefficient if place == 0 else 0.0,
                    probability=choice.probability,
                    counts=counts and place == 0,
                    reason=each.match.reason,
                )
            )
        return Guidance(
            scripts if shown else (),
            example if shown else "",
            steering,
            channel,
            coefficient,
            tuple(items),
            tuple(uses),
            why,
        )


def item_of(found: Found, vector_id: int | None = None) -> RecalledItem:
    """A recalled procedure as front ends show it."""
    match = found.match
    return RecalledItem(
        procedure_id=match.procedure.id,
        version_id=found.version.id,
        vector_id=vector_id,
        name=match.procedure.name,
        title=match.procedure.title,
        similarity=match.similarity,
        wins=found.overall.wins,
        uses=found.overall.uses,
        uplift=found.overall.uplift,
        interval=found.overall.interval,
        reason=match.reason,
    )


def steered(guidance: Guidance, by: Steered) -> Guidance:
    """The same guidance with the user's own steering added; that counts for no statistic."""
    return replace(
        guidance,
        steering=by.steering,
        coefficient=by.coefficient,
        channel="both" if guidance.channel == "script" else "vector",
        uses=tuple(replace(use, counts=False) for use in guidance.uses),
        why=f"steered by {', '.join(by.names)}, as you asked" + (f"; {guidance.why}" if guidance.why else ""),
    )


def told_to_use(procedure: Procedure, version: Version, reason: str) -> Guidance:
    """Guidance by one version, whatever recall would find: what a retry gets."""
    item = RecalledItem(
        procedure.id, version.id, None, procedure.name, procedure.title, 1.0, 0, 0, None, None, reason
    )  # fmt: skip
    use = Use(0, procedure.id, version.id, None, 0, 1.0, "script", counts=False, reason=reason)
    return Guidance((version.script,), "", None, "script", 0.0, (item,), (use,), reason)
