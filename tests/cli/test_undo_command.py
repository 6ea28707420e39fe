"""`localnpm undo` and `localnpm redo` on the command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localnpm.agent.journal import Journal
from localnpm.agent.tools import FileTools
from localnpm.agent.workspace import Workspace
from localnpm.engine.messages import ToolCall
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose one attempt has made a.md and b.md in the workspace beside it."""
    home, root = tmp_path / "home", tmp_path / "workspace"
    root.mkdir()
    with Database.open(home / "memory.db") as db:
        log = AttemptLog(db)
        session = log.start_session(root, "")
        attempt = log.start_attempt(session, "", workspace=root, model="", model_fingerprint="", system="", sampling={})
        tools = FileTools(Workspace(root), Journal(db, home / "undo", attempt, root))
        for name in ("a.md", "b.md"):
            tools.perform(tools.prepare(ToolCall("write_file", {"path": name, "content": name})), None)
        log.finish_attempt(attempt, "done", "")
    return home


def localnpm(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "localnpm", "--home", str(home), *arguments],
        cwd=CHECKOUT, env=os.environ | {"PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_undo_and_redo_name_what_they_did(home: Path) -> None:
    root = home.parent / "workspace"
    done = localnpm(home, "undo")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Undid attempt 1 in {root}:\n  b.md\n  a.md\n"
    assert list(root.iterdir()) == []
    done = localnpm(home, "redo", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Redid attempt 1 in {root}:\n  a.md\n  b.md\n"
    assert (root / "a.md").read_text() == "a.md"


def test_a_file_changed_since_is_named_and_the_exit_code_is_3(home: Path) -> None:
    root = home.parent / "workspace"
    (root / "a.md").write_text("mine")
    done = localnpm(home, "undo")
    assert done.returncode == 3
    assert "  b.md\n" in done.stdout
    assert "  a.md: it has been changed since" in done.stderr
    assert [path.name for path in root.iterdir()] == ["a.md"]


@pytest.mark.parametrize("arguments", [("undo", "7"), ("redo",), ("undo", "x")])
def test_what_is_not_there_to_undo_is_told_without_a_traceback(home: Path, arguments: tuple[str, ...]) -> None:
    done = localnpm(home, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
