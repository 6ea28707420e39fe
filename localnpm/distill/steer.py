"""`--steer`: which control vectors, how strong, in which layers, as a user writes it, and the steering it stands for.

    NAME              the vector of that name, as it was calibrated
    NAME:0.6          at the coefficient 0.6
    NAME:-0.4@2-5     at -0.4, in the layers 2 to 5 only
    NAME@3            as it was calibrated, in layer 3 only
    FILE.gguf:0.5     a file; of other programs' files the number multiplies the rows

A name is of the model in use. Who steers by hand may use a vector that the health gate has quarantined; a disabled one
is refused. Not covered: which vector recall chooses.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Protocol

from localnpm.distill import gguf
from localnpm.engine.info import ModelInfo
from localnpm.engine.steering import Scope, Steering, SteeringPart
from localnpm.errors import ConfigError, NotFoundError, SteeringError
from localnpm.memory.procedure_records import StoredVector
from localnpm.memory.vector_store import VectorStore
from localnpm.paths import expand

EXAMPLES = "NAME, NAME:0.6, NAME:-0.4@2-5 or FILE.gguf:0.6"
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_STRENGTH = re.compile(rf"(?P<rest>.*):(?P<number>{_NUMBER})", re.DOTALL)
_LAYERS = re.compile(r"(?P<rest>.*)@(?P<first>[0-9]{1,4})(?:-(?P<last>[0-9]{1,4}))?", re.DOTALL)


class SteeredModel(Protocol):
    """What `resolve` must know of a model: the engine's `Model`."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def info(self) -> ModelInfo: ...


@dataclass(frozen=True)
class SteerRequest:
    """One `--steer`. None: as the vector was calibrated."""

    name: str
    coefficient: float | None = None
    layers: tuple[int, int] | None = None

    @property
    def is_file(self) -> bool:
        """Whether `name` is a path."""
        return self.name.lower().endswith(".gguf")

    def __str__(self) -> str:
        strength = "" if self.coefficient is None else f":{self.coefficient!r}"
        return self.name + strength + ("" if self.layers is None else f"@{self.layers[0]}-{self.layers[1]}")


def parse(text: str) -> SteerRequest:
    """Read one `--steer`.

    Raises:
        ConfigError: it is not of the form; the message shows the forms.
    """
    rest, coefficient, layers = text.strip(), None, None
    if found := _LAYERS.fullmatch(rest):
        rest, layers = found["rest"], (int(found["first"]), int(found["last"] or found["first"]))
    if found := _STRENGTH.fullmatch(rest):
        rest, coefficient = found["rest"], float(found["number"])
    request = SteerRequest(rest, coefficient, layers)
    if not rest or (not request.is_file and re.search(r"[:@,\s]", rest)):
        raise ConfigError(f"--steer: {text!r} is not {EXAMPLES}; a coefficient is a number, layers are 3 or 2-5")
    if coefficient is not None and not isfinite(coefficient):
        raise ConfigError(f"--steer: {text!r} has a coefficient that is too large to use; take one near 1")
    if layers is not None and not 1 <= layers[0] <= layers[1]:
        raise ConfigError(f"--steer: {text!r} has the layers {layers[0]}-{layers[1]}; they count up, from 1")
    return request


def resolve(
    requests: Sequence[SteerRequest], store: VectorStore, model: SteeredModel, *, scope: Scope = "generation"
) -> Steering:
    """The steering that the requests add up to.

    Raises:
        NotFoundError: no vector has that name; near ones are named.
        SteeringError: a vector of another model, disabled or forgotten, a file that is none, or layers that it lacks.
    """
    vectors = [
        gguf.scaled(open_vector(request.name, store, model), request.coefficient, request.layers, request.name)
        for request in requests
    ]
    return Steering(tuple(SteeringPart(vector) for vector in vectors), scope)


def find(name: str, store: VectorStore, fingerprint: str) -> StoredVector:
    """The live vector of a name for the model with this fingerprint.

    Raises:
        NotFoundError: there is none of the name.
        SteeringError: there is one, of other models.
    """
    everyone = store.all()
    named = [vector for vector in everyone if vector.name == name]
    for vector in named:
        if vector.model_fingerprint == fingerprint:
            return vector
    if named:
        raise SteeringError(
            f"the control vector {name!r} belongs to the model {named[-1].model}, not to this one; choose that model, "
            "or `localnpm distill --rebuild` to make this one's vectors from the log"
        )
    raise NotFoundError(f"there is no control vector {name!r}; {suggest(name, everyone)}")


def suggest(name: str, vectors: Sequence[StoredVector]) -> str:
    """What to try instead of a name that no vector has."""
    names = list(dict.fromkeys(vector.name for vector in vectors))
    near = [other for other in names if name.lower() in other or other in name.lower()]
    near += difflib.get_close_matches(name.lower(), names, n=5, cutoff=0.5)
    if near:
        return f"near ones are {', '.join(list(dict.fromkeys(near))[:5])} (`localnpm vector list` shows all)"
    if names:
        return f"`localnpm vector list` shows the {len(names)} there are"
    return "none is there yet: `localnpm distill` learns them, `localnpm vector import FILE` takes in others"


def open_vector(name: str, store: VectorStore, model: SteeredModel) -> gguf.VectorFile:
    """The vector of a name or path, filled up to the model's layers.

    Raises:
        NotFoundError, SteeringError: as `resolve`.
    """
    if SteerRequest(name).is_file:
        file = gguf.read(expand(name))
        if file.fingerprint not in ("", model.fingerprint):
            raise SteeringError(
                f"{name} was made for another model file or quantization "
                f"({file.provenance.get('model', 'fingerprint ' + file.fingerprint)}); "
                "`localnpm vector import` takes it in all the same, quarantined"
            )
        return gguf.fitted(file, model.info.n_layer, model.info.n_embd)
    stored = find(name, store, model.fingerprint)
    if stored.status == "disabled":
        raise SteeringError(f"the control vector {name!r} is disabled; `localnpm vector enable {name}` allows it")
    return gguf.fitted(read_stored(stored, store), model.info.n_layer, model.info.n_embd)


def read_stored(stored: StoredVector, store: VectorStore) -> gguf.VectorFile:
    """The file of a stored vector.

    Raises:
        SteeringError: its content was forgotten with an attempt that it came from, or is damaged.
    """
    content = store.gguf(stored.id)
    if not content:
        raise SteeringError(
            f"the control vector {stored.name!r} was emptied when an attempt that it came from was forgotten; "
            "`localnpm distill` makes it anew from the others"
        )
    return gguf.read(content, f"the control vector {stored.name!r}")
