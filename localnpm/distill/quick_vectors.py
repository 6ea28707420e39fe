"""Vectors without a pass: on the spot, from the nearest trajectories.

What a trajectory says of the direction is cached: its slope at the positions where the model by itself goes wrong, or
its activations, which differences are taken of. A finished vector is never a sum of other vectors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from localnpm.config import LearningSettings
from localnpm.distill import contrast
from localnpm.distill.calibrate import Effect, effects, windows
from localnpm.distill.directions import mean_difference, principal_component, rows_at, site_slopes, steering_of, unit
from localnpm.distill.distilled import Synthesized
from localnpm.distill.replay import replay, without_memory
from localnpm.distill.runs import stopped
from localnpm.engine.arrays import Float32Array
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.messages import ToolSchema
from localnpm.engine.steering import ControlVector
from localnpm.memory.activation_cache import ActivationCache, AttemptActivations
from localnpm.memory.database import Database
from localnpm.memory.records import Trajectory

COEFFICIENTS = (0.2, 0.1)
"""Of a vector on the spot, the one that is tried first first."""
LOOKED_AT = 2
"""Of the nearest successes so many are looked at before a vector on the spot is used."""
PROBES = 128
MOST_SITES = 8
"""Vectors tried, and positions looked at, for the slope of one success."""


@dataclass(frozen=True, eq=False)
class _Share:
    """What one trajectory, or a pair, says of the direction: rows [n_layer - 1, n_embd], weighted."""

    attempts: frozenset[int]
    weight: float
    rows: Float32Array


def synthesize(
    chat: LlamaChat,
    nearest: Sequence[tuple[Trajectory, bool, float]],
    settings: LearningSettings,
    *,
    database: Database | None = None,
    tools: Sequence[ToolSchema] = (),
) -> Synthesized | None:
    """One vector for a new request from its nearest trajectories (NPM, arXiv 2606.29824, pools differences).

    It is used at the strongest of some coefficients at which the nearest successes would come out no worse under what
    the others give; slopes only where each goes along with those of the others. That reads two successes again.

    Args:
        nearest: trajectories with whether they succeeded and their similarity to the request, which weighs them.
        database: where activations and slopes are cached; what is missing is computed and kept.

    Returns:
        None where there are no two successes (or no failures, for differences), where they disagree or every strength
        does harm, or where the model cannot be steered.
    """
    if not chat.model.steerable().works:
        return None
    capacity = settings.activations_mb
    cache = ActivationCache(database, chat.fingerprint, capacity_mb=capacity) if database is not None else None
    kept = [one for one in nearest if contrast.usable(one[0])]
    successes = [one for one, success, _ in sorted(kept, key=lambda each: -each[2]) if success]
    if len(successes) < 2:
        return None
    rows = {one.attempt.id: _cached(chat, one, cache, tools) for one, _, _ in kept}
    if settings.direction == "gradient":
        shares = _slope_shares(chat, kept, cache, tools)
    else:
        shares = _difference_shares(kept, rows)
    if not shares:
        return None
    sizes = [np.linalg.norm(one.last, axis=1) for one in rows.values() if one is not None]
    norms: Float32Array = np.median(sizes, axis=0).astype(np.float32)
    layers = windows(chat.model.info.n_layer)[0]
    if settings.direction == "gradient" and _agreement(shares) < 2 / float(np.sqrt(chat.model.info.n_embd)):
        return None
    coefficient = _safe(chat, successes[:LOOKED_AT], shares, norms, layers, settings, tools)
    if coefficient is None:
        return None
    direction = _pooled(shares, settings)
    return Synthesized(
        ControlVector("synthesized", rows_at(direction, norms, coefficient, layers)), coefficient, len(shares)
    )


def _slope_shares(
    chat: LlamaChat,
    nearest: Sequence[tuple[Trajectory, bool, float]],
    cache: ActivationCache | None,
    tools: Sequence[ToolSchema],
) -> list[_Share]:
    """The slope of each success at its deciding positions."""
    found = []
    for trajectory, success, near in nearest:
        slope = _slope(chat, trajectory, cache, tools) if success else None
        if slope is not None and slope.any():
            rows = np.tile(slope, (chat.model.info.n_layer - 1, 1))
            found.append(_Share(frozenset((trajectory.attempt.id,)), max(near, 1e-3), rows))
    return found


def _slope(
    chat: LlamaChat, trajectory: Trajectory, cache: ActivationCache | None, tools: Sequence[ToolSchema]
) -> Float32Array | None:
    """float32 [n_embd], measured and kept if need be; zeros where the model goes wrong nowhere."""
    attempt_id = trajectory.attempt.id
    if cache is not None and (known := cache.slope(attempt_id)) is not None:
        return known
    runs = replay(chat, trajectory, without_memory(trajectory.attempt.system), tools)[:1]
    if not runs:
        return None
    model = chat.model
    sites = contrast.own_sites(model, runs[0], 0, 1.0)[:MOST_SITES]
    slope = np.zeros(model.info.n_embd, np.float32)
    if any(not site.kept for site in sites):
        norms, layers = contrast.median_norms(model, runs), windows(model.info.n_layer)[0]
        rng = np.random.default_rng(attempt_id)
        slope = site_slopes(model, sites, norms, layers, probes=PROBES, rng=rng).sum(axis=0)
    if cache is not None:
        cache.put_slope(attempt_id, slope)
    return slope


def _difference_shares(
    nearest: Sequence[tuple[Trajectory, bool, float]], rows: Mapping[int, AttemptActivations | None]
) -> list[_Share]:
    """NPM's pairs: within failures, or each success against each failure."""
    successes = [(one.attempt.id, near) for one, success, near in nearest if success]
    failures = [(one, near) for one, success, near in nearest if not success]
    found = []
    if contrast.prefers_intra([one for one, ok, _ in nearest if ok], [one for one, _, _ in nearest]):
        for failure, near in failures:
            inner = _intra(failure, rows[failure.attempt.id])
            if inner is not None:
                found.append(_Share(frozenset((failure.attempt.id,)), max(near, 1e-3), inner))
    if found:
        return found
    for success, near in successes:
        for failure, other in failures:
            good, bad = rows[success], rows[failure.attempt.id]
            if good is not None and bad is not None:
                weight = max(near, 1e-3) * max(other, 1e-3)
                found.append(_Share(frozenset((success, failure.attempt.id)), weight, good.last - bad.last))
    return found


