"""What vectors on the spot are made from, measured after a pass and cached: slopes of successes, activations.

A success's slope is the direction that raises its tokens where the model by itself goes wrong and its kind's script
would help; where the script does not help, the model only failed to copy a name. Not covered: what is made of it
(quick_vectors.py), how it is stored (memory/activation_cache.py).
"""

from collections.abc import Sequence
from math import inf
from time import monotonic

import numpy as np

from localnpm.config import LearningSettings
from localnpm.distill import contrast
from localnpm.distill.calibrate import windows
from localnpm.distill.directions import site_slopes
from localnpm.distill.replay import replay, without_memory
from localnpm.distill.runs import look, stopped
from localnpm.engine.arrays import Float32Array
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.messages import ToolSchema
from localnpm.memory.activation_cache import ActivationCache
from localnpm.memory.database import Database
from localnpm.memory.procedures import Procedures
from localnpm.memory.records import Trajectory

PROBES = 128
MOST_SITES = 8
"""Vectors tried, and positions looked at, for the slope of one success."""


def cache_slopes(
    chat: LlamaChat,
    successes: Sequence[Trajectory],
    database: Database,
    settings: LearningSettings,
    *,
    tools: Sequence[ToolSchema] = (),
    cancel: Cancel | None = None,
    seconds: float = inf,
) -> int:
    """Measure and keep what is missing of the successes' slopes; returns of how many. Nothing for other directions.

    Args:
        seconds: from then on none is begun.

    Raises:
        SteeringError: this model's activations cannot be read.
    """
    if settings.direction != "gradient":
        return 0
    cache = ActivationCache(database, chat.fingerprint, capacity_mb=settings.activations_mb)
    procedures, end = Procedures(database), monotonic() + seconds
    done = 0
    for trajectory in successes:
        if stopped(cancel) or monotonic() >= end:
            break
        if contrast.usable(trajectory) and cache.slope(trajectory.attempt.id) is None:
            script = _script_of(procedures, trajectory.attempt.id)
            measured = _slope(chat, trajectory, script, settings, tools, cancel)
            if measured is not None and not stopped(cancel):
                cache.put_slope(trajectory.attempt.id, *measured)
                done += 1
    return done


def _script_of(procedures: Procedures, attempt_id: int) -> str:
    """The script in use of the attempt's kind; empty where there is none."""
    procedure_id = procedures.procedure_of(attempt_id)
    active = None if procedure_id is None else procedures.get(procedure_id).active
    return "" if active is None else active.script


def _slope(
    chat: LlamaChat,
    trajectory: Trajectory,
    script: str,
    settings: LearningSettings,
    tools: Sequence[ToolSchema],
    cancel: Cancel | None,
) -> tuple[Float32Array, Float32Array] | None:
    """Slope, float32 [n_embd], zeros where the model goes wrong nowhere, and norms; None if nothing fits."""
    runs = look(chat, [trajectory], (), script, settings, {}, tools, cancel, None)
    if runs is None:
        return None
    model = chat.model
    slope = np.zeros(model.info.n_embd, np.float32)
    if runs.decisions:
        kept = [site for site in runs.sites if site.kept]
        sites = (*runs.decisions[:MOST_SITES], *kept[: MOST_SITES // 2])
        layers, rng = windows(model.info.n_layer)[0], np.random.default_rng(trajectory.attempt.id)
        each = site_slopes(model, sites, runs.norms, layers, probes=PROBES, rng=rng, cancel=cancel)
        slope = each.sum(axis=0)
    return slope, runs.norms


def cache_activations(
    chat: LlamaChat,
    trajectories: Sequence[Trajectory],
    database: Database,
    settings: LearningSettings,
    *,
    tools: Sequence[ToolSchema] = (),
    cancel: Cancel | None = None,
    seconds: float = inf,
) -> int:
    """Compute and keep what is missing of the trajectories' activations; returns of how many.

    Args:
        seconds: from then on none is begun.

    Raises:
        SteeringError: this model's activations cannot be read.
    """
    cache = ActivationCache(database, chat.fingerprint, capacity_mb=settings.activations_mb)
    missing = set(cache.missing([one.attempt.id for one in trajectories]))
    done, end = 0, monotonic() + seconds
    for trajectory in trajectories:
        if stopped(cancel) or monotonic() >= end:
            break
        if trajectory.attempt.id in missing and contrast.usable(trajectory):
            runs = replay(chat, trajectory, without_memory(trajectory.attempt.system), tools)
            if not runs:
                continue
            turns: list[Float32Array] = []
            for run in runs:
                means, last = contrast.turn_rows(chat.model, run)
                turns += means
            cache.put(trajectory.attempt.id, turns, last)
            done += 1
    return done
