"""Control vectors from a user's own paired prompts: the difference of the last tokens, at the strength that they bear.

Prompts have no deciding positions, so their directions are differences always. Not covered: the files that pairs are
read from (prompt_pairs.py).
"""

from collections.abc import Sequence

import numpy as np

from localnpm.config import LearningSettings
from localnpm.distill import contrast
from localnpm.distill.calibrate import windows
from localnpm.distill.directions import mean_difference, principal_component, rows_at, steering_of
from localnpm.distill.distilled import DistilledVector
from localnpm.distill.gguf import compose
from localnpm.distill.runs import stopped
from localnpm.distill.vector_file import FINGERPRINT
from localnpm.engine.activations import capture
from localnpm.engine.arrays import Float32Array
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.errors import SteeringError
from localnpm.memory.procedure_records import VectorStatus

DEFAULTS = LearningSettings()
AGREEMENT = 0.1
"""Least cosine of the two halves of a vector."""
FEWEST_PROMPTS = 2


def train_vector(
    chat: LlamaChat,
    positives: Sequence[str],
    negatives: Sequence[str],
    settings: LearningSettings = DEFAULTS,
    *,
    cancel: Cancel | None = None,
) -> DistilledVector | None:
    """A vector from a user's own paired prompts: prompt i of one list against prompt i of the other.

    The prompts are read as they are, markers in them included; the last token of each counts.

    Returns:
        None if `cancel` was set.

    Raises:
        SteeringError: no pairs, or not as many of one as of the other, or this model cannot be steered.
    """
    if len(positives) != len(negatives) or not positives:
        raise SteeringError(
            f"{len(positives)} positive and {len(negatives)} negative prompts make no pairs; give as many of each"
        )
    steerable = chat.model.steerable()
    if not steerable.works:
        raise SteeringError(steerable.reason)
    differences: list[Float32Array] = []
    sizes: list[Float32Array] = []
    for positive, negative in zip(positives, negatives, strict=True):
        if stopped(cancel):
            return None
        wanted, other = _last_token(chat, positive), _last_token(chat, negative)
        differences.append(wanted - other)
        sizes += [np.linalg.norm(wanted, axis=1), np.linalg.norm(other, axis=1)]
    stacked = np.stack(differences)
    if not stacked.any():
        raise SteeringError("each pair of prompts ends alike for this model: there is no difference to learn")
    take = principal_component if settings.direction == "principal" else mean_difference
    direction = take(stacked)
    norms: Float32Array = np.median(sizes, axis=0).astype(np.float32)
    layers = windows(chat.model.info.n_layer)[0]
    coefficient, kl = _within(chat, [*positives, *negatives], direction, norms, layers, settings.kl)
    agreement = float((take(stacked[0::2]) * take(stacked[1::2])).sum(axis=1).mean()) if len(stacked) > 1 else 0.0
    method = "prompts principal" if settings.direction == "principal" else "prompts mean"
    provenance = {FINGERPRINT: chat.fingerprint, "method": method, "pairs": str(len(stacked))}
    file = compose(
        direction, norms, coefficient, layers, model_hint=chat.model.info.architecture, provenance=provenance
    )
    status, reason = _judged(len(stacked), agreement)
    return DistilledVector(file, status, reason, method, len(stacked), {"kl": kl, "agreement": agreement})


def _judged(pairs: int, agreement: float) -> tuple[VectorStatus, str]:
    if pairs >= FEWEST_PROMPTS and agreement < AGREEMENT:
        return "quarantined", f"its two halves point in different directions (cosine {agreement:.2f})"
    return "candidate", f"made from {pairs} pairs of prompts; nothing tells how it does on tasks"


def _last_token(chat: LlamaChat, prompt: str) -> Float32Array:
    tokens = chat.model.prompt_tokens(prompt)
    if not tokens:
        raise SteeringError("a prompt is empty; each needs at least one token")
    return capture(chat.model, tokens, [len(tokens) - 1])[1:, 0]


def _within(
    chat: LlamaChat,
    prompts: Sequence[str],
    direction: Float32Array,
    norms: Float32Array,
    layers: tuple[int, int],
    bound: float,
) -> tuple[float, float]:
    """The strongest of a few coefficients whose 95th percentile of KL after the prompts is within the bound, and that.

    The weakest where none is within it.
    """
    found: tuple[float, float] | None = None
    for coefficient in (0.05, 0.1, 0.2, 0.4):
        steering = steering_of(rows_at(direction, norms, coefficient, layers))
        kls = []
        for prompt in prompts[:16]:
            tokens = chat.model.prompt_tokens(prompt)
            at = [len(tokens) - 1]
            plain = contrast.log_softmax(chat.model.logits(tokens, at))
            steered = contrast.log_softmax(chat.model.logits(tokens, at, steering=steering))
            kls.append(float((np.exp(steered) * (steered - plain)).sum()))
        kl = float(np.percentile(kls, 95))
        if found is None or kl <= bound:
            found = (coefficient, kl)
        if kl > bound:
            break
    assert found is not None, "the first coefficient is always taken"
    return found
