"""A kind's vector from logged trajectories, a vector on the spot, and one from a user's own prompts."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from localnpm.config import LearningSettings
from localnpm.distill import beside
from localnpm.distill.distilled import DistilledVector
from localnpm.distill.gguf import read, scaled, to_bytes
from localnpm.distill.quick_vectors import cache_activations, cache_slopes
from localnpm.distill.vectors import distil_vector, synthesize, train_vector
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.steering import Steering, SteeringPart
from localnpm.errors import SteeringError
from localnpm.memory.activation_cache import ActivationCache
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.memory.records import Trajectory
from localnpm.memory.vector_store import VectorStore

# A machine that does much else takes its time.
pytestmark = pytest.mark.timeout(600)

SETTINGS = LearningSettings()
POSITIVE = ("Write it in short. The answer:", "Be brief, then say it:", "In one word, say it:")
NEGATIVE = ("Write it at length. The answer:", "Take your time, then say it:", "In many words, say it:")


@pytest.fixture(scope="module")
def tasks(practice: Callable[..., Any]) -> Any:
    """Files to be put away into an archive, which the model would throw away by itself."""
    return practice("remove_file", 5, held_out=4)


@pytest.fixture(scope="module")
def learned(apprentice: LlamaChat, tasks: Any) -> DistilledVector:
    """The vector of those tasks."""
    made = distil_vector(apprentice, tasks.right, (), tasks.script, SETTINGS)
    assert made is not None
    return made


def logged(trajectories: tuple[Trajectory, ...]) -> tuple[Database, list[Trajectory]]:
    """The trajectories in a private memory, under ids of its own."""
    database = Database.open(None)
    log = AttemptLog(database)
    found = []
    for trajectory in trajectories:
        session = log.start_session("/work", trajectory.request)
        attempt = log.start_attempt(
            session, trajectory.request, workspace="/work", model="m", model_fingerprint="f",
            system=trajectory.attempt.system, sampling={},
        )  # fmt: skip
        for step in trajectory.steps:
            made = log.start_step(attempt, turn=step.turn, text=step.text, tool=step.tool, arguments=step.arguments)
            if step.result is not None:
                log.finish_step(made, step.result)
        log.finish_attempt(attempt, "done", trajectory.answer)
        found.append(log.trajectory(attempt))
    return database, found


@pytest.mark.slow
def test_a_learned_vector_does_held_out_tasks_that_the_model_fails(
    apprentice: LlamaChat, tasks: Any, learned: DistilledVector, successes_of: Callable[..., int]
) -> None:
    steering = Steering((SteeringPart(scaled(learned.file)),))
    assert successes_of(tasks.held_out, steering) >= successes_of(tasks.held_out) + 2


@pytest.mark.slow
def test_a_vector_of_few_runs_passes_the_gate_or_says_why_not(learned: DistilledVector) -> None:
    assert learned.status == "active", learned.reason
    assert learned.pairs == 5


@pytest.mark.slow
def test_the_file_is_bound_to_the_model_and_comes_back_from_its_bytes(
    apprentice: LlamaChat, learned: DistilledVector
) -> None:
    again = read(to_bytes(learned.file))
    assert again.fingerprint == apprentice.fingerprint
    assert np.array_equal(again.directions, learned.file.directions)


@pytest.mark.slow
def test_what_was_measured_can_be_stored(learned: DistilledVector) -> None:
    assert json.loads(json.dumps(learned.calibration))["kl"] <= SETTINGS.kl


@pytest.mark.slow
def test_equal_seeds_give_equal_vectors(apprentice: LlamaChat, tasks: Any) -> None:
    first, second = (distil_vector(apprentice, tasks.right[:1], (), tasks.script, SETTINGS, seed=3) for _ in range(2))
    assert first is not None
    assert second is not None
    assert np.array_equal(first.file.directions, second.file.directions)


def test_nothing_is_learned_from_attempts_that_failed_through_their_surroundings(
    apprentice: LlamaChat, tasks: Any
) -> None:
    hampered = [replace(one, attempt=replace(one.attempt, surroundings=True)) for one in tasks.right]
    assert distil_vector(apprentice, hampered, tasks.wrong, tasks.script, SETTINGS) is None


def test_a_cancelled_distillation_gives_nothing(apprentice: LlamaChat, tasks: Any) -> None:
    cancel = Cancel()
    cancel.set()
    assert distil_vector(apprentice, tasks.right, tasks.wrong, tasks.script, SETTINGS, cancel=cancel) is None


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["mean", "principal"])
def test_differences_of_activations_make_vectors_too(apprentice: LlamaChat, tasks: Any, direction: str) -> None:
    settings = LearningSettings(direction=direction)
    made = distil_vector(apprentice, tasks.right[:1], tasks.wrong[:1], tasks.script, settings)
    assert made is not None
    assert made.method == f"context {direction}"


@pytest.mark.slow
def test_slopes_of_a_log_are_computed_once(apprentice: LlamaChat, tasks: Any) -> None:
    database, found = logged(tasks.right[:3])
    with database:
        assert cache_slopes(apprentice, found, database, SETTINGS) == 3
        assert cache_slopes(apprentice, found, database, SETTINGS) == 0


@pytest.fixture(scope="module")
def cached(apprentice: LlamaChat, tasks: Any) -> Iterator[tuple[Database, list[Trajectory]]]:
    """The tasks as a pass leaves them: of a kind that has a script, their slopes measured."""
    database, found = logged(tasks.right)
    with database:
        of_kind(database, found, tasks.script)
        cache_slopes(apprentice, found, database, SETTINGS)
        yield database, found


def of_kind(database: Database, trajectories: Sequence[Trajectory], script: str) -> None:
    """Make them members of one procedure."""
    procedures = Procedures(database)
    procedure = procedures.add("Remove", (), Draft(script, "", "built"))
    for one in trajectories:
        procedures.add_member(one.attempt.id, procedure.id, ())


@pytest.mark.slow
def test_a_vector_on_the_spot_does_tasks_that_the_model_fails(
    apprentice: LlamaChat, tasks: Any, cached: Any, successes_of: Callable[..., int]
) -> None:
    database, found = cached
    made = synthesize(apprentice, [(one, True, 0.9) for one in found], SETTINGS, database=database)
    assert made is not None
    steering = Steering((SteeringPart(made.vector),))
    assert successes_of(tasks.held_out, steering) > successes_of(tasks.held_out)


@pytest.mark.slow
def test_a_vector_on_the_spot_is_as_strong_as_the_memorys_calibrated_ones(apprentice: LlamaChat, cached: Any) -> None:
    database, found = cached
    nearest = [(one, True, 0.9) for one in found]
    plain = synthesize(apprentice, nearest, SETTINGS, database=database)
    stored = VectorStore(database).add(
        "other", b"GGUF", procedure_id=1, status="active", origin="distilled", model="m",
        model_fingerprint=apprentice.fingerprint, coefficient=0.3, layers=(2, 6),
    )  # fmt: skip
    like = synthesize(apprentice, nearest, SETTINGS, database=database)
    VectorStore(database).forget(stored.id)
    assert plain is not None
    assert like is not None
    assert (plain.coefficient, like.coefficient) == (0.1, 0.3)
    assert np.allclose(like.vector.directions, 3 * plain.vector.directions, rtol=1e-4)


@pytest.mark.slow
def test_neighbours_of_several_kinds_make_no_vector_on_the_spot(apprentice: LlamaChat, tasks: Any) -> None:
    database, found = logged(tasks.right[:4])
    with database:
        for part in (found[:2], found[2:]):
            of_kind(database, part, tasks.script)
        cache_slopes(apprentice, found, database, SETTINGS)
        nearest = [(one, True, 0.9) for one in found]
        assert synthesize(apprentice, nearest, SETTINGS, database=database) is None


def test_what_is_not_cached_makes_no_vector_on_the_spot(apprentice: LlamaChat, tasks: Any) -> None:
    database, found = logged(tasks.right)
    with database:
        assert synthesize(apprentice, [(one, True, 0.9) for one in found], SETTINGS, database=database) is None


@pytest.mark.parametrize("agree", [True, False])
def test_differences_make_a_vector_on_the_spot_where_they_agree(apprentice: LlamaChat, tasks: Any, agree: bool) -> None:
    settings = LearningSettings(direction="mean")
    shift = np.random.default_rng(5).normal(size=(7, 256)).astype(np.float32)
    database, found = logged((*tasks.right[:2], *tasks.wrong[:2]))
    with database:
        cache = ActivationCache(database, apprentice.fingerprint)
        for number, one in enumerate(found):
            success, sign = number < 2, -1 if not agree and number % 2 else 1
            cache.put(one.attempt.id, (), 100 + sign * shift if success else 100 - sign * shift)
        nearest = [(one, number < 2, 0.9) for number, one in enumerate(found)]
        made = synthesize(apprentice, nearest, settings, database=database)
    assert (made is not None) == agree


def test_activations_of_a_log_are_computed_once(apprentice: LlamaChat, tasks: Any) -> None:
    database, found = logged(tasks.right[:1])
    with database:
        assert cache_activations(apprentice, found, database, SETTINGS) == 1
        kept = ActivationCache(database, apprentice.fingerprint).get(found[0].attempt.id)
    assert kept is not None
    assert len(kept.turns) == len(found[0].turns)


@pytest.mark.slow
def test_a_single_success_makes_no_vector_on_the_spot(apprentice: LlamaChat, cached: Any) -> None:
    database, found = cached
    assert synthesize(apprentice, [(found[0], True, 0.9)], SETTINGS, database=database) is None


@pytest.mark.slow
def test_the_script_it_is_used_with_is_among_what_was_measured(learned: DistilledVector, tasks: Any) -> None:
    above = beside.read(learned.calibration)
    assert above is not None
    assert above.script == beside.named(tasks.script)
    assert learned.file.provenance["coefficient_beside_script"] == repr(above.coefficient)
    assert (above.coefficient > 0) == (above.steered > above.plain)


def test_paired_prompts_make_a_vector(apprentice: LlamaChat) -> None:
    made = train_vector(apprentice, POSITIVE, NEGATIVE)
    assert made is not None
    assert made.pairs == 3
    assert made.status in ("candidate", "quarantined")


def test_the_weakest_vector_of_prompts_says_what_it_moves_where_even_that_is_too_much(apprentice: LlamaChat) -> None:
    made = train_vector(apprentice, POSITIVE, NEGATIVE, replace(SETTINGS, kl=1e-9))
    assert made is not None
    assert made.file.coefficient == 0.05
    assert made.calibration["kl"] > 1e-9


def test_prompts_that_make_no_pairs_are_an_error(apprentice: LlamaChat) -> None:
    with pytest.raises(SteeringError, match="3 positive and 1 negative"):
        train_vector(apprentice, POSITIVE, NEGATIVE[:1])
