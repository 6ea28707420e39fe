"""`undo` and `redo`: taking an attempt's changes back, and making them again, file by file.

A file is touched only when its bytes are the ones that the attempt left (or, for redo, found); any other is refused by
name and the rest goes on. Each batch is noted in memory.db before and after it is made and holds no path twice, so that
after a kill the next call goes on where this one stopped.
Not covered: who asks for it, and what it says about the attempt (the verdict `undone` is the caller's).
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from localnpm.agent import entries
from localnpm.agent.images import Images
from localnpm.agent.journal import settle
from localnpm.agent.reversal import RefusedError, Reversal
from localnpm.agent.tree import OutsideError, Tree
from localnpm.errors import NotFoundError, UndoError, WorkspaceError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.changes import ChangeLog, LoggedChange, Way
from localnpm.memory.database import Database


@dataclass(frozen=True)
class Refusal:
    """A path that was left as it is, and why."""

    path: str
    why: str


@dataclass(frozen=True)
class UndoReport:
    """What an undo or redo did. Paths are relative to `workspace`; a folder's ends in `/`."""

    attempt_id: int
    workspace: str
    restored: tuple[str, ...]
    refused: tuple[Refusal, ...]


def undo(db: Database, undo_dir: Path, attempt_id: int | None = None) -> UndoReport:
    """Take back an attempt's changes: by default the newest one's whose changes are in place, in whatever workspace.

    Raises:
        NotFoundError: no such attempt, or nothing of it to undo.
        UndoError: the attempt is still running.
    """
    return _run("undo", db, undo_dir, attempt_id)


def redo(db: Database, undo_dir: Path, attempt_id: int | None = None) -> UndoReport:
    """Make an undone attempt's changes again: by default those of the one undone last.

    Raises:
        NotFoundError: no such attempt, or nothing of it to redo.
        UndoError: the attempt is still running.
    """
    return _run("redo", db, undo_dir, attempt_id)


def _run(way: Way, db: Database, undo_dir: Path, attempt_id: int | None) -> UndoReport:
    log = ChangeLog(db)
    with _alone(undo_dir):
        chosen = log.latest(way) if attempt_id is None else attempt_id
        if chosen is None:
            raise NotFoundError(f"There is nothing to {way}: no attempt has changes for it.")
        if AttemptLog(db).attempt(chosen).status == "running":
            raise UndoError(f"Attempt {chosen} is still running. Cancel it first, or name another one: {way} ATTEMPT.")
        rows = [row for row in log.of_attempt(chosen) if row.undone == (way == "redo")]
        if not rows:
            state = "in place" if way == "undo" else "undone"
            raise NotFoundError(f"Attempt {chosen} has no changes that are {state}, so there is nothing to {way}.")
        work = _Work(way, log, Images(undo_dir))
        for workspace in dict.fromkeys(row.workspace for row in rows):
            work.run(workspace, [row for row in rows if row.workspace == workspace])
        # With the last batch in one transaction: killed before it, the next call must choose this attempt again.
        with db.transaction():
            work.end_batch()
            if work.restored:
                AttemptLog(db).set_undone(chosen, way == "undo")
    return UndoReport(chosen, rows[0].workspace, tuple(dict.fromkeys(work.restored)), tuple(work.refused))


