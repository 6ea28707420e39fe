"""Taking in a control vector that others made: does it fit this model, and how strong is it beside the residual stream?

Whatever passes is stored quarantined: whether a vector does any good is for the user to see (`localnpm vector try`).
Not covered: reading the file (gguf.py), whose own checks come first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from localnpm.distill import gguf
from localnpm.distill.calibrate import effects
from localnpm.distill.distilled import DistilledVector
from localnpm.distill.gate import valid_calls
from localnpm.distill.replay import Replay
from localnpm.distill.vector_file import VectorFile, filled_layers
from localnpm.engine.activations import capture
from localnpm.engine.arrays import Float32Array
from localnpm.engine.messages import Message
from localnpm.engine.steering import Steering, SteeringPart
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
"""Requests over which norms are taken, and whose answers the vector is tried on."""
PROBE_TOKENS = 48
"""Of each answer."""


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


def take_in(file: VectorFile, chat: "LlamaChat", *, system: str = "", bound: float = 1.0) -> Intake:
    """Check a vector against a model: its shape, its length beside the residual stream, what it does to two answers.

    Args:
        system: the system text under which the probing requests are made; empty for none.
        bound: nats of KL(steered || unsteered), 95th percentile over tokens, above which it is called too strong.

    Raises:
        SteeringError: it has another shape, nothing but zeros, or the model cannot be steered.
    """
    model = chat.model
    file = gguf.fitted(file, model.info.n_layer, model.info.n_embd)
    filled_layers(file.directions)
    steerable = model.steerable()
    if not steerable.works:
        raise SteeringError(steerable.reason)
    opening = [Message("system", system)] if system else []
    prompts = [chat.prompt([*opening, Message("user", text)], ())[0] for text in PROBE]
    norms = residual_norms(model, prompts)
    shares = file.row_norms / norms
    strength = float(np.sqrt(np.square(shares).sum()))
    if not np.isfinite(strength):
        raise SteeringError("the vector is so long beside this model's residual stream that it would drown it")
    health = _health(chat, file, prompts)
    notes = [
        "imported: look at `localnpm vector try`, then `localnpm vector enable`",
        *_misfits(file, model, norms, shares),
        *_ailments(health, bound),
    ]
    measured = {
        "strength": round(strength, 6),
        **health,
        "norms": [round(float(norm), 4) for norm in norms],
        "shares": [round(float(share), 6) for share in shares],
    }
    return Intake(file, strength, "; ".join(notes), measured)


def _misfits(file: VectorFile, model: "Model", norms: NDArray[np.float64], shares: NDArray[np.float64]) -> list[str]:
    """In words, what suggests that the vector is another model's or out of all measure."""
    notes = []
    layer = int(shares.argmax()) + 1
    if shares[layer - 1] > 1:
        notes.append(f"at layer {layer} it is {shares[layer - 1]:.3g} times as long as the residual stream itself")
    if file.model_hint not in ("", model.info.architecture):
        notes.append(f"it says that it was made for a {file.model_hint!r} model, this is a {model.info.architecture!r}")
    if file.norms is not None and not _alike(file.norms[file.row_norms > 0], norms[file.row_norms > 0]):
        notes.append("the norms that it states are not this model's, so its coefficient means something else here")
    if file.fingerprint not in ("", model.fingerprint):
        notes.append("it was made for another file or quantization of a model of this shape")
    return notes


def _health(chat: "LlamaChat", file: VectorFile, prompts: Sequence[list[int]]) -> dict[str, Any]:
    """What the vector does to the model's own answers: how far it moves tokens, and whether calls stay calls."""
    runs = []
    for prompt in prompts:
        generation = chat.model.generate(prompt, max_tokens=PROBE_TOKENS, stop=chat.format.stop)
        for _ in generation:
            pass
        if generation.tokens:
            span = (len(prompt), len(prompt) + len(generation.tokens))
            runs.append(Replay((*prompt, *generation.tokens), (span,)))
    steering = Steering((SteeringPart(gguf.scaled(file)),))
    health: dict[str, Any] = {"kl": effects(chat.model, runs, [steering])[0].kl}
    if chat.protocol == 1:
        # Other models call no tools that they were not told of.
        health["calls"] = [valid_calls(chat, runs), valid_calls(chat, runs, steering)]
    return health


def _ailments(health: Mapping[str, Any], bound: float) -> list[str]:
    notes = []
    if health["kl"] > bound:
        notes.append(f"it moves tokens by {health['kl']:.3g} nats, {bound:g} are safe: take a smaller coefficient")
    plain, steered = health.get("calls", (1.0, 1.0))
    if steered < plain:
        notes.append(f"under it {steered:.0%} of probed turns end in valid calls, without it {plain:.0%}")
    return notes


def _alike(stated: Float32Array, measured: NDArray[np.float64]) -> bool:
    """Within a factor of two, as different texts give for one model."""
    return bool((np.abs(np.log2(np.maximum(stated, np.finfo(np.float32).tiny) / measured)) < 1).all())


def free_name(name: str | None, source: Path, vectors: VectorStore, fingerprint: str) -> str:
    """The name that was asked for, or one made from the file's that no live vector of this model has.

    Raises:
        ConfigError: the name is taken.
    """
    used = {vector.name for vector in vectors.all(fingerprint)}
    if name in used:
        raise ConfigError(
            f"this model has a vector {name!r} already; give another name, or `localnpm vector forget {name}`"
        )
    return name or free(slug(source.stem, otherwise="vector"), used)


def store(taken: Intake, vectors: VectorStore, chat: "LlamaChat", name: str, source: Path) -> StoredVector:
    """Keep it, quarantined, with its file's name in its provenance.

    Raises:
        LocalnpmError: the name does not follow the rule for names.
    """
    return vectors.add(
        name,
        gguf.to_bytes(replace(taken.file, provenance={**taken.file.provenance, "imported_from": source.name})),
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


def store_trained(made: DistilledVector, vectors: VectorStore, chat: "LlamaChat", name: str) -> StoredVector:
    """Keep a vector made from the user's own prompts.

    Raises:
        LocalnpmError: the name does not follow the rule for names.
    """
    return vectors.add(
        name,
        gguf.to_bytes(made.file),
        status=made.status,
        status_reason=made.reason,
        origin="trained",
        method=made.method,
        model=chat.name,
        model_fingerprint=chat.fingerprint,
        coefficient=made.file.coefficient,
        layers=made.file.layers,
        pairs=made.pairs,
        calibration=made.calibration,
    )


def residual_norms(model: "Model", prompts: list[list[int]]) -> NDArray[np.float64]:
    """float64 [n_layer - 1]: the median norm of the residual stream after block i + 1, over all tokens of the prompts.

    Raises:
        SteeringError: this architecture's blocks cannot be read.
    """
    lengths = [np.linalg.norm(capture(model, tokens)[1:].astype(np.float64), axis=2) for tokens in prompts]
    median: NDArray[np.float64] = np.median(np.concatenate(lengths, axis=1), axis=1)
    return np.maximum(median, np.finfo(np.float32).tiny)
