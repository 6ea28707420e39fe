"""Folders for temporary files that outlive no process: what one that was killed has left, the next one clears away.

A folder is locked for as long as the process that made it lives, and the kernel frees the lock however that ends.
Not covered: folders of other users, or on file systems without locks; those stay.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """A new folder of this prefix, gone after the block; those of processes that have ended are gone before it."""
    _clear(prefix)
    folder, lock = _made(prefix)
    try:
        yield folder
    finally:
        _remove(folder)
        os.close(lock)


def _made(prefix: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Another process may have taken it for a dead one's before it was locked.
        if folder.exists():
            return folder, lock
        os.close(lock)


def _clear(prefix: str) -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            if os.fstat(lock).st_uid == os.getuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(folder)
        except OSError:
            # Its owner lives.
            continue
        finally:
            os.close(lock)


def _remove(folder: Path) -> None:
    """Delete a folder and all in it, folders too that may not be written to."""
    for parent, names, _ in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
