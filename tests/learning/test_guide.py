"""What a request is given by memory: scripts and an example within a budget, a channel, a vector."""

from random import Random

import numpy as np
import pytest

from localnpm.agent.attempt import Task, Terms
from localnpm.config import LearningSettings, MemorySettings, Settings
from localnpm.distill.beside import MEASURED, Beside, named
from localnpm.distill.gguf import compose, to_bytes
from localnpm.engine.steering import NO_STEERING
from localnpm.learning.guide import Guide
from localnpm.learning.steering import Vectors
from localnpm.memory.procedure_records import Draft
from localnpm.memory.recall import Recall
from localnpm.memory.vector_store import VectorStore

ADD_MILK = 'Add "buy milk" to my todo list'
ADD_EGGS = 'Add "buy eggs" to my todo list'
SCRIPT = "Add a todo\n1. Read todo.md.\n2. Append - [ ] <todo> to it."
EXAMPLE = 'Task: Add "x"\nappend_file(path="todo.md", content="- [ ] x") -> Appended to todo.md\nAnswer: Done.'


@pytest.fixture
def guide(open_desk, embedder):
    """A guide over what a desk has learned; `synthesize` makes vectors on the spot."""

    def open_guide(desk, synthesize=None, seed=1):
        settings, model, database = desk.bench.settings, desk.model, desk.database
        recall = Recall(database, embedder, settings.memory)
        vectors = Vectors(database, model, settings, recall, synthesize)
        return Guide(database, model, settings, recall, vectors, Random(seed))

    return open_guide


def test_a_request_like_a_key_gets_script_and_example(desk, guide):
    desk.teach(SCRIPT, ADD_MILK, example=EXAMPLE)
    given = guide(desk).guide(ADD_EGGS)
    assert (given.scripts, given.example, given.channel) == ((SCRIPT,), EXAMPLE, "script")
    assert given.items[0].name == "add-a-todo" and given.items[0].similarity > 0.8


def test_an_unlike_request_gets_nothing_and_has_no_use(desk, guide):
    desk.teach(SCRIPT, ADD_MILK)
    given = guide(desk).guide("What is the capital of France?")
    assert (given.scripts, given.items, given.uses, given.channel) == ((), (), (), "none")
    assert given.why


def test_an_example_that_is_too_long_is_left_out_and_the_script_stays(desk, guide):
    desk.teach(SCRIPT, ADD_MILK, example="Task: x\n" + "y" * 4 * 300)
    given = guide(desk).guide(ADD_EGGS)
    assert (given.scripts, given.example) == ((SCRIPT,), "")


def test_a_procedure_longer_than_the_budget_is_not_shown_and_the_reason_is_told(desk, guide):
    desk.teach("Add a todo\n" + "1. Read.\n" * 200, ADD_MILK)
    given = guide(desk).guide(ADD_EGGS)
    assert (given.scripts, given.channel) == ((), "none")
    assert "300 tokens" in given.why


def test_a_larger_model_gets_three_procedures_best_first_with_one_example(open_desk, guide):
    desk = open_desk(protocol=0)
    for number, request in enumerate((ADD_MILK, 'Add "milk" to the list', 'Put "milk" on my todo list', ADD_MILK)):
        desk.teach(f"{number}\n1. Do {number}.", request, example=f"Task: {number}")
    given = guide(desk).guide(ADD_MILK)
    assert len(given.scripts) == 3
    assert given.example.removeprefix("Task: ") == given.scripts[0][0]
    similarities = [item.similarity for item in given.items]
    assert similarities == sorted(similarities, reverse=True)
    assert [use.place for use in given.uses] == [0, 1, 2]


def test_each_procedure_is_a_part_of_the_prompt_of_its_own(open_desk):
    desk = open_desk(protocol=0)
    task = desk.bench.task("x", 1, Terms(("One\n1. a", "Two\n1. b"), "Task: x"))
    assert isinstance(task, Task)
    assert task.system.endswith("# Procedure\nOne\n1. a\n\n# Procedure\nTwo\n1. b\n\n# Example\nTask: x")


