"""Run by test_undo_killed.py: does something with files and is killed (SIGKILL) when it reaches a given line.

`dying_worker.py WHAT LINE FOLDER [LINE FOLDER ...]` with WHAT one of `act`, `undo`, `redo`. Each pair is a child of its
own, which works in FOLDER/workspace with FOLDER/home. Lines are counted as they run, in the agent's and the journal's
modules only; line 0 lives on, and prints how many there were.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from localnpm.agent.journal import Journal
from localnpm.agent.tools import FileTools
from localnpm.agent.undo import redo, undo
from localnpm.agent.workspace import Workspace
from localnpm.engine.messages import ToolCall
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database

CALLS = [
    ToolCall("write_file", {"path": "new/deep/file.txt", "content": "new"}),
    ToolCall("edit_file", {"path": "notes.md", "old_text": "one", "new_text": "two"}),
    ToolCall("append_file", {"path": "notes.md", "content": "three"}),
    ToolCall("move_file", {"source": "docs", "destination": "moved/docs"}),
    ToolCall("copy_file", {"source": "notes.md", "destination": "copy.md"}),
    ToolCall("delete_file", {"path": "old.txt"}),
]


def act(folder: Path, db: Database) -> None:
    root = folder / "workspace"
    log = AttemptLog(db)
    attempt = log.start_attempt(
        log.start_session(root, ""), "", workspace=root, model="", model_fingerprint="", system="", sampling={}
    )
    tools = FileTools(Workspace(root), Journal(db, folder / "home/undo", attempt, root))
    for call in CALLS:
        tools.perform(tools.prepare(call), None)
    log.finish_attempt(attempt, "done", "")


def run(what: str, line: int, folder: Path) -> None:
    """Do it, and die at the given line."""
    reached = 0

    def count(frame: FrameType, event: str, argument: object) -> object:
        nonlocal reached
        if event == "line":
            reached += 1
            if reached == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return count

    def enter(frame: FrameType, event: str, argument: object) -> object:
        name = frame.f_code.co_filename
        return count if "/localnpm/agent/" in name or name.endswith("/memory/changes.py") else None

    with Database.open(folder / "home/memory.db") as db:
        sys.settrace(enter)  # type: ignore[arg-type]
        match what:
            case "act":
                act(folder, db)
            case "undo":
                undo(db, folder / "home/undo")
            case "redo":
                redo(db, folder / "home/undo")
        sys.settrace(None)
    if not line:
        print(reached, flush=True)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    for line, folder in zip(rest[::2], rest[1::2], strict=True):
        child = os.fork()
        if child == 0:
            run(what, int(line), Path(folder))
            os._exit(0)
        os.waitpid(child, 0)
