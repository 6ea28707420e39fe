"""The command line, called as a shell calls it: arguments in; exit code, standard output and error out."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from localnpm.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, named by the environment."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LOCALNPM_HOME", str(folder))
    return folder


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a todo list, in which the test stands."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "todo.md").write_text("# Todo\n- [ ] call the bank\n")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def localnpm(home: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command in this process, without a terminal and with nothing on standard input."""

    def run(*arguments: str) -> Ended:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capfd.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start a command in a process of its own; `stdin` is nothing unless given."""
    started = []

    def run(*arguments: str, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "localnpm", *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()
