"""Trajectories made ready to learn a vector from: replayed, their deciding positions found, their differences taken.

Not covered: what is judged and calibrated with them (vectors.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from localnpm.config import LearningSettings
from localnpm.distill import contrast
from localnpm.distill.contrast import Site
from localnpm.distill.directions import mean_difference, principal_component, site_slopes
from localnpm.distill.replay import Replay, replay, with_script, without_memory
from localnpm.engine.arrays import Float32Array
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.messages import ToolSchema
from localnpm.memory.records import Trajectory

Progress = Callable[[str, int, int], None]
"""What is being done, steps done, steps in all."""

MOST_SITES = 24
MOST_KEPT = 12
"""Deciding sites at most, and those beside them where the model is right by itself."""
PROBES = 768
"""Vectors tried to measure a direction; see directions.site_slopes."""


@dataclass(frozen=True, eq=False)
class Runs:
    """What there is to learn from: the successes replayed, where they decide, and their differences."""

    replays: tuple[Replay, ...]
    sites: tuple[Site, ...]
    norms: Float32Array
    differences: Float32Array | None
    """float32 [replays, n_layer - 1, n_embd]; None where directions are measured instead."""
    scripted: tuple[Replay | None, ...] = ()
    """Each replay behind the script; None where there is none that says the same."""

    @property
    def decisions(self) -> tuple[Site, ...]:
        """The sites where the model by itself goes wrong."""
        return tuple(site for site in self.sites if not site.kept)


def look(
    chat: LlamaChat,
    successes: Sequence[Trajectory],
    failures: Sequence[Trajectory],
    script: str,
    settings: LearningSettings,
    confidences: Mapping[int, float],
    tools: Sequence[ToolSchema],
    cancel: Cancel | None,
    progress: Progress | None,
) -> Runs | None:
    """Replay, and find the deciding positions; None if stopped or nothing fits the context.

    Arguments as of vectors.distil_vector.
    """
    model = chat.model
    system = without_memory(successes[0].attempt.system)
    lost = [(one, replay(chat, one, system, tools)) for one in failures]
    replays: list[Replay] = []
    sites: list[Site] = []
    differences: list[Float32Array] = []
    behind: list[Replay | None] = []
    for number, success in enumerate(successes):
        if stopped(cancel):
            return None
        if progress is not None:
            progress("comparing runs", number, len(successes))
        weight = confidences.get(success.attempt.id, 1.0)
        told = replay(chat, success, with_script(system, script), tools) if script else ()
        for part, run in enumerate(replay(chat, success, system, tools)):
            scripted = told[part] if part < len(told) else None
            index = len(replays)
            if settings.direction != "gradient":
                difference = _difference(chat, run, scripted, [one for _, ones in lost for one in ones[:1]])
                if difference is None:
                    continue
                differences.append(difference)
            found = contrast.own_sites(model, run, index, weight, scripted)
            for one, others in lost:
                if one.request == success.request and others:
                    site = contrast.decision_site(
                        model, run, others[0], index, weight * confidences.get(one.attempt.id, 1.0)
                    )
                    if site is not None and all(site.position != known.position for known in found):
                        found.append(site)
            replays.append(run)
            behind.append(scripted)
            sites += found
    if not replays:
        return None
    chosen = _first(sites, MOST_SITES, kept=False) + _first(sites, MOST_KEPT, kept=True)
    chosen.sort(key=lambda site: (site.run, site.position))
    norms = contrast.median_norms(model, replays[:4])
    return Runs(tuple(replays), tuple(chosen), norms, np.stack(differences) if differences else None, tuple(behind))


def _first(sites: Sequence[Site], most: int, *, kept: bool) -> list[Site]:
    """Evenly over the runs: the first such sites of each, or of those that are kept the least sure."""
    of_run: dict[int, list[Site]] = {}
    for site in sites:
        if site.kept == kept:
            of_run.setdefault(site.run, []).append(site)
    order = [
        (place, site)
        for ones in of_run.values()
        for place, site in enumerate(sorted(ones, key=lambda one: (-one.weight if kept else 0, one.position)))
    ]
    order.sort(key=lambda pair: pair[0])
    return [site for _, site in order[:most]]


def _difference(chat: LlamaChat, run: Replay, scripted: Replay | None, lost: Sequence[Replay]) -> Float32Array | None:
    """What stands against a run: its script, else a failure of its request, else any failures."""
    if scripted is not None:
        return contrast.context_difference(chat.model, run, scripted)
    for other in lost:
        found = contrast.decision_difference(chat.model, run, other)
        if found is not None:
            return found
    if not lost:
        return None
    result: Float32Array = np.mean([contrast.inter_difference(chat.model, run, other) for other in lost], axis=0)
    return result


def slopes_of(
    chat: LlamaChat,
    runs: Runs,
    layers: tuple[int, int],
    rng: np.random.Generator,
    cancel: Cancel | None,
    progress: Progress | None,
) -> Float32Array | None:
    """float32 [sites, n_embd]; None where the direction comes from differences."""
    if runs.differences is not None:
        return None
    told = None if progress is None else lambda done, total: progress("measuring the direction", done, total)
    return site_slopes(chat.model, runs.sites, runs.norms, layers, probes=PROBES, rng=rng, cancel=cancel, progress=told)


def direction_of(
    runs: Runs, slopes: Float32Array | None, part: Sequence[int], settings: LearningSettings
) -> Float32Array:
    """float32 [n_layer - 1, n_embd] from some of the runs."""
    if slopes is not None:
        total = slopes[[index for index, site in enumerate(runs.sites) if site.run in part]].sum(axis=0)
        return np.tile(total, (len(runs.norms), 1))
    assert runs.differences is not None
    take = principal_component if settings.direction == "principal" else mean_difference
    return take(runs.differences[list(part)])


def stopped(cancel: Cancel | None) -> bool:
    """Whether the user wants it to end."""
    return cancel is not None and cancel.is_set()
