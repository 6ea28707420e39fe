"""`localnpm watch` as a shell calls it."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Localnpm = Callable[..., Any]


@pytest.fixture
def done(work: Path, localnpm: Localnpm) -> Path:
    """A folder that is watched, and in which a line has been added to the todo list."""
    localnpm("watch", "start", "put", "milk", "on", "my", "list")
    with (work / "todo.md").open("a") as file:
        file.write("- [ ] milk\n")
    return work


def answer(lines: str, **environment: str) -> str:
    """What `watch stop` shows at a terminal where these lines are typed."""
    ours, theirs = pty.openpty()
    os.write(ours, lines.encode())
    process = subprocess.Popen(
        [sys.executable, "-m", "localnpm", "watch", "stop"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | environment,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    process.wait(timeout=60)
    os.close(ours)
    return shown.decode()


def test_without_a_terminal_the_calls_are_shown_and_nothing_is_logged(done: Path, localnpm: Localnpm) -> None:
    ended = localnpm("watch", "stop")
    assert 'append_file(path="todo.md", content="- [ ] milk")' in ended.out
    assert json.loads(localnpm("attempts", "list", "--json").out) == []
    assert len(json.loads(localnpm("watch", "status", "--json").out)) == 1


def test_yes_logs_a_success_in_the_users_words(done: Path, localnpm: Localnpm) -> None:
    localnpm("watch", "stop", "--yes")
    (attempt,) = json.loads(localnpm("attempts", "list", "--outcome", "success", "--json").out)
    assert attempt["request"] == "put milk on my list"


def test_yes_does_not_accept_what_calls_cannot_tell(done: Path, localnpm: Localnpm) -> None:
    (done / "photo.jpg").write_bytes(b"\xff\x00")
    ended = localnpm("watch", "stop", "--yes")
    assert (ended.code, "photo.jpg" in ended.err) == (1, True)
    assert len(json.loads(localnpm("watch", "status", "--json").out)) == 1


def test_a_cancelled_watch_learns_nothing(done: Path, localnpm: Localnpm) -> None:
    localnpm("watch", "cancel")
    ended = localnpm("watch", "stop")
    assert (ended.code, "not being watched" in ended.err) == (2, True)


def test_the_folder_can_be_named_from_elsewhere(
    done: Path, localnpm: Localnpm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "append_file" in localnpm("watch", "stop", "-w", str(done)).out


def test_a_request_is_shown_harmlessly(work: Path, localnpm: Localnpm) -> None:
    localnpm("watch", "start", "a \x1b[31mred\x1b[0m task")
    assert "\x1b" not in localnpm("watch", "status").out


def test_at_a_terminal_it_is_accepted(done: Path) -> None:
    assert "Logged as attempt 1" in answer("a\n")


def test_at_a_terminal_the_calls_can_be_edited_first(done: Path, tmp_path: Path) -> None:
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import sys, pathlib\n"
        "file = pathlib.Path(sys.argv[1])\n"
        "file.write_text(file.read_text().replace('milk', 'bread'))\n"
    )
    shown = answer("e\na\n", VISUAL=f"{sys.executable} {editor}")
    assert 'content="- [ ] bread"' in shown
    assert "do not leave todo.md as you did" in shown


def test_at_a_terminal_it_can_be_discarded(done: Path, localnpm: Localnpm) -> None:
    answer("d\n")
    assert json.loads(localnpm("watch", "status", "--json").out) == []
