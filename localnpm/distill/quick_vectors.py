"""Vectors without a pass: on the spot from the nearest trajectories' cached activations, and from a user's own prompts.

Both are differences of activations, not measured slopes: what reads a deciding position is too dear for the one, and
prompts have none for the other. A finished vector is never a sum of other vectors.
"""

import logging
from collections.abc import Sequence

import numpy as np

from localnpm.config import LearningSettings
from localnpm.distill import contrast
from localnpm.distill.calibrate import windows
from localnpm.distill.directions import mean_difference, principal_component, rows_at, steering_of
from localnpm.distill.distilled import DistilledVector, Synthesized
from localnpm.distill.gguf import compose
from localnpm.distill.replay import replay, without_memory
from localnpm.distill.runs import stopped
from localnpm.distill.vector_file import FINGERPRINT
from localnpm.engine.activations import capture
from localnpm.engine.arrays import Float32Array
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.messages import ToolSchema
from localnpm.engine.steering import ControlVector
from localnpm.errors import SteeringError
from localnpm.memory.activation_cache import ActivationCache, AttemptActivations
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import VectorStatus
from localnpm.memory.records import Trajectory

log = logging.getLogger(__name__)

DEFAULTS = LearningSettings()
COEFFICIENT = 0.2
"""Uncalibrated; random directions of this strength were seen to do little harm."""
AGREEMENT = 0.1
"""Least cosine of the two halves of a trained vector."""
FEWEST_PROMPTS = 2


def synthesize(
    chat: LlamaChat,
    nearest: Sequence[tuple[Trajectory, bool, float]],
    settings: LearningSettings,
    *,
    database: Database | None = None,
    tools: Sequence[ToolSchema] = (),
) -> Synthesized | None:
    """One vector for a new request from the pairs of its nearest trajectories (NPM, arXiv 2606.29824).

    Args:
        nearest: trajectories with whether they succeeded and their similarity to the request, which weighs them.
        database: where activations are cached; what is missing is computed and kept.

    Returns:
        None where there are not both successes and failures, or the model cannot be steered.
    """
    if not chat.model.steerable().works:
        return None
    capacity = settings.activations_mb
    cache = ActivationCache(database, chat.fingerprint, capacity_mb=capacity) if database is not None else None
    kept = [one for one in nearest if contrast.usable(one[0])]
    successes = [trajectory for trajectory, success, _ in kept if success]
    failures = [trajectory for trajectory, success, _ in kept if not success]
    if not successes or not failures:
        return None
    rows = {one.attempt.id: _cached(chat, one, cache, tools) for one, _, _ in kept}
    similarity = {one.attempt.id: max(near, 1e-3) for one, _, near in kept}
    differences: list[Float32Array] = []
    weights: list[float] = []
    if contrast.prefers_intra(successes, [one for one, _, _ in kept]):
        for failure in failures:
            found = _intra(failure, rows[failure.attempt.id])
            if found is not None:
                differences.append(found)
                weights.append(similarity[failure.attempt.id])
    if not differences:
        for success in successes:
            for failure in failures:
                good, bad = rows[success.attempt.id], rows[failure.attempt.id]
                if good is not None and bad is not None:
                    differences.append(good.last - bad.last)
                    weights.append(similarity[success.attempt.id] * similarity[failure.attempt.id])
    if not differences:
        return None
    stacked = np.stack(differences)
    take = principal_component if settings.direction == "principal" else mean_difference
    direction = take(stacked, weights)
    sizes = [np.linalg.norm(one.last, axis=1) for one in rows.values() if one is not None]
    norms: Float32Array = np.median(sizes, axis=0).astype(np.float32)
    layers = windows(chat.model.info.n_layer)[0]
    return Synthesized(
        ControlVector("synthesized", rows_at(direction, norms, COEFFICIENT, layers)), COEFFICIENT, len(differences)
    )


def cache_activations(
    chat: LlamaChat,
    trajectories: Sequence[Trajectory],
    database: Database,
    settings: LearningSettings,
    *,
    tools: Sequence[ToolSchema] = (),
    cancel: Cancel | None = None,
) -> int:
    """Compute and keep what is missing of the trajectories' activations; returns of how many.

    Raises:
        SteeringError: this model's activations cannot be read.
    """
    cache = ActivationCache(database, chat.fingerprint, capacity_mb=settings.activations_mb)
    missing = set(cache.missing([one.attempt.id for one in trajectories]))
    done = 0
    for trajectory in trajectories:
        if stopped(cancel):
            break
        if trajectory.attempt.id in missing and contrast.usable(trajectory):
            done += _cached(chat, trajectory, cache, tools) is not None
    return done


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


def _cached(
    chat: LlamaChat, trajectory: Trajectory, cache: ActivationCache | None, tools: Sequence[ToolSchema]
) -> AttemptActivations | None:
    """The attempt's rows, computed and kept if need be; None if it does not fit the context."""
    if cache is not None and (found := cache.get(trajectory.attempt.id)) is not None:
        return found
    runs = replay(chat, trajectory, without_memory(trajectory.attempt.system), tools)
    if not runs:
        return None
    turns: list[Float32Array] = []
    for run in runs:
        means, last = contrast.turn_rows(chat.model, run)
        turns += means
    made = AttemptActivations(dict(enumerate(turns)), last)
    if cache is not None:
        cache.put(trajectory.attempt.id, turns, made.last)
    return made


def _intra(failure: Trajectory, rows: AttemptActivations | None) -> Float32Array | None:
    """Sound turns against degenerate ones, from cached means."""
    if rows is None:
        return None
    bad = set(contrast.degenerate_turns(failure))
    sound = [row for turn, row in rows.turns.items() if turn not in bad]
    broken = [row for turn, row in rows.turns.items() if turn in bad]
    return np.mean(sound, axis=0) - np.mean(broken, axis=0) if sound and broken else None


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
    """The strongest coefficient of a few whose 95th percentile of KL after the prompts is within the bound."""
    found = (0.05, 0.0)
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
        if kl > bound:
            break
        found = (coefficient, kl)
    return found