def test_switched_off_memory_is_withheld_and_still_recorded(desk, guide):
    desk.teach(SCRIPT, ADD_MILK)
    given = guide(desk).guide(ADD_EGGS, "none")
    assert (given.scripts, given.channel) == ((), "none")
    assert [(use.channel, use.counts) for use in given.uses] == [("none", False)]


def test_a_task_withheld_by_chance_has_its_probability(open_desk, guide):
    desk = open_desk(settings=Settings(memory=MemorySettings(holdout=0.5)))
    desk.teach(SCRIPT, ADD_MILK)
    given = [guide(desk, seed=seed).guide(ADD_EGGS) for seed in range(12)]
    channels = {each.channel for each in given}
    assert channels == {"none", "script"}
    assert all(0 < each.uses[0].probability < 1 and each.uses[0].counts for each in given)


def test_a_script_learned_from_a_reason_is_used_whatever_the_holdout(open_desk, guide):
    desk = open_desk(settings=Settings(memory=MemorySettings(holdout=0.5)))
    desk.procedures.add("Add", [(ADD_MILK, None)], Draft(SCRIPT, "", "reason"))
    assert {guide(desk, seed=seed).guide(ADD_EGGS).channel for seed in range(12)} == {"script"}


def test_an_adjusted_version_that_waits_is_tried_now_and_then(desk, guide):
    procedure = desk.teach(SCRIPT, ADD_MILK)
    waiting = desk.procedures.add_version(procedure.id, Draft("Add\n1. Otherwise.", "", "adjusted"))
    tried = [guide(desk, seed=seed).guide(ADD_EGGS).uses[0].version_id for seed in range(12)]
    assert set(tried) == {procedure.active.id, waiting.id}


@pytest.fixture
def with_vector(desk):
    """A procedure with a vector for the model; 3 blocks, 4 numbers wide."""
    procedure = desk.teach(SCRIPT, ADD_MILK)
    file = compose(np.eye(3, 4, dtype=np.float32), np.ones(3, np.float32), 0.5, (1, 3), model_hint="llama")

    def add(status="active", fingerprint="scripted", beside=None):
        return VectorStore(desk.database).add(
            "add-a-todo", to_bytes(file), procedure_id=procedure.id, status=status, origin="distilled", model="m",
            model_fingerprint=fingerprint, coefficient=0.5, layers=(1, 3),
            calibration={} if beside is None else {MEASURED: beside.as_dict()},
        )  # fmt: skip

    return desk, add


def test_the_procedures_vector_steers_at_its_own_strength(with_vector, guide):
    desk, add = with_vector
    stored = add()
    given = guide(desk).guide(ADD_EGGS, "vector")
    assert (given.channel, given.coefficient, given.items[0].vector_id) == ("vector", 0.5, stored.id)
    assert np.allclose(given.steering.buffer(4, 4), np.eye(3, 4) * 0.5 / np.sqrt(3))


def test_beside_the_script_the_vector_acts_at_the_strength_that_was_measured_there(with_vector, guide):
    desk, add = with_vector
    stored = add(beside=Beside(0.125, 9, 5, 7, 0.1, named(SCRIPT)))
    given = guide(desk).guide(ADD_EGGS, "both")
    assert (given.channel, given.coefficient, given.items[0].vector_id) == ("both", 0.125, stored.id)
    assert np.allclose(given.steering.buffer(4, 4), np.eye(3, 4) * 0.125 / np.sqrt(3))
    assert "beside the script the vector acts at 0.12: 7 of 9 held-out turns" in given.why


