"""What a learned condition takes from a user's memory for a scored task: through the program's own recall, read only.

Not covered: how the memory was filled (practice.py), the app's choice of a channel (learning/guide.py): here the
condition is the channel.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random

import numpy as np

from localnpm.agent.prompts import memory_parts
from localnpm.distill import gguf
from localnpm.distill.scripts import key_terms
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.steering import ControlVector, Steering, SteeringPart
from localnpm.evals.conditions import STEERED, Condition, Given
from localnpm.evals.environment import Scenario, seed_of
from localnpm.evals.job import Job
from localnpm.learning.guide import Guide
from localnpm.learning.steering import Vectors, synthesizer
from localnpm.memory.database import Database
from localnpm.memory.embedding import Embedder
from localnpm.memory.procedure_records import Version
from localnpm.memory.procedures import Procedures
from localnpm.memory.recall import Match, Recall
from localnpm.memory.vector_store import VectorStore

SHOWN = ("random", "proceduralization", "both")


class Memory:
    """One user's memory after practice."""

    def __init__(self, job: Job, database: Database, model: LlamaChat, embedder: Embedder) -> None:
        self._job = job
        self._database = database
        self._model = model
        self._draw = Random(job.seed)
        settings = job.settings
        self._recall = Recall(
            database, embedder, settings.memory, key_terms=partial(key_terms, model), random=self._draw
        )
        self._vectors = Vectors(database, model, settings, self._recall)
        # Nothing is withheld by chance here: `none` is a row of its own.
        free = replace(settings, memory=replace(settings.memory, holdout=0.0))
        self._guide = Guide(database, model, free, self._recall, self._vectors, self._draw)
        self._procedures = Procedures(database)
        self._synthesize = synthesizer(model, database, settings)
        self._store = VectorStore(database)
        self._kinds = _kinds_of_requests(job)

    def given(self, scenario: Scenario, name: str) -> Given:
        """What the condition of this name has for the task."""
        self._draw.seed(seed_of("recall", self._job.seed, scenario.user, scenario.kind, scenario.number))
        if name == "auto":
            return self._chosen(scenario)
        condition = Condition.of(name) or Condition(name)
        key = "random" if condition.base == "random" else condition.key or None
        found = self._recall.find(scenario.request, k=condition.count, key=key)
        if not found.items:
            return Given(asked=True, similarity=found.best)
        match = found.items[0]
        kinds = [self._kind_of(each.version) for each in found.items]
        given = Given(
            recalled=match.procedure.name,
            found=scenario.kind if scenario.kind in kinds else kinds[0],
            asked=True,
            similarity=found.best,
        )
        scripts, example = self._texts(condition, [each.version for each in found.items])
        first, *others = scripts or [""]
        steered = condition.base in STEERED
        steering = self._steering(condition.base, scenario, match, first, example) if steered else None
        return replace(given, script=first, others=tuple(others), example=example, steering=steering)

    def _chosen(self, scenario: Scenario) -> Given:
        """What the app itself would give, through the channel that it chooses."""
        guidance = self._guide.guide(scenario.request, "auto")
        if not guidance.items:
            return Given(asked=True, channel="none")
        best = guidance.items[0]
        first, *others = guidance.scripts or ("",)
        return Given(
            script=first,
            others=tuple(others),
            example=guidance.example,
            channel=guidance.channel,
            steering=guidance.steering,
            recalled=best.name,
            found="" if best.version_id is None else self._kind_of(self._procedures.version(best.version_id)),
            asked=True,
            similarity=best.similarity,
        )

    def _texts(self, condition: Condition, versions: Sequence[Version]) -> tuple[list[str], str]:
        """The scripts and the best one's example that fit the budget, which grows with the number of procedures."""
        base, best = condition.base, versions[0]
        scripts: list[str] = []
        for version in versions if base in ("script", *SHOWN) else ():
            if version.script and self._fits([*scripts, version.script], "", condition.count):
                scripts.append(version.script)
        example = best.example if base in ("trajectory", *SHOWN) else ""
        return scripts, example if self._fits(scripts, example, condition.count) else ""

    def _fits(self, scripts: Sequence[str], example: str, count: int) -> bool:
        return self._model.count("\n\n".join(memory_parts(scripts, example))) <= self._guide.tokens * count

    def _steering(self, condition: str, scenario: Scenario, match: Match, script: str, example: str) -> Steering | None:
        if condition == "vector-synthesized":
            nearest = self._vectors.nearest(scenario.request)
            return self._synthesize(nearest)[0] if self._synthesize and nearest else None
        if condition == "both" and (script or example):
            # As the guide has it: beside a script at the strength that was measured there, or not at all.
            offer = self._vectors.look(scenario.request, match.procedure.id, script=script, on_the_spot=False)
            return offer.beside()[0] if offer is not None and offer.beside is not None else None
        stored = self._store.of_procedure(match.procedure.id, self._model.fingerprint)
        usable = ("active", "candidate", "quarantined") if self._job.any_vector else ("active",)
        if stored is None or stored.status not in usable:
            return None
        vector = gguf.scaled(gguf.read(self._store.gguf(stored.id), stored.name), name=stored.name)
        if condition == "vector-random":
            vector = random_like(vector, "random", self._job.seed, scenario.user, stored.name)
        return Steering((SteeringPart(vector),))

    def _kind_of(self, version: Version) -> str:
        """The kind of the practice tasks that a version came from, by most of its lineage."""
        ids = [attempt for attempt, _ in version.lineage]
        marks = ",".join("?" * len(ids))
        rows = self._database.query(f"SELECT request FROM attempts WHERE id IN ({marks})", ids)
        counts = Counter(self._kinds.get(row["request"], "") for row in rows)
        return counts.most_common(1)[0][0] if counts else ""


def random_like(vector: ControlVector, *seed: object) -> ControlVector:
    """A vector of random directions, each row as long as the given one's."""
    draw = np.random.default_rng(seed_of(*seed))
    directions = draw.standard_normal(vector.directions.shape)
    lengths = np.linalg.norm(vector.directions, axis=1, keepdims=True)
    directions *= lengths / np.linalg.norm(directions, axis=1, keepdims=True)
    return ControlVector(f"{vector.name}-random", directions.astype(np.float32))


def _kinds_of_requests(job: Job) -> Mapping[str, str]:
    environment = job.environment
    return {task.request: kind for kind in environment.kinds for task in environment.practice(job.user, kind)}
