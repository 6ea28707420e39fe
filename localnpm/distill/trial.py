"""Trying a control vector at several scales on one prompt: what the model writes, and how far each token is moved."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from localnpm.distill import gguf
from localnpm.distill.vector_file import VectorFile
from localnpm.engine.arrays import Float32Array
from localnpm.engine.cancel import Cancel
from localnpm.engine.messages import Message
from localnpm.engine.sampling import GREEDY, Sampling
from localnpm.engine.steering import NO_STEERING, Steering, SteeringPart

if TYPE_CHECKING:
    from localnpm.engine.llama_chat import LlamaChat
    from localnpm.engine.model import Model

_ROWS = 32
"""Logit rows held at once; a vocabulary of 150,000 makes each 0.6 MB."""


@dataclass(frozen=True)
class Trial:
    """What came of one scale.

    Attributes:
        coefficient: scale x the vector's own.
        kl: mean over the generated tokens of KL(steered || unsteered), in nats; NaN where no token was generated.
        stop_reason: as the engine's `Generation`.
    """

    scale: float
    coefficient: float
    text: str
    tokens: int
    kl: float
    stop_reason: str


def try_scales(
    chat: "LlamaChat",
    file: VectorFile,
    messages: Sequence[Message],
    scales: Sequence[float],
    *,
    layers: tuple[int, int] | None = None,
    max_tokens: int = 128,
    sampling: Sampling = GREEDY,
    cancel: Cancel | None = None,
) -> Iterator[Trial]:
    """Answer the messages once at each scale; 1 is the vector at its own strength, 0 the model without it.

    Raises:
        SteeringError: the vector does not fit the model, or lacks these layers.
        ContextFullError: the prompt does not fit.
    """
    model = chat.model
    prompt, _ = chat.prompt(messages, ())
    for scale in scales:
        coefficient = scale * file.coefficient
        steering = NO_STEERING
        if scale:
            steering = Steering((SteeringPart(gguf.scaled(file, coefficient, layers)),))
        generation = model.generate(
            prompt, sampling=sampling, max_tokens=max_tokens, stop=chat.format.stop, steering=steering, cancel=cancel
        )
        for _ in generation:
            pass
        kl = mean_kl(model, prompt, generation.tokens, steering) if scale else 0.0
        yield Trial(
            scale, coefficient, generation.text, len(generation.tokens), kl, generation.stop_reason or "cancelled"
        )
        if generation.stop_reason == "cancelled":
            return


def mean_kl(model: "Model", prompt: Sequence[int], generated: Sequence[int], steering: Steering) -> float:
    """Mean of KL(steered || unsteered) in nats over the tokens after `prompt`, both given the same text."""
    tokens = [*prompt, *generated]
    last = min(len(tokens), model.context)
    total, count = 0.0, 0
    for start in range(len(prompt) - 1, last - 1, _ROWS):
        positions = range(start, min(start + _ROWS, last - 1))
        read = tokens[: positions[-1] + 1]
        # Generation steers from the prompt's last token on, so every part is read from there.
        steered = _rows(model, read, len(prompt) - 1, positions, steering)
        plain = _rows(model, read, len(prompt) - 1, positions, NO_STEERING)
        total += float(_kl(steered, plain).sum())
        count += len(positions)
    return total / count if count else float("nan")


def _rows(model: "Model", tokens: list[int], first: int, positions: range, steering: Steering) -> Float32Array:
    wanted = [first, *positions] if positions[0] != first else list(positions)
    rows = model.logits(tokens, wanted, steering=steering)
    return rows[len(wanted) - len(positions) :]


def _kl(steered: Float32Array, plain: Float32Array) -> Float32Array:
    p, q = _log_softmax(steered), _log_softmax(plain)
    divergence: Float32Array = (np.exp(p) * (p - q)).sum(axis=1)
    return np.maximum(divergence, 0)


def _log_softmax(logits: Float32Array) -> Float32Array:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    result: Float32Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result
