"""A copy of a workspace, and what it finds different after somebody has changed things."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from localnpm.agent.snapshot import Bounds, CannotCopyError, Snapshot, leftovers, why_not

BOUNDS = Bounds()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "workspace"
    (root / "sub").mkdir(parents=True)
    (root / "a").write_text("one")
    (root / "sub" / ".hidden").write_text("two")
    (root / "link").symlink_to("a")
    return root


@pytest.fixture
def difference(root: Path, tmp_path: Path) -> Callable[[Callable[[], object]], dict[str, tuple[str, str]]]:
    """Path -> kinds before and after, of what an action changes."""

    def difference(act: Callable[[], object]) -> dict[str, tuple[str, str]]:
        snapshot = Snapshot.take(root, tmp_path / "store", 1, None, BOUNDS)
        act()
        changes, left_out = snapshot.changes(BOUNDS)
        assert left_out == 0
        return {change.path: (change.before.kind, change.after.kind) for change in changes}

    return difference


Difference = Callable[[Callable[[], object]], dict[str, tuple[str, str]]]


def test_nothing_changed_is_no_change(difference: Difference) -> None:
    assert difference(lambda: None) == {}


def test_a_new_file_in_a_new_folder_is_found(difference: Difference, root: Path) -> None:
    def act() -> None:
        (root / "new").mkdir()
        (root / "new" / "file").touch()

    assert difference(act) == {"new": ("absent", "directory"), "new/file": ("absent", "file")}


def test_a_changed_file_is_found_with_its_old_bytes_in_the_copy(root: Path, tmp_path: Path) -> None:
    snapshot = Snapshot.take(root, tmp_path / "store", 1, None, BOUNDS)
    (root / "a").write_text("uno")
    ((change,), _) = snapshot.changes(BOUNDS)
    assert (change.path, change.before.kind, change.after.kind) == ("a", "file", "file")
    assert change.before.sha256 != change.after.sha256
    assert (snapshot.copies / "a").read_text() == "one"


def test_a_change_that_keeps_size_and_times_is_found(difference: Difference, root: Path) -> None:
    found = (root / "a").stat()

    def act() -> None:
        with (root / "a").open("r+") as file:
            file.write("uno")
        os.utime(root / "a", ns=(found.st_atime_ns, found.st_mtime_ns))

    assert difference(act) == {"a": ("file", "file")}


def test_a_file_that_is_written_with_its_own_bytes_is_no_change(difference: Difference, root: Path) -> None:
    assert difference(lambda: (root / "a").write_text("one")) == {}


def test_a_deleted_hidden_file_is_found(difference: Difference, root: Path) -> None:
    assert difference((root / "sub" / ".hidden").unlink) == {"sub/.hidden": ("file", "absent")}


def test_a_mode_is_found(difference: Difference, root: Path) -> None:
    assert difference(lambda: (root / "a").chmod(0o755)) == {"a": ("file", "file")}


def test_a_symlink_that_leads_elsewhere_is_found(difference: Difference, root: Path) -> None:
    def act() -> None:
        (root / "link").unlink()
        (root / "link").symlink_to("sub")

    assert difference(act) == {"link": ("symlink", "symlink")}


def test_a_renamed_file_is_one_gone_and_one_new(difference: Difference, root: Path) -> None:
    assert difference(lambda: (root / "a").rename(root / "b")) == {"a": ("file", "absent"), "b": ("absent", "file")}


def test_a_file_that_became_a_folder_is_found(difference: Difference, root: Path) -> None:
    def act() -> None:
        (root / "a").unlink()
        (root / "a").mkdir()

    assert difference(act) == {"a": ("file", "directory")}


def test_a_symlink_to_a_folder_is_not_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").touch()
    (root / "out").symlink_to(tmp_path / "outside")
    snapshot = Snapshot.take(root, tmp_path / "store", 1, None, BOUNDS)
    assert "out/file" not in snapshot.entries


def test_a_pipe_is_left_alone(difference: Difference, root: Path) -> None:
    assert difference(lambda: os.mkfifo(root / "pipe")) == {}


def test_what_is_hidden_is_not_copied(root: Path, tmp_path: Path) -> None:
    snapshot = Snapshot.take(root, tmp_path / "store", 1, None, BOUNDS, [root / "sub"])
    assert sorted(snapshot.entries) == ["a", "link"]


def test_too_many_files_are_refused_with_the_number(root: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotCopyError, match="more than 3 files"):
        Snapshot.take(root, tmp_path / "store", 1, None, Bounds(entries=3))


def test_too_many_bytes_are_refused_with_the_size(root: Path) -> None:
    with (root / "big").open("wb") as file:
        file.truncate(2 << 20)
    assert "more than 1 MB" in why_not(root, Bounds(bytes=1 << 20))


def test_a_name_that_is_no_utf_8_is_refused(root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/\xff")).touch()
    assert "UTF-8" in why_not(root, BOUNDS)


def test_new_files_past_the_bound_are_counted(root: Path, tmp_path: Path) -> None:
    snapshot = Snapshot.take(root, tmp_path / "store", 1, None, BOUNDS)
    for number in range(5):
        (root / f"new{number}").touch()
    changes, left_out = snapshot.changes(Bounds(new_entries=3))
    assert (len(changes), left_out) == (3, 2)


def test_a_copy_is_found_again_when_its_process_is_gone(root: Path, tmp_path: Path) -> None:
    taken = Snapshot.take(root, tmp_path / "store", 7, 8, BOUNDS, [root / "sub"])
    taken.release()
    assert list(leftovers(tmp_path / "store")) == [taken]


def test_a_copy_in_use_is_not_found(root: Path, tmp_path: Path) -> None:
    Snapshot.take(root, tmp_path / "store", 7, 8, BOUNDS)
    assert list(leftovers(tmp_path / "store")) == []
    assert len(list((tmp_path / "store").iterdir())) == 1


def test_a_discarded_copy_is_gone(root: Path, tmp_path: Path) -> None:
    Snapshot.take(root, tmp_path / "store", 1, None, BOUNDS).discard()
    assert list((tmp_path / "store").iterdir()) == []


def test_an_incomplete_copy_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "store" / "half" / "files").mkdir(parents=True)
    os.utime(tmp_path / "store" / "half", (1, 1))
    assert list(leftovers(tmp_path / "store")) == []
    assert list((tmp_path / "store").iterdir()) == []
