"""Reversing one journaled change, or making it again, if what is there is what it was made on.

Covers one row at a time; which rows, in which order, and what is noted of them is undo.py's business.
"""

import errno
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import PurePosixPath

from localnpm.agent import entries
from localnpm.agent.changes import FileState
from localnpm.agent.images import ImageChangedError, ImageLostError, Images
from localnpm.agent.journal import current, planned_state
from localnpm.agent.tree import Place, Tree, telling
from localnpm.errors import ToolError
from localnpm.memory.changes import ChangeLog, LoggedChange, Way


class RefusedError(Exception):
    """A change that is left as it is; its text says why."""


class Reversal:
    """Reverses (or makes again) changes in one workspace. `lone` are the paths that only one of its rows touches."""

    def __init__(self, way: Way, tree: Tree, log: ChangeLog, images: Images, lone: frozenset[str]) -> None:
        self.way = way
        self.tree = tree
        self.log = log
        self.images = images
        self.lone = lone

    def is_made(self, row: LoggedChange) -> bool:
        """Whether the reversal has been made already, by a call that was killed, or by the user.

        Raises:
            RefusedError: what is there is neither what the reversal starts from nor what it leaves.
        """
        start, goal = self._ends(row)
        if row.kind == "move":
            source, target = self._move(row)
            there, here = self._current(source), self._current(target)
            if there.same_content(start) and here.kind == "absent":
                return False
            if there.kind == "absent" and here.same_content(start):
                return True
            if there.kind == "absent":
                raise RefusedError("it is not there any more")
            raise RefusedError(self._changed(row) if here.kind == "absent" else f"{target} is in its way")
        now = self._current(row.target)
        if now.same_content(start):
            return False
        if now.same_content(goal) and (row.pending == self.way or row.target in self.lone):
            return True
        if now.kind == "absent":
            raise RefusedError("it is not there any more")
        raise RefusedError(self._changed(row))

    def image(self, row: LoggedChange) -> bytes | None:
        """The bytes that an undo takes away and a redo will need, for the row; None where none are needed there.

        Raises:
            RefusedError: they cannot be kept.
        """
        start, _ = self._ends(row)
        if self.way == "redo" or row.kind == "move" or start.sha256 is None:
            return None
        with _refusing(row.target), self._at(row.target) as place:
            if start.kind == "symlink":
                return entries.state_of(place.folder, place.name).content
            return self.images.keep(place.folder, place.name, start.sha256)

    def make(self, row: LoggedChange) -> None:
        """Reverse the change, or make it again.

        Raises:
            RefusedError: it cannot be; nothing has changed.
        """
        start, goal = self._ends(row)
        with _refusing(row.target):
            if row.kind == "move":
                source, target = self._move(row)
                self._make_parents(target)
                with self._at(source) as old, self._at(target) as new:
                    entries.rename(old.folder, old.name, new.folder, new.name)
                return
            # Looked at once more: the batch has taken its time.
            if not self._current(row.target).same_content(start):
                raise RefusedError(self._changed(row))
            if goal.kind != "absent":
                self._make_parents(row.target)
            with self._at(row.target) as place:
                self._put(row, place, start, goal)

    def _put(self, row: LoggedChange, place: Place, start: FileState, goal: FileState) -> None:
        match goal.kind:
            case "absent" if start.kind == "directory":
                try:
                    entries.remove(place.folder, place.name, directory=True)
                except OSError as error:
                    if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                        raise RefusedError("something else has been put into it since") from error
                    raise
            case "absent":
                entries.remove(place.folder, place.name)
            case "directory":
                entries.make_folder(place.folder, place.name, goal.mode)
            case "symlink":
                entries.write_link(place.folder, place.name, self.log.bytes_of(row.id, self.way) or b"")
            case "file":
                content = self.log.bytes_of(row.id, self.way)
                stored = self.images.opened(goal.sha256 or "") if content is None else nullcontext([content])
                with stored as pieces:
                    entries.write_file(place.folder, place.name, pieces, mode=goal.mode, replace=start.kind != "absent")

    def _ends(self, row: LoggedChange) -> tuple[FileState, FileState]:
        """What must be there, and what will be. Of a move both are the thing that moves."""
        after = row.after or planned_state(row)
        if row.kind == "move":
            return row.before, row.before
        return (after, row.before) if self.way == "undo" else (row.before, after)

    def _move(self, row: LoggedChange) -> tuple[str, str]:
        return (row.target, row.path) if self.way == "undo" else (row.path, row.target)

    def _current(self, path: str) -> FileState:
        with _refusing(path):
            return current(self.tree, path)

    def _changed(self, row: LoggedChange) -> str:
        left = "left" if self.way == "undo" else "found"
        return f"it has been changed since: its bytes are not what attempt {row.attempt_id} {left}"

    def _at(self, path: str) -> AbstractContextManager[Place]:
        return self.tree.at(path.split("/"), follow=False)

    def _make_parents(self, path: str) -> None:
        """Folders that others have removed since."""
        for parent in reversed(PurePosixPath(path).parents[:-1]):
            with self.tree.at(parent.parts, follow=False) as place:
                if place.entry is None and len(place.rest) == 1:
                    entries.make_folder(place.folder, place.name)


@contextmanager
def _refusing(path: str) -> Iterator[None]:
    try:
        with telling(path):
            yield
    except ToolError as error:
        raise RefusedError(str(error)) from error
    except ImageChangedError as error:
        raise RefusedError("it is being changed right now") from error
    except ImageLostError as error:
        raise RefusedError("its old bytes are not in the folder undo of localnpm's home any more") from error
