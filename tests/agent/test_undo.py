"""What undo and redo take back, in which order, and what they leave alone."""

import os
from pathlib import Path
from typing import Any

import pytest

from localnpm.agent.entries import KEPT_INLINE
from localnpm.agent.undo import Refusal
from localnpm.errors import NotFoundError, UndoError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database

SINCE = "it has been changed since: its bytes are not what attempt {} left"


@pytest.fixture
def notes(desk: Any) -> Path:
    path: Path = desk.root / "notes.md"
    path.write_text("one\n")
    return path


def test_undo_takes_back_created_changed_moved_copied_and_deleted_files(desk: Any, notes: Path) -> None:
    (desk.root / "old.txt").write_text("old")
    (desk.root / "old.txt").chmod(0o640)
    (desk.root / "docs").mkdir()
    (desk.root / "docs/a.md").write_text("a")
    before = desk.tree()
    desk.call("write_file", path="new/deep.md", content="new")
    desk.call("append_file", path="notes.md", content="two")
    desk.call("copy_file", source="notes.md", destination="copies/notes.md")
    desk.call("move_file", source="notes.md", destination="moved.md")
    desk.call("move_file", source="docs", destination="archive/docs")
    desk.call("delete_file", path="old.txt")
    after = desk.tree()
    assert desk.undo().refused == ()
    assert desk.tree() == before
    assert desk.redo().refused == ()
    assert desk.tree() == after


def test_undo_again_walks_back_and_redo_walks_forward(desk: Any, notes: Path) -> None:
    first = desk.attempt
    desk.call("append_file", path="notes.md", content="two")
    second = desk.begin()
    desk.call("append_file", path="notes.md", content="three")
    assert [desk.undo().attempt_id, desk.undo().attempt_id] == [second, first]
    assert notes.read_text() == "one\n"
    with pytest.raises(NotFoundError, match="nothing to undo"):
        desk.undo()
    assert [desk.redo().attempt_id, desk.redo().attempt_id] == [first, second]
    assert notes.read_text() == "one\ntwo\nthree\n"
    with pytest.raises(NotFoundError, match="nothing to redo"):
        desk.redo()


def test_attempts_that_changed_nothing_are_passed_over(desk: Any, notes: Path) -> None:
    first = desk.attempt
    desk.call("delete_file", path="notes.md")
    desk.begin()
    desk.call("read_file", path="x")
    desk.call("edit_file", path="x", old_text="a", new_text="b")
    assert desk.undo().attempt_id == first


def test_an_attempt_in_another_workspace_is_undone_there(desk: Any, tmp_path: Path, new_desk: Any) -> None:
    other = tmp_path / "other"
    other.mkdir()
    there = new_desk(other, desk.home, desk.db)
    there.call("write_file", path="a.md", content="x")
    report = desk.undo()
    assert (report.workspace, report.restored) == (str(other), ("a.md",))
    assert list(other.iterdir()) == []


def test_a_file_changed_since_is_left_alone_and_named_and_the_rest_is_undone(desk: Any, notes: Path) -> None:
    desk.call("append_file", path="notes.md", content="two")
    desk.call("append_file", path="notes.md", content="three")
    desk.call("write_file", path="other.md", content="x")
    notes.write_text("mine")
    report = desk.undo()
    assert report.refused == (Refusal("notes.md", SINCE.format(desk.attempt)),)
    assert report.restored == ("other.md",)
    assert desk.tree().keys() == {"notes.md"}
    assert notes.read_text() == "mine"


def test_a_file_put_back_to_bytes_from_the_middle_of_the_attempt_is_left_alone(desk: Any, notes: Path) -> None:
    desk.call("write_file", path="notes.md", content="two")
    desk.call("write_file", path="notes.md", content="three")
    notes.write_text("two")
    assert [refusal.path for refusal in desk.undo().refused] == ["notes.md"]
    assert notes.read_text() == "two"


def test_a_file_changed_by_a_later_attempt_is_left_alone(desk: Any, notes: Path) -> None:
    first = desk.attempt
    desk.call("append_file", path="notes.md", content="two")
    desk.begin()
    desk.call("append_file", path="notes.md", content="three")
    report = desk.undo(first)
    assert report.refused == (Refusal("notes.md", SINCE.format(first)),)
    assert report.restored == ()
    desk.undo()
    assert desk.undo(first).restored == ("notes.md",)
    assert notes.read_text() == "one\n"


def test_a_file_in_a_moved_folder_that_was_changed_since_stays_where_it_is(desk: Any) -> None:
    (desk.root / "docs").mkdir()
    for name in ("a.md", "b.md"):
        (desk.root / "docs" / name).write_text(name)
    desk.call("move_file", source="docs", destination="archive")
    (desk.root / "archive/a.md").write_text("mine")
    report = desk.undo()
    assert report.refused == (Refusal("archive/a.md", SINCE.format(desk.attempt)),)
    assert (desk.root / "archive/a.md").read_text() == "mine"
    assert (desk.root / "docs/b.md").read_text() == "b.md"


def test_a_folder_that_others_have_put_something_into_is_kept(desk: Any) -> None:
    desk.call("write_file", path="new/a.md", content="x")
    (desk.root / "new/mine.md").write_text("mine")
    report = desk.undo()
    assert report.refused == (Refusal("new", "something else has been put into it since"),)
    assert desk.tree().keys() == {"new", "new/mine.md"}


