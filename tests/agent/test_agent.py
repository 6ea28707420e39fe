"""The loop: what is logged when, what a front end sees, and what ends an attempt. The model plays prepared turns."""

from dataclasses import replace

import pytest

from localnpm.agent import events
from localnpm.agent.agent import Agent
from localnpm.agent.attempt import Task
from localnpm.agent.journal import Journal
from localnpm.agent.permissions import Allow, Decline, Edit, Permissions
from localnpm.agent.scripted import ScriptedModel, answer, call
from localnpm.agent.tools import FileTools
from localnpm.agent.workspace import Workspace
from localnpm.config import AgentSettings
from localnpm.engine.cancel import Cancel
from localnpm.engine.sampling import GREEDY
from localnpm.engine.turns import Turn
from localnpm.errors import WorkspaceError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database


class Bench:
    """An agent on a real folder and a real log, with a scripted model."""

    def __init__(self, tmp_path, *turns, mode="auto", protocol=1, context=2048, **limits):
        self.root = tmp_path / "work"
        self.root.mkdir(exist_ok=True)
        self.database = Database.open(tmp_path / "memory.db")
        self.log = AttemptLog(self.database)
        self.model = ScriptedModel(*turns, protocol=protocol, context=context)
        self.session = self.log.start_session(self.root, "a test")
        self.permissions = Permissions(self.root, mode=mode)
        self.agent = Agent(self.model, self.open_tools, self.log, self.permissions, AgentSettings(**limits))
        self.undo = tmp_path / "undo"

    def open_tools(self, attempt_id, cancel):
        return FileTools(Workspace(self.root), Journal(self.database, self.undo, attempt_id, self.root))

    def run(self, request="do it", **given):
        task = Task(request, self.session, "system text", GREEDY)
        return list(self.agent.run(task, **given))


def kinds(seen):
    return [event.type for event in seen]


def test_an_answer_without_a_call_ends_the_attempt(tmp_path):
    bench = Bench(tmp_path, "Hello.")
    seen = bench.run()
    assert kinds(seen) == ["attempt_started", "token", "token", "answer", "result"]
    assert (seen[-1].status, seen[-1].answer, seen[-1].steps) == ("done", "Hello.", 0)


def test_a_call_is_carried_out_and_its_result_goes_back_to_the_model(tmp_path):
    bench = Bench(tmp_path, call("write_file", path="a.txt", content="hi\n"), "Done.")
    seen = bench.run()
    assert (bench.root / "a.txt").read_text() == "hi\n"
    assert [message.content for message in bench.model.seen[1]][-1] == "Wrote a.txt"
    assert seen[-1].changed == ("a.txt",)


def test_the_diff_is_shown_before_anything_changes(tmp_path):
    bench = Bench(tmp_path, call("write_file", path="a.txt", content="hi\n"), "Done.")
    for event in bench.agent.run(Task("do it", bench.session, "s", GREEDY)):
        if isinstance(event, events.ToolCalled):
            assert "+hi" in event.diff
            assert not (bench.root / "a.txt").exists()
            break
    else:
        pytest.fail("no call was seen")


def test_the_attempt_is_in_the_log_before_the_first_token(tmp_path):
    bench = Bench(tmp_path, "Hello.")
    stream = bench.agent.run(Task("do it", bench.session, "system text", GREEDY))
    started = next(stream)
    logged = bench.log.attempt(started.attempt_id)
    assert (logged.status, logged.request, logged.system) == ("running", "do it", "system text")
    assert bench.model.seen == []
    stream.close()


def test_a_step_is_in_the_log_before_its_tool_acts(tmp_path):
    bench = Bench(tmp_path, call("write_file", path="a.txt", content="hi\n"), "Done.")
    for event in bench.agent.run(Task("do it", bench.session, "s", GREEDY)):
        if isinstance(event, events.ToolCalled):
            (step,) = bench.log.steps(1)
            assert (step.id, step.tool, step.result) == (event.step_id, "write_file", None)
            break


