"""Bringing an older memory up to date: a backup first, all or nothing."""

import sqlite3
from pathlib import Path

import pytest

from localnpm.errors import MemoryFileError
from localnpm.memory.database import Database, tables_of
from localnpm.memory.migrations import version
from localnpm.memory.schema import MIGRATIONS
from localnpm.memory.sql_script import run_script


def add_notes(connection: sqlite3.Connection) -> None:
    run_script(connection, "CREATE TABLE notes (text TEXT);\nINSERT INTO notes SELECT title FROM sessions;")


def fail_half_way(connection: sqlite3.Connection) -> None:
    run_script(connection, "CREATE TABLE halves (text TEXT);\nDELETE FROM sessions;")
    raise ZeroDivisionError


def orphan(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO verdicts(attempt_id, source, success, confidence, created_at) VALUES (9, 'user', 1, 1, '')"
    )


@pytest.fixture
def older(path: Path) -> Path:
    """A memory of this version with one session, to be opened by a later version."""
    with Database.open(path) as database, database.transaction() as connection:
        connection.execute("INSERT INTO sessions(title, workspace, created_at, updated_at) VALUES ('old', '', '', '')")
    return path


def test_a_new_memory_has_this_versions_number_and_no_backup(database: Database, path: Path) -> None:
    assert version(database.connection) == len(MIGRATIONS)
    assert not (path.parent / "backups").exists()


def test_opening_an_older_memory_runs_what_it_lacks(older: Path) -> None:
    with Database.open(older, migrations=[*MIGRATIONS, add_notes]) as database:
        assert [row["text"] for row in database.query("SELECT text FROM notes")] == ["old"]
        assert version(database.connection) == len(MIGRATIONS) + 1
        assert database.query("PRAGMA foreign_keys")[0][0] == 1


def test_an_older_memory_is_backed_up_before_it_is_changed(older: Path) -> None:
    Database.open(older, migrations=[*MIGRATIONS, add_notes]).close()
    (backup,) = (older.parent / "backups").iterdir()
    with Database.open(backup) as database:
        assert [row["title"] for row in database.query("SELECT title FROM sessions")] == ["old"]


def test_a_migration_that_fails_changes_nothing(older: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        Database.open(older, migrations=[*MIGRATIONS, fail_half_way])
    with Database.open(older) as database:
        assert [row["title"] for row in database.query("SELECT title FROM sessions")] == ["old"]
        assert "halves" not in tables_of(database.connection).table_names()


def test_migrations_before_a_failing_one_stay(older: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        Database.open(older, migrations=[*MIGRATIONS, add_notes, fail_half_way])
    with Database.open(older, migrations=[*MIGRATIONS, add_notes]) as database:
        assert version(database.connection) == len(MIGRATIONS) + 1


def test_a_migration_that_breaks_a_reference_is_taken_back(older: Path) -> None:
    with pytest.raises(MemoryFileError, match="a row of verdicts without what it refers to"):
        Database.open(older, migrations=[*MIGRATIONS, orphan])
    with Database.open(older) as database:
        assert database.query("SELECT * FROM verdicts") == []


def test_without_room_for_the_backup_nothing_is_migrated(older: Path) -> None:
    (older.parent / "backups").write_text("a file in the folder's place")
    with pytest.raises(MemoryFileError, match="could not be written"):
        Database.open(older, migrations=[*MIGRATIONS, add_notes])
    with Database.open(older) as database:
        assert version(database.connection) == len(MIGRATIONS)


def test_a_memory_of_a_newer_version_is_refused_and_left_alone(older: Path) -> None:
    Database.open(older, migrations=[*MIGRATIONS, add_notes]).close()
    before = older.read_bytes()
    known = len(MIGRATIONS)
    message = rf"newer version of localnpm .schema {known + 1}; this one knows {known}.*Update"
    with pytest.raises(MemoryFileError, match=message):
        Database.open(older)
    assert older.read_bytes() == before
