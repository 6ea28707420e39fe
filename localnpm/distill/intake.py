"""Taking in a control vector that others made: does it fit this model, and how strong is it beside the residual stream?

Whatever passes is stored quarantined: whether a vector does any good is for the user to see (`localnpm vector try`).
Not covered: reading the file (gguf.py), whose own checks come first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from localnpm.distill import gguf
from localnpm.distill.vector_file import VectorFile, filled_layers
from localnpm.engine.activations import capture
from localnpm.engine.arrays import Float32Array
from localnpm.engine.messages import Message
from localnpm.errors import ConfigError, SteeringError
from localnpm.memory.procedure_names import free, slug
from localnpm.memory.procedure_records import StoredVector
from localnpm.memory.vector_store import VectorStore

if TYPE_CHECKING:
    from localnpm.engine.llama_chat import LlamaChat
    from localnpm.engine.model import Model

PROBE = (
    "Add two eggs and a loaf of bread to my shopping list, then tell me what stands on it.",
    "Which of the files in notes were changed since Monday? Move the older ones to archive/2025.",
)
"""Requests over which the residual stream's norms are taken."""


@dataclass(frozen=True, eq=False)
class Intake:
    """A vector that fits the model.

    Attributes:
        strength: its length beside the residual stream's, in the unit of c: the root of the squared shares' sum.
        reason: why it is quarantined, in words.
        measured: norms and shares by layer, for the stored calibration.
    """

    file: VectorFile
    strength: float
    reason: str
    measured: Mapping[str, Any]


def take_in(file: VectorFile, chat: "LlamaChat") -> Intake:
    """Check a vector against a model.

    Raises:
        SteeringError: it has another shape, nothing but zeros, or the model cannot be steered.
    """
    model = chat.model
    file = gguf.fitted(file, model.info.n_layer, model.info.n_embd)
    filled_layers(file.directions)
    steerable = model.steerable()
    if not steerable.works:
        raise SteeringError(steerable.reason)
    norms = residual_norms(model, [chat.prompt([Message("user", text)], ())[0] for text in PROBE])
    shares = file.row_norms / norms
    strength = float(np.sqrt(np.square(shares).sum()))
    if not np.isfinite(strength):
        raise SteeringError("the vector is so long beside this model's residual stream that it would drown it")
    layer = int(shares.argmax()) + 1
    notes = ["imported: look at `localnpm vector try`, then `localnpm vector enable`"]
    if shares[layer - 1] > 1:
        notes.append(f"at layer {layer} it is {shares[layer - 1]:.3g} times as long as the residual stream itself")
    if file.model_hint not in ("", model.info.architecture):
        notes.append(f"it says that it was made for a {file.model_hint!r} model, this is a {model.info.architecture!r}")
    if file.norms is not None and not _alike(file.norms[file.row_norms > 0], norms[file.row_norms > 0]):
        notes.append("the norms that it states are not this model's, so its coefficient means something else here")
    if file.fingerprint not in ("", model.fingerprint):
        notes.append("it was made for another file or quantization of a model of this shape")
    measured = {
        "strength": round(strength, 6),
        "norms": [round(float(norm), 4) for norm in norms],
        "shares": [round(float(share), 6) for share in shares],
    }
    return Intake(file, strength, "; ".join(notes), measured)


def _alike(stated: Float32Array, measured: NDArray[np.float64]) -> bool:
    """Within a factor of two, as different texts give for one model."""
    return bool((np.abs(np.log2(np.maximum(stated, np.finfo(np.float32).tiny) / measured)) < 1).all())


def store(
    taken: Intake, vectors: VectorStore, chat: "LlamaChat", *, name: str | None = None, source: Path | None = None
) -> StoredVector:
    """Keep it, quarantined, under a name that no live vector of this model has.

    Args:
        name: None: made from `source`'s.

    Raises:
        ConfigError: the name is taken.
        LocalnpmError: it does not follow the rule for names.
    """
    used = {vector.name for vector in vectors.all(chat.fingerprint)}
    if name in used:
        raise ConfigError(
            f"this model has a vector {name!r} already; give another --name, or `localnpm vector forget {name}`"
        )
    name = name or free(slug(source.stem if source else "", otherwise="vector"), used)
    provenance = {**taken.file.provenance, "imported_from": source.name if source else ""}
    return vectors.add(
        name,
        gguf.to_bytes(replace(taken.file, provenance=provenance)),
        status="quarantined",
        status_reason=taken.reason,
        origin="imported",
        method=f"imported {taken.file.unit}",
        model=chat.name,
        model_fingerprint=chat.fingerprint,
        coefficient=taken.file.coefficient,
        layers=taken.file.layers,
        calibration=taken.measured,
    )


def residual_norms(model: "Model", prompts: list[list[int]]) -> NDArray[np.float64]:
    """float64 [n_layer - 1]: the median norm of the residual stream after block i + 1, over all tokens of the prompts.

    Raises:
        SteeringError: this architecture's blocks cannot be read.
    """
    lengths = [np.linalg.norm(capture(model, tokens)[1:].astype(np.float64), axis=2) for tokens in prompts]
    median: NDArray[np.float64] = np.median(np.concatenate(lengths, axis=1), axis=1)
    return np.maximum(median, np.finfo(np.float32).tiny)
