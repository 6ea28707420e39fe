"""The `changes` table: one row for each path that an attempt changes, with what was there before.

A row is written before its change (*planned*), completed after it (*done*), marked when taken back (*undone*).
Covers the rows only. What is on the disk, and whether it may be touched, is the journal's and undo's business.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from localnpm.memory.clock import now
from localnpm.memory.database import Database

Kind = Literal["absent", "file", "directory", "symlink"]
ChangeKind = Literal["write", "create_directory", "move", "copy", "delete"]
Way = Literal["undo", "redo"]

_COLUMNS = (
    "id, attempt_id, step_id, workspace, kind, path, destination, before_kind, before_mode, before_hash, planned_hash, "
    "after_kind, after_mode, after_hash, done_at, undone_at, pending"
)


@dataclass(frozen=True)
class FileState:
    """What is, was or will be at a path. `mode` holds the permission bits, `sha256` is in hexadecimal.

    `content` is a file's bytes where they are at hand, or a symlink's target; a directory has no hash and no content.
    """

    kind: Kind
    mode: int | None = None
    sha256: str | None = None
    content: bytes | None = None

    def same_content(self, other: "FileState") -> bool:
        """Whether both are the same kind of thing with the same bytes; modes do not count."""
        return self.kind == other.kind and self.sha256 == other.sha256


ABSENT = FileState("absent")


@dataclass(frozen=True)
class PlannedChange:
    """What a row holds before its change is made. `planned_hash` is what a written or copied file is to become.

    `before.content` None with a hash: the bytes lie in HOME/undo, or, of a move, need not be kept.
    """

    kind: ChangeKind
    path: str
    destination: str | None
    before: FileState
    planned_hash: str | None = None


@dataclass(frozen=True)
class LoggedChange:
    """A row without its bytes. Paths are POSIX, relative to `workspace`, with no symlink among their folders."""

    id: int
    attempt_id: int
    step_id: int | None
    workspace: str
    kind: ChangeKind
    path: str
    destination: str | None
    before: FileState
    planned_hash: str | None
    after: FileState | None
    done: bool
    undone: bool
    pending: Way | None

    @property
    def target(self) -> str:
        """The path whose content the change replaces; a move's new place."""
        return self.destination if self.destination is not None else self.path

    @property
    def touched(self) -> tuple[str, ...]:
        """The paths that the change makes different: two for a move."""
        return (self.path, self.target) if self.kind == "move" else (self.target,)


class ChangeLog:
    """Reads and writes `changes`. Its writes are on the disk when they return.

    All methods raise MemoryFileError when the file cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def plan(self, attempt_id: int, step_id: int | None, workspace: str, changes: Iterable[PlannedChange]) -> list[int]:
        """Write one row for each change that is about to be made; returns their ids in order."""
        moment = now()
        with self.database.transaction() as connection:
            return [
                connection.execute(
                    "INSERT INTO changes(attempt_id, step_id, workspace, kind, path, destination, before_kind, "
                    "before_mode, before_hash, before_bytes, planned_hash, created_at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                    (
                        attempt_id,
                        step_id,
                        workspace,
                        change.kind,
                        change.path,
                        change.destination,
                        change.before.kind,
                        change.before.mode,
                        change.before.sha256,
                        change.before.content,
                        change.planned_hash,
                        moment,
                    ),
                ).fetchone()["id"]
                for change in changes
            ]

    def complete(self, done: Iterable[tuple[int, FileState]]) -> None:
        """Write what the changes with these ids have left; the bytes are not kept."""
        moment = now()
        with self.database.transaction() as connection:
            connection.executemany(
                "UPDATE changes SET after_kind = ?, after_mode = ?, after_hash = ?, done_at = ? WHERE id = ?",
                [(after.kind, after.mode, after.sha256, moment, row) for row, after in done],
            )

    def drop(self, ids: Iterable[int]) -> None:
        """Delete rows whose change was not made."""
        with self.database.transaction() as connection:
            connection.executemany("DELETE FROM changes WHERE id = ?", [(row,) for row in ids])

    def of_attempt(self, attempt_id: int) -> tuple[LoggedChange, ...]:
        """An attempt's rows in the order in which the changes were planned."""
        rows = self.database.query(f"SELECT {_COLUMNS} FROM changes WHERE attempt_id = ? ORDER BY id", (attempt_id,))
        return tuple(
            LoggedChange(
                id=row["id"],
                attempt_id=row["attempt_id"],
                step_id=row["step_id"],
                workspace=row["workspace"],
                kind=row["kind"],
                path=row["path"],
                destination=row["destination"],
                before=FileState(row["before_kind"], row["before_mode"], row["before_hash"]),
                planned_hash=row["planned_hash"],
                after=None
                if row["done_at"] is None
                else FileState(row["after_kind"], row["after_mode"], row["after_hash"]),
                done=row["done_at"] is not None,
                undone=row["undone_at"] is not None,
                pending=row["pending"],
            )
            for row in rows
        )

    def bytes_of(self, row: int, way: Way) -> bytes | None:
        """The bytes that an undo (or redo) of this row puts back; None when they lie in HOME/undo."""
        column = "before_bytes" if way == "undo" else "after_bytes"
        found = self.database.query(f"SELECT {column} AS bytes FROM changes WHERE id = ?", (row,))
        content: bytes | None = found[0]["bytes"]
        return content

    def begin(self, way: Way, rows: Sequence[tuple[int, bytes | None]]) -> None:
        """Note that an undo or redo of these rows is about to be made, with the bytes that an undo takes away."""
        with self.database.transaction() as connection:
            for row, content in rows:
                connection.execute(
                    "UPDATE changes SET pending = ?, after_bytes = coalesce(?, after_bytes) WHERE id = ?",
                    (way, content, row),
                )

    def end(self, way: Way, made: Iterable[int], failed: Iterable[int] = ()) -> None:
        """Note which rows have been undone or made again, and which could not be."""
        moment = now() if way == "undo" else None
        with self.database.transaction() as connection:
            connection.executemany(
                "UPDATE changes SET undone_at = ?, pending = NULL WHERE id = ?", [(moment, row) for row in made]
            )
            connection.executemany("UPDATE changes SET pending = NULL WHERE id = ?", [(row,) for row in failed])

    def latest(self, way: Way) -> int | None:
        """The attempt that `undo` or `redo` without an id means, or None.

        Undo: the newest one whose changes are in place. Redo: the one undone last. Practice is neither.
        """
        if way == "undo":
            sql = (
                "SELECT max(c.attempt_id) AS id FROM changes c JOIN attempts a ON a.id = c.attempt_id "
                "WHERE c.undone_at IS NULL AND a.undone_at IS NULL AND NOT a.practice"
            )
        else:
            sql = (
                "SELECT a.id AS id FROM attempts a WHERE a.undone_at IS NOT NULL AND NOT a.practice AND EXISTS "
                "(SELECT 1 FROM changes c WHERE c.attempt_id = a.id AND c.undone_at IS NOT NULL) "
                "ORDER BY a.undone_at DESC, a.id LIMIT 1"
            )
        rows = self.database.query(sql)
        found: int | None = rows[0]["id"] if rows else None
        return found
