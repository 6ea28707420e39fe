"""`localnpm distill` as a shell calls it, with the bundled model; and what a kill at any point leaves behind."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.procedures import Procedures

REQUESTS = ("Add buy milk to my todo list", "Put call the bank on my todo list", "Add water the plants to todo.md")


def log_successes(home: Path, requests: tuple[str, ...] = REQUESTS, folder: str = "") -> None:
    """Log attempts that the user has judged good."""
    with Database.open(home / "memory.db") as database:
        log = AttemptLog(database)
        for request in requests:
            attempt = log.start_attempt(
                log.start_session("/w", request), request, workspace="/w", model="m", model_fingerprint="f",
                system="You help.", sampling={},
            )  # fmt: skip
            for turn, (tool, arguments, result) in enumerate(
                [
                    ("read_file", {"path": f"{folder}todo.md"}, "# Todo"),
                    ("append_file", {"path": f"{folder}todo.md", "content": "* it"}, "Appended to todo.md"),
                ]
            ):
                step = log.start_step(attempt, turn=turn, text=call(tool, arguments), tool=tool, arguments=arguments)
                log.finish_step(step, result)
            log.start_step(attempt, turn=2, text="Done: it is on the list.")
            log.finish_attempt(attempt, "done", "Done: it is on the list.")
            log.add_verdict(attempt, "user", True)


def call(tool: str, arguments: dict[str, str]) -> str:
    """A turn that calls a tool, as the bundled model writes it."""
    return f"<tool_call>\n{json.dumps({'name': tool, 'arguments': arguments})}\n</tool_call>"


def learned(home: Path) -> list[tuple[str, str]]:
    """Names and scripts of what is there."""
    with Database.open(home / "memory.db") as database:
        return [(each.name, each.active.script if each.active else "") for each in Procedures(database).all()]


def test_what_was_judged_is_learned_and_told(localnpm: Callable[..., Any], home: Path) -> None:
    log_successes(home, REQUESTS[:1])
    ended = localnpm("distill", "--no-vectors")
    assert ended.code == 0
    assert "1 newly judged attempt." in ended.out
    assert "learned from 1 success" in ended.out
    ((_, script),) = learned(home)
    assert "\n1. " in script


def test_the_status_says_how_far_the_next_pass_is(localnpm: Callable[..., Any], home: Path) -> None:
    log_successes(home)
    ended = localnpm("distill", "--status")
    assert "3 newly judged attempts; the next pass is due at 10" in ended.out
    told = json.loads(localnpm("distill", "--status", "--json").out)
    assert (told["newly_judged"], told["due"], told["passes"]) == (3, False, [])


def test_a_pass_is_taken_back(localnpm: Callable[..., Any], home: Path) -> None:
    log_successes(home)
    done = json.loads(localnpm("distill", "--no-vectors", "--build", "trajectory", "--json").out.splitlines()[-1])
    assert (done["status"], len(done["summary"]["procedures"])) == ("published", 1)
    ended = localnpm("distill", "--revert", str(done["id"]))
    assert ended.code == 0
    assert "taken back" in ended.out
    assert learned(home) == []


def test_reverting_where_there_is_nothing_is_an_error(localnpm: Callable[..., Any]) -> None:
    ended = localnpm("distill", "--revert")
    assert ended.code == 2
    assert "no published pass" in ended.err


def test_reverting_goes_with_no_other_action(localnpm: Callable[..., Any]) -> None:
    assert localnpm("distill", "--revert", "--status").code == 2


def test_the_build_policy_can_be_given(localnpm: Callable[..., Any], home: Path) -> None:
    log_successes(home)
    localnpm("distill", "--no-vectors", "--build", "trajectory")
    ((name, script),) = learned(home)
    assert script == ""
    assert name


def until(running: "subprocess.Popen[str]", what: str) -> None:
    """Read a pass's events up to one that begins so."""
    assert running.stdout is not None
    for line in running.stdout:
        if json.loads(line).get("what", "").startswith(what):
            return
    raise AssertionError(f"the pass ended before {what!r}")


def test_ctrl_c_leaves_the_memory_as_it_was(start: Callable[..., "subprocess.Popen[str]"], home: Path) -> None:
    log_successes(home, REQUESTS[:1])
    running = start("distill", "--no-vectors", "--json")
    until(running, REQUESTS[0])
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert json.loads(out.splitlines()[-1])["status"] == "interrupted"
    assert "Traceback" not in err
    assert learned(home) == []


@pytest.mark.parametrize("point", ["reading the log", REQUESTS[0], "publishing"])
def test_a_kill_at_any_point_leaves_all_or_nothing(
    start: Callable[..., "subprocess.Popen[str]"], localnpm: Callable[..., Any], home: Path, point: str
) -> None:
    log_successes(home, REQUESTS[:1])
    running = start("distill", "--no-vectors", "--json")
    until(running, point)
    running.kill()
    running.communicate()
    with Database.open(home / "memory.db") as database:
        assert database.check(thorough=True) == ()
    assert len(learned(home)) == 0 if point != "publishing" else len(learned(home)) <= 1
    assert localnpm("distill", "--no-vectors", "--build", "trajectory").code == 0
    assert len(learned(home)) == 1
    assert "running" not in localnpm("distill", "--status").out


@pytest.mark.parametrize(
    "command",
    [
        ("distill", "--revert"), ("attempts", "show"), ("attempts", "forget", "--yes"), ("sessions", "show"),
        ("undo",), ("redo",), ("vector", "show"), ("memory", "show"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("digits", [20, 5000])
def test_a_number_larger_than_any_id_is_refused_in_words(
    localnpm: Callable[..., Any], command: tuple[str, ...], digits: int
) -> None:
    ended = localnpm(*command, "9" * digits)
    assert ended.code and "Error" in ended.err
