"""Control vectors from logged trajectories: a kind's vector, distilled, calibrated and judged in one call.

The steps: replay every trajectory under one system text without memory (replay.py), find what to learn from
(contrast.py), and take a direction (directions.py). Strength and verdict are cross-fitted: every run is held out once
and looked at under the direction that the others give, at the strength (calibrate.py) that does best on the other
held-out parts, so that few runs are enough to be judged (gate.py). The vector that is kept is made from all runs.
Everything comes from the trajectories given, so that it can be made again for another model. Elsewhere: vectors on the
spot (quick_vectors.py) and from a user's own prompts (prompt_vectors.py).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from localnpm.config import LearningSettings
from localnpm.distill import contrast, gate
from localnpm.distill.beside import MEASURED, Beside, calibrate_beside
from localnpm.distill.calibrate import Effect, Strength, best, calibrate, candidates, effects, mean_effect, windows
from localnpm.distill.directions import halves, random_directions, rows_at, split_half, steering_of
from localnpm.distill.distilled import DistilledVector, Synthesized
from localnpm.distill.gguf import compose
from localnpm.distill.prompt_vectors import train_vector
from localnpm.distill.quick_vectors import synthesize
from localnpm.distill.runs import Progress, Runs, direction_of, look, slopes_of, stopped
from localnpm.distill.vector_file import FINGERPRINT
from localnpm.engine.arrays import Float32Array
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.messages import ToolSchema
from localnpm.memory.records import Trajectory

__all__ = ["DistilledVector", "Synthesized", "distil_vector", "synthesize", "train_vector"]

log = logging.getLogger(__name__)

HeldOut = tuple[Float32Array, list[int]]
"""Directions float32 [n_layer - 1, n_embd], and the runs that they were not made from."""

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
    if runs is None or not runs.decisions or stopped(cancel):
        log.info("no vector: the model by itself already does what %d successes show, or was stopped", len(chosen))
        return None
    ranges = windows(chat.model.info.n_layer)
    slopes = slopes_of(chat, runs, ranges[0], rng, cancel, progress)
    if stopped(cancel):
        return None
    held = _held_out(runs, slopes, settings, rng)
    strength, evidence, trials = _judge(chat, runs, slopes, held, ranges, settings, rng, tools, cancel, progress)
    if stopped(cancel):
        return None
    status, reason = gate.verdict(evidence)
    # Only a vector that may be used at all is worth the reading.
    above = _beside(chat, runs, slopes, held, strength, script, settings, cancel) if status == "active" else None
    if stopped(cancel):
        return None
    method = "gradient" if runs.differences is None else f"{'context' if script else 'contrast'} {settings.direction}"
    rows = direction_of(runs, slopes, range(len(runs.replays)), settings)
    model = chat.model
    provenance = {FINGERPRINT: chat.fingerprint, "method": method, "runs": str(len(runs.replays))}
    if above is not None:
        provenance["coefficient_beside_script"] = repr(above.coefficient)
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
        "sites": len(runs.decisions),
        "margins": list(evidence.gains),
        "random": list(evidence.random),
        "agreement": evidence.agreement,
        "turns": [evidence.turns, evidence.steered_turns],
        "held_out_gain": evidence.gain,
        "calls": [evidence.calls, evidence.steered_calls],
    }
    if above is not None:
        measured[MEASURED] = above.as_dict()
    return DistilledVector(file, status, reason, method, len(runs.replays), measured, tuple(used))


def _held_out(
    runs: Runs, slopes: Float32Array | None, settings: LearningSettings, rng: np.random.Generator
) -> list[HeldOut]:
    """Each deciding run held out once; none where there are too few to hold any out."""
    deciding = sorted({site.run for site in runs.decisions})
    held = []
    for part in contrast.folds(len(deciding), rng) if len(deciding) > 1 else ():
        out = [deciding[index] for index in part]
        # Runs in which the model needs no help have nothing that the direction could have copied from them.
        others = [index for index in range(len(runs.replays)) if index not in out]
        held.append((direction_of(runs, slopes, others, settings), out))
    return held


def _beside(
    chat: LlamaChat,
    runs: Runs,
    slopes: Float32Array | None,
    held: Sequence[HeldOut],
    strength: Strength,
    script: str,
    settings: LearningSettings,
    cancel: Cancel | None,
) -> Beside | None:
    """What the vector does on top of the script, on the same folds; None without a script."""
    everyone = range(len(runs.replays))
    directions = {run: rows for rows, out in held for run in out}
    turns = []
    for run, behind in enumerate(runs.scripted):
        if behind is not None:
            rows = directions.get(run)
            if rows is None:
                rows = direction_of(runs, slopes, [other for other in everyone if other != run], settings)
            turns.append((rows, behind))
    if not turns:
        return None
    return calibrate_beside(
        chat.model, turns, runs.norms, strength.coefficient, strength.layers, script, bound=settings.kl, cancel=cancel
    )


def _judge(
    chat: LlamaChat,
    runs: Runs,
    slopes: Float32Array | None,
    held: Sequence[HeldOut],
    ranges: Sequence[tuple[int, int]],
    settings: LearningSettings,
    rng: np.random.Generator,
    tools: Sequence[ToolSchema],
    cancel: Cancel | None,
    progress: Progress | None,
) -> tuple[Strength, gate.Evidence, list[dict[str, Any]]]:
    """Cross-fitted strength and evidence: every run is held out once, and looked at under what the others gave."""
    model, norms = chat.model, runs.norms
    strengths = candidates(ranges)
    if not held:
        # Too few runs to hold any out: what is seen of the strength is seen on the runs themselves.
        everything = direction_of(runs, slopes, range(len(runs.replays)), settings)
        strength = calibrate(model, everything, norms, runs.replays, bound=settings.kl, ranges=ranges)
        seen = strength.effect
        floor = 2 / float(np.sqrt(model.info.n_embd))
        return strength, gate.Evidence((), (), None, floor, seen.gain, seen.plain_turns, seen.turns), []
    table: list[list[Effect]] = []
    for turn, (rows, out) in enumerate(held):
        if progress is not None:
            progress("calibrating", turn, len(held))
        if stopped(cancel):
            break
        steerings = [steering_of(rows_at(rows, norms, c, layers)) for c, layers in strengths]
        table.append(effects(model, [runs.replays[index] for index in out], steerings))
    if len(table) < len(held):
        nothing = Strength(0.0, ranges[0], Effect(0.0, 0.0))
        return nothing, gate.Evidence((), (), None, 0.0), []
    chosen = [
        best(strengths, [table[other] for other in range(len(held)) if other != turn], settings.kl)
        for turn in range(len(held))
    ]
    seen_on_judged = [table[turn][strengths.index(at)] for turn, at in enumerate(chosen)]
    evidence = _evidence(
        chat, runs, slopes, held, chosen, mean_effect(seen_on_judged), settings, rng, tools, cancel, progress
    )
    coefficient, layers = best(strengths, table, settings.kl)
    effect = mean_effect([row[strengths.index((coefficient, layers))] for row in table])
    trials = [
        {"coefficient": c, "layers": list(at), "kl": one.kl, "gain": one.gain, "turns": one.turns}
        for index, (c, at) in enumerate(strengths)
        for one in (mean_effect([row[index] for row in table]),)
    ]
    return Strength(coefficient, layers, effect), evidence, trials


def _evidence(
    chat: LlamaChat,
    runs: Runs,
    slopes: Float32Array | None,
    held: Sequence[HeldOut],
    chosen: Sequence[tuple[float, tuple[int, int]]],
    effect: Effect,
    settings: LearningSettings,
    rng: np.random.Generator,
    tools: Sequence[ToolSchema],
    cancel: Cancel | None,
    progress: Progress | None,
) -> gate.Evidence:
    """What the gate looks at. A vector that harms held-out runs is not looked at any further."""
    model, norms = chat.model, runs.norms
    seen = gate.Evidence(
        (), (), None, 2 / float(np.sqrt(model.info.n_embd)), effect.gain, effect.plain_turns, effect.turns
    )
    if gate.harmful(seen):
        return seen
    deciding = {site.run for site in runs.decisions}
    if len(deciding) >= gate.HALVED:
        agreement = _agreement(runs, slopes) if slopes is not None else _halves(runs, settings)
        seen = replace(seen, agreement=agreement)
    chance = [random_directions((len(norms), model.info.n_embd), rng) for _ in range(gate.RANDOM_DIRECTIONS)]
    gains: list[Float32Array] = []
    calls: list[tuple[float, float]] = []
    for turn, ((rows, out), (coefficient, layers)) in enumerate(zip(held, chosen, strict=True)):
        if stopped(cancel):
            break
        if progress is not None:
            progress("judging", turn, len(held))
        steerings = [steering_of(rows_at(each, norms, coefficient, layers)) for each in (rows, *chance)]
        sites = gate.some_sites([site for site in runs.decisions if site.run in out])
        gains.append(gate.margin_gains(model, sites, steerings))
        probed = [runs.replays[index] for index in out]
        calls.append((gate.valid_calls(chat, probed, tools=tools), gate.valid_calls(chat, probed, steerings[0], tools)))
    if not gains:
        return seen
    table = np.concatenate(gains, axis=1)
    plain, steered = np.mean(calls, axis=0)
    return replace(
        seen,
        gains=tuple(float(gain) for gain in table[0]),
        random=tuple(float(gain) for gain in table[1:].mean(axis=1)),
        runs=len(deciding),
        calls=float(plain),
        steered_calls=float(steered),
    )


def _agreement(runs: Runs, slopes: Float32Array) -> float:
    """Cosine of what two halves of the runs give where the model goes wrong; what it has right says little of it."""
    deciding = [index for index, site in enumerate(runs.sites) if not site.kept]
    half = halves(runs.sites)
    return split_half(slopes[deciding], [half[index] for index in deciding])


def _halves(runs: Runs, settings: LearningSettings) -> float:
    """Mean cosine over the layers of the directions from two halves of the differences."""
    count = len(runs.replays)
    first = direction_of(runs, None, range(0, count, 2), settings)
    second = direction_of(runs, None, range(1, count, 2), settings)
    return float((first * second).sum(axis=1).mean())
