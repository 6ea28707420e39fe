"""What is there now of the changes that an attempt made: as it left them, corrected by hand, or gone.

Files are read only where the time of their last status change, which nobody can set, says that something has touched
them since; those over a mebibyte are compared by hash alone; all within a bounded time. A change by hand counts as a
correction only where it takes back or rewrites what the attempt itself wrote: who adds an entry below the agent's has
corrected nothing.
Of what was moved or copied only its being there counts: its content is not the attempt's.
Not covered: what commands have changed, for they and the programs that they start write where they will; and who made a
change.
"""

import hashlib
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from localnpm.agent import entries
from localnpm.agent.changes import Change, diff_of
from localnpm.agent.tools import COMMAND
from localnpm.agent.tree import NotTextError, OutsideError, Tree
from localnpm.errors import WorkspaceError
from localnpm.learning.line_changes import LineChange, line_changes
from localnpm.memory.changes import ABSENT, ChangeLog, FileState, LoggedChange
from localnpm.memory.database import Database
from localnpm.memory.records import Step, Trajectory

COMPARED_BYTES = 1 << 20
HASHED_BYTES = 64 << 20
SECONDS = 2.0
CLOCK_SECONDS = 0.1
"""How far a file's time may lag behind the clock: the kernel takes it from its last tick."""


@dataclass(frozen=True)
class Remains:
    """What became of an attempt's changes.

    Attributes:
        known: all of it could be looked at, in time.
        in_place: all that the attempt did still stands, whatever was added beside it.
        corrected: the paths on which somebody took back or rewrote what it had done.
        difference: from what the attempt left to what is there now, as a unified diff, of the corrected paths.
    """

    known: bool
    in_place: bool
    corrected: tuple[str, ...] = ()
    difference: str = ""


_UNKNOWN = Remains(known=False, in_place=False)


@dataclass(frozen=True)
class _Left:
    """What an attempt left at a path; `row` is the change that did it last, `first` the one that found it."""

    state: FileState
    row: LoggedChange
    first: LoggedChange


class _TooMuchError(Exception):
    """There is more to read than the bounds allow."""


def remains_of(database: Database, trajectory: Trajectory) -> Remains:
    """Look at what an attempt changed. Its changes that were undone do not count; nothing changed is nothing known."""
    log = ChangeLog(database)
    steps = {step.id: step for step in trajectory.steps}
    commanded = {step.id for step in trajectory.steps if step.tool == COMMAND}
    left = _left_by([row for row in log.of_attempt(trajectory.attempt.id) if row.step_id not in commanded])
    if not left or len({found.row.workspace for found in left.values()}) > 1:
        return _UNKNOWN
    try:
        tree = Tree(Path(next(iter(left.values())).row.workspace))
    except WorkspaceError:
        return _UNKNOWN
    look = _Look(tree, trajectory.attempt.finished_at, time.monotonic() + SECONDS)
    corrected: list[str] = []
    difference = ""
    try:
        for path, found in left.items():
            now = look.at(path, found.state)
            if now is None or now.same_content(found.state):
                continue
            if found.row.kind in ("move", "copy") and now.kind == found.state.kind:
                continue
            before, after = _texts(log, found, steps)
            if after is not None and not _takes_back(before, after, _text(now)):
                continue
            corrected.append(path)
            difference += _difference(path, after, found.state, now)
    except (_TooMuchError, NotTextError, OutsideError, OSError):
        return _UNKNOWN
    return Remains(True, not corrected, tuple(corrected), difference)


def _left_by(rows: Sequence[LoggedChange]) -> dict[str, _Left]:
    left: dict[str, _Left] = {}
    for row in rows:
        if row.undone or row.after is None:
            continue
        if row.kind == "move":
            left[row.path] = _Left(ABSENT, row, row)
        first = left[row.target].first if row.kind == "write" and row.target in left else row
        left[row.target] = _Left(row.after, row, first)
    return left