@pytest.mark.parametrize(
    ("beside", "why"),
    [
        (Beside(0.0, 9, 9, 9, 0.0, named(SCRIPT)), "the script, which does as well alone (9 of 9 held-out turns"),
        (Beside(0.125, 9, 5, 7, 0.1, named("Another")), "measured beside another script"),
        (None, "not measured beside a script"),
    ],
)
def test_a_vector_that_adds_nothing_to_the_script_is_left_out_and_that_is_said(with_vector, guide, beside, why):
    desk, add = with_vector
    add(beside=beside)
    given = guide(desk).guide(ADD_EGGS, "both")
    assert (given.channel, given.steering, given.scripts) == ("script", None, (SCRIPT,))
    assert why in given.why


def test_nothing_is_left_to_chance_between_the_script_and_both_where_both_is_the_script(with_vector, guide):
    desk, add = with_vector
    add(beside=Beside(0.0, 9, 9, 9, 0.0, named(SCRIPT)))
    assert {guide(desk, seed=seed).guide(ADD_EGGS).channel for seed in range(12)} <= {"script", "vector", "none"}


@pytest.mark.parametrize(
    ("status", "fingerprint"), [("candidate", "scripted"), ("quarantined", "scripted"), ("active", "another model")]
)
def test_a_vector_that_is_not_proved_or_of_another_model_is_not_used(with_vector, guide, status, fingerprint):
    desk, add = with_vector
    add(status, fingerprint)
    given = guide(desk).guide(ADD_EGGS, "both")
    assert (given.channel, given.steering) == ("script", None)


def log_judged(desk, request, success):
    seen = desk.play("Done.", request=request)
    desk.bench.log.add_verdict(desk.result(seen).attempt_id, "user", success)


def test_without_a_stored_vector_one_is_made_from_the_nearest_trajectories(desk, guide):
    desk.teach(SCRIPT, ADD_MILK)
    log_judged(desk, ADD_MILK, True)
    log_judged(desk, ADD_MILK, False)
    asked = []

    def synthesize(nearest):
        asked.append([(trajectory.request, success) for trajectory, success, _ in nearest])
        return NO_STEERING, 0.25

    given = guide(desk, synthesize).guide(ADD_EGGS, "vector")
    assert sorted(asked[0]) == [(ADD_MILK, False), (ADD_MILK, True)]
    assert (given.channel, given.coefficient, given.scripts) == ("vector", 0.25, ())


def test_trajectories_that_all_went_well_give_no_differences_to_make_a_vector_of(open_desk, guide):
    desk = open_desk(settings=Settings(learning=LearningSettings(direction="mean")))
    desk.teach(SCRIPT, ADD_MILK)
    log_judged(desk, ADD_MILK, True)
    given = guide(desk, lambda nearest: pytest.fail("asked")).guide(ADD_EGGS, "vector")
    assert given.channel == "none"


def test_where_no_vector_can_be_made_the_task_is_done_without_and_counts_for_nothing(desk, guide):
    desk.teach(SCRIPT, ADD_MILK)
    log_judged(desk, ADD_MILK, True)
    log_judged(desk, ADD_MILK, False)
    given = guide(desk, lambda nearest: (None, 0.0)).guide(ADD_EGGS, "vector")
    assert (given.channel, given.uses[0].channel, given.uses[0].counts) == ("none", "none", False)


def test_beside_a_script_no_vector_is_made_on_the_spot(desk, guide):
    desk.teach(SCRIPT, ADD_MILK)
    log_judged(desk, ADD_MILK, True)
    log_judged(desk, ADD_MILK, False)
    given = guide(desk, lambda nearest: pytest.fail("made")).guide(ADD_EGGS, "both")
    assert (given.channel, given.scripts) == ("script", (SCRIPT,))


def test_nothing_is_steered_by_a_vector_made_on_the_spot_unless_it_was_asked_for(desk, guide):
    desk.teach(SCRIPT, ADD_MILK)
    log_judged(desk, ADD_MILK, True)
    log_judged(desk, ADD_MILK, False)
    asked = guide(desk, lambda nearest: pytest.fail("made"))
    assert {asked.guide(ADD_EGGS).channel for _ in range(12)} <= {"script", "none"}
