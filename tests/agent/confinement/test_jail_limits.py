"""What ends a confined command: each limit, a cancel, its own end, and the death of the program that ran it."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localnpm.agent.jail import CommandResult, Mechanism

Run = Callable[..., CommandResult]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is a jail on Linux only")


def sleepers(mark: str) -> int:
    """How many processes run `sleep MARK`, anywhere on this machine."""
    count = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            count += words[:2] == [b"sleep", mark.encode()]
    return count


def a_mark() -> str:
    """A number of seconds that nobody else sleeps."""
    return f"1000.{time.monotonic_ns()}"


def until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait for something that another process does; whether it came to pass in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        os.sched_yield()
    return True


def test_the_time_limit_ends_a_command(run: Run) -> None:
    result = run("echo begun; sleep 30", seconds=0.3)
    assert (result.exit_code, result.ended_by, result.stdout, result.timed_out) == (None, "time", "begun\n", True)
    assert result.seconds < 2


def test_the_time_limit_ends_a_process_that_left_its_session(run: Run) -> None:
    mark = a_mark()
    run(f"setsid sh -c 'setsid sleep {mark} & exec sleep {mark}' & sleep 30", seconds=0.5)
    assert sleepers(mark) == 0


def test_nothing_is_left_when_the_command_ends_by_itself(run: Run) -> None:
    mark = a_mark()
    result = run(f"(setsid sleep {mark} &); (sleep {mark} &); sleep 0.1; echo done")
    assert (result.stdout, result.exit_code) == ("done\n", 0)
    assert sleepers(mark) == 0


def test_a_background_process_does_not_keep_the_command_waiting(run: Run) -> None:
    assert run("sleep 30 & echo done").seconds < 3


def test_a_process_that_ignores_signals_is_ended(run: Run) -> None:
    result = run("trap '' TERM INT HUP; sleep 30; sleep 30", seconds=0.3)
    assert (result.ended_by, result.seconds < 2) == ("time", True)


def test_cancel_ends_a_command_within_a_quarter_of_a_second(run: Run) -> None:
    result = run("echo begun; sleep 30", cancel_after=0.4)
    assert (result.ended_by, result.exit_code, result.stdout) == ("cancel", None, "begun\n")
    # The worker counts from the cancel on.
    assert result.seconds < 0.25


def test_a_flood_of_output_is_cut_off(run: Run) -> None:
    result = run("yes", output_bytes=10_000)
    assert result.ended_by == "output"
    assert len(result.stdout) < 11_000


def test_long_output_keeps_its_beginning_and_its_end(run: Run) -> None:
    result = run("echo begin; seq 1000; echo end", output_bytes=1000)
    assert result.stdout.startswith("begin\n1\n") and result.stdout.endswith("\n1000\nend\n")
    assert f"[{len('begin end ' + ' '.join(map(str, range(1, 1001))) + ' ') - 1000} bytes left out]" in result.stdout


def test_output_that_is_no_text_is_read_with_replacements(run: Run) -> None:
    assert run(r"printf 'a\377b'").stdout == "a\ufffdb"


def test_a_fork_bomb_is_bounded(run: Run) -> None:
    result = run("bomb() { bomb | bomb & }; bomb; sleep 30", processes=40, seconds=1)
    assert result.seconds < 10
    assert result.ended_by in ("processes", "time") or "Cannot fork" in result.stderr


def test_many_processes_are_ended(run: Run) -> None:
    mark = a_mark()
    result = run(f"for i in $(seq 300); do sleep {mark} & done; wait", processes=40, seconds=1)
    assert result.ended_by == "processes" or "Cannot fork" in result.stderr
    assert sleepers(mark) == 0


def test_a_process_that_wants_too_much_memory_fails(run: Run, python: str) -> None:
    result = run(f"{python} -I -S -c \"bytearray(600 << 20); print('had it')\"", memory_bytes=256 << 20)
    assert "had it" not in result.stdout
    assert "MemoryError" in result.stderr


def test_processes_that_together_want_too_much_memory_are_ended(run: Run, python: str) -> None:
    text = "import time; held = bytearray(90 << 20); held[::4096] = b'x' * len(held[::4096]); time.sleep(30)"
    result = run(" & ".join([f'{python} -I -S -c "{text}"'] * 4) + " & wait", memory_bytes=200 << 20)
    assert result.ended_by == "memory"


def test_processor_time_is_limited(run: Run) -> None:
    result = run("exec sh -c 'while :; do :; done'", cpu_seconds=1)
    assert (result.ended_by, result.exit_code) == ("cpu", None)


def test_the_size_of_a_file_is_limited(run: Run, workspace: Path) -> None:
    result = run("exec head -c 5000000 /dev/zero > big", file_bytes=1_000_000)
    assert result.ended_by == "file size"
    assert (workspace / "big").stat().st_size == 1_000_000


def test_a_death_by_signal_has_the_shells_exit_code(run: Run, python: str) -> None:
    result = run(f"exec {python} -I -S -c 'import ctypes; ctypes.string_at(0)'")
    assert (result.exit_code, result.ended_by) == (128 + 11, "")


def test_nothing_is_left_when_the_program_that_ran_the_command_is_killed(
    worker: Any, mechanism: Mechanism, run: Run, folder: Path, workspace: Path
) -> None:
    run(":")
    mark = a_mark()
    asked = {
        "command": f"setsid sleep {mark} & sleep {mark}", "workspace": str(workspace), "mechanism": mechanism,
        "limits": {}, "hidden": [], "readable": [], "cancel_after": 60,
        # A killed program leaves its temporary folder behind: here where the test clears up.
        "environment": {"TMPDIR": str(folder)},
    }  # fmt: skip
    another = type(worker)(worker.interpreter)
    try:
        another.process.stdin.write(json.dumps(asked) + "\n")
        another.process.stdin.flush()
        assert until(lambda: sleepers(mark) == 2)
    finally:
        another.process.kill()
        another.process.wait()
        another.process.stdin.close()
        another.process.stdout.close()
    assert until(lambda: sleepers(mark) == 0)
