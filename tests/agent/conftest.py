"""A desk for tests of the file tools: a workspace, a home beside it, and the tools of one attempt after another."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from localnpm.agent.journal import Journal
from localnpm.agent.prepared import Prepared
from localnpm.agent.tools import FileTools
from localnpm.agent.undo import UndoReport, redo, undo
from localnpm.agent.workspace import Workspace
from localnpm.engine.messages import ToolCall
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database

Tree = dict[str, tuple[str, int, bytes]]
"""Path -> kind, permission bits, content."""


@dataclass
class Desk:
    """A workspace under `root`, and the memory in `home`."""

    root: Path
    home: Path
    db: Database
    hits: int = 20
    attempt: int = 0
    tools: FileTools = field(init=False)

    def __post_init__(self) -> None:
        self.log = AttemptLog(self.db)
        self.session = self.log.start_session(self.root, "a test")
        self.begin()

    def begin(self) -> int:
        """Start an attempt; calls are its from now on. The one before it has ended."""
        self.attempt = self.log.start_attempt(
            self.session, "a test", workspace=self.root, model="none", model_fingerprint="", system="", sampling={}
        )
        # Ended at once: what is still running cannot be undone.
        self.log.finish_attempt(self.attempt, "done", "")
        workspace = Workspace(self.root, protected=(self.home,), hits=self.hits)
        self.tools = FileTools(workspace, Journal(self.db, self.home / "undo", self.attempt, self.root))
        return self.attempt

    def prepare(self, tool: str, **arguments: object) -> Prepared:
        return self.tools.prepare(ToolCall(tool, arguments))

    def call(self, tool: str, **arguments: object) -> str:
        return self.tools.perform(self.prepare(tool, **arguments), None)

    def undo(self, attempt: int | None = None) -> UndoReport:
        return undo(self.db, self.home / "undo", attempt)

    def redo(self, attempt: int | None = None) -> UndoReport:
        return redo(self.db, self.home / "undo", attempt)

    def tree(self) -> Tree:
        """Everything in the workspace."""
        return look(self.root)


def look(root: Path) -> Tree:
    found: Tree = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        mode = path.lstat().st_mode & 0o7777
        if path.is_symlink():
            found[name] = ("symlink", 0, os.fsencode(path.readlink()))
        elif path.is_dir():
            found[name] = ("directory", mode, b"")
        elif path.is_file():
            found[name] = ("file", mode, path.read_bytes())
        else:
            found[name] = ("special", mode, b"")
    return found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An empty workspace with tools, journal and memory."""
    root, home = tmp_path / "workspace", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    with Database.open(home / "memory.db") as db:
        yield Desk(root, home, db)


@pytest.fixture(scope="session")
def new_desk() -> type[Desk]:
    """Makes a desk from a workspace, a home and a memory, for tests that need many."""
    return Desk


@pytest.fixture(scope="session")
def tree_of() -> Callable[[Path], Tree]:
    """Tells everything that is in a folder."""
    return look
