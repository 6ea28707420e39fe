"""Forgetting: the bytes are gone from every file of the memory, and nothing else is."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localnpm.errors import LocalnpmError, NotFoundError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.forget import backups_with, forget_attempts, forget_older_than, forget_session
from localnpm.memory.sessions import session

LogAttempt = Callable[..., int]
MARK = "xylophone-4711"


def holds_mark(folder: Path) -> list[str]:
    """The files under a folder with the mark in their bytes."""
    return [file.name for file in folder.rglob("*") if file.is_file() and MARK.encode() in file.read_bytes()]


@pytest.fixture
def home(path: Path) -> Path:
    return path.parent


@pytest.fixture
def marked(log: AttemptLog, log_attempt: LogAttempt) -> int:
    """An attempt with the mark in each of its texts, among others; index and log are full of it."""
    for number in range(20):
        log_attempt(f"ordinary request {number}")
    attempt_id = log_attempt(f"Find {MARK}", result=f"{MARK}: found\n" * 300, answer=f"{MARK} is here")
    log.add_verdict(attempt_id, "user", False, reason=f"not {MARK}")
    add_change(log.database, attempt_id, before=MARK.encode())
    for number in range(20):
        log_attempt(f"ordinary request {number}")
    return attempt_id


def add_change(database: Database, attempt_id: int, *, before: bytes | None = None, digest: str = "ab12") -> None:
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO changes(attempt_id, workspace, kind, path, before_kind, before_hash, before_bytes, "
            "created_at) VALUES (?, '/work', 'write', 'a.md', 'file', ?, ?, '')",
            (attempt_id, digest, before),
        )


def test_the_mark_is_on_the_disk_before(home: Path, marked: int) -> None:
    assert holds_mark(home)


def test_a_forgotten_attempt_is_in_no_byte_of_the_memory(database: Database, home: Path, marked: int) -> None:
    forgotten = forget_attempts(database, [marked])
    assert (forgotten.attempts, forgotten.wiped) == ((marked,), True)
    assert holds_mark(home) == []


def test_a_deleted_session_is_in_no_byte_of_the_memory(
    database: Database, home: Path, log: AttemptLog, marked: int
) -> None:
    forget_session(database, log.attempt(marked).session_id)
    assert holds_mark(home) == []


def test_the_others_are_still_there_and_found(database: Database, log: AttemptLog, marked: int) -> None:
    forget_attempts(database, [marked])
    assert len(log.attempts(limit=100)) == 40
    assert len(log.search("ordinary", limit=100)) == 40
    assert log.search(MARK) == ()
    assert database.check(thorough=True) == ()


def test_a_session_goes_with_its_last_attempt(database: Database, log: AttemptLog, marked: int) -> None:
    session_id = log.attempt(marked).session_id
    forget_attempts(database, [marked])
    with pytest.raises(NotFoundError):
        session(database, session_id)


def test_a_session_named_after_a_forgotten_request_is_named_after_the_next(
    database: Database, home: Path, log: AttemptLog, log_attempt: LogAttempt
) -> None:
    session_id = log.start_session("/work")
    first = log_attempt(f"Find {MARK}", session_id=session_id)
    log_attempt("Then buy milk", session_id=session_id)
    assert session(database, session_id).title == f"Find {MARK}"
    forget_attempts(database, [first])
    assert session(database, session_id).title == "Then buy milk"
    assert holds_mark(home) == []


def test_a_retry_outlives_what_it_replaced(database: Database, log: AttemptLog, log_attempt: LogAttempt) -> None:
    failed = log_attempt()
    retry = log_attempt(retry_of=failed)
    forget_attempts(database, [failed])
    assert log.attempt(retry).retry_of is None


def test_undo_files_go_when_no_other_attempt_needs_them(
    database: Database, home: Path, log_attempt: LogAttempt
) -> None:
    going, staying = log_attempt(), log_attempt()
    add_change(database, going, digest="only")
    add_change(database, going, digest="both")
    add_change(database, staying, digest="both")
    (home / "undo").mkdir()
    for name in ("only", "both", "unrelated"):
        (home / "undo" / name).write_text(MARK)
    assert forget_attempts(database, [going]).undo_files == 1
    assert sorted(file.name for file in (home / "undo").iterdir()) == ["both", "unrelated"]


def test_an_unknown_id_forgets_nothing(database: Database, log: AttemptLog, marked: int) -> None:
    with pytest.raises(NotFoundError, match="No attempt has the id 999"):
        forget_attempts(database, [marked, 999])
    assert log.attempt(marked).id == marked


HOLD_AN_ATTEMPT = """
tell(start(AttemptLog(Database.open(path))))
told()
"""


def test_an_attempt_that_another_process_carries_out_is_not_forgotten(other: Any, database: Database) -> None:
    attempt_id = int(other(HOLD_AN_ATTEMPT).stdout.readline())
    with pytest.raises(LocalnpmError, match="still being carried out"):
        forget_attempts(database, [attempt_id])


def test_a_reader_delays_the_wiping_and_the_report_says_so(database: Database, home: Path, marked: int) -> None:
    database.connection.execute("PRAGMA busy_timeout = 0")
    reading, done = threading.Event(), threading.Event()

    def read() -> None:
        connection = sqlite3.connect(home / "memory.db")
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM attempts").fetchone()
        reading.set()
        done.wait()
        connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    reading.wait()
    try:
        assert not forget_attempts(database, [marked]).wiped
    finally:
        done.set()
        reader.join()
    assert database.wipe()
    assert holds_mark(home) == []


@pytest.fixture
def backup(database: Database, home: Path, marked: int) -> Path:
    """A backup that holds the marked attempt."""
    copy = home / "backups" / "copy.db"
    database.backup(copy)
    return copy


def test_backups_that_hold_an_attempt_are_listed(
    database: Database, backup: Path, marked: int, log_attempt: LogAttempt
) -> None:
    assert backups_with(database, [marked]) == (backup,)
    assert backups_with(database, [log_attempt()]) == ()


def test_a_backup_that_cannot_be_read_is_listed(database: Database, backup: Path, marked: int) -> None:
    backup.write_bytes(b"rubbish" * 1000)
    assert backups_with(database, [marked]) == (backup,)


def test_without_consent_backups_are_kept_and_named(database: Database, backup: Path, marked: int, home: Path) -> None:
    assert forget_attempts(database, [marked]).backups == (backup,)
    assert holds_mark(home) == ["copy.db"]


def test_a_rewritten_backup_lacks_the_attempt_and_nothing_else(
    database: Database, backup: Path, marked: int, home: Path
) -> None:
    assert forget_attempts(database, [marked], backups="rewrite").backups == ()
    assert holds_mark(home) == []
    with Database.open(backup) as copy:
        assert len(AttemptLog(copy).attempts(limit=100)) == 40
        assert copy.check(thorough=True) == ()


def test_a_deleted_backup_is_gone(database: Database, backup: Path, marked: int) -> None:
    forget_attempts(database, [marked], backups="delete")
    assert not backup.exists()


def test_another_attempt_of_that_id_in_a_backup_is_left_alone(
    database: Database, backup: Path, marked: int, tmp_path: Path
) -> None:
    with Database.open(tmp_path / "elsewhere" / "memory.db") as elsewhere:
        log = AttemptLog(elsewhere)
        for number in range(marked):
            log.start_attempt(
                log.start_session(""), f"other {number}", workspace="", model="", model_fingerprint="", system="",
                sampling={},
            )  # fmt: skip
        elsewhere.backup(backup)
    assert backups_with(database, [marked]) == ()


def test_old_attempts_are_forgotten_and_younger_and_running_ones_kept(
    database: Database, log: AttemptLog, log_attempt: LogAttempt
) -> None:
    old, young, running = log_attempt("old"), log_attempt("young"), log_attempt("running")
    with database.transaction() as connection:
        connection.execute("UPDATE attempts SET finished_at = '2020-01-01T00:00:00+00:00' WHERE id = ?", (old,))
        connection.execute(
            "UPDATE attempts SET status = 'running', finished_at = NULL, started_at = '2020-01-01T00:00:00+00:00' "
            "WHERE id = ?",
            (running,),
        )
    assert forget_older_than(database, 30).attempts == (old,)
    assert [attempt.id for attempt in log.attempts()] == [running, young]
    assert forget_older_than(database, 30).attempts == ()


def test_a_private_memory_forgets_too(tmp_path: Path) -> None:
    with Database.open(None) as database:
        log = AttemptLog(database)
        attempt_id = log.start_attempt(
            log.start_session(""), "r", workspace="", model="", model_fingerprint="", system="", sampling={}
        )
        log.finish_attempt(attempt_id, "done", "a")
        assert forget_attempts(database, [attempt_id]).wiped
        assert log.attempts() == ()
