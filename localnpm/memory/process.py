"""Who is alive: each running process holds a locked file in HOME/run, named by its PID, for as long as it lives.

The kernel frees the lock however a process ends, so that an attempt left `running` is told from one that still runs,
and a job that one process may do at a time is not blocked for ever.
Not covered: processes of other machines on one home folder, where the file system does not carry locks across.
"""

import atexit
import fcntl
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localnpm.errors import MemoryFileError
from localnpm.memory.clock import now
from localnpm.memory.database import Database

PRIVATE = "private"

_held: dict[tuple[int, Path], tuple[str, int]] = {}
_guard = threading.Lock()


def current(database: Database) -> str:
    """The name of this process's locked file beside `database`; it is made on the first call and held until the end.

    Raises:
        MemoryFileError: HOME/run cannot be written.
    """
    if database.folder is None:
        return PRIVATE
    run = database.folder / "run"
    # A forked child is another process, though it has its parent's memory.
    key = (os.getpid(), run)
    with _guard:
        if key not in _held:
            _held[key] = _hold(run)
        return _held[key][0]


def alive(run: Path, process: str) -> bool:
    """Whether the process that holds HOME/run's file of this name still runs."""
    try:
        handle = os.open(run / process, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def recover(database: Database, run: Path) -> list[int]:
    """Mark attempts whose process has ended as interrupted, and clear away what dead processes left in HOME/run.

    Returns:
        The ids of the attempts that were marked.
    """
    if database.private:
        return []
    owners = {row["process"] for row in database.query("SELECT process FROM attempts WHERE status = 'running'")}
    dead = [owner for owner in owners if not alive(run, owner)]
    marked: list[int] = []
    if dead:
        with database.transaction() as connection:
            for owner in dead:
                rows = connection.execute(
                    "UPDATE attempts SET status = 'interrupted', finished_at = ? "
                    "WHERE status = 'running' AND process = ? RETURNING id",
                    (now(), owner),
                )
                marked += [row["id"] for row in rows.fetchall()]
    for file in run.glob("*-????????"):
        if not alive(run, file.name):
            file.unlink(missing_ok=True)
    return sorted(marked)


def acquire(database: Database, name: str) -> bool:
    """Take a named lock for this process, also from a process that has ended. False when a living one has it."""
    me = current(database)
    with database.transaction() as connection:
        row = connection.execute("SELECT process FROM locks WHERE name = ?", (name,)).fetchone()
        if row is not None:
            holder = row["process"]
            if holder == me or (database.folder is not None and alive(database.folder / "run", holder)):
                return False
        connection.execute("REPLACE INTO locks(name, process, taken_at) VALUES (?, ?, ?)", (name, me, now()))
    return True


def release(database: Database, name: str) -> None:
    """Give a named lock back; one that another process holds is left alone."""
    with database.transaction() as connection:
        connection.execute("DELETE FROM locks WHERE name = ? AND process = ?", (name, current(database)))


@contextmanager
def exclusive(database: Database, name: str) -> Iterator[bool]:
    """Hold a named lock for the block; yields False, and holds nothing, when another process or thread has it."""
    taken = acquire(database, name)
    try:
        yield taken
    finally:
        if taken:
            release(database, name)


def _hold(run: Path) -> tuple[str, int]:
    """Make a file in `run` and lock it: its name and its handle."""
    try:
        run.mkdir(parents=True, exist_ok=True, mode=0o700)
        while True:
            name = f"{os.getpid()}-{secrets.token_hex(4)}"
            handle = os.open(run / name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)
            # Another process may have taken the file for a dead one's before it was locked.
            if os.fstat(handle).st_nlink:
                break
            os.close(handle)
    except OSError as error:
        raise MemoryFileError(
            f"{run} cannot be written: {error.strerror}. Make it writable, or choose another home with --home."
        ) from error
    atexit.register(_leave, os.getpid(), run / name)
    return name, handle


def _leave(pid: int, file: Path) -> None:
    """At the process's end: take the file away. The lock goes with the process."""
    if os.getpid() == pid:
        file.unlink(missing_ok=True)
