"""Scratch copies of a workspace as it was before an attempt: what practice changes in place of the real files.

The copy is bounded, holds no special files, and keeps symlinks as they are: the tools follow none out of it. What the
attempt and those after it changed is taken back in the copy, from the journal.
Not covered: changes that nobody journaled. Where they are in the way there is no copy, and the reason is told.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localnpm.agent.undo import undo
from localnpm.errors import LocalnpmError, NotFoundError, WorkspaceError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.records import Attempt
from localnpm.scratch_folder import scratch_folder
from localnpm.units import size

PREFIX = "localnpm-scratch-"
"""Of the folders in which practice works."""
MOST_BYTES = 200 << 20
MOST_FILES = 20_000

_CHANGED = """
    SELECT DISTINCT changes.attempt_id FROM changes JOIN attempts ON attempts.id = changes.attempt_id
    WHERE changes.attempt_id >= ? AND changes.workspace = ? AND changes.undone_at IS NULL AND NOT attempts.practice
    ORDER BY changes.attempt_id DESC
"""


@contextmanager
def scratch_before(attempt: Attempt, database: Database, undo_folder: Path, hidden: Path) -> Iterator[Path]:
    """A folder with the attempt's workspace as it was before it; gone after the block. `hidden` is not copied.

    Raises:
        WorkspaceError: the workspace is gone, too large, or has changed in ways that cannot be taken back.
    """
    with scratch_folder(PREFIX) as folder:
        start = folder / "start"
        copy_tree(Path(attempt.workspace), start, hidden)
        _rewind(attempt, database, undo_folder, start)
        yield start


def copy_tree(source: Path, target: Path, hidden: Path | None = None) -> None:
    """Copy a folder's files, folders and symlinks.

    Raises:
        WorkspaceError: it is gone, cannot be read, or is larger than practice copies.
    """
    total = files = 0
    left_out = os.path.realpath(hidden) if hidden is not None else None

    def ignored(folder: str, names: list[str]) -> set[str]:
        nonlocal total, files
        skipped = set()
        for name in names:
            path = Path(folder, name)
            status = os.lstat(path)
            # Unlike `Path.resolve`, this does not fail for a symlink that leads to itself.
            if os.path.realpath(path) == left_out or not _copied(status.st_mode):
                skipped.add(name)
                continue
            files += 1
            total += status.st_size if stat.S_ISREG(status.st_mode) else 0
        if files > MOST_FILES or total > MOST_BYTES:
            raise WorkspaceError(
                f"{source}: is too large to practise in a copy ({size(MOST_BYTES)} in {MOST_FILES:,} files at most)"
            )
        return skipped

    try:
        shutil.copytree(source, target, symlinks=True, ignore=ignored)
    except (OSError, shutil.Error) as error:
        raise WorkspaceError(f"{source}: cannot be copied to practise in: {error}") from None


def _copied(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def _rewind(attempt: Attempt, database: Database, undo_folder: Path, start: Path) -> None:
    """Take back in the copy what this attempt and later ones have changed in the workspace, the newest first."""
    # What an undo keeps for its redo goes with the copy; HOME/undo is only read.
    images = start.parent / "undo"
    images.mkdir(mode=0o700)
    later = database.query(_CHANGED, (attempt.id, attempt.workspace))
    for row in later:
        with Database.open(None) as beside:
            log = AttemptLog(beside)
            copied = log.start_attempt(
                log.start_session(start), "", workspace=start, model="", model_fingerprint="", system="", sampling={}
            )
            log.finish_attempt(copied, "done")
            for large in _copy_changes(database, beside, row["attempt_id"], copied, start):
                if not (images / large).is_symlink():
                    (images / large).symlink_to(undo_folder.resolve() / large)
            try:
                report = undo(beside, images, copied)
            except NotFoundError:
                continue
            except LocalnpmError as error:
                raise WorkspaceError(f"{attempt.workspace}: cannot be put back for practice: {error}") from None
        if report.refused:
            named = ", ".join(refusal.path for refusal in report.refused[:3])
            raise WorkspaceError(
                f"{attempt.workspace}: is no longer what attempt {attempt.id} began with: {named} changed since"
            )


def _copy_changes(source: Database, target: Database, attempt_id: int, copied: int, workspace: Path) -> set[str]:
    """Copy the journal's rows of an attempt, for a workspace elsewhere; the hashes of what their files held before."""
    rows = source.query("SELECT * FROM changes WHERE attempt_id = ? ORDER BY id", (attempt_id,))
    with target.transaction() as connection:
        for row in rows:
            values = {**dict(row), "attempt_id": copied, "step_id": None, "workspace": str(workspace), "pending": None}
            del values["id"]
            names = ", ".join(values)
            marks = ", ".join(f":{name}" for name in values)
            connection.execute(f"INSERT INTO changes({names}) VALUES ({marks})", values)
    return {row["before_hash"] for row in rows if row["before_hash"]}
