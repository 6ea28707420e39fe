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
