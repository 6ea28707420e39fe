"""A vector beside the script: when it stays out, that what is chosen loses no turn, and that it names its script."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from localnpm.distill.beside import MEASURED, SHARES, Beside, calibrate_beside, named, read
from localnpm.distill.calibrate import effects
from localnpm.distill.contrast import median_norms, own_sites
from localnpm.distill.directions import random_directions, rows_at, site_slopes, steering_of
from localnpm.distill.replay import Replay, replay
from localnpm.engine.arrays import Float32Array
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.evals.habits.transcript import SYSTEM

# A machine that does much else takes its time.
pytestmark = pytest.mark.timeout(600)

LAYERS = (2, 6)
SCRIPT = "Put a file away\n1. Move it to archive/."
KNOWN = Beside(0.05, 9, 5, 7, 0.1, named(SCRIPT))


@pytest.fixture(scope="module")
def run(apprentice: LlamaChat, practice: Callable[..., Any]) -> Replay:
    """An expert's run that the model would not do by itself."""
    return replay(apprentice, practice("remove_file", 1).right[0], SYSTEM)[0]


@pytest.fixture(scope="module")
def norms(apprentice: LlamaChat, run: Replay) -> Float32Array:
    """Of the residual stream."""
    return median_norms(apprentice.model, [run])


def directions(seed: int = 0) -> Float32Array:
    return random_directions((7, 256), np.random.default_rng(seed))


def own_run(chat: LlamaChat, run: Replay) -> Replay:
    """What the model itself does first."""
    first = run.spans[0][0]
    generated = _greedy(chat, run.tokens[:first], 12)
    return Replay((*run.tokens[:first], *generated), ((first, first + len(generated)),))


def _greedy(chat: LlamaChat, prompt: tuple[int, ...], count: int) -> list[int]:
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(int(chat.model.logits(tokens, [len(tokens) - 1])[0].argmax()))
    return tokens[len(prompt) :]


def test_a_vector_stays_out_where_the_script_alone_does_all(
    apprentice: LlamaChat, run: Replay, norms: Float32Array
) -> None:
    right = own_run(apprentice, run)
    found = calibrate_beside(apprentice.model, [(directions(), right)], norms, 0.2, LAYERS, SCRIPT, bound=1.0)
    assert found == Beside(0.0, 1, 1, 1, 0.0, named(SCRIPT))
    assert "left out beside the script" in found.told


@pytest.mark.slow
@pytest.mark.parametrize("measured", [True, False])
def test_what_is_chosen_is_the_best_that_loses_no_turn(
    apprentice: LlamaChat, run: Replay, norms: Float32Array, measured: bool
) -> None:
    rows = _towards(apprentice, run, norms) if measured else directions(3)
    model, parts = apprentice.model, [Replay(run.tokens[:end], ((first, end),)) for first, end in run.spans]
    parts.append(own_run(apprentice, run))
    steerings = [steering_of(rows_at(rows, norms, 0.3 * share, LAYERS)) for share in SHARES]
    seen = [effects(model, [part], steerings) for part in parts]
    plain = sum(row[0].plain_turns for row in seen)
    gained = [
        sum(row[at].turns for row in seen) - plain
        for at in range(len(SHARES))
        if all(row[at].turns >= row[at].plain_turns for row in seen)
    ]
    found = calibrate_beside(model, [(rows, part) for part in parts], norms, 0.3, LAYERS, SCRIPT, bound=20.0)
    assert found is not None
    assert (found.plain, found.steered - found.plain) == (plain, max([0, *gained]))
    assert (found.coefficient > 0) == (found.steered > found.plain)


def _towards(chat: LlamaChat, run: Replay, norms: Float32Array) -> Float32Array:
    """A direction that raises the tokens at which the model goes wrong."""
    sites = [site for site in own_sites(chat.model, run, 0, 1.0) if not site.kept][:2]
    slopes = site_slopes(chat.model, sites, norms, LAYERS, probes=256, rng=np.random.default_rng(1))
    return np.tile(slopes.sum(axis=0), (7, 1))


def test_a_strength_beyond_the_bound_is_not_taken(apprentice: LlamaChat, run: Replay, norms: Float32Array) -> None:
    found = calibrate_beside(apprentice.model, [(directions(), run)], norms, 3.0, LAYERS, SCRIPT, bound=1e-9)
    assert found is not None
    assert found.coefficient == 0


def test_a_stopped_calibration_says_nothing(apprentice: LlamaChat, run: Replay, norms: Float32Array) -> None:
    cancel = Cancel()
    cancel.set()
    held = [(directions(), run)]
    assert calibrate_beside(apprentice.model, held, norms, 0.2, LAYERS, SCRIPT, bound=1.0, cancel=cancel) is None


def test_what_was_measured_comes_back_from_a_calibration() -> None:
    assert read({MEASURED: KNOWN.as_dict()}) == KNOWN


@pytest.mark.parametrize("damaged", [None, 7, {}, {"coefficient": "much"}, KNOWN.as_dict() | {"turns": None}])
def test_a_calibration_that_is_not_of_the_form_says_nothing(damaged: object) -> None:
    assert read({MEASURED: damaged}) is None


def test_scripts_are_told_apart_by_more_than_their_margins() -> None:
    assert named(SCRIPT) == named(f"{SCRIPT}\n") != named(f"{SCRIPT}\n2. Say so.")