@dataclass
class _Look:
    """Reads what is there now, within bounds."""

    tree: Tree
    since: datetime | None
    deadline: float
    budget: int = HASHED_BYTES

    def at(self, path: str, left: FileState) -> FileState | None:
        """What is at a path; None when it is surely untouched.

        Raises:
            _TooMuchError: the bounds are reached.
            OSError, NotTextError, OutsideError: it cannot be looked at.
        """
        if time.monotonic() > self.deadline:
            raise _TooMuchError
        with self.tree.at(path.split("/"), follow=False) as place:
            found = place.entry
            if found is None:
                return ABSENT
            if left.kind == "directory" and stat.S_ISDIR(found.st_mode):
                return None
            if left.kind == "file" and stat.S_ISREG(found.st_mode):
                if self.since is not None and found.st_ctime + CLOCK_SECONDS <= self.since.timestamp():
                    return None
                self.budget -= found.st_size
                if self.budget < 0:
                    raise _TooMuchError
            return entries.state_of(place.folder, place.name, content=found.st_size <= COMPARED_BYTES)


def _texts(log: ChangeLog, left: _Left, steps: dict[int, Step]) -> tuple[str, str | None]:
    """The text before and after an attempt, worked out from its last call; None where that cannot be told."""
    step = steps.get(left.row.step_id or 0)
    if left.row.kind != "write" or step is None:
        return "", None
    given = {key: str(value) for key, value in (step.arguments or {}).items()}
    before, found = _before(log, left.first), _before(log, left.row)
    if before is None or found is None:
        return "", None
    after = _applied(step.tool, given, found)
    if after is None or hashlib.sha256(after.encode("utf-8", "replace")).hexdigest() != left.state.sha256:
        return "", None
    return before, after


def _before(log: ChangeLog, row: LoggedChange) -> str | None:
    """The text that a change found; empty for nothing, None for what is no text, too large, or not kept."""
    if row.kind != "write" or row.before.kind != "file":
        return ""
    content = log.bytes_of(row.id, "undo")
    if content is None or len(content) > COMPARED_BYTES:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _applied(tool: str | None, given: dict[str, str], before: str) -> str | None:
    match tool:
        case "write_file":
            return given.get("content")
        case "append_file":
            added = given.get("content", "")
            added += "" if added.endswith("\n") else "\n"
            return before + ("\n" if before and not before.endswith("\n") else "") + added
        case "edit_file":
            return before.replace(given.get("old_text", ""), given.get("new_text", ""))
    return None


def _text(state: FileState) -> str | None:
    """A state's text; None for what is no text, or not there, or too large."""
    if state.kind != "file" or state.content is None:
        return None
    try:
        return state.content.decode()
    except UnicodeDecodeError:
        return None


def _takes_back(before: str, after: str, now: str | None) -> bool:
    """Whether what is there now lacks lines that the attempt wrote, or has those again that it took out.

    Raises:
        _TooMuchError: there is too much to compare.
    """
    if now is None:
        return True
    old, left, new = (text.rstrip().split("\n") for text in (before, after, now))
    written: set[int] = set()
    removed: dict[int, list[str]] = {}
    for i1, i2, j1, j2 in _changes(old, left):
        written.update(range(j1, j2))
        removed.setdefault(j1, []).extend(old[i1:i2])
    for i1, i2, j1, j2 in _changes(left, new):
        if i1 < i2:
            if not written.isdisjoint(range(i1, i2)):
                return True
            continue
        within = i1 in written and i1 - 1 in written
        if within or any(line.strip() and line in removed.get(i1, ()) for line in new[j1:j2]):
            return True
    return False


def _changes(old: Sequence[str], new: Sequence[str]) -> tuple[LineChange, ...]:
    changes = line_changes(old, new)
    if changes is None:
        raise _TooMuchError
    return changes


def _difference(path: str, after: str | None, left: FileState, now: FileState) -> str:
    if now.kind == "absent":
        return f"{path} was taken away\n"
    if left.kind == "absent":
        return f"{path} is there again\n"
    if after is None or now.kind != "file":
        return f"{path} was changed\n"
    return diff_of([Change("write", path, None, FileState("file", content=after.encode()), now)])
