"""Run by test_passes.py: publishes a pass over two kinds, and is killed (SIGKILL) when it reaches a given line.

`dying_pass.py MEMORY LINE`. Lines are counted as they run, in the memory's modules only; line 0 lives on, and prints
how many there were. The count begins after the pass has begun.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from localnpm.memory.database import Database
from localnpm.memory.passes import Passes
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures


def publish(database: Database, pass_id: int) -> None:
    """Rewrite what there is, merge, add; many pages, so that they are written before the commit."""
    procedures, passes = Procedures(database), Passes(database)
    with passes.publishing(pass_id):
        for kind in procedures.all():
            draft = Draft("Rewritten\n" + "1. do\n" * 2000, "", "adjusted", parent_id=kind.active and kind.active.id)
            procedures.add_version(kind.id, draft, status="active", pass_id=pass_id)
        if len(procedures.all()) > 1:
            procedures.merge(1, 2, pass_id)
        procedures.add("New", [("n", None)], Draft("New", "", "built"), pass_id=pass_id)
        passes.finish(pass_id, {"rewritten": 2})


def main(path: Path, line: int) -> None:
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
        return count if "/localnpm/memory/" in frame.f_code.co_filename else None

    with Database.open(path) as database:
        begun = Passes(database).begin("command", "adjustment", "f")
        sys.settrace(enter)  # type: ignore[arg-type]
        publish(database, begun.id)
        sys.settrace(None)
    if not line:
        print(reached, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
