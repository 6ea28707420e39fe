"""What a learned condition takes from a user's memory for a scored task: through the program's own recall, read only.

Not covered: how the memory was filled (practice.py), the app's choice of a channel (learning/guide.py): here the
condition is the channel.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from random import Random

import numpy as np

from localnpm.agent.prompts import memory_parts
from localnpm.distill import gguf
from localnpm.distill.scripts import key_terms
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.steering import ControlVector, Steering, SteeringPart
from localnpm.evals.conditions import Given
from localnpm.evals.environment import Scenario, seed_of
from localnpm.evals.job import Job
from localnpm.learning.guide import Guide
from localnpm.learning.steering import Vectors, synthesizer
from localnpm.memory.database import Database
from localnpm.memory.embedding import Embedder
from localnpm.memory.procedure_records import Version
from localnpm.memory.recall import Match, Recall
from localnpm.memory.vector_store import VectorStore

STEERED = ("vector", "vector-synthesized", "vector-random", "both")
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
        self._guide = Guide(database, model, settings, self._recall, self._vectors, self._draw)
        self._synthesize = synthesizer(model, database, settings)
        self._store = VectorStore(database)
        self._kinds = _kinds_of_requests(job)

    def given(self, scenario: Scenario, condition: str) -> Given:
        """What the condition has for the task."""
        self._draw.seed(seed_of("recall", self._job.seed, scenario.user, scenario.kind, scenario.number))
        key = "random" if condition == "random" else None
        found = self._recall.find(scenario.request, k=1, key=key)
        if not found.items:
            return Given(asked=True, similarity=found.best)
        match = found.items[0]
        given = Given(
            recalled=match.procedure.name,
            found=self._kind_of(match.version),
            asked=True,
            similarity=found.best,
        )
        script, example = self._texts(condition, match.version)
        steering = self._steering(condition, scenario, match, script, example) if condition in STEERED else None
        return replace(given, script=script, example=example, steering=steering)

    def _texts(self, condition: str, version: Version) -> tuple[str, str]:
        """The script and the example that fit the prompt's budget, as the app has it."""
        script = version.script if condition in ("script", *SHOWN) else ""
        example = version.example if condition in ("trajectory", *SHOWN) else ""
        script = script if self._fits(script, "") else ""
        return script, example if self._fits(script, example) else ""

    def _fits(self, script: str, example: str) -> bool:
        return self._model.count("\n\n".join(memory_parts(script, example))) <= self._guide.tokens

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
