"""Whether a vector may be used: it must do, on runs that it was not made from, what chance does not.

Judged by margins at held-out deciding positions, steered from the turn's start on as generation is: a sign test over
them, the 95th percentile of random directions of equal norm, and the agreement of the direction's two halves. Calls
generated under steering must stay valid. Not covered: success on tasks, which the log's uses show afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from localnpm.distill.contrast import Site
from localnpm.distill.replay import Replay
from localnpm.engine.arrays import Float32Array
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.messages import ToolSchema
from localnpm.engine.model import Model
from localnpm.engine.steering import NO_STEERING, Steering
from localnpm.memory.procedure_records import VectorStatus

HELD_OUT = 5
"""Held-out pairs (deciding positions) from which on a sign test can tell.

Fewer are enough if none of them loses, random directions do worse, and more held-out turns come out right.
"""
FEWEST = 3
"""Held-out positions under which a vector stays a candidate."""
HELD_OUT_RUNS = 2
"""Runs that they must come from at least."""
HALVED = 4
"""Runs from which on the halves of the evidence are compared; what fewer say is too different."""
SIGNIFICANCE = 0.05
RANDOM_DIRECTIONS = 20
SITES_OF_A_RUN = 3
LONGEST_CALL = 256
"""Tokens."""


@dataclass(frozen=True)
class Evidence:
    """What held-out runs show.

    Attributes:
        gains: nats by which the vector raises the margin, one a held-out deciding position.
        random: mean gain of each random direction of equal norm over the same positions.
        agreement: cosine of the directions that two halves of the runs give; None for few runs.
        floor: the least agreement.
        gain: nats by which it raises the log-probability of whole held-out successes.
        turns, steered_turns: share of held-out successes' turns that would be generated greedily as they are.
        calls, steered_calls: share of probed turns that end in valid calls, without and with the vector.
        runs: how many runs the positions come from.
    """

    gains: tuple[float, ...]
    random: tuple[float, ...]
    agreement: float | None
    floor: float
    gain: float = 0.0
    turns: float = 0.0
    steered_turns: float = 0.0
    calls: float = 1.0
    steered_calls: float = 1.0
    runs: int = 0


def harmful(evidence: Evidence) -> str:
    """What harm the vector does to held-out successes, in words; empty for none."""
    if evidence.steered_turns < evidence.turns:
        return (
            f"under it {evidence.steered_turns:.0%} of the successes' turns would come out as they did, without it "
            f"{evidence.turns:.0%}"
        )
    if evidence.gain < 0:
        return f"successes become less likely under it ({evidence.gain:+.2f} nats a run)"
    return ""


def verdict(evidence: Evidence) -> tuple[VectorStatus, str]:
    """`active`, `candidate` (too few held-out positions) or `quarantined`, each with its reason in words."""
    pairs = len(evidence.gains)
    mean = float(np.mean(evidence.gains)) if pairs else 0.0
    if evidence.steered_calls < evidence.calls:
        return "quarantined", (
            f"under the vector {evidence.steered_calls:.0%} of probed turns end in valid calls, without it "
            f"{evidence.calls:.0%}"
        )
    if evidence.agreement is not None and evidence.agreement < evidence.floor:
        return "quarantined", (
            f"the two halves of its evidence point in different directions (cosine {evidence.agreement:.2f}, at least "
            f"{evidence.floor:.2f} is needed)"
        )
    if harm := harmful(evidence):
        return "quarantined", harm
    if pairs and mean <= 0:
        return "quarantined", f"at held-out positions the margin does not grow ({mean:+.2f} nats)"
    chance = float(np.percentile(evidence.random, 95)) if evidence.random else float("-inf")
    if pairs and mean <= chance:
        return "quarantined", f"random directions do as well ({mean:+.2f} nats; 95th percentile {chance:+.2f})"
    if pairs < FEWEST or evidence.runs < HELD_OUT_RUNS:
        return "candidate", (
            f"{pairs} held-out positions in {evidence.runs} runs; from {FEWEST} in {HELD_OUT_RUNS} on it can be judged"
        )
    told = f"margin {mean:+.2f} nats at {pairs} held-out positions in {evidence.runs} runs"
    if pairs < HELD_OUT:
        if min(evidence.gains) <= 0 or evidence.steered_turns <= evidence.turns:
            return "candidate", f"{told}: too few, as not all grow, or no more turns come out right"
        return "active", (
            f"{told}, all of them growing; {evidence.steered_turns:.0%} of the turns come out right, without it "
            f"{evidence.turns:.0%} (random {chance:+.2f})"
        )
    p = sign_test(evidence.gains)
    if p > SIGNIFICANCE:
        better = sum(gain > 0 for gain in evidence.gains)
        return "quarantined", f"the margin grew at only {better} of {pairs} held-out positions (p = {p:.2f})"
    return "active", f"{told} (p = {p:.3f}; random {chance:+.2f})"


def sign_test(values: Sequence[float]) -> float:
    """One-sided: how likely at least so many positive values are if signs were tossed; zeros are left out."""
    positive, count = sum(value > 0 for value in values), sum(value != 0 for value in values)
    return float(sum(comb(count, k) for k in range(positive, count + 1)) / 2**count)


def margin_gains(model: Model, sites: Sequence[Site], steerings: Sequence[Steering]) -> Float32Array:
    """Change of log p(wanted) - log p(instead) under each steering: float32 [steerings, sites], nats."""
    gains = np.zeros((len(steerings), len(sites)), np.float32)
    for column, site in enumerate(sites):
        text = site.tokens[: site.position + 1]
        plain = model.logits(text, [site.position])[0]
        before = float(plain[site.wanted] - plain[site.instead])
        # Every position from the turn's first prediction on is an output, so that all of them are steered.
        positions = range(site.start - 1, site.position + 1)
        for row, steering in enumerate(steerings):
            steered = model.logits(text, positions, steering=steering)[-1]
            gains[row, column] = float(steered[site.wanted] - steered[site.instead]) - before
    return gains


def some_sites(sites: Sequence[Site]) -> list[Site]:
    """The first sites of each run, which cost least to look at."""
    kept: list[Site] = []
    for site in sites:
        if sum(other.run == site.run for other in kept) < SITES_OF_A_RUN:
            kept.append(site)
    return kept


def valid_calls(
    chat: LlamaChat, runs: Sequence[Replay], steering: Steering = NO_STEERING, tools: Sequence[ToolSchema] = ()
) -> float:
    """Share of the runs whose first turn, generated, is neither cut off nor a call that cannot be read; 1 for none."""
    if not runs:
        return 1.0
    good = 0
    for run in runs:
        prompt = run.tokens[: run.spans[0][0]]
        generation = chat.model.generate(
            prompt,
            max_tokens=LONGEST_CALL,
            stop=chat.format.stop,
            grammar=chat.format.grammar(tools),
            steering=steering,
        )
        text = "".join(generation)
        good += generation.stop_reason in ("end", "stop") and not chat.format.parse(text, tools).invalid
    return good / len(runs)
