"""The journal: what an attempt changes is written to memory.db, and is on the disk, before it is changed.

A row is planned with what was there before, and completed with what is there after. Killed in between, the row says
what the change was to leave, so that undo can tell whether it was made. Not covered: taking changes back (undo.py).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from localnpm.agent.changes import ABSENT, Change, ChangeKind, FileState
from localnpm.agent.entries import state_of
from localnpm.agent.images import ImageChangedError, Images
from localnpm.agent.tree import NotTextError, OutsideError, Tree, telling
from localnpm.errors import ToolError
from localnpm.memory.changes import ChangeLog, LoggedChange, PlannedChange
from localnpm.memory.database import Database


class Journal:
    """The journal of one attempt in one workspace. `undo_dir` (HOME/undo) takes before-images over 16 MiB."""

    def __init__(self, db: Database, undo_dir: Path, attempt_id: int, root: Path) -> None:
        self.log = ChangeLog(db)
        self.images = Images(undo_dir)
        self.attempt_id = attempt_id
        self.tree = Tree(root)

    def apply(self, changes: Sequence[Change], step_id: int | None, act: Callable[[], None]) -> None:
        """Journal the changes, call `act`, which makes them, and journal what it left.

        When `act` raises, what it made all the same stays journaled, the rest is struck out.

        Raises:
            ToolError: a before-image cannot be kept; nothing was changed. Also what `act` raises.
            MemoryFileError: memory.db cannot be written; if the rows could not be, nothing was changed.
        """
        # Under one write lock: nobody may forget an image's last other row before this one refers to it.
        with self.log.database.transaction():
            rows = [self._planned(change) for change in changes]
            ids = self.log.plan(self.attempt_id, step_id, str(self.tree.root), rows)
        try:
            act()
        finally:
            mine = set(ids)
            settle(self.log, self.tree, [row for row in self.log.of_attempt(self.attempt_id) if row.id in mine])

    def record_made(self, changes: Iterable[Change], step_id: int | None, copies: Path | None = None) -> None:
        """Journal changes that have been made already, as a command's are: compared with a copy made before it ran.

        The changes may come in any order, one for each path, with `before` and `after` (of any kind, `write` will do
        for all but moves). `before.content` holds a file's bytes, or a symlink's target; where it is None, a file's are
        read from `copies`, a folder with the old files under their relative paths.

        Raises:
            ToolError: an image cannot be kept, for want of space or because the copy is missing.
            MemoryFileError: memory.db cannot be written.
        """
        made = _in_order(changes)
        rows = [self._planned(change, copies or Path()) for change in made]
        with self.log.database.transaction():
            ids = self.log.plan(self.attempt_id, step_id, str(self.tree.root), rows)
            self.log.complete((row, replace(change.after, content=None)) for row, change in zip(ids, made, strict=True))

    def _planned(self, change: Change, copies: Path | None = None) -> PlannedChange:
        before = change.before
        if change.kind == "move":
            before = replace(before, content=None)
        elif before.kind == "file" and before.content is None:
            before = replace(before, content=self._image(change.path, before.sha256 or "", copies))
        planned = change.after.sha256 if change.kind in ("write", "copy") else None
        return PlannedChange(change.kind, change.path, change.destination, before, planned)

    def _image(self, path: str, sha256: str, copies: Path | None) -> bytes | None:
        try:
            with telling(path):
                if copies is not None:
                    return self.images.keep_copy(copies / path, sha256)
                with self.tree.at(path.split("/"), follow=False) as place:
                    return self.images.keep(place.folder, place.name, sha256)
        except ImageChangedError as error:
            raise ToolError(f"invalid tool call: {path} was changed meanwhile; look at it again") from error


def settle(log: ChangeLog, tree: Tree, rows: Iterable[LoggedChange]) -> list[LoggedChange]:
    """Find out which planned changes were made: complete those, strike out the others.

    Returns:
        Rows of which neither can be said, because somebody else has changed the path since. They stay planned.
    """
    made: list[tuple[int, FileState]] = []
    not_made: list[int] = []
    unclear: list[LoggedChange] = []
    for row in rows:
        try:
            now = current(tree, row.target)
            old = current(tree, row.path) if row.kind == "move" else now
        except (OSError, NotTextError, OutsideError):
            unclear.append(row)
            continue
        goal = planned_state(row)
        if now.same_content(goal) and (row.kind != "move" or old.kind == "absent"):
            made.append((row.id, now))
        elif old.same_content(row.before):
            not_made.append(row.id)
        else:
            unclear.append(row)
    with log.database.transaction():
        log.complete((row, replace(state, content=None)) for row, state in made)
        log.drop(not_made)
    return unclear


def current(tree: Tree, path: str) -> FileState:
    """What is at a journaled path now; absent also where a folder on the way is gone.

    Raises:
        OutsideError, NotTextError, OSError: it cannot be told, or is nothing that is journaled.
        WorkspaceError: the workspace is gone.
    """
    with tree.at(path.split("/"), follow=False) as place:
        if place.entry is None or not place.rest:
            return ABSENT
        return state_of(place.folder, place.name)


def planned_state(row: LoggedChange) -> FileState:
    """What a row's change leaves at its target."""
    match row.kind:
        case "delete":
            return ABSENT
        case "create_directory":
            return FileState("directory")
        case "move":
            return row.before
        case _:
            return FileState("file", None, row.planned_hash)


def _in_order(changes: Iterable[Change]) -> list[Change]:
    """An order in which the changes can have been made; what became another kind of thing is deleted, then made."""
    gone: list[Change] = []
    new: list[Change] = []
    for change in changes:
        if change.kind == "move":
            new.append(change)
            continue
        path, before, after = change.target, change.before, change.after
        replaced = before.kind != after.kind and "directory" in (before.kind, after.kind)
        if after.kind == "absent" or (replaced and before.kind != "absent"):
            gone.append(Change("delete", path, None, before, ABSENT))
            before = ABSENT
        if after.kind != "absent":
            kind: ChangeKind = "create_directory" if after.kind == "directory" else "write"
            new.append(Change(kind, path, None, before, after))
    gone.sort(key=lambda change: change.path, reverse=True)
    new.sort(key=lambda change: change.target)
    return gone + new
