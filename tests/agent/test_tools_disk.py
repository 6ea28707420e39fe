"""What disks and systems put in the way: no space, no permission, odd files, large files, hard links, modes."""

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localnpm.agent.entries import KEPT_INLINE
from localnpm.agent.journal import Journal
from localnpm.agent.tools import FileTools
from localnpm.agent.workspace import Workspace
from localnpm.engine.messages import ToolCall

CHECKOUT = Path(__file__).parents[2]
NOBODY = 65534
AS_NOBODY = """
import json, os, sys
from pathlib import Path
from localnpm.agent.tools import FileTools
from localnpm.agent.workspace import Workspace
from localnpm.engine.messages import ToolCall
import localnpm.agent.walk
if os.getuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
tools = FileTools(Workspace(Path(sys.argv[1])))
for name, arguments in json.loads(sys.argv[2]):
    print(tools.perform(tools.prepare(ToolCall(name, arguments)), None))
"""
LARGE = 100 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte; skips where it cannot be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.getuid() != 0 or sys.platform != "linux":
        pytest.skip("mounting takes root on Linux")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A workspace that another user may enter, and mostly not write to."""
    # pytest's own folders are closed to others.
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    root = tmp_path / "shared"
    root.mkdir()
    (root / "open").mkdir()
    (root / "open").chmod(0o777)
    (root / "secret.txt").write_text("secret")
    (root / "secret.txt").chmod(0o600 if os.getuid() == 0 else 0)
    (root / "notes.md").write_text("one")
    (root / "notes.md").chmod(0o444)
    (root / "open/fixed.md").write_text("one")
    (root / "open/fixed.md").chmod(0o444)
    (root / "closed").mkdir()
    (root / "closed").chmod(0)
    if os.getuid() == 0:
        root.chmod(0o755)
    else:
        root.chmod(0o555)
    return root


def call_as_nobody(root: Path, *calls: tuple[str, dict[str, str]]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(root), json.dumps(calls)],
        cwd=CHECKOUT, env={"PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_full_disk_is_told_and_nothing_is_lost_or_left_over(small_disk: Path, tmp_path: Path, desk: Any) -> None:
    (small_disk / "notes.md").write_text("one\n" * 1000)
    tools = FileTools(Workspace(small_disk), Journal(desk.db, desk.home / "undo", desk.attempt, small_disk))
    big = "x" * (2 << 20)
    for name, arguments in [
        ("write_file", {"path": "notes.md", "content": big}),
        ("append_file", {"path": "notes.md", "content": big}),
        ("write_file", {"path": "new/deep/big.txt", "content": big}),
    ]:
        result = tools.perform(tools.prepare(ToolCall(name, arguments)), None)
        assert result == f"Error: no space left: {arguments['path']}"
    assert [path.name for path in small_disk.rglob("*")] == ["notes.md"]
    assert (small_disk / "notes.md").read_text() == "one\n" * 1000
    assert desk.db.query("SELECT * FROM changes") == []


def test_a_before_image_that_finds_no_space_stops_the_change(small_disk: Path, desk: Any) -> None:
    path = desk.root / "large.bin"
    path.write_bytes(b"x" * (KEPT_INLINE + 1))
    tools = FileTools(Workspace(desk.root), Journal(desk.db, small_disk / "undo", desk.attempt, desk.root))
    prepared = tools.prepare(ToolCall("delete_file", {"path": "large.bin"}))
    assert tools.perform(prepared, None) == "Error: no space left: large.bin"
    assert path.stat().st_size == KEPT_INLINE + 1
    assert list((small_disk / "undo").iterdir()) == []


def test_an_undo_that_finds_no_space_leaves_the_file_and_can_be_had_later(small_disk: Path, desk: Any) -> None:
    root = small_disk / "root"
    root.mkdir()
    (root / "a.txt").write_text("a" * 700_000)
    tools = FileTools(Workspace(root), Journal(desk.db, desk.home / "undo", desk.attempt, root))
    for name, arguments in [("delete_file", {"path": "a.txt"}), ("write_file", {"path": "b.txt", "content": "b"})]:
        tools.perform(tools.prepare(ToolCall(name, arguments)), None)
    (small_disk / "filler").write_bytes(b"x" * 700_000)
    report = desk.undo()
    assert [(refusal.path, refusal.why) for refusal in report.refused] == [("a.txt", "no space left: a.txt")]
    assert list(root.iterdir()) == []
    (small_disk / "filler").unlink()
    assert desk.undo(desk.attempt).restored == ("a.txt",)
    assert (root / "a.txt").read_text() == "a" * 700_000


def test_what_the_user_may_not_do_is_told(shared: Path) -> None:
    calls: list[tuple[str, dict[str, str]]] = [
        ("read_file", {"path": "secret.txt"}),
        ("write_file", {"path": "notes.md", "content": "x"}),
        ("write_file", {"path": "open/fixed.md", "content": "x"}),
        ("write_file", {"path": "new.md", "content": "x"}),
        ("create_directory", {"path": "new/folder"}),
        ("delete_file", {"path": "notes.md"}),
        ("list_directory", {"path": "closed"}),
        ("read_file", {"path": "closed/x"}),
    ]
    expected = [f"Error: permission denied: {arguments['path']}" for _, arguments in calls]
    assert call_as_nobody(shared, *calls) == expected
    assert (shared / "notes.md").read_text() == "one"


def test_the_path_that_may_not_be_changed_is_the_one_that_is_named(shared: Path) -> None:
    assert call_as_nobody(
        shared,
        ("move_file", {"source": "notes.md", "destination": "open/notes.md"}),
        ("move_file", {"source": "open/fixed.md", "destination": "fixed.md"}),
        ("copy_file", {"source": "notes.md", "destination": "copy.md"}),
        ("copy_file", {"source": "notes.md", "destination": "open/copy.md"}),
    ) == [
        "Error: permission denied: notes.md",
        "Error: permission denied: fixed.md",
        "Error: permission denied: copy.md",
        "Copied notes.md to open/copy.md",
    ]


def test_searches_pass_over_what_the_user_may_not_read(shared: Path) -> None:
    assert call_as_nobody(
        shared,
        ("search_text", {"query": "e"}),
        ("find_files", {"pattern": "*.txt"}),
        ("search_text", {"query": "secret"}),
    ) == ["notes.md:1: one", "open/fixed.md:1: one", "secret.txt", "No matches for secret"]


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_special_files_are_never_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    path = tmp_path / "x"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "socket":
            # A socket's path has at most some hundred bytes.
            monkeypatch.chdir(tmp_path)
            with socket.socket(socket.AF_UNIX) as made:
                made.bind("x")
        case "device":
            if os.getuid() != 0:
                pytest.skip("making a device takes root")
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    tools = FileTools(Workspace(tmp_path))
    calls = [
        ToolCall("read_file", {"path": "x"}),
        ToolCall("write_file", {"path": "x", "content": ""}),
        ToolCall("append_file", {"path": "x", "content": ""}),
        ToolCall("edit_file", {"path": "x", "old_text": "a", "new_text": "b"}),
        ToolCall("delete_file", {"path": "x"}),
        ToolCall("move_file", {"source": "x", "destination": "y"}),
        ToolCall("copy_file", {"source": "x", "destination": "y"}),
    ]
    assert {tools.perform(tools.prepare(call), None) for call in calls} == {"Error: not a text file: x"}
    assert tools.perform(tools.prepare(ToolCall("search_text", {"query": ""})), None) == "No matches for "
    assert not path.is_file()


def test_a_rewritten_file_keeps_its_mode_and_owner(desk: Any) -> None:
    path = desk.root / "run.sh"
    path.write_text("one")
    path.chmod(0o751)
    if os.getuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    owner = path.stat().st_uid
    desk.call("write_file", path="run.sh", content="two")
    found = path.stat()
    assert (path.read_text(), stat.S_IMODE(found.st_mode), found.st_uid) == ("two", 0o751, owner)


def test_a_new_file_has_the_mode_that_the_umask_leaves(desk: Any) -> None:
    old = os.umask(0o027)
    try:
        desk.call("write_file", path="new/a", content="")
    finally:
        os.umask(old)
    assert desk.tree() == {"new": ("directory", 0o750, b""), "new/a": ("file", 0o640, b"")}


def test_a_copy_keeps_the_permissions(desk: Any) -> None:
    (desk.root / "run.sh").write_text("x")
    (desk.root / "run.sh").chmod(0o755)
    desk.call("copy_file", source="run.sh", destination="b/copy.sh")
    assert stat.S_IMODE((desk.root / "b/copy.sh").stat().st_mode) == 0o755


def test_the_other_name_of_a_hard_linked_file_keeps_the_old_content(desk: Any, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("one")
    (desk.root / "inside.txt").hardlink_to(tmp_path / "outside.txt")
    desk.call("append_file", path="inside.txt", content="two")
    assert (desk.root / "inside.txt").read_text() == "one\ntwo\n"
    assert (tmp_path / "outside.txt").read_text() == "one"


@pytest.mark.slow
def test_a_file_of_100_megabytes_is_appended_to_edited_and_brought_back(desk: Any) -> None:
    path = desk.root / "large.log"
    with path.open("wb") as file:
        for _ in range(LARGE >> 20):
            file.write((b"x" * 1023 + b"\n") * 1024)
    assert desk.call("append_file", path="large.log", content="the end") == "Appended to large.log"
    assert desk.call("edit_file", path="large.log", old_text="the end", new_text="really") == "Edited large.log"
    assert path.stat().st_size == LARGE + len("really\n")
    assert desk.call("read_file", path="large.log").endswith("\n[cut: 1024 of 102402 lines]")
    assert desk.call("search_text", query="really") == "No matches for really"
    assert desk.undo().refused == ()
    assert path.stat().st_size == LARGE
    assert desk.redo().refused == ()
    assert path.stat().st_size == LARGE + len("really\n")


@pytest.mark.slow
def test_reading_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    with (tmp_path / "large.log").open("wb") as file:
        for _ in range(LARGE >> 20):
            file.write((b"x" * 1023 + b"\n") * 1024)
    script = (
        "import resource, sys\nfrom pathlib import Path\nfrom localnpm.agent.workspace import Workspace\n"
        "w = Workspace(Path(sys.argv[1]))\nbefore = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "w.read_file('large.log'); w.search_text('y'); w.find_files('*')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=CHECKOUT, env={"PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 20 << 20
