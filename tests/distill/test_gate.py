"""The health gate: what held-out evidence makes of a vector."""

from dataclasses import replace

import numpy as np
import pytest

from localnpm.distill.contrast import Site
from localnpm.distill.directions import random_directions, rows_at, steering_of
from localnpm.distill.gate import Evidence, margin_gains, sign_test, some_sites, valid_calls, verdict
from localnpm.distill.replay import Replay
from localnpm.engine.llama_chat import LlamaChat

GOOD = Evidence((0.9, 1.1, 0.4, 0.8, 1.5, 0.7), tuple(np.linspace(-0.3, 0.3, 20)), 0.5, 0.12, runs=3)


def site(run: int, position: int = 9) -> Site:
    return Site((1,) * 20, 5, position, 7, 8, 1.0, run)


def test_a_vector_that_passes_everything_is_active() -> None:
    assert verdict(GOOD)[0] == "active"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"gains": (-0.5, 0.1, -0.4, 0.2, 0.1, -0.3)}, "does not grow"),
        ({"gains": (9.0, -0.1, -0.1, -0.2, 0.1, -0.1)}, "only 2 of 6"),
        ({"random": (2.0,) * 20}, "random directions do as well"),
        ({"agreement": 0.01}, "point in different directions"),
        ({"turns": 0.9, "steered_turns": 0.7}, "70% of the successes' turns"),
        ({"gain": -0.4}, "successes become less likely"),
        ({"steered_calls": 0.8}, "end in valid calls"),
    ],
)
def test_each_failed_check_quarantines_with_its_reason(change: dict[str, object], why: str) -> None:
    status, reason = verdict(replace(GOOD, **change))  # type: ignore[arg-type]
    assert status == "quarantined"
    assert why in reason


def test_few_held_out_positions_make_a_candidate() -> None:
    assert verdict(replace(GOOD, gains=GOOD.gains[:2], turns=0.5, steered_turns=0.9))[0] == "candidate"


def test_a_few_positions_are_enough_if_more_turns_come_out_right() -> None:
    few = replace(GOOD, gains=GOOD.gains[:4])
    assert verdict(replace(few, turns=0.5, steered_turns=0.5))[0] == "candidate"
    assert verdict(replace(few, turns=0.5, steered_turns=0.7))[0] == "active"


def test_a_few_positions_are_not_enough_if_one_of_them_loses() -> None:
    few = replace(GOOD, gains=(0.9, 1.1, 0.8, -0.1), turns=0.5, steered_turns=0.7)
    assert verdict(few)[0] == "candidate"


def test_positions_of_a_single_run_make_a_candidate() -> None:
    assert verdict(replace(GOOD, runs=1))[0] == "candidate"


def test_a_single_run_has_no_halves_that_could_disagree() -> None:
    assert verdict(Evidence((), (), None, 0.12, gain=0.4))[0] == "candidate"


def test_few_runs_do_not_excuse_harm() -> None:
    assert verdict(replace(GOOD, gains=(-1.0, -2.0)))[0] == "quarantined"


@pytest.mark.parametrize(
    ("values", "p"), [((1.0,) * 5, 1 / 32), ((1.0, -1.0), 0.75), ((-1.0,) * 3, 1.0), ((), 1.0), ((0.0, 1.0), 0.5)]
)
def test_the_sign_test_counts_tosses(values: tuple[float, ...], p: float) -> None:
    assert sign_test(values) == pytest.approx(p)


def test_no_run_is_looked_at_in_more_than_three_sites() -> None:
    kept = some_sites([site(0, position) for position in (5, 6, 7, 8)] + [site(1)])
    assert [(one.run, one.position) for one in kept] == [(0, 5), (0, 6), (0, 7), (1, 9)]


def test_margins_are_steered_as_a_generation_of_the_turn_is(apprentice: LlamaChat) -> None:
    model = apprentice.model
    tokens = tuple(model.tokenize("<|im_start|>user\nRead a.md<|im_end|>\n<|im_start|>assistant\n<tool_call>\n"))
    start = len(tokens) - 2
    one = Site(tokens, start, len(tokens) - 1, 400, 500, 1.0, 0)
    shape = (model.info.n_layer - 1, model.info.n_embd)
    norms = np.full(shape[0], 800, np.float32)
    steering = steering_of(rows_at(random_directions(shape, np.random.default_rng(0)), norms, 0.3, (2, 6)))
    gain = margin_gains(model, [one], [steering])[0, 0]
    plain = model.score([*tokens, 400], start)[-1] - model.score([*tokens, 500], start)[-1]
    steered = (
        model.score([*tokens, 400], start, steering=steering)[-1]
        - model.score([*tokens, 500], start, steering=steering)[-1]
    )
    assert gain == pytest.approx(float(steered - plain), abs=1e-3)


def test_calls_that_a_vector_breaks_are_not_valid(apprentice: LlamaChat) -> None:
    model = apprentice.model
    prompt = apprentice.model.tokenize(
        "<|im_start|>system\nYou are localnpm, a personal agent. You work on the files in the user's workspace with "
        "tools, one call at a time, then answer.<|im_end|>\n<|im_start|>user\nDelete notes.md<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    run = Replay((*prompt, 1), ((len(prompt), len(prompt) + 1),))
    shape = (model.info.n_layer - 1, model.info.n_embd)
    rows = rows_at(random_directions(shape, np.random.default_rng(0)), np.full(shape[0], 5e4, np.float32), 1.0, (2, 6))
    assert valid_calls(apprentice, [run]) == 1
    assert valid_calls(apprentice, [run], steering_of(rows)) == 0
