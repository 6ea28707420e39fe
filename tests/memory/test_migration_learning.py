"""A memory from before anything was learned: it opens, is backed up, and keeps every row."""

import sqlite3
from pathlib import Path

import pytest

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.procedures import Procedures
from localnpm.memory.schema import MIGRATIONS

ROWS = """
INSERT INTO sessions VALUES (1, 'Milk', '/work', '2025-11-01T10:00:00.000000+00:00',
    '2025-11-01T10:00:09.000000+00:00');
INSERT INTO attempts VALUES (1, 1, 'Add milk', 'done', '77-abcdef12', '/work', 'a model', 'f0', 'You help.',
    '{"seed": 7}', 'none', 'Milk is on it.', NULL, 0, NULL, NULL, 62, 9, '2025-11-01T10:00:00.000000+00:00',
    '2025-11-01T10:00:08.000000+00:00');
INSERT INTO attempts VALUES (2, 1, 'Add tea', 'failed', '77-abcdef12', '/work', 'a model', 'f0', 'You help.',
    '{"seed": 8}', 'none', NULL, 'disk full', 1, 1, '2025-11-01T10:01:00.000000+00:00', 62, 9,
    '2025-11-01T10:00:30.000000+00:00', '2025-11-01T10:00:40.000000+00:00');
INSERT INTO steps VALUES (1, 1, 0, 0, '<call>', 'a thought', 'append_file', '{"path": "todo.md"}', 'Appended', NULL, 9,
    '2025-11-01T10:00:01.000000+00:00', '2025-11-01T10:00:02.000000+00:00');
INSERT INTO verdicts VALUES (1, 1, 'user', 1, 1.0, 'thanks', '2025-11-01T10:05:00.000000+00:00');
INSERT INTO changes VALUES (1, 1, 1, '/work', 'write', 'todo.md', NULL, 'file', 420, 'ab', x'00ff', NULL, 'file', 420,
    'cd', NULL, '2025-11-01T10:00:02.000000+00:00', NULL, NULL, '2025-11-01T10:00:01.000000+00:00');
INSERT INTO locks VALUES ('recover', '77-abcdef12', '2025-11-01T10:00:00.000000+00:00');
"""
TABLES = ("sessions", "attempts", "steps", "verdicts", "changes", "locks")


def rows(connection: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """The rows of the log, by the columns that the first version has."""
    with Database.open(None, migrations=MIGRATIONS[:1]) as first:
        columns = {
            table: ", ".join(row["name"] for row in first.query(f"PRAGMA table_info({table})")) for table in TABLES
        }
    return {
        table: [tuple(row) for row in connection.execute(f"SELECT {columns[table]} FROM {table} ORDER BY 1")]
        for table in TABLES
    }


@pytest.fixture
def older(path: Path) -> Path:
    """A memory as the first version leaves it."""
    with Database.open(path, migrations=MIGRATIONS[:1]) as database:
        database.connection.executescript(ROWS)
    return path


def test_every_row_of_an_older_memory_is_kept(older: Path) -> None:
    with sqlite3.connect(older) as connection:
        before = rows(connection)
    with Database.open(older) as database:
        assert rows(database.connection) == before
        assert database.check(thorough=True) == ()


def test_the_older_memory_is_backed_up_as_it_was(older: Path) -> None:
    with sqlite3.connect(older) as connection:
        before = rows(connection)
    Database.open(older).close()
    (copy,) = (older.parent / "backups").iterdir()
    with sqlite3.connect(copy) as connection:
        assert rows(connection) == before
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 1


def test_an_older_memory_is_read_searched_and_learned_from(older: Path) -> None:
    with Database.open(older) as database:
        log = AttemptLog(database)
        assert [attempt.practice for attempt in log.attempts()] == [False, False]
        assert [hit.attempt_id for hit in log.search("milk")] == [1]
        outcome = log.outcome(1)
        assert outcome is not None
        assert outcome.success
        kind = Procedures(database).add("Add", [("Add milk", 1)], None)
        assert Procedures(database).keys(kind.id) == ("Add milk",)