@pytest.mark.parametrize("seen", [1, 2])
def test_a_stream_that_is_closed_leaves_a_cancelled_attempt(tmp_path, seen):
    bench = Bench(tmp_path, "Hello.")
    stream = bench.agent.run(Task("do it", bench.session, "s", GREEDY))
    for _ in range(seen):
        next(stream)
    stream.close()
    assert bench.log.attempt(1).status == "cancelled"


def test_exact_texts_are_kept(tmp_path):
    turn = call("list_directory", path=".")
    bench = Bench(tmp_path, turn, answer("Nothing here.", thought="empty"))
    bench.run()
    listing, final = bench.log.steps(1)
    assert (listing.text, listing.result) == (turn.raw, "(empty)")
    assert (final.text, final.thought, final.tool) == ("Nothing here.", "empty", None)


def test_several_calls_in_a_turn_are_executed_in_order(tmp_path):
    first, second = (call("append_file", path="a.txt", content=word) for word in ("one", "two"))
    both = Turn(raw="both", calls=(*first.calls, *second.calls))
    bench = Bench(tmp_path, both, "Done.")
    bench.run()
    assert (bench.root / "a.txt").read_text() == "one\ntwo\n"
    assert [step.text for step in bench.log.steps(1)] == ["both", "", "Done."]


def test_a_declined_change_is_not_made_and_the_model_reads_why(tmp_path):
    bench = Bench(tmp_path, call("write_file", path="a.txt", content="hi"), "All right.", mode="ask")
    bench.run(approve=lambda prepared: Decline("use b.txt"))
    assert not (bench.root / "a.txt").exists()
    assert bench.model.seen[1][-1].content == "Error: the user declined: use b.txt"


def test_an_edited_change_is_what_is_made_and_what_the_model_sees(tmp_path):
    bench = Bench(tmp_path, call("write_file", path="a.txt", content="hi"), "Done.", mode="ask")
    bench.run(approve=lambda prepared: Edit({"path": "b.txt", "content": "hello"}))
    assert (bench.root / "b.txt").read_text() == "hello"
    assert not (bench.root / "a.txt").exists()
    assert bench.model.seen[1][-2].tool_calls[0].arguments["path"] == "b.txt"
    assert bench.log.steps(1)[0].arguments == {"path": "b.txt", "content": "hello"}


def test_reading_needs_no_approval(tmp_path):
    bench = Bench(tmp_path, call("list_directory", path="."), "Done.", mode="ask")
    bench.run(approve=lambda prepared: pytest.fail("asked"))
    assert bench.model.seen[1][-1].content == "(empty)"


def test_allowing_a_task_asks_once(tmp_path):
    asked = []
    turns = [call("write_file", path=name, content="x") for name in ("a", "b")]
    bench = Bench(tmp_path, *turns, "Done.", mode="ask")
    bench.run(approve=lambda prepared: (asked.append(prepared), Allow("task"))[1])
    assert len(asked) == 1
    assert (bench.root / "b").exists()


def test_a_failed_call_is_told_to_the_model_and_the_attempt_goes_on(tmp_path):
    bench = Bench(tmp_path, call("read_file", path="no.txt"), "It is not there.")
    seen = bench.run()
    result = next(event for event in seen if isinstance(event, events.ToolResult))
    assert (result.result, result.ok) == ("Error: no such file: no.txt", False)
    assert seen[-1].status == "done"


def test_an_unreadable_call_is_answered_with_an_error(tmp_path):
    bench = Bench(tmp_path, Turn(raw="<tool_call>{", invalid=("not JSON",)), "Sorry.")
    bench.run()
    assert bench.model.seen[1][-1].content == "Error: invalid tool call: not JSON"


def test_the_third_identical_call_in_a_row_ends_the_attempt(tmp_path):
    bench = Bench(tmp_path, *[call("list_directory", path=".")] * 5)
    result = bench.run()[-1]
    assert result.status == "failed" and "same call 3 times" in result.error
    assert len(bench.model.turns) == 2


