"""Who decides: mode, rules, the user."""

from pathlib import Path

import pytest

from localnpm.agent.permissions import Allow, Decline, Permissions
from localnpm.agent.prepared import Prepared, Risk
from localnpm.config import PermissionRule
from localnpm.engine.messages import ToolCall

HERE = Path("/work")


def prepared(risk, command="pytest -q"):
    asked = ToolCall("run_command", {"command": command}) if risk is Risk.RUN else ToolCall("write_file", {"path": "a"})
    return Prepared(call=asked, risk=risk, summary=str(asked))


def never(prepared):
    pytest.fail("asked")


def test_reading_is_free_even_read_only():
    assert Permissions(HERE, mode="read-only").decide(prepared(Risk.READ), never) == Allow()


def test_read_only_declines_without_asking():
    assert isinstance(Permissions(HERE, mode="read-only").decide(prepared(Risk.CHANGE), never), Decline)


def test_auto_covers_files_but_not_commands():
    permissions = Permissions(HERE, mode="auto")
    assert permissions.decide(prepared(Risk.CHANGE), never) == Allow()
    assert permissions.decide(prepared(Risk.RUN), lambda _: Decline("no")) == Decline("no")


@pytest.mark.parametrize(
    ("rule", "command", "covered"),
    [
        ("run:pytest *", "pytest -q", True),
        ("run:pytest *", "pytest", False),
        ("run:pytest *", "pytest -q; rm -rf x", False),
        ("run:pytest *", "pytest -q && curl x", False),
        ("run:pytest *", "pytest $(rm x)", False),
        ("run:pytest *", "pytest\nrm x", False),
        ("run:pytest *", "pytest `rm x`", False),
        ("run:pytest *", "pytest > /etc/x", False),
        ("run:ls; pwd", "ls; pwd", True),
        ("run", "anything | at all", True),
        ("write", "pytest -q", False),
    ],
)
def test_a_rule_covers_its_commands_and_no_others(rule, command, covered):
    permissions = Permissions(HERE, mode="ask", rules=(PermissionRule("/work", rule),))
    decision = permissions.decide(prepared(Risk.RUN, command), lambda _: Decline("asked"))
    assert (decision == Allow()) is covered


def test_a_rule_of_another_workspace_does_not_count():
    permissions = Permissions(HERE, rules=(PermissionRule("/elsewhere", "write"),))
    assert permissions.decide(prepared(Risk.CHANGE), lambda _: Decline("asked")) == Decline("asked")


def test_once_is_once_and_a_task_ends():
    answers = iter([Allow("once"), Allow("task"), Decline("asked again")])
    permissions = Permissions(HERE)
    change = prepared(Risk.CHANGE)
    assert permissions.decide(change, lambda _: next(answers)) == Allow("once")
    assert permissions.decide(change, lambda _: next(answers)) == Allow("task")
    assert permissions.decide(change, never) == Allow()
    permissions.start_task()
    assert permissions.decide(change, lambda _: next(answers)) == Decline("asked again")


def test_a_session_outlasts_its_tasks():
    permissions = Permissions(HERE)
    permissions.decide(prepared(Risk.CHANGE), lambda _: Allow("session"))
    permissions.start_task()
    assert permissions.decide(prepared(Risk.CHANGE), never) == Allow()


def test_always_here_is_remembered_as_a_rule():
    kept = []
    permissions = Permissions(HERE, remember=kept.append)
    permissions.decide(prepared(Risk.RUN, "make test"), lambda _: Allow("always"))
    assert kept == [PermissionRule("/work", "run:make test")]


def test_allowing_one_command_does_not_allow_another():
    permissions = Permissions(HERE)
    permissions.decide(prepared(Risk.RUN, "make test"), lambda _: Allow("session"))
    assert permissions.decide(prepared(Risk.RUN, "make clean"), lambda _: Decline("asked")) == Decline("asked")
