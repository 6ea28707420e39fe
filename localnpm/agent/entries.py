"""Reading and changing one entry of an open folder: whole files, in one rename, or not at all.

Written is a temporary file in the same folder, flushed to the disk, then renamed over the old one, whose mode and owner
it takes over. So a file is the old one or the new one at any instant, also after a power cut.
Not covered: extended attributes and ACLs; other hard links of a file keep the old content (they may lie outside).
"""

import ctypes
import errno
import hashlib
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress

from localnpm.agent.tree import OPEN_FOLDER, NotTextError
from localnpm.memory.changes import ABSENT, FileState

CHUNK = 1 << 20
KEPT_INLINE = 16 << 20
"""Bytes of a file up to which its content travels in memory and in memory.db; larger ones go by hash."""

_TEMPORARY = re.compile(r"\.localnpm-(\d+)-[0-9a-f]{8}\.tmp")
_RENAME_NOREPLACE = 1
_RENAME_EXCL = 4


def open_file(folder: int, name: str) -> int:
    """Open an ordinary file for reading; never waits, never follows a symlink, never touches a device.

    Raises:
        NotTextError: it is something else.
        OSError: it is missing, or may not be read.
    """
    # Looked at first: opening a device can have effects of its own.
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise NotTextError
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotTextError
    return handle


def pieces(handle: int) -> Iterator[bytes]:
    """The rest of an open file, a mebibyte at a time."""
    while piece := os.read(handle, CHUNK):
        yield piece


def state_of(folder: int, name: str, *, content: bool = False) -> FileState:
    """What an entry is now, hashed; with `content` also its bytes, up to KEPT_INLINE.

    Raises:
        NotTextError: it is a pipe, a socket or a device.
        OSError: it may not be read.
    """
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISDIR(found.st_mode):
        return FileState("directory", mode)
    if stat.S_ISLNK(found.st_mode):
        target = os.fsencode(os.readlink(name, dir_fd=folder))
        return FileState("symlink", None, hashlib.sha256(target).hexdigest(), target)
    handle = open_file(folder, name)
    try:
        digest = hashlib.sha256()
        kept: list[bytes] | None = [] if content else None
        size = 0
        for piece in pieces(handle):
            digest.update(piece)
            size += len(piece)
            if size > KEPT_INLINE:
                kept = None
            if kept is not None:
                kept.append(piece)
    finally:
        os.close(handle)
    return FileState("file", mode, digest.hexdigest(), None if kept is None else b"".join(kept))


def check_name(folder: int, name: str) -> None:
    """Whether an entry of this name could be made.

    Raises:
        ValueError: it holds a NUL or a lone surrogate.
        OSError: ENAMETOOLONG.
    """
    encoded = name.encode("utf-8")
    if b"\0" in encoded:
        raise ValueError("a NUL in a file name")
    if len(encoded) > os.fpathconf(folder, "PC_NAME_MAX"):
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))


def check_writable(folder: int, name: str) -> None:
    """Whether an existing file may be written; a rename over it would not ask.

    Raises:
        PermissionError: it is read-only for this user.
    """
    try:
        flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        os.close(os.open(name, flags, dir_fd=folder))
    except OSError as error:
        # A program that runs right now cannot be opened for writing, but it can be replaced.
        if error.errno != errno.ETXTBSY:
            raise


def write_file(
    folder: int, name: str, content: Iterable[bytes], *, mode: int | None = None, replace: bool = True
) -> None:
    """Put a file in place, whole or not at all.

    `mode` None: the replaced file's, or what the umask leaves of 0666. With `replace` False nothing may be there.

    Raises:
        FileExistsError: something is there and `replace` is False.
        OSError: no space, no permission; nothing is left behind.
    """
    sweep(folder)
    old = None
    with suppress(FileNotFoundError):
        old = os.stat(name, dir_fd=folder, follow_symlinks=False)
    fresh = old is None and mode is None
    temporary = _temporary_name()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(temporary, flags, 0o666 if fresh else 0o600, dir_fd=folder)
    try:
        try:
            for piece in content:
                _write_all(handle, piece)
            if old is not None and stat.S_ISREG(old.st_mode):
                with suppress(PermissionError):
                    os.fchown(handle, old.st_uid, old.st_gid)
                mode = stat.S_IMODE(old.st_mode) if mode is None else mode
            if mode is not None:
                os.fchmod(handle, mode)
            os.fsync(handle)
        finally:
            os.close(handle)
        if replace:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            rename(folder, temporary, folder, name)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise
    flush(folder)


def write_link(folder: int, name: str, target: bytes) -> None:
    """Put a symlink in place of whatever file or symlink is there."""
    temporary = _temporary_name()
    os.symlink(target, os.fsencode(temporary), dir_fd=folder)
    try:
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(temporary, dir_fd=folder)
        raise
    flush(folder)


def make_folder(folder: int, name: str, mode: int | None = None) -> None:
    """Make a folder; `mode` None: what the umask leaves of 0777.

    Raises:
        OSError: as `os.mkdir` does.
    """
    os.mkdir(name, 0o777, dir_fd=folder)
    if mode is not None:
        handle = os.open(name, OPEN_FOLDER, dir_fd=folder)
        try:
            os.fchmod(handle, mode)
        finally:
            os.close(handle)
    flush(folder)


def remove(folder: int, name: str, *, directory: bool = False) -> None:
    """Delete a file, a symlink, or an empty folder.

    Raises:
        OSError: as `os.unlink` and `os.rmdir` do.
    """
    if directory:
        os.rmdir(name, dir_fd=folder)
    else:
        os.unlink(name, dir_fd=folder)
    flush(folder)


def rename(source_folder: int, source: str, folder: int, name: str) -> None:
    """Rename, but never over something.

    Raises:
        FileExistsError: something has the new name.
        OSError: as `os.rename` does.
    """
    if not _rename_exclusive(source_folder, source, folder, name):
        # No such call on this system or file system: look first, a little less surely.
        with suppress(FileNotFoundError):
            os.stat(name, dir_fd=folder, follow_symlinks=False)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.rename(source, name, src_dir_fd=source_folder, dst_dir_fd=folder)
    flush(folder)
    if source_folder != folder:
        flush(source_folder)


def sweep(folder: int) -> None:
    """Delete temporary files that a process which was killed has left in this folder."""
    for name in os.listdir(folder):
        match = _TEMPORARY.fullmatch(name)
        if match and not _alive(int(match[1])):
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that is being written."""
    return _TEMPORARY.fullmatch(name) is not None


def flush(folder: int) -> None:
    """Bring a folder's entries to the disk, where the file system can."""
    with suppress(OSError):
        os.fsync(folder)


def _write_all(handle: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]


def _temporary_name() -> str:
    return f".localnpm-{os.getpid()}-{secrets.token_hex(4)}.tmp"


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _rename_exclusive(source_folder: int, source: str, folder: int, name: str) -> bool:
    """renameat2 (Linux) or renameatx_np (macOS) without replacing; False where there is no such thing."""
    libc = ctypes.CDLL(None, use_errno=True)
    call, flag = ("renameatx_np", _RENAME_EXCL) if sys.platform == "darwin" else ("renameat2", _RENAME_NOREPLACE)
    if not hasattr(libc, call):
        return False
    done = getattr(libc, call)(source_folder, os.fsencode(source), folder, os.fsencode(name), flag)
    code = ctypes.get_errno()
    if done == 0:
        return True
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code))
