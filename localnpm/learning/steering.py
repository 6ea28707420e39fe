"""Where the steering of a task comes from: a procedure's stored vector, one made on the spot, or the user's own choice.

Not covered: how vectors are made (distill/) and applied (engine/steering.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from localnpm.config import Settings
from localnpm.distill import beside, gguf, steer
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.steering import Steering, SteeringPart
from localnpm.engine.turns import ChatModel
from localnpm.errors import SteeringError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import StoredVector
from localnpm.memory.recall import Recall
from localnpm.memory.records import Trajectory
from localnpm.memory.vector_store import VectorStore
from localnpm.memory.verdicts import outcomes

Taken = tuple[Steering | None, float]
"""Steering with its coefficient; None where none could be made."""
Judged = tuple[Trajectory, bool, float]
"""A trajectory, whether it was a success, and its request's similarity."""
Synthesize = Callable[[tuple[Judged, ...]], Taken]


@dataclass(frozen=True)
class Offer:
    """Steering that can be had for a task.

    Attributes:
        vector_id: names a stored one.
        take: reads it or makes it, as it acts alone.
        beside: the same at the strength that it has on top of the script; None: it stays out where a script is given.
        why: what was measured of it beside the script, for the user.
    """

    vector_id: int | None
    take: Callable[[], Taken]
    beside: Callable[[], Taken] | None = None
    why: str = ""


@dataclass(frozen=True)
class Steered:
    """The user's own steering. `coefficient` is the first vector's, `names` say what was asked for."""

    steering: Steering
    coefficient: float
    names: tuple[str, ...]


def by_hand(texts: Sequence[str], database: Database, model: ChatModel) -> Steered:
    """The steering that `--steer` or `/steer` asks for.

    Raises:
        ConfigError: a text is not of the form.
        NotFoundError: no vector has the name.
        SteeringError: a vector cannot be used on this model.
    """
    if not isinstance(model, LlamaChat):
        raise SteeringError(f"the model {model.name} cannot be steered")
    requests = [steer.parse(text) for text in texts]
    store = VectorStore(database)
    steering = steer.resolve(requests, store, model.model)
    first = requests[0]
    coefficient = first.coefficient
    if coefficient is None:
        coefficient = 1.0 if first.is_file else steer.find(first.name, store, model.fingerprint).coefficient
    return Steered(steering, coefficient, tuple(map(str, requests)))


class Vectors:
    """What steering there is for a request of this model.

    `synthesize` makes a vector from the nearest trajectories; None where that is not wanted or not possible.
    """

    def __init__(
        self,
        database: Database,
        model: ChatModel,
        settings: Settings,
        recall: Recall,
        synthesize: Synthesize | None = None,
    ) -> None:
        self.database = database
        self.model = model
        self.settings = settings
        self.recall = recall
        self.synthesize = synthesize
        self.store = VectorStore(database)

    def look(self, request: str, procedure_id: int, *, script: str = "", on_the_spot: bool = True) -> Offer | None:
        """The procedure's active vector for this model, else `on_the_spot` one from the nearest trajectories.

        Args:
            script: beside which the vector may be asked to act. One made on the spot acts alone: nothing is known of
                what it does on top of a script.
        """
        stored = self.store.of_procedure(procedure_id, self.model.fingerprint)
        if stored is not None and stored.status == "active":
            return self._offer(stored, script)
        if stored is not None and stored.status == "disabled":
            return None
        synthesize = self.synthesize
        if synthesize is None or not on_the_spot:
            return None
        nearest = self.nearest(request)
        good = sum(success for _, success, _ in nearest)
        if good < 1 or (good == len(nearest) and self.settings.learning.direction != "gradient"):
            return None
        return Offer(None, lambda: synthesize(nearest))

    def _offer(self, stored: StoredVector, script: str) -> Offer:
        def at(coefficient: float) -> Taken:
            file = gguf.read(self.store.gguf(stored.id), stored.name)
            vector = gguf.scaled(file, None if coefficient == stored.coefficient else coefficient, name=stored.name)
            return Steering((SteeringPart(vector),)), coefficient

        alone = partial(at, stored.coefficient)
        known = beside.read(stored.calibration)
        if known is None or known.script != beside.named(script):
            what = "it was not measured beside a script" if known is None else "it was measured beside another script"
            return Offer(stored.id, alone, why=f"the vector is left out: {what}, which `localnpm distill` does")
        return Offer(stored.id, alone, partial(at, known.coefficient) if known.coefficient else None, known.told)

    def nearest(self, request: str) -> tuple[Judged, ...]:
        """The judged attempts nearest to the request that recall would take for alike, with their outcomes."""
        threshold = self.recall.calibrate()
        near = [
            (attempt_id, similarity)
            for attempt_id, similarity in self.recall.nearest_attempts(request, self.settings.memory.neighbours)
            if similarity >= threshold
        ]
        judged = outcomes(self.database, [attempt_id for attempt_id, _ in near])
        log = AttemptLog(self.database)
        return tuple(
            (log.trajectory(attempt_id), judged[attempt_id].success, similarity)
            for attempt_id, similarity in near
            if attempt_id in judged
        )


def synthesizer(model: ChatModel, database: Database, settings: Settings) -> Synthesize | None:
    """Makes vectors on the spot for this model; None for a model that has no activations."""
    if not isinstance(model, LlamaChat):
        return None

    def make(nearest: tuple[Judged, ...]) -> Taken:
        from localnpm.distill.quick_vectors import synthesize

        made = synthesize(model, nearest, settings.learning, database=database)
        return (None, 0.0) if made is None else (Steering((SteeringPart(made.vector),)), made.coefficient)

    return make
