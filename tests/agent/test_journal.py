"""The journal: a row before the change, what the change left after it, and changes that others have made."""

import hashlib
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from localnpm.agent.changes import ABSENT, Change, FileState
from localnpm.agent.entries import KEPT_INLINE
from localnpm.agent.journal import Journal
from localnpm.errors import MemoryFileError, ToolError


def state(content: bytes, mode: int = 0o644, *, keep: bool = True) -> FileState:
    return FileState("file", mode, hashlib.sha256(content).hexdigest(), content if keep else None)


def link(target: bytes) -> FileState:
    return FileState("symlink", None, hashlib.sha256(target).hexdigest(), target)


FOLDER = FileState("directory", 0o755)


def made(path: str, before: FileState, after: FileState) -> Change:
    return Change("write", path, None, before, after)


@pytest.fixture
def journal(desk: Any) -> Journal:
    found: Journal = desk.tools.journal
    return found


def rows(home: Path) -> list[tuple[object, ...]]:
    """What another process sees."""
    connection = sqlite3.connect(home / "memory.db")
    try:
        return connection.execute("SELECT path, before_kind, after_hash, done_at IS NULL FROM changes").fetchall()
    finally:
        connection.close()


def test_the_row_is_on_the_disk_before_the_change_is_made(desk: Any, journal: Journal) -> None:
    seen: list[list[tuple[object, ...]]] = []

    def act() -> None:
        seen.append(rows(desk.home))
        (desk.root / "a").write_text("x")

    journal.apply([made("a", ABSENT, state(b"x"))], None, act)
    digest = hashlib.sha256(b"x").hexdigest()
    assert seen == [[("a", "absent", None, 1)]]
    assert rows(desk.home) == [("a", "absent", digest, 0)]


def test_rows_of_changes_that_fail_are_struck_out_and_those_that_were_made_stay(desk: Any, journal: Journal) -> None:
    def act() -> None:
        (desk.root / "a").write_text("x")
        raise ToolError("no space left: b")

    with pytest.raises(ToolError, match="no space left: b"):
        journal.apply([made("a", ABSENT, state(b"x")), made("b", ABSENT, state(b"y"))], None, act)
    assert [row[0] for row in rows(desk.home)] == ["a"]


def test_nothing_is_changed_that_cannot_be_journaled(desk: Any) -> None:
    desk.db.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(MemoryFileError):
        desk.call("write_file", path="a", content="x")
    assert desk.tree() == {}


def test_a_step_owns_its_rows(desk: Any) -> None:
    step = desk.log.start_step(desk.attempt, turn=1, text="", tool="write_file", arguments={})
    desk.tools.perform(desk.prepare("write_file", path="a/b", content="x"), step)
    assert [tuple(row) for row in desk.db.query("SELECT step_id, path FROM changes")] == [(step, "a"), (step, "a/b")]


def test_changes_that_a_command_has_made_are_undone_and_redone(desk: Any, journal: Journal) -> None:
    (desk.root / "kept").mkdir()
    (desk.root / "kept/changed").write_bytes(b"old")
    (desk.root / "gone").mkdir()
    (desk.root / "gone/file").write_bytes(b"gone")
    (desk.root / "was-file").write_bytes(b"file")
    (desk.root / "link").symlink_to("old-target")
    before = desk.tree()
    # As a command would, in one go.
    (desk.root / "kept/changed").write_bytes(b"new")
    (desk.root / "gone/file").unlink()
    (desk.root / "gone").rmdir()
    (desk.root / "was-file").unlink()
    (desk.root / "was-file").mkdir()
    (desk.root / "was-file/inner").write_bytes(b"inner")
    (desk.root / "link").unlink()
    (desk.root / "link").symlink_to("new-target")
    after = desk.tree()
    journal.record_made(
        [
            made("was-file/inner", ABSENT, state(b"inner")),
            made("was-file", state(b"file"), FOLDER),
            made("gone", FOLDER, ABSENT),
            made("gone/file", state(b"gone"), ABSENT),
            made("kept/changed", state(b"old"), state(b"new", keep=False)),
            made("link", link(b"old-target"), link(b"new-target")),
        ],
        None,
    )
    assert desk.undo().refused == ()
    assert desk.tree() == before
    assert desk.redo().refused == ()
    assert desk.tree() == after


def test_large_before_images_of_a_command_come_from_the_copy(desk: Any, journal: Journal, tmp_path: Path) -> None:
    content = os.urandom(1 << 16) * (KEPT_INLINE >> 16) + b"more"
    copies = tmp_path / "copies"
    (copies / "sub").mkdir(parents=True)
    (copies / "sub/large").write_bytes(content)
    (desk.root / "sub").mkdir()
    journal.record_made([made("sub/large", state(content, 0o600, keep=False), ABSENT)], None, copies)
    assert desk.undo().refused == ()
    assert (desk.root / "sub/large").read_bytes() == content


def test_a_copy_that_is_missing_is_told(desk: Any, journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="no such file: large"):
        journal.record_made([made("large", state(b"x", keep=False), ABSENT)], None, tmp_path)


def test_a_moved_folder_with_very_much_in_it_goes_back_as_a_whole(desk: Any) -> None:
    folder = desk.root / "many"
    folder.mkdir()
    for number in range(2001):
        (folder / str(number)).touch()
    desk.call("move_file", source="many", destination="moved")
    assert len(rows(desk.home)) == 1
    assert desk.undo().refused == ()
    assert len(list(folder.iterdir())) == 2001
