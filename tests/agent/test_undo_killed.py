"""Killed at any line, with no chance to clean up: undo leaves what was there before, redo what was there after."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from localnpm.agent.undo import UndoReport, redo, undo
from localnpm.errors import NotFoundError
from localnpm.memory.database import Database
from localnpm.memory.process import recover

WORKER = Path(__file__).with_name("dying_worker.py")
POINTS = 12

What = Literal["act", "undo", "redo"]
TreeOf = Callable[[Path], Any]


def work(what: What, *pairs: tuple[int, Path]) -> str:
    """Let a worker die at each line in its folder."""
    arguments = [str(value) for pair in pairs for value in pair]
    done = subprocess.run(
        [sys.executable, str(WORKER), what, *arguments],
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def fill(folder: Path) -> None:
    root = folder / "workspace"
    (root / "docs/inner").mkdir(parents=True)
    (folder / "home").mkdir()
    for name, text in [("notes.md", "one\n"), ("old.txt", "old"), ("docs/a.md", "a"), ("docs/inner/b.md", "b")]:
        (root / name).write_text(text)
    (root / "old.txt").chmod(0o640)


@contextmanager
def memory(folder: Path) -> Iterator[Database]:
    with Database.open(folder / "home/memory.db") as db:
        recover(db, folder / "home/run")
        yield db


def finish(way: Callable[..., UndoReport], folder: Path) -> tuple[Any, ...]:
    """Undo or redo; what was refused. Nothing where there was nothing to do any more."""
    with memory(folder) as db:
        try:
            return way(db, folder / "home/undo").refused
        except NotFoundError:
            return ()


def desks(parent: Path, count: int) -> list[Path]:
    """Folders, each with a workspace and a home of its own."""
    folders = [parent / str(number) for number in range(count)]
    for folder in folders:
        fill(folder)
    return folders


def kill_everywhere(what: What, folders: list[Path]) -> None:
    """Let a worker be killed in each folder but the first, each at another point of what it does in the first."""
    first, *others = folders
    lines = int(work(what, (0, first)))
    assert lines > len(others)
    work(what, *((1 + point * lines // len(others), folder) for point, folder in enumerate(others)))


@pytest.mark.slow
def test_an_attempt_killed_at_any_line_can_be_undone(tmp_path: Path, tree_of: TreeOf) -> None:
    folders = desks(tmp_path, POINTS)
    before = tree_of(folders[0] / "workspace")
    kill_everywhere("act", folders)
    for folder in folders:
        assert finish(undo, folder) == ()
        assert tree_of(folder / "workspace") == before


@pytest.mark.slow
def test_an_undo_killed_at_any_line_is_finished_by_the_next(tmp_path: Path, tree_of: TreeOf) -> None:
    folders = desks(tmp_path, POINTS)
    before = tree_of(folders[0] / "workspace")
    work("act", *((0, folder) for folder in folders))
    after = tree_of(folders[0] / "workspace")
    kill_everywhere("undo", folders)
    for folder in folders:
        assert finish(undo, folder) == ()
        assert tree_of(folder / "workspace") == before
        assert finish(redo, folder) == ()
        assert tree_of(folder / "workspace") == after


@pytest.mark.slow
def test_a_redo_killed_at_any_line_is_finished_by_the_next(tmp_path: Path, tree_of: TreeOf) -> None:
    folders = desks(tmp_path, POINTS)
    before = tree_of(folders[0] / "workspace")
    work("act", *((0, folder) for folder in folders))
    after = tree_of(folders[0] / "workspace")
    work("undo", *((0, folder) for folder in folders))
    kill_everywhere("redo", folders)
    for folder in folders:
        assert finish(redo, folder) == ()
        assert tree_of(folder / "workspace") == after
        assert finish(undo, folder) == ()
        assert tree_of(folder / "workspace") == before
