"""What control vectors are learned from: deciding positions, and differences between pairs of runs.

A *site* is a position in a successful run where the model by itself would have gone on differently: its own likeliest
token is not the one that the success has, or a failure of the same request parts from the success there. With a script
at hand, sites that the script does not help are left out: there the model only failed to copy a name.

*Differences* of activations are of four kinds: decision (the turns in which a success and a failure of one request
first differ, on the shared prefix), inter (the last tokens of a success and a failure, NPM), intra (within one failed
run, degenerate turns against the others, NPM: here only which turns; quick_vectors.py takes it from what is cached) and
context (one run with and without the script, weighted by how much the script changed the next token). Nothing comes
from attempts that failed through their surroundings.

Not covered: what is made of them (directions.py) and how good it is (calibrate.py, gate.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from localnpm.distill.replay import Replay
from localnpm.engine.activations import capture
from localnpm.engine.arrays import Float32Array
from localnpm.engine.model import Model
from localnpm.memory.records import LoggedTurn, Trajectory

HELPED = 0.1
"""Nats by which a script must raise a token's log-probability for the token to count as the user's way."""
PARTS = 4
UNSURE = 0.9
"""A token of a success that the model gives less than this is one that steering could lose."""
NEAR = 2.0
"""A failure's token is a real alternative while it is at most so many nats less likely than the success's."""
EXCUSED = ("permission denied", "no space left", "the user declined", "command not found", "locked")
"""Beginnings of call errors that say nothing of the model."""


@dataclass(frozen=True)
class Site:
    """A deciding position.

    Attributes:
        tokens: the run, at least to the position.
        start: the first generated token of the turn; position `start - 1` predicts it.
        position: predicts `wanted`; at least `start - 1`.
        wanted, instead: the success's token and the one that the model, or the failure, has there.
        weight: the confidence of the verdicts it rests on.
        run: index of the success among those given; sites of one run stay together when folds are drawn.
        kept: the model by itself has the wanted token, if barely, and `instead` is the next likely one.
    """

    tokens: tuple[int, ...]
    start: int
    position: int
    wanted: int
    instead: int
    weight: float
    run: int
    kept: bool = False


def usable(trajectory: Trajectory) -> bool:
    """Whether the attempt says something of the model: it came to its end, and nothing around it failed."""
    attempt = trajectory.attempt
    return attempt.status == "done" and not attempt.surroundings and bool(trajectory.steps)


def log_softmax(logits: Float32Array) -> Float32Array:
    """float32 [n, n_vocab], natural logarithm."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    result: Float32Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


def own_sites(
    model: Model, run: Replay, index: int, weight: float, scripted: Replay | None = None, *, least: float = HELPED
) -> list[Site]:
    """Where the model's likeliest token is not the run's; and where it is, but barely.

    The latter, `kept`, have the weight 1 - p, so that a direction spares what is right already.

    Args:
        scripted: the same run behind a prompt with the script; sites whose token it raises by less than `least` nats
            are left out. None keeps all.
    """
    found = []
    for turn, (first, end) in enumerate(run.spans):
        rows = _predictions(model, run, first, end)
        helped = _script_gain(model, run, scripted, turn, rows) if scripted is not None else None
        for offset, token in enumerate(run.tokens[first:end]):
            row, place = rows[offset], first - 1 + offset
            likeliest = int(row.argmax())
            if likeliest == token:
                share = float(np.exp(row[token]))
                if share < UNSURE:
                    other = int(np.argpartition(row, -2)[-2])
                    found.append(Site(run.tokens, first, place, token, other, weight * (1 - share), index, kept=True))
            elif helped is None or helped[offset] >= least:
                found.append(Site(run.tokens, first, place, token, likeliest, weight, index))
    return found


def parting(success: Replay, failure: Replay) -> tuple[int, int] | None:
    """The turn and the position in it after which two runs of one request differ; None if no turn is the place."""
    shorter = min(len(success.tokens), len(failure.tokens))
    at = next((i for i in range(shorter) if success.tokens[i] != failure.tokens[i]), None)
    if at is None:
        return None
    for turn, (first, end) in enumerate(success.spans):
        if first <= at < end and any(other <= at < stop for other, stop in failure.spans):
            return turn, at - 1
    return None


def decision_site(model: Model, success: Replay, failure: Replay, index: int, weight: float) -> Site | None:
    """The position where a success and a failure of one request part, if the model itself is in two minds there."""
    found = parting(success, failure)
    if found is None:
        return None
    turn, position = found
    wanted, instead = success.tokens[position + 1], failure.tokens[position + 1]
    row = model.logits(success.tokens[: position + 1], [position])[0]
    if float(row[wanted] - row[instead]) > NEAR:
        return None
    return Site(success.tokens, success.spans[turn][0], position, wanted, instead, weight, index)


def decision_difference(model: Model, success: Replay, failure: Replay) -> Float32Array | None:
    """Mean over the two turns that first differ: [n_layer - 1, n_embd]; None if no turn is the place."""
    found = parting(success, failure)
    if found is None:
        return None
    first, end = success.spans[found[0]]
    other_end = next(stop for start, stop in failure.spans if start <= found[1] + 1 < stop)
    return _mean(model, success, first, end) - _mean(model, failure, first, other_end)