def _pooled(shares: Sequence[_Share], settings: LearningSettings) -> Float32Array:
    take = principal_component if settings.direction == "principal" else mean_difference
    return take(np.stack([share.rows for share in shares]), [share.weight for share in shares])


def _agreement(shares: Sequence[_Share]) -> float:
    """Mean cosine of each slope and the weighted sum of the others: what it would gain by them, to first order."""
    slopes = np.stack([share.rows[0] for share in shares])
    weighted = slopes * np.array([[share.weight] for share in shares], np.float32)
    others = weighted.sum(axis=0) - weighted
    return float((unit(slopes) * unit(others)).sum(axis=1).mean())


def _safe(
    chat: LlamaChat,
    successes: Sequence[Trajectory],
    shares: Sequence[_Share],
    norms: Float32Array,
    layers: tuple[int, int],
    settings: LearningSettings,
    tools: Sequence[ToolSchema],
) -> float | None:
    """The strongest coefficient that harms none of the successes when they are left out; None if each does."""
    seen: list[list[Effect]] = []
    for success in successes:
        others = [share for share in shares if success.attempt.id not in share.attempts]
        runs = replay(chat, success, without_memory(success.attempt.system), tools)
        if not others or not runs:
            continue
        direction = _pooled(others, settings)
        steerings = [steering_of(rows_at(direction, norms, c, layers)) for c in COEFFICIENTS]
        seen.append(effects(chat.model, runs[:1], steerings))
    for index, coefficient in enumerate(COEFFICIENTS):
        here = [row[index] for row in seen]
        if here and all(one.kl <= settings.kl and one.gain > 0 and one.turns >= one.plain_turns for one in here):
            return coefficient
    return None


def cache_slopes(
    chat: LlamaChat,
    successes: Sequence[Trajectory],
    database: Database,
    settings: LearningSettings,
    *,
    tools: Sequence[ToolSchema] = (),
    cancel: Cancel | None = None,
) -> int:
    """Measure and keep what is missing of the successes' slopes; returns of how many. Nothing for other directions.

    Raises:
        SteeringError: this model's activations cannot be read.
    """
    if settings.direction != "gradient":
        return 0
    cache = ActivationCache(database, chat.fingerprint, capacity_mb=settings.activations_mb)
    done = 0
    for trajectory in successes:
        if stopped(cancel):
            break
        if contrast.usable(trajectory) and cache.slope(trajectory.attempt.id) is None:
            done += _slope(chat, trajectory, cache, tools) is not None
    return done


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