def test_the_step_limit_ends_the_attempt_and_names_the_setting(tmp_path):
    turns = [call("write_file", path=f"{n}.txt", content="x") for n in range(5)]
    result = Bench(tmp_path, *turns, steps=2).run()[-1]
    assert result.status == "failed" and "agent.steps" in result.error
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["0.txt", "1.txt"]


def test_the_token_limit_ends_the_attempt(tmp_path):
    result = Bench(tmp_path, "x" * 400, tokens=16).run()[-1]
    assert result.status == "failed" and "cut off" in result.error


def test_a_cancel_keeps_what_was_said(tmp_path):
    bench = Bench(tmp_path, "Hello there.")
    cancel = Cancel()
    seen = []
    for event in bench.agent.run(Task("do it", bench.session, "s", GREEDY), cancel=cancel):
        seen.append(event)
        if isinstance(event, events.Token):
            cancel.set()
    assert seen[-1].status == "cancelled"
    assert bench.log.steps(1)[0].text == "Hello "
    assert bench.log.attempt(1).surroundings


def test_a_workspace_that_has_gone_is_a_failed_attempt_not_a_crash(tmp_path):
    def gone(attempt_id, cancel):
        raise WorkspaceError("the workspace has gone")

    bench = Bench(tmp_path, "Hello.")
    agent = Agent(bench.model, gone, bench.log, bench.permissions, AgentSettings())
    result = list(agent.run(Task("do it", bench.session, "s", GREEDY)))[-1]
    assert (result.status, result.error) == ("failed", "the workspace has gone")


def test_a_conversation_remembers_earlier_attempts_without_thoughts(tmp_path):
    bench = Bench(tmp_path, call("list_directory", path="."), answer("Empty.", thought="hm"), "Bye.")
    bench.run("look")
    bench.run("bye")
    roles = [(message.role, message.content) for message in bench.model.seen[2]]
    assert roles == [
        ("system", "system text"), ("user", "look"), ("assistant", ""), ("tool", "(empty)"), ("assistant", "Empty."),
        ("user", "bye"),
    ]  # fmt: skip


def test_an_undone_attempt_is_left_out_of_the_conversation(tmp_path):
    bench = Bench(tmp_path, "One.", "Two.")
    bench.run("first")
    bench.log.set_undone(1, True)
    bench.run("second")
    assert [message.content for message in bench.model.seen[1]] == ["system text", "second"]


def test_a_long_result_is_cut_at_a_lines_end_and_says_so(tmp_path):
    bench = Bench(tmp_path, call("read_file", path="long.txt"), "Done.", context=400)
    (bench.root / "long.txt").write_text("".join(f"line {n}\n" for n in range(200)))
    bench.run()
    result = bench.model.seen[1][-1].content
    shown = result.split("\n[cut: ")[0]
    assert result.endswith(f"\n[cut: {len(shown.splitlines())} of 201 lines]")
    assert bench.model.count(shown) <= 100


def test_a_mistake_of_the_agents_own_is_not_put_down_to_the_surroundings(tmp_path):
    bench = Bench(tmp_path, call("write_file", path="/etc/passwd", content="x"), "Sorry.")
    bench.run()
    assert not bench.log.attempt(1).surroundings


class FullDisk(FileTools):
    """Tools on a disk that has no space left."""

    def perform(self, prepared, step_id):
        return f"Error: no space left: {prepared.call.arguments['path']}"


def test_a_full_disk_is_put_down_to_the_surroundings(tmp_path):
    bench = Bench(tmp_path, call("write_file", path="a.txt", content="x"), "Sorry.")
    agent = replace(bench.agent, open_tools=lambda attempt_id, cancel: FullDisk(Workspace(bench.root)))
    list(agent.run(Task("do it", bench.session, "s", GREEDY)))
    assert bench.log.attempt(1).surroundings
