"""What front ends call: recall around an attempt, verdicts, and that private runs and broken embedders do no harm."""

import pytest

from localnpm.agent.events import AttemptStarted, Recalled
from localnpm.agent.permissions import Decline
from localnpm.agent.scripted import ScriptedModel, call
from localnpm.config import LearningSettings, MemorySettings, Settings
from localnpm.errors import LocalnpmError, NotFoundError, SteeringError
from localnpm.learning.learner import embedder_opener
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.memory.uses import of_attempt
from localnpm.memory.verdicts import ledger

ADD_MILK = 'Add "buy milk" to my todo list'
ADD_EGGS = 'Add "buy eggs" to my todo list'
SCRIPT = "Add a todo\n1. Append - [ ] <todo> to todo.md."
APPEND = call("append_file", path="todo.md", content="- [ ] buy milk")


def test_what_is_recalled_is_told_right_after_the_beginning(desk):
    desk.teach(SCRIPT, ADD_EGGS)
    seen = desk.play("Done.")
    assert [type(event) for event in seen[:2]] == [AttemptStarted, Recalled]
    assert desk.recalled(seen).items[0].name == "add-a-todo"


def test_the_model_reads_the_script_and_the_log_says_through_which_channel(desk):
    procedure = desk.teach(SCRIPT, ADD_EGGS)
    attempt = desk.bench.log.attempt(desk.result(desk.play("Done.")).attempt_id)
    assert desk.prompt().endswith("# Procedure\n" + SCRIPT)
    assert (attempt.channel, attempt.system) == ("script", desk.prompt())
    (use,) = of_attempt(desk.database, attempt.id)
    assert (use.procedure_id, use.version_id, use.channel) == (procedure.id, procedure.active.id, "script")


def test_memory_can_be_switched_off_for_what_comes_next(desk):
    desk.teach(SCRIPT, ADD_EGGS)
    desk.learner.memory = "none"
    desk.play("Done.")
    assert "# Procedure" not in desk.prompt()


def test_no_embedder_is_opened_before_there_is_something_to_compare_a_request_with(open_desk, embedder):
    opened = []
    desk = open_desk(embedding=lambda: opened.append(1) or embedder)
    desk.play("Done.")
    assert opened == []
    desk.teach(SCRIPT, ADD_EGGS)
    desk.play("Done.")
    desk.play("Done.")
    assert opened == [1]


def test_a_missing_embedder_is_told_and_the_task_is_done_without_memory(open_desk, tmp_path):
    settings = Settings(memory=MemorySettings(embedder=str(tmp_path / "nowhere")))
    desk = open_desk(settings=settings, embedding=embedder_opener(settings))
    desk.teach(SCRIPT, ADD_EGGS)
    seen = desk.play("Done.")
    assert "nowhere" in desk.recalled(seen).problem
    assert desk.result(seen).status == "done"
    assert "# Procedure" not in desk.prompt()


