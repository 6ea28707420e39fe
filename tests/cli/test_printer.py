"""What a plain terminal shows of an attempt's events."""

import pytest

from localnpm.agent import events
from localnpm.cli.printer import Printer


def result(**given):
    values = {
        "attempt_id": 7, "session_id": 1, "status": "done", "answer": "Done.", "error": "", "steps": 2, "changed": (),
        "prompt_tokens": 10, "generated_tokens": 5, "tokens_per_second": 100.0, "seconds": 0.5,
    }  # fmt: skip
    return events.Result(**(values | given))


@pytest.fixture
def shown(capsys):
    def show(*seen, stream=False, undo="localnpm undo {attempt}"):
        printer = Printer(stream=stream, undo=undo)
        for event in seen:
            printer.show(event)
        return capsys.readouterr()

    return show


def test_the_answer_alone_is_on_standard_output(shown):
    output = shown(events.ToolCalled(1, "read_file", {}, "Read a.md", ""), events.Answer("Done."), result())
    assert output.out == "Done.\n"
    assert "Read a.md" in output.err


def test_a_streamed_answer_is_not_printed_twice(shown):
    output = shown(events.Token("Do"), events.Token("ne."), events.Answer("Done."), result(), stream=True)
    assert output.out == "Done.\n"


def test_what_was_changed_is_told_with_the_way_back(shown):
    assert "changed a.md; localnpm undo 7 takes it back" in shown(result(changed=("a.md",))).err


def test_a_private_run_promises_no_way_back(shown):
    assert "takes it back" not in shown(result(changed=("a.md",)), undo="").err


def test_control_characters_of_a_model_do_not_reach_the_terminal(shown):
    output = shown(events.Answer("\x1b[2Jgone\u202e"), events.ToolResult(1, "x", "Error: \x1b]0;t\x07", ok=False))
    assert "\x1b" not in output.out + output.err
    assert "\u202e" not in output.out


def test_a_failure_is_told(shown):
    assert (
        "failed: stopped after 30 tool calls" in shown(result(status="failed", error="stopped after 30 tool calls")).err
    )


def test_dropped_exchanges_are_told(shown):
    assert "3 oldest" in shown(events.ContextDropped(3)).err


def recalled(**given):
    item = events.RecalledItem(
        1, 1, None, "add-a-todo", "Add a todo", 0.8312, 3, 4, None, None, 'similarity 0.83 to "x"; worked in 3 of 4'
    )  # fmt: skip
    values = {"channel": "script", "items": (item,), "coefficient": 0.0, "why": "used as it is at first"}
    return events.Recalled(**(values | given))


def test_what_was_recalled_is_one_line_with_the_way_to_do_without(shown):
    assert shown(recalled()).err == (
        "recalled add-a-todo (similarity 0.83, 3 of 4 worked), as script · without it: --no-memory\n"
    )


def test_steering_is_told_with_its_strength(shown):
    assert "as both at 0.6" in shown(recalled(channel="both", coefficient=0.6)).err


def test_what_was_withheld_is_told_with_the_reason(shown):
    line = shown(recalled(channel="none", why="kept without memory this once")).err
    assert "not used: kept without memory this once" in line and "--no-memory" not in line


def test_nothing_recalled_is_not_worth_a_line(shown):
    assert shown(recalled(channel="none", items=(), why="nothing is near enough")).err == ""


def test_what_keeps_memory_from_being_used_is_told(shown):
    problem = recalled(channel="none", items=(), why="", problem="/x cannot be used as a sentence embedder")
    assert "memory cannot be used: /x cannot" in shown(problem).err


def test_what_was_learned_is_told(shown):
    assert shown(events.Learned("Learned: Add a todo (add-a-todo)", 1)).err == "Learned: Add a todo (add-a-todo)\n"
