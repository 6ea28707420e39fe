"""Control vectors from logged trajectories: a kind's vector, distilled, calibrated and judged in one call.

The steps: replay every trajectory under one system text without memory (replay.py), find what to learn from
(contrast.py), take a direction (directions.py), and in three rotations of disjoint parts of the runs take a direction
on one, calibrate on the next (calibrate.py) and judge on the third (gate.py). The vector that is kept is made from all
runs, at the median strength. Everything comes from the trajectories given, so that it can be made again for another
model. Elsewhere: vectors on the spot and from a user's own prompts (quick_vectors.py).
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np

from localnpm.config import LearningSettings
from localnpm.distill import contrast, gate
from localnpm.distill.calibrate import Effect, Strength, calibrate, effects, windows
from localnpm.distill.directions import halves, random_directions, rows_at, split_half, steering_of
from localnpm.distill.distilled import DistilledVector, Synthesized
from localnpm.distill.gguf import compose
from localnpm.distill.quick_vectors import synthesize, train_vector
from localnpm.distill.runs import Progress, Runs, direction_of, look, slopes_of, stopped
from localnpm.distill.vector_file import FINGERPRINT
from localnpm.engine.arrays import Float32Array
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.messages import ToolSchema
from localnpm.memory.records import Trajectory

__all__ = ["DistilledVector", "Synthesized", "distil_vector", "synthesize", "train_vector"]

log = logging.getLogger(__name__)

MOST_RUNS = 8
"""Successes that a vector is made from at most: the newest."""


def distil_vector(
    chat: LlamaChat,
    successes: Sequence[Trajectory],
    failures: Sequence[Trajectory],
    script: str,
    settings: LearningSettings,
    *,
    seed: int = 0,
    confidences: Mapping[int, float] | None = None,
    tools: Sequence[ToolSchema] = (),
    cancel: Cancel | None = None,
    progress: Progress | None = None,
) -> DistilledVector | None:
    """The vector of one kind of task.

    Args:
        successes, failures: judged attempts of the kind; those that say nothing of the model are passed over.
        script: the kind's script, or empty. It tells the user's way from the model's slips.
        confidences: of the verdicts, by attempt; 1 where missing.
        tools: as the model was told of them; the bundled model is told of none.

    Returns:
        None if there is nothing to learn, or too little; why is logged. The vector's status says what it is good for.

    Raises:
        SteeringError: this model's activations cannot be read.
    """
    if not chat.model.steerable().works:
        log.info("no vector: %s", chat.model.steerable().reason)
        return None
    chosen = sorted(filter(contrast.usable, successes), key=lambda one: one.attempt.id)[-MOST_RUNS:]
    against = sorted(filter(contrast.usable, failures), key=lambda one: one.attempt.id)[-MOST_RUNS:]
    if not chosen:
        log.info("no vector: none of %d successes can be replayed", len(successes))
        return None
    rng = np.random.default_rng(seed)
    runs = look(chat, chosen, against, script, settings, confidences or {}, tools, cancel, progress)
    if runs is None or not runs.sites or stopped(cancel):
        log.info("no vector: the model by itself already does what %d successes show, or was stopped", len(chosen))
        return None
    ranges = windows(chat.model.info.n_layer)
    slopes = slopes_of(chat, runs, ranges[0], rng, cancel, progress)
    if stopped(cancel):
        return None
    strength, evidence, trials = _judge(chat, runs, slopes, ranges, settings, rng, tools, cancel, progress)
    if stopped(cancel):
        return None
    status, reason = gate.verdict(evidence)
    method = "gradient" if runs.differences is None else f"{'context' if script else 'contrast'} {settings.direction}"
    rows = direction_of(runs, slopes, range(len(runs.replays)), settings)
    model = chat.model
    provenance = {FINGERPRINT: chat.fingerprint, "method": method, "runs": str(len(runs.replays))}
    file = compose(
        rows,
        runs.norms,
        strength.coefficient,
        strength.layers,
        model_hint=model.info.architecture,
        provenance=provenance,
    )
    used = sorted({one.attempt.id for one in (*chosen, *against)})
    measured = {
        "kl": strength.effect.kl,
        "gain": strength.effect.gain,
        "trials": trials,
        "sites": len(runs.sites),
        "margins": list(evidence.gains),
        "random": list(evidence.random),
        "agreement": evidence.agreement,
        "turns": [evidence.turns, evidence.steered_turns],
        "held_out_gain": evidence.gain,
        "calls": [evidence.calls, evidence.steered_calls],
    }
    return DistilledVector(file, status, reason, method, len(runs.replays), measured, tuple(used))


def _judge(
    chat: LlamaChat,
    runs: Runs,
    slopes: Float32Array | None,
    ranges: Sequence[tuple[int, int]],
    settings: LearningSettings,
    rng: np.random.Generator,
    tools: Sequence[ToolSchema],
    cancel: Cancel | None,
    progress: Progress | None,
) -> tuple[Strength, gate.Evidence, list[dict[str, Any]]]:
    """Cross-fitted strength and evidence."""
    model, norms = chat.model, runs.norms
    chance = [random_directions((len(norms), model.info.n_embd), rng) for _ in range(gate.RANDOM_DIRECTIONS)]
    deciding = sorted({site.run for site in runs.sites})
    strengths: list[Strength] = []
    gains: list[Float32Array] = []
    calls: list[tuple[float, float]] = []
    seen_on_judged: list[Effect] = []
    rotations = list(contrast.folds(len(deciding), rng)) if len(deciding) >= 3 else []
    for turn, parts in enumerate(rotations):
        if stopped(cancel):
            break
        if progress is not None:
            progress("calibrating and judging", turn, len(rotations))
        learned, tuned, judged = ([deciding[index] for index in part] for part in parts)
        rows = direction_of(runs, slopes, learned, settings)
        held_out = [runs.replays[index] for index in tuned]
        strength = calibrate(model, rows, norms, held_out, bound=settings.kl, ranges=ranges)
        strengths.append(strength)
        sites = gate.some_sites([site for site in runs.sites if site.run in judged])
        steerings = [
            steering_of(rows_at(each, norms, strength.coefficient, strength.layers)) for each in (rows, *chance)
        ]
        gains.append(gate.by_run(gate.margin_gains(model, sites, steerings), sites))
        probed = [runs.replays[index] for index in judged]
        seen_on_judged += effects(model, probed, steerings[:1])
        calls.append((gate.valid_calls(chat, probed, tools=tools), gate.valid_calls(chat, probed, steerings[0], tools)))
    agreement: float | None = None
    if len(deciding) > 1:
        agreement = split_half(slopes, halves(runs.sites)) if slopes is not None else _halves(runs, settings)
    floor = 2 / float(np.sqrt(model.info.n_embd))
    if not strengths:
        # Too few runs to hold any out: what is seen of the strength is seen on the runs themselves.
        everything = direction_of(runs, slopes, range(len(runs.replays)), settings)
        strength = calibrate(model, everything, norms, runs.replays, bound=settings.kl, ranges=ranges)
        seen = strength.effect
        return strength, gate.Evidence((), (), agreement, floor, seen.gain, seen.plain_turns, seen.turns), []
    table = np.concatenate(gains, axis=1)
    plain, steered = np.mean(calls, axis=0)
    strength = _middle(strengths)
    judged_effect = _mean_effect(seen_on_judged)
    evidence = gate.Evidence(
        gains=tuple(float(gain) for gain in table[0]),
        random=tuple(float(gain) for gain in table[1:].mean(axis=1)),
        agreement=agreement,
        floor=floor,
        gain=judged_effect.gain,
        turns=judged_effect.plain_turns,
        steered_turns=judged_effect.turns,
        calls=float(plain),
        steered_calls=float(steered),
    )
    trials = [
        {"coefficient": one.coefficient, "layers": list(one.layers), "kl": one.effect.kl, "gain": one.effect.gain}
        for one in strengths
    ]
    return strength, evidence, trials


def _middle(strengths: Sequence[Strength]) -> Strength:
    """The commonest layers, the first of them if several are, and the median coefficient."""
    layers = Counter(one.layers for one in strengths).most_common(1)[0][0]
    effect = _mean_effect([one.effect for one in strengths])
    return Strength(float(np.median([one.coefficient for one in strengths])), layers, effect)


def _mean_effect(seen: Sequence[Effect]) -> Effect:
    return Effect(*(float(value) for value in np.mean([astuple(effect) for effect in seen], axis=0)))


def _halves(runs: Runs, settings: LearningSettings) -> float:
    """Mean cosine over the layers of the directions from two halves of the differences."""
    count = len(runs.replays)
    first = direction_of(runs, None, range(0, count, 2), settings)
    second = direction_of(runs, None, range(1, count, 2), settings)
    return float((first * second).sum(axis=1).mean())