def counts(database):
    tables = [row["name"] for row in database.query("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: database.query(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in tables}


def test_a_private_run_uses_what_was_learned_and_leaves_no_row(open_desk, tmp_path):
    lasting = open_desk()
    lasting.teach(SCRIPT, ADD_EGGS)
    lasting.model.turns += ScriptedModel("Done.").turns
    list(lasting.bench.run(ADD_MILK, lasting.bench.new_session(ADD_MILK)))
    before = counts(lasting.database)
    desk = open_desk(private=True, lent=lasting.database.read_only())
    desk.play(APPEND, "Done.")
    assert "# Procedure" in desk.prompt()
    assert counts(lasting.database) == before


def test_a_private_run_is_not_learned_from(open_desk):
    desk = open_desk(private=True, settings=Settings(learning=LearningSettings(every=1)))
    desk.learner.judge(desk.result(desk.play("Done.")).attempt_id, True)
    assert not desk.learner.due()
    with pytest.raises(LocalnpmError, match="private"):
        desk.learner.distil("command")


def test_nothing_is_learned_while_a_task_runs(desk):
    desk.model.turns += ["unused"]
    running = desk.learner.run(ADD_MILK, desk.bench.new_session(ADD_MILK))
    next(running)
    with pytest.raises(LocalnpmError, match="under way"):
        desk.learner.distil("command")
    running.close()


def test_a_task_that_was_stopped_does_not_keep_the_next_from_running(desk):
    running = desk.learner.run(ADD_MILK, desk.bench.new_session(ADD_MILK))
    next(running)
    running.close()
    assert desk.result(desk.play("Done.")).status == "done"


def test_memory_takes_its_turn_with_the_model(open_desk):
    settings = Settings(memory=MemorySettings(holdout=0.0, key="avefact"))
    desk = open_desk(settings=settings)
    desk.teach(SCRIPT, ADD_EGGS)
    running = desk.learner.run(ADD_MILK, desk.bench.new_session(ADD_MILK))
    desk.model.turns += ScriptedModel("eggs", "milk").turns
    next(running)
    asked = len(desk.model.seen)
    with pytest.raises(LocalnpmError, match="under way"):
        next(desk.learner.run(ADD_EGGS, desk.bench.new_session(ADD_EGGS)))
    running.close()
    assert len(desk.model.seen) == asked


def test_a_script_that_is_forgotten_between_recall_and_the_attempt_is_not_left_in_its_system_text(desk):
    procedure = desk.teach(SCRIPT, ADD_EGGS)
    waiting = desk.bench.agent

    class Forgetting:
        """Forgets when everything was recalled, and nothing is logged yet."""

        def run(self, task, **how):
            desk.procedures.forget(procedure.id)
            return waiting.run(task, **how)

    desk.bench.agent = Forgetting()
    attempt = desk.result(desk.play("Done.")).attempt_id
    assert "Append" in desk.prompt()
    assert "Append" not in desk.bench.log.attempt(attempt).system


def test_a_declined_change_is_evidence_with_its_reason(open_desk):
    desk = open_desk(allow=frozenset(), terminal=True)
    desk.model.turns += ScriptedModel(APPEND, "Sorry.").turns
    session = desk.bench.new_session(ADD_MILK)
    seen = list(desk.learner.run(ADD_MILK, session, approve=lambda _: Decline("I keep them sorted")))
    (entry,) = ledger(desk.database, desk.result(seen).attempt_id)
    assert (entry.source, entry.success, entry.reason) == ("declined", False, "I keep them sorted")


def test_a_message_that_corrects_is_evidence_before_it_is_carried_out(desk):
    session = desk.bench.new_session(ADD_MILK)
    first = desk.result(desk.play(APPEND, "Done.", session=session)).attempt_id
    desk.play("Done.", request="No, not like that: at the top", session=session)
    assert [entry.source for entry in ledger(desk.database, first)] == ["correction"]


def test_one_bad_verdict_on_a_procedure_that_worked_five_times_leaves_it_in_use(desk):
    procedure = desk.teach(SCRIPT, ADD_EGGS)
    for _ in range(5):
        desk.learner.judge(desk.result(desk.play("Done.")).attempt_id, True)
    desk.learner.judge(desk.result(desk.play("Done.")).attempt_id, False, "I wanted it at the top")
    seen = desk.play("Done.")
    assert desk.recalled(seen).items[0].version_id == procedure.active.id
    assert "# Procedure\n" + SCRIPT in desk.prompt()
    assert (desk.recalled(seen).items[0].wins, desk.recalled(seen).items[0].uses) == (5, 6)


def test_a_bad_verdict_without_a_reason_offers_no_retry(desk):
    attempt = desk.result(desk.play("Done.")).attempt_id
    assert not desk.learner.judge(attempt, False).can_retry
    assert desk.learner.judge(attempt, False, "I sort them").can_retry
    assert not desk.learner.judge(attempt, True, "well done").can_retry


def test_a_verdict_on_what_is_not_there_is_an_error(desk):
    with pytest.raises(NotFoundError):
        desk.learner.judge(77, True)


def test_steering_by_hand_needs_a_model_that_can_be_steered(desk):
    with pytest.raises(SteeringError, match="scripted"):
        desk.learner.steer(["add-a-todo:0.6"])


def test_what_another_process_has_learned_is_recalled_at_once(desk, tmp_path):
    desk.play("Done.")
    with Database.open(tmp_path / "home" / "memory.db") as other:
        Procedures(other).add("Add a todo", [(ADD_EGGS, None)], Draft(SCRIPT, "", "built"))
    assert desk.recalled(desk.play("Done.")).items[0].name == "add-a-todo"
