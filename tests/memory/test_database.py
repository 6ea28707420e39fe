"""Opening, transactions, threads, backup and check of a sound memory. Unsound ones: test_faults.py."""

import threading
from pathlib import Path

import pytest

from localnpm.errors import MemoryFileError
from localnpm.memory.database import Database, storable, tables_of


def count(database: Database) -> int:
    return int(database.query("SELECT count(*) FROM sessions")[0][0])


def add(database: Database, title: str = "t") -> None:
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO sessions(title, workspace, created_at, updated_at) VALUES (?, 'w', 'c', 'u')", (title,)
        )


def test_a_new_memory_is_readable_by_its_owner_only(database: Database, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_was_written_is_there_after_reopening(path: Path) -> None:
    with Database.open(path) as database:
        add(database)
    with Database.open(path) as database:
        assert count(database) == 1


def test_writes_outlive_a_power_cut(database: Database) -> None:
    modes = [database.query(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous", "foreign_keys")]
    assert modes == ["wal", 2, 1]


def test_a_failed_transaction_writes_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction():
        add(database)
        raise ZeroDivisionError
    assert count(database) == 0


def test_a_transaction_within_another_is_part_of_it(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction():
        with database.transaction():
            add(database)
        raise ZeroDivisionError
    assert count(database) == 0


def test_a_transaction_holds_the_write_lock_from_its_start(database: Database) -> None:
    seen: list[bool] = []
    with database.transaction():
        thread = threading.Thread(target=lambda: seen.append(_can_write_at_once(database)))
        thread.start()
        thread.join()
    assert seen == [False]


def _can_write_at_once(database: Database) -> bool:
    database.connection.execute("PRAGMA busy_timeout = 0")
    try:
        add(database)
    except MemoryFileError:
        return False
    return True


def test_each_thread_has_a_connection_of_its_own(database: Database) -> None:
    connections = [database.connection]
    thread = threading.Thread(target=lambda: connections.append(database.connection))
    thread.start()
    thread.join()
    assert connections[0] is database.connection
    assert connections[0] is not connections[1]


@pytest.mark.parametrize("private", [False, True], ids=["on disk", "private"])
def test_threads_that_write_at_once_lose_nothing(path: Path, private: bool) -> None:
    with Database.open(None if private else path) as database:
        threads = [threading.Thread(target=lambda: [add(database) for _ in range(20)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert count(database) == 80


def test_a_private_memory_leaves_nothing_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Database.open(None) as database:
        add(database)
        assert count(database) == 1
        assert database.private
    assert list(tmp_path.iterdir()) == []


def test_private_and_stored_memories_have_the_same_tables(database: Database) -> None:
    query = "SELECT name, sql FROM sqlite_master ORDER BY name"
    with Database.open(None) as private:
        assert [tuple(row) for row in private.query(query)] == [tuple(row) for row in database.query(query)]


def test_sqlite_utils_sees_the_tables(database: Database) -> None:
    assert {"sessions", "attempts", "steps", "verdicts", "changes"} <= set(tables_of(database.connection).table_names())


def test_a_sound_memory_passes_the_check(database: Database) -> None:
    assert database.check() == ()
    assert database.check(thorough=True) == ()


def test_the_check_names_a_row_that_refers_to_nothing(database: Database) -> None:
    database.connection.execute("PRAGMA foreign_keys = OFF")
    database.connection.execute(
        "INSERT INTO verdicts(attempt_id, source, success, confidence, created_at) VALUES (99, 'user', 1, 1, 'now')"
    )
    assert database.check() == ("row 1 of verdicts refers to a missing row of attempts",)


def test_a_backup_is_a_whole_memory_in_one_file(database: Database, tmp_path: Path) -> None:
    add(database)
    copy = tmp_path / "copies" / "copy.db"
    database.backup(copy)
    add(database)
    assert [file.name for file in copy.parent.iterdir()] == ["copy.db"]
    with Database.open(copy) as opened:
        assert count(opened) == 1


def test_a_backup_that_cannot_be_written_says_so(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MemoryFileError, match=r"backup .*file/copy.db could not be written"):
        database.backup(tmp_path / "file" / "copy.db")


def test_a_lone_surrogate_becomes_a_character_that_can_be_stored() -> None:
    assert storable("a\ud800b\U0001f600") == "a\ufffdb\U0001f600"


def test_a_memory_that_is_only_read_refuses_every_write_on_every_thread(database: Database) -> None:
    add(database)
    database.read_only()
    refused: list[Exception] = []

    def write() -> None:
        with pytest.raises(MemoryFileError) as error:
            add(database)
        refused.append(error.value)

    write()
    other = threading.Thread(target=write)
    other.start()
    other.join()
    assert (len(refused), count(database)) == (2, 1)
