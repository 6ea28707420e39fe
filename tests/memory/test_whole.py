"""The whole memory as one file: out, in again, older versions, and files that are none."""

import json
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from localnpm.errors import LocalnpmError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.backups import EVERY, KEPT, back_up, backups, routine
from localnpm.memory.database import Database
from localnpm.memory.migrations import APPLICATION_ID
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.memory.schema import MIGRATIONS
from localnpm.memory.vector_store import VectorStore
from localnpm.memory.whole import export_memory, import_memory

LogAttempt = Callable[..., int]


def rows(database: Database) -> str:
    """All rows of all tables, but for those of the indexes and for what counts a file's own changes."""
    names = database.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%fts%'")
    held = {
        row["name"]: sorted(repr(tuple(held)) for held in database.query(f"SELECT * FROM {row['name']}"))
        for row in names
        if row["name"] != "recall_revision"
    }
    return json.dumps(held, sort_keys=True)


@pytest.fixture
def filled(database: Database, log: AttemptLog, log_attempt: LogAttempt) -> Database:
    """A memory with a bit of everything, a stale version among it, and an id that is not to be given again."""
    first, last = log_attempt("Add milk"), log_attempt("Gone")
    log.add_verdict(first, "user", True)
    draft = Draft("Add a task\n1. do", "Task", "built", lineage=((first, "script"),))
    kind = Procedures(database).add("Add a task", [("Add milk", first)], draft)
    VectorStore(database).add(
        kind.name, bytes(range(256)), procedure_id=kind.id, status="active", origin="distilled", model="m",
        model_fingerprint="f0", coefficient=0.1 + 0.2, layers=(2, 5), lineage=[first],
    )  # fmt: skip
    log.add_verdict(first, "user", False)
    Procedures(database).edit(kind.id, "Mine")
    with database.transaction() as connection:
        connection.execute("DELETE FROM attempts WHERE id = ?", (last,))
    return database


@pytest.fixture
def exported(filled: Database, tmp_path: Path) -> Path:
    file = tmp_path / "all.db"
    export_memory(filled, file)
    return file


@pytest.fixture
def empty(tmp_path: Path) -> Database:
    return Database.open(tmp_path / "new" / "memory.db")


def test_a_whole_memory_comes_back_row_for_row(filled: Database, exported: Path, empty: Database) -> None:
    import_memory(empty, exported)
    assert rows(empty) == rows(filled)
    assert empty.check(thorough=True) == ()
    assert [hit.attempt_id for hit in AttemptLog(empty).search("milk")] == [1]
    assert empty.folder is not None
    assert [file.name for file in empty.folder.glob("import-*")] == []


def test_a_copy_of_the_open_file_comes_back_too(filled: Database, path: Path, tmp_path: Path, empty: Database) -> None:
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"copy.db{suffix}").write_bytes(path.with_name(path.name + suffix).read_bytes())
    import_memory(empty, tmp_path / "copy.db")
    assert rows(empty) == rows(filled)


def test_a_memory_of_an_older_version_is_brought_up_to_date(tmp_path: Path, empty: Database) -> None:
    older = tmp_path / "older.db"
    with Database.open(older, migrations=MIGRATIONS[:1]) as database, database.transaction() as connection:
        connection.execute("INSERT INTO sessions(title, workspace, created_at, updated_at) VALUES ('old', '', '', '')")
    import_memory(empty, older)
    assert [row["title"] for row in empty.query("SELECT title FROM sessions")] == ["old"]
    with sqlite3.connect(older) as untouched:
        assert untouched.execute("PRAGMA user_version").fetchone()[0] == 1


def test_a_memory_that_holds_something_takes_over_no_other(filled: Database, exported: Path) -> None:
    before = rows(filled)
    with pytest.raises(LocalnpmError, match=r"1 attempts, 1 procedures.*--home FOLDER memory import"):
        import_memory(filled, exported)
    assert rows(filled) == before


def with_trigger(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TRIGGER bad AFTER INSERT ON attempts BEGIN DELETE FROM sessions; END")


def with_view(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DROP TABLE watches")
        connection.execute("CREATE VIEW watches AS SELECT * FROM sessions")


def with_newer_version(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")


def with_damage(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"\xa5" * (file.stat().st_size - 4096))


def with_dangling_row(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO members VALUES (77, 88, '[]')")


def of_another_program(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA application_id = 1")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:50_000])


def of_a_header_alone(file: Path) -> None:
    head = bytearray(b"SQLite format 3\0".ljust(100, b"\0"))
    head[60:64], head[68:72] = (1).to_bytes(4), APPLICATION_ID.to_bytes(4)
    file.write_bytes(bytes(head) + b"\xff" * 5000)


def of_rubbish(file: Path) -> None:
    file.write_bytes(b"rubbish" * 1000)


def of_nothing(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize(
    "spoil",
    [
        with_trigger, with_view, with_newer_version, with_damage, with_dangling_row, of_another_program, cut,
        of_a_header_alone, of_rubbish, of_nothing,
    ],
)  # fmt: skip
def test_a_file_is_refused(exported: Path, empty: Database, spoil: Callable[[Path], None]) -> None:
    spoil(exported)
    before, began = rows(empty), time.monotonic()
    with pytest.raises(LocalnpmError, match=r"all.db cannot be imported as a memory: .*Nothing was changed"):
        import_memory(empty, exported)
    assert time.monotonic() - began < 1
    assert rows(empty) == before
    assert empty.check() == ()


def test_an_export_replaces_only_when_told_to_and_never_the_memory(
    filled: Database, exported: Path, path: Path
) -> None:
    with pytest.raises(LocalnpmError, match="is there already"):
        export_memory(filled, exported)
    export_memory(filled, exported, replace=True)
    with pytest.raises(LocalnpmError, match="is there already"):
        export_memory(filled, path, replace=True)


def test_a_routine_backup_is_made_when_the_last_is_a_day_old(filled: Database) -> None:
    first = routine(filled)
    assert first is not None
    assert routine(filled) is None
    age(first)
    assert routine(filled) is not None


def age(backup: Path) -> None:
    """Make a backup a little over a day older."""
    made = backup.stat().st_mtime - EVERY.total_seconds() - 1
    os.utime(backup, (made, made))


def test_only_the_newest_routine_backups_are_kept_and_all_others_stay(filled: Database, path: Path) -> None:
    asked = back_up(filled)
    foreign = path.parent / "backups" / "mine.db"
    filled.backup(foreign)
    made = []
    for _ in range(KEPT + 2):
        for backup in backups(path.parent / "backups"):
            age(backup.path)
        made.append(routine(filled))
    there = {backup.path for backup in backups(path.parent / "backups")}
    assert there == {asked, foreign, *made[-KEPT:]}
    assert {backup.kind for backup in backups(path.parent / "backups")} == {"asked", "other", "routine"}


def test_no_routine_backup_is_made_where_none_is_kept(filled: Database, path: Path) -> None:
    assert routine(filled, 0) is None
    assert not (path.parent / "backups").exists()


def test_two_backups_of_one_second_are_two_files(filled: Database) -> None:
    assert len({back_up(filled) for _ in range(3)}) == 3
