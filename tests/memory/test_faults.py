"""Memories that cannot be used: each ends in a message that says what to do, and is left as it is."""

import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from localnpm.errors import MemoryFileError
from localnpm.memory.database import Database

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def fill(database: Database, sessions: int = 300) -> None:
    with database.transaction() as connection:
        connection.executemany(
            "INSERT INTO sessions(title, workspace, created_at, updated_at) VALUES (?, 'w', 'c', 'u')",
            [("x" * 500,)] * sessions,
        )


def damage(path: Path, start: int = 4096, length: int | None = None) -> None:
    """Overwrite bytes from `start`, all unless told; the first page, which says that this is a database, stays."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * (path.stat().st_size - start if length is None else length))


def first_page_of(database: Database, table: str) -> int:
    """Where in the file a table's rows begin. Damaged there, the memory still opens: its schema is whole."""
    size = database.query("PRAGMA page_size")[0][0]
    root = database.query("SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))[0][0]
    return int((root - 1) * size)


@pytest.mark.parametrize("content", [b"hello", b"x" * 100_000, b"SQLite format 3\0 and then rubbish"])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(MemoryFileError, match="cannot be read as localnpm's memory"):
        Database.open(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE songs (name TEXT)")
    foreign.close()
    before = path.read_bytes()
    with pytest.raises(MemoryFileError, match="a database of another program"):
        Database.open(path)
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_memory(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with Database.open(path) as database:
        assert database.check() == ()


def test_a_folder_in_the_memorys_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(MemoryFileError, match="is a folder"):
        Database.open(path)


def test_a_file_in_the_homes_place_is_refused(path: Path) -> None:
    path.parent.write_text("not a folder")
    with pytest.raises(MemoryFileError, match="cannot be opened"):
        Database.open(path)


def test_opening_a_damaged_memory_says_how_to_go_on(path: Path) -> None:
    with Database.open(path) as database:
        fill(database)
    damage(path)
    before = path.read_bytes()
    with pytest.raises(MemoryFileError, match="start with an empty memory"):
        Database.open(path)
    assert path.read_bytes() == before


def test_the_check_reports_a_damaged_memory(path: Path) -> None:
    with Database.open(path) as database:
        fill(database)
        start = first_page_of(database, "sessions")
    damage(path, start, length=4096)
    with Database.open(path) as database:
        assert database.check()


def test_reading_what_is_damaged_says_how_to_go_on(path: Path) -> None:
    with Database.open(path) as database:
        fill(database)
        start = first_page_of(database, "sessions")
    damage(path, start, length=4096)
    with Database.open(path) as database, pytest.raises(MemoryFileError, match="start with an empty memory"):
        database.query("SELECT sum(length(title)) FROM sessions")


def test_the_commands_in_the_message_bring_the_newest_backup_back(path: Path) -> None:
    with Database.open(path) as database:
        database.backup(path.parent / "backups" / "old.db")
        fill(database, sessions=1)
        database.backup(path.parent / "backups" / "new.db")
        os.utime(path.parent / "backups" / "old.db", (0, 0))
    path.write_bytes(b"rubbish" * 1000)
    with pytest.raises(MemoryFileError) as caught:
        Database.open(path)
    commands = [line for line in str(caught.value).splitlines() if line.startswith("  ")]
    subprocess.run(["sh", "-ec", "\n".join(commands)], check=True)
    with Database.open(path) as database:
        assert database.query("SELECT count(*) FROM sessions")[0][0] == 1
    assert path.with_name("memory.db.damaged").read_bytes() == b"rubbish" * 1000


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that other users reach, which those under pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def open_as_nobody(path: Path) -> str:
    """What opening the memory says to a process of another user."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            Database.open(path)
        except MemoryFileError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        message = pipe.read().decode()
    os.waitpid(child, 0)
    return message


@as_root
def test_a_memory_that_another_user_owns_cannot_be_written(shared_folder: Path) -> None:
    path = shared_folder / "memory.db"
    Database.open(path).close()
    path.chmod(0o644)
    before = path.read_bytes()
    assert "cannot be written by this user" in open_as_nobody(path)
    assert path.read_bytes() == before


@as_root
def test_a_memory_that_another_user_keeps_private_cannot_be_opened(shared_folder: Path) -> None:
    Database.open(shared_folder / "home" / "memory.db").close()
    assert "Permission denied" in open_as_nobody(shared_folder / "home" / "memory.db")


@as_root
def test_a_home_that_cannot_be_made_is_named(shared_folder: Path) -> None:
    message = open_as_nobody(shared_folder / "new" / "memory.db")
    assert "Permission denied" in message
    assert str(shared_folder / "new") in message


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@as_root
def test_a_full_disk_is_named_and_what_was_committed_stays(small_disk: Path) -> None:
    with Database.open(small_disk / "memory.db") as database:
        fill(database, sessions=5)
        with pytest.raises(MemoryFileError, match=r"disk that holds .* is full"):
            fill(database, sessions=5000)
        assert database.query("SELECT count(*) FROM sessions")[0][0] == 5
    with Database.open(small_disk / "memory.db") as database:
        assert database.check() == ()


@as_root
def test_a_new_memory_on_a_full_disk_says_so(small_disk: Path) -> None:
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(MemoryFileError, match="is full"):
        Database.open(small_disk / "memory.db")