def inter_difference(model: Model, success: Replay, failure: Replay) -> Float32Array:
    """NPM's pair: the last token of a success and of a failure, [n_layer - 1, n_embd]."""
    return last_row(model, success) - last_row(model, failure)


def context_difference(model: Model, run: Replay, scripted: Replay) -> Float32Array | None:
    """What the script does to the model at the run's own tokens, weighted by the KL divergence it causes there.

    [n_layer - 1, n_embd]; None if the two do not hold the same turns, or the script changes nothing.
    """
    if not _alike(run, scripted):
        return None
    weights: list[float] = []
    for turn, (first, end) in enumerate(run.spans):
        plain = _predictions(model, run, first, end)
        told = _predictions(model, scripted, *scripted.spans[turn])
        weights += list(np.maximum((np.exp(told) * (told - plain)).sum(axis=1), 0))
    total = sum(weights)
    if total <= 0:
        return None
    share = np.asarray(weights, np.float32)[None, :, None] / np.float32(total)
    difference = capture(model, scripted.tokens, scripted.predicting) - capture(model, run.tokens, run.predicting)
    result: Float32Array = (difference * share).sum(axis=1)[1:]
    return result


def degenerate_turns(trajectory: Trajectory) -> tuple[int, ...]:
    """Indices of turns that repeat the call before them, or whose call was rejected by what it acted on."""
    found, before = [], None
    for index, turn in enumerate(trajectory.turns):
        call = _call(turn)
        failed = any(step.error and not step.error.startswith(EXCUSED) for step in turn.steps)
        if failed or (call is not None and call == before):
            found.append(index)
        before = call
    return tuple(found)


def prefers_intra(successes: Sequence[Trajectory], everything: Sequence[Trajectory]) -> bool:
    """NPM's rule: pairs within failures where the successes' mean length is above 1.5 times the mean of all."""
    if not successes or not everything:
        return False
    return _mean_steps(successes) > 1.5 * _mean_steps(everything)


def turn_rows(model: Model, run: Replay) -> tuple[list[Float32Array], Float32Array]:
    """Mean over each turn's generated tokens, and the last token's row, each [n_layer - 1, n_embd]; one reading."""
    positions = [position for first, end in run.spans for position in range(first, end)]
    rows = capture(model, run.tokens, positions)[1:]
    found, at = [], 0
    for first, end in run.spans:
        found.append(rows[:, at : at + end - first].mean(axis=1))
        at += end - first
    return found, rows[:, -1].copy()


def last_row(model: Model, run: Replay) -> Float32Array:
    """The run's last token, [n_layer - 1, n_embd]."""
    return capture(model, run.tokens, [len(run.tokens) - 1])[1:, 0]


def median_norms(model: Model, runs: Sequence[Replay]) -> Float32Array:
    """Median norm of the residual stream after block i + 1 at predicting positions: float32 [n_layer - 1]."""
    norms = [np.linalg.norm(capture(model, run.tokens, run.predicting)[1:], axis=2) for run in runs]
    result: Float32Array = np.median(np.concatenate(norms, axis=1), axis=1).astype(np.float32)
    return result


def _predictions(model: Model, run: Replay, first: int, end: int) -> Float32Array:
    """Log-probabilities of what may follow at a turn's predicting positions, float32 [end - first, n_vocab]."""
    return log_softmax(model.logits(run.tokens[: end - 1], range(first - 1, end - 1)))


def _script_gain(model: Model, run: Replay, scripted: Replay, turn: int, rows: Float32Array) -> Float32Array | None:
    """Nats by which the script raises each of a turn's tokens; None if the turn is not in the scripted run."""
    if turn >= len(scripted.spans):
        return None
    first, end = scripted.spans[turn]
    tokens = scripted.tokens[first:end]
    if tokens != run.tokens[slice(*run.spans[turn])]:
        return None
    told = _predictions(model, scripted, first, end)
    at = np.arange(len(tokens))
    gain: Float32Array = told[at, list(tokens)] - rows[at, list(tokens)]
    return gain


def _alike(run: Replay, scripted: Replay) -> bool:
    turns = [run.tokens[first:end] for first, end in run.spans]
    return turns == [scripted.tokens[first:end] for first, end in scripted.spans]


def _mean(model: Model, run: Replay, first: int, end: int) -> Float32Array:
    return capture(model, run.tokens[:end], range(first, end), "mean")[1:, 0]


def _call(turn: LoggedTurn) -> tuple[object, ...] | None:
    calls = tuple((step.tool, repr(step.arguments)) for step in turn.steps if step.tool is not None)
    return calls or None


def _mean_steps(trajectories: Sequence[Trajectory]) -> float:
    return sum(len(trajectory.steps) for trajectory in trajectories) / len(trajectories)


def folds(count: int, rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
    """Disjoint parts of the indices, at most `PARTS`, alike in size: each index is held out once."""
    order = [int(index) for index in rng.permutation(count)]
    parts = min(count, PARTS)
    for part in range(parts):
        yield tuple(sorted(order[part::parts]))