class _Work:
    """One undo or redo under way."""

    def __init__(self, way: Way, log: ChangeLog, images: Images) -> None:
        self.way = way
        self.log = log
        self.images = images
        self.restored: list[str] = []
        self.refused: list[Refusal] = []
        self._blocked: set[str] = set()
        self._made: list[int] = []
        self._failed: list[int] = []

    def run(self, workspace: str, rows: Sequence[LoggedChange]) -> None:
        """Undo or redo these rows of one workspace, which come in the order in which they were made."""
        try:
            tree = Tree(Path(workspace))
        except WorkspaceError as error:
            for path in dict.fromkeys(path for row in rows for path in row.touched):
                self.refused.append(Refusal(path, str(error)))
            return
        if self.way == "undo":
            rows = self._settled(tree, rows)
        reversal = Reversal(self.way, tree, self.log, self.images, _lone_paths(rows))
        for batch in _batches(list(reversed(rows)) if self.way == "undo" else rows):
            self.end_batch()
            self._make(reversal, batch)

    def end_batch(self) -> None:
        """Note what became of the batch that was made last."""
        self.log.end(self.way, self._made, self._failed)
        self._made, self._failed = [], []

    def _settled(self, tree: Tree, rows: Sequence[LoggedChange]) -> list[LoggedChange]:
        """The rows of changes that were made, after a kill too; rows of others are struck out."""
        planned = [row for row in rows if not row.done]
        if not planned:
            return list(rows)
        for row in planned:
            _sweep(tree, row.target)
        for row in settle(self.log, tree, planned):
            self._refuse(row, "the attempt was killed while it changed this, and something else has changed it since")
        known = {row.id for row in rows}
        return [row for row in self.log.of_attempt(rows[0].attempt_id) if row.id in known and row.done]

    def _make(self, reversal: Reversal, batch: Sequence[LoggedChange]) -> None:
        ready: list[LoggedChange] = []
        noted: list[tuple[int, bytes | None]] = []
        for row in batch:
            if self._stands_on_refused(row):
                self._blocked.update(row.touched)
                self._failed.append(row.id)
                continue
            try:
                if reversal.is_made(row):
                    self._made.append(row.id)
                    self._restore(row)
                    continue
                noted.append((row.id, reversal.image(row)))
                ready.append(row)
            except RefusedError as error:
                self._failed.append(row.id)
                self._refuse(row, str(error))
        self.log.begin(self.way, noted)
        for row in ready:
            if self._stands_on_refused(row):
                self._failed.append(row.id)
                continue
            try:
                reversal.make(row)
            except RefusedError as error:
                self._failed.append(row.id)
                self._refuse(row, str(error))
            else:
                self._made.append(row.id)
                self._restore(row)

    def _restore(self, row: LoggedChange) -> None:
        path = row.path if self.way == "undo" and row.kind == "move" else row.target
        directory = "directory" in (row.before.kind, row.after.kind if row.after else "")
        self.restored.append(f"{path}/" if directory else path)

    def _refuse(self, row: LoggedChange, why: str) -> None:
        path = row.path if self.way == "redo" and row.kind == "move" else row.target
        self.refused.append(Refusal(path, why))
        self._blocked.update(row.touched)

    def _stands_on_refused(self, row: LoggedChange) -> bool:
        """Whether this row cannot be reversed because one that has been refused is in its way; that one was named."""
        if not self._blocked.isdisjoint(row.touched):
            return True
        if row.kind not in ("create_directory", "delete"):
            return False
        return any(path.startswith(row.path + "/") for path in self._blocked)


def _batches(rows: Iterable[LoggedChange]) -> Iterator[list[LoggedChange]]:
    """Runs of rows in which no path comes twice: of such a row, what is there tells whether it has been reversed."""
    batch: list[LoggedChange] = []
    seen: set[str] = set()
    for row in rows:
        if not seen.isdisjoint(row.touched):
            yield batch
            batch, seen = [], set()
        batch.append(row)
        seen.update(row.touched)
    if batch:
        yield batch


def _lone_paths(rows: Iterable[LoggedChange]) -> frozenset[str]:
    """The paths that only one row touches."""
    once: set[str] = set()
    more: set[str] = set()
    for path in (path for row in rows for path in row.touched):
        (more if path in once else once).add(path)
    return frozenset(once - more)


def _sweep(tree: Tree, path: str) -> None:
    """Delete what a killed process has left of writing `path`."""
    with suppress(OSError, OutsideError), tree.at(path.split("/"), follow=False) as place:
        entries.sweep(place.folder)


@contextmanager
def _alone(undo_dir: Path) -> Iterator[None]:
    """Hold HOME/undo's lock, so that two processes do not undo at once; the kernel frees it with the process."""
    undo_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(undo_dir / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