def test_a_place_taken_since_is_not_overwritten(desk: Any, notes: Path) -> None:
    desk.call("move_file", source="notes.md", destination="moved.md")
    notes.write_text("mine")
    assert desk.undo().refused == (Refusal("moved.md", "notes.md is in its way"),)
    assert (notes.read_text(), (desk.root / "moved.md").read_text()) == ("mine", "one\n")


def test_a_deleted_file_whose_folder_is_gone_comes_back_with_it(desk: Any) -> None:
    (desk.root / "docs").mkdir()
    (desk.root / "docs/a.md").write_text("a")
    desk.call("delete_file", path="docs/a.md")
    (desk.root / "docs").rmdir()
    assert desk.undo().refused == ()
    assert (desk.root / "docs/a.md").read_text() == "a"


def test_what_the_user_has_put_back_by_hand_counts_as_undone(desk: Any, notes: Path) -> None:
    desk.call("append_file", path="notes.md", content="two")
    desk.call("write_file", path="new.md", content="x")
    notes.write_text("one\n")
    (desk.root / "new.md").unlink()
    assert desk.undo().refused == ()
    assert AttemptLog(desk.db).attempt(desk.attempt).undone_at is not None


def test_a_symlink_comes_back_as_the_symlink_it_was(desk: Any, notes: Path) -> None:
    (desk.root / "link").symlink_to("notes.md")
    (desk.root / "dangling").symlink_to("nowhere")
    before = desk.tree()
    desk.call("delete_file", path="link")
    desk.call("move_file", source="dangling", destination="a/b")
    assert desk.undo().refused == ()
    assert desk.tree() == before
    assert desk.redo().refused == ()
    assert desk.tree().keys() == {"notes.md", "a", "a/b"}


def test_a_folder_swapped_for_a_symlink_out_is_not_followed(desk: Any, tmp_path: Path) -> None:
    (desk.root / "docs").mkdir()
    (desk.root / "docs/a.md").write_text("a")
    desk.call("append_file", path="docs/a.md", content="b")
    outside = tmp_path / "outside"
    (desk.root / "docs").rename(outside)
    (desk.root / "docs").symlink_to(outside)
    assert [refusal.path for refusal in desk.undo().refused] == ["docs/a.md"]
    assert (outside / "a.md").read_text() == "a\nb\n"


def test_a_large_file_is_kept_by_its_hash_and_comes_back(desk: Any) -> None:
    content = os.urandom(1 << 16) * (KEPT_INLINE >> 16) + b"more"
    (desk.root / "large.bin").write_bytes(content)
    desk.call("delete_file", path="large.bin")
    (row,) = desk.db.query("SELECT before_hash, before_bytes FROM changes")
    assert row["before_bytes"] is None
    assert (desk.home / "undo" / row["before_hash"]).read_bytes() == content
    assert desk.undo().refused == ()
    assert (desk.root / "large.bin").read_bytes() == content


def test_a_large_file_whose_image_is_lost_is_told(desk: Any) -> None:
    (desk.root / "large.bin").write_bytes(b"x" * (KEPT_INLINE + 1))
    desk.call("delete_file", path="large.bin")
    for image in (desk.home / "undo").iterdir():
        image.unlink()
    (refusal,) = desk.undo().refused
    assert "not in the folder undo" in refusal.why
    assert desk.tree() == {}


def test_an_undo_survives_a_restart(desk: Any, notes: Path, new_desk: Any) -> None:
    desk.call("append_file", path="notes.md", content="two")
    with Database.open(desk.home / "memory.db") as db:
        assert new_desk(desk.root, desk.home, db).undo().restored == ("notes.md",)
    with Database.open(desk.home / "memory.db") as db:
        assert new_desk(desk.root, desk.home, db).redo().restored == ("notes.md",)
    assert notes.read_text() == "one\ntwo\n"


def test_a_workspace_that_is_gone_refuses_every_path(desk: Any, notes: Path) -> None:
    desk.call("delete_file", path="notes.md")
    desk.root.rmdir()
    (refusal,) = desk.undo().refused
    assert refusal.path == "notes.md"
    assert "is not there" in refusal.why


def test_a_running_attempt_is_not_undone(desk: Any, notes: Path) -> None:
    running = desk.log.start_attempt(
        desk.session, "", workspace=desk.root, model="", model_fingerprint="", system="", sampling={}
    )
    with pytest.raises(UndoError, match=f"Attempt {running} is still running"):
        desk.undo(running)


def test_an_attempt_that_is_unknown_or_changed_nothing_is_told(desk: Any) -> None:
    with pytest.raises(NotFoundError, match="99"):
        desk.undo(99)
    with pytest.raises(NotFoundError, match="no changes that are in place"):
        desk.undo(desk.attempt)


def test_redo_leaves_alone_what_is_not_what_the_attempt_found(desk: Any, notes: Path) -> None:
    desk.call("append_file", path="notes.md", content="two")
    desk.call("write_file", path="new.md", content="x")
    desk.undo()
    notes.write_text("mine")
    report = desk.redo()
    assert [(refusal.path, "found" in refusal.why) for refusal in report.refused] == [("notes.md", True)]
    assert report.restored == ("new.md",)
    assert notes.read_text() == "mine"
