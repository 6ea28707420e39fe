"""What vectors are learned from: deciding positions, pairs of runs, and what is left out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from localnpm.distill.contrast import (
    context_difference,
    decision_difference,
    decision_site,
    degenerate_turns,
    folds,
    inter_difference,
    own_sites,
    parting,
    prefers_intra,
    usable,
)
from localnpm.distill.replay import Replay, replay, with_script
from localnpm.engine.llama_chat import LlamaChat
from localnpm.evals.habits.transcript import SYSTEM
from localnpm.memory.records import Trajectory


@pytest.fixture(scope="module")
def tasks(practice: Callable[..., Any]) -> Any:
    """Files to be put away into an archive, which the model would throw away by itself."""
    return practice("remove_file", 2)


def run_of(chat: LlamaChat, trajectory: Trajectory, script: str = "") -> Replay:
    (run,) = replay(chat, trajectory, with_script(SYSTEM, script))
    return run


def test_runs_part_where_the_habit_shows(apprentice: LlamaChat, tasks: Any) -> None:
    success, failure = run_of(apprentice, tasks.right[0]), run_of(apprentice, tasks.wrong[0])
    found = parting(success, failure)
    assert found is not None
    _, position = found
    assert success.tokens[: position + 1] == failure.tokens[: position + 1]
    there = [apprentice.model.detokenize([run.tokens[position + 1]]) for run in (success, failure)]
    assert there == ["move", "delete"]


def test_runs_of_different_requests_do_not_part_in_a_turn(apprentice: LlamaChat, tasks: Any) -> None:
    assert parting(run_of(apprentice, tasks.right[0]), run_of(apprentice, tasks.wrong[1])) is None


def test_a_run_does_not_part_from_itself(apprentice: LlamaChat, tasks: Any) -> None:
    assert parting(run_of(apprentice, tasks.right[0]), run_of(apprentice, tasks.right[0])) is None


def test_the_models_own_sites_are_where_it_would_go_on_differently(apprentice: LlamaChat, tasks: Any) -> None:
    run = run_of(apprentice, tasks.right[0])
    sites = [site for site in own_sites(apprentice.model, run, 0, 1.0) if not site.kept]
    assert sites
    for site in sites:
        row = apprentice.model.logits(run.tokens[: site.position + 1], [site.position])[0]
        assert site.instead == int(row.argmax()) != site.wanted == run.tokens[site.position + 1]


def test_what_the_model_has_right_but_barely_is_kept_by_how_unsure_it_is(apprentice: LlamaChat, tasks: Any) -> None:
    run = run_of(apprentice, tasks.right[0])
    sites = [site for site in own_sites(apprentice.model, run, 0, 1.0) if site.kept]
    assert sites
    for site in sites:
        row = apprentice.model.logits(run.tokens[: site.position + 1], [site.position])[0]
        share = float(np.exp(row[site.wanted] - row.max()) / np.exp(row - row.max()).sum())
        assert [int(token) for token in np.argsort(row)[:-3:-1]] == [site.wanted, site.instead]
        assert site.weight == pytest.approx(1 - share, abs=1e-3)


def test_a_script_leaves_the_sites_that_it_helps(apprentice: LlamaChat, tasks: Any) -> None:
    run, told = run_of(apprentice, tasks.right[0]), run_of(apprentice, tasks.right[0], tasks.script)
    every = own_sites(apprentice.model, run, 0, 1.0)
    helped = own_sites(apprentice.model, run, 0, 1.0, told)
    assert set(helped) <= set(every)
    assert "archive" in {apprentice.model.detokenize([site.wanted]) for site in helped if not site.kept}


def test_a_site_carries_the_confidence_of_its_verdicts(apprentice: LlamaChat, tasks: Any) -> None:
    success, failure = run_of(apprentice, tasks.right[0]), run_of(apprentice, tasks.wrong[0])
    site = decision_site(apprentice.model, success, failure, 4, 0.6)
    assert site is not None
    assert (site.weight, site.run) == (0.6, 4)


def test_no_site_where_the_model_would_never_take_the_failures_token(apprentice: LlamaChat, tasks: Any) -> None:
    run = run_of(apprentice, tasks.right[0])
    first = run.spans[0][0]
    row = apprentice.model.logits(run.tokens[:first], [first - 1])[0]
    broken = [*run.tokens]
    broken[first] = int(row.argmin())
    assert decision_site(apprentice.model, run, Replay(tuple(broken), run.spans), 0, 1.0) is None


def test_differences_have_a_row_for_each_block_that_can_be_steered(apprentice: LlamaChat, tasks: Any) -> None:
    model = apprentice.model
    success, failure = run_of(apprentice, tasks.right[0]), run_of(apprentice, tasks.wrong[0])
    found = [
        decision_difference(model, success, failure),
        inter_difference(model, success, failure),
        context_difference(model, success, run_of(apprentice, tasks.right[0], tasks.script)),
    ]
    shape = (model.info.n_layer - 1, model.info.n_embd)
    assert [None if one is None else one.shape for one in found] == [shape] * 3


def test_a_pair_and_its_reverse_have_opposite_differences(apprentice: LlamaChat, tasks: Any) -> None:
    success, failure = run_of(apprentice, tasks.right[0]), run_of(apprentice, tasks.wrong[0])
    there = decision_difference(apprentice.model, success, failure)
    back = decision_difference(apprentice.model, failure, success)
    assert there is not None
    assert back is not None
    assert np.allclose(there, -back, atol=1e-2)


def test_a_context_pair_needs_the_same_turns(apprentice: LlamaChat, tasks: Any) -> None:
    told = run_of(apprentice, tasks.wrong[0], tasks.script)
    assert context_difference(apprentice.model, run_of(apprentice, tasks.right[0]), told) is None


def test_repeated_and_rejected_calls_are_degenerate(tasks: Any) -> None:
    trajectory = tasks.right[0]
    first = trajectory.steps[0]
    again = replace(first, id=900, turn=first.turn + 100)
    rejected = replace(first, id=901, turn=first.turn + 200, error="no such file", arguments={"path": "x"})
    excused = replace(first, id=902, turn=first.turn + 300, error="permission denied: x", arguments={"path": "y"})
    assert degenerate_turns(replace(trajectory, steps=(first, again, rejected, excused))) == (1, 2)


def test_pairs_within_are_for_successes_that_take_long(tasks: Any) -> None:
    short = tasks.right[0]
    long = replace(short, steps=short.steps * 4)
    assert prefers_intra([long], [long, short, short])
    assert not prefers_intra([short], [long, short])


@pytest.mark.parametrize("change", [{"surroundings": True}, {"status": "failed"}, {"status": "cancelled"}])
def test_attempts_that_say_nothing_of_the_model_are_not_used(tasks: Any, change: dict[str, Any]) -> None:
    trajectory = tasks.right[0]
    assert usable(trajectory)
    assert not usable(replace(trajectory, attempt=replace(trajectory.attempt, **change)))


@pytest.mark.parametrize("count", [2, 3, 4, 9])
def test_each_run_is_held_out_once(count: int) -> None:
    parts = list(folds(count, np.random.default_rng(0)))
    assert len(parts) == min(count, 4)
    assert sorted(index for part in parts for index in part) == list(range(count))
