"""What files held before (and, for redo, after) a change: small ones as bytes for a row, large ones in HOME/undo.

A large image is a file named by the SHA-256 of its bytes, on the disk before the row that needs it is written.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localnpm.agent import entries
from localnpm.agent.tree import OPEN_FOLDER, NotTextError


class ImageLostError(Exception):
    """HOME/undo does not hold these bytes any more."""


class ImageChangedError(Exception):
    """The file is not the one whose hash was given."""


class Images:
    """The images in one folder, HOME/undo. It is made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, folder: int, name: str, sha256: str) -> bytes | None:
        """Keep a file's bytes: returned for its row when they are few, else stored, and None returned.

        Raises:
            ImageChangedError: its hash is not `sha256` (any more).
            OSError: no space in HOME/undo, or the file may not be read.
        """
        handle = entries.open_file(folder, name)
        try:
            if os.fstat(handle).st_size > entries.KEPT_INLINE:
                self._store(entries.pieces(handle), sha256)
                return None
            content = b"".join(entries.pieces(handle))
        except NotTextError as error:
            raise ImageChangedError from error
        finally:
            os.close(handle)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ImageChangedError
        return content

    def keep_copy(self, copy: Path, sha256: str) -> bytes | None:
        """As `keep`, of a file that has been copied to somewhere outside the workspace."""
        handle = os.open(copy.parent, OPEN_FOLDER)
        try:
            return self.keep(handle, copy.name, sha256)
        finally:
            os.close(handle)

    @contextmanager
    def opened(self, sha256: str) -> Iterator[Iterable[bytes]]:
        """The bytes of a stored image, in pieces.

        Raises:
            ImageLostError: it is not there.
        """
        try:
            handle = os.open(self.folder / sha256, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ImageLostError from error
        try:
            yield entries.pieces(handle)
        finally:
            os.close(handle)

    def _store(self, content: Iterable[bytes], sha256: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self.folder, OPEN_FOLDER)
        try:
            if not _is_there(handle, sha256):
                checked = _checked(content, sha256)
                entries.write_file(handle, sha256, checked, mode=0o600)
        finally:
            os.close(handle)


def _is_there(handle: int, name: str) -> bool:
    return entries.state_of(handle, name).sha256 == name


def _checked(content: Iterable[bytes], sha256: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for piece in content:
        digest.update(piece)
        yield piece
    # Raised within the writing, so that what was written is thrown away.
    if digest.hexdigest() != sha256:
        raise ImageChangedError
