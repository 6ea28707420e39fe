"""Text files: their content as it is, or the head of a long one, without reading more into memory than is shown."""

import codecs
import os
from collections.abc import Iterable

from localnpm.agent.entries import CHUNK, open_file, pieces
from localnpm.agent.tree import NotTextError


def read_small(folder: int, name: str, limit: int) -> str:
    """The text of a file that has at most `limit` bytes.

    Raises:
        NotTextError: it has more, is not UTF-8, or holds a NUL.
        OSError: it may not be read.
    """
    handle = open_file(folder, name)
    try:
        content = b"".join(_upto(handle, limit + 1))
    finally:
        os.close(handle)
    if len(content) > limit:
        raise NotTextError
    return as_text(content)


def head_of(folder: int, name: str, limit: int) -> str:
    """A file's text; of one over `limit` bytes its whole first lines, then `[cut: {shown} of {total} lines]`.

    All of the file is read, to count its lines and to see that it is text, but only the head is kept.

    Raises:
        NotTextError: it is not UTF-8, or holds a NUL.
        OSError: it may not be read.
    """
    handle = open_file(folder, name)
    try:
        content = b"".join(_upto(handle, limit + 1))
        if len(content) <= limit:
            return as_text(content)
        check_text([content], more := _Counted(pieces(handle)))
    finally:
        os.close(handle)
    end = content.rfind(b"\n", 0, limit)
    head = content[:limit] if end < 0 else content[:end]
    shown = 0 if end < 0 else content.count(b"\n", 0, end) + 1

    total = content.count(b"\n") + more.lines + 1
    return f"{head.decode(errors='ignore')}\n[cut: {shown} of {total} lines]"


def as_text(content: bytes) -> str:
    """Bytes as text, line ends as they are.

    Raises:
        NotTextError: they are not UTF-8, or hold a NUL.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise NotTextError from error
    if "\0" in text:
        raise NotTextError
    return text


def check_text(*sources: Iterable[bytes]) -> None:
    """Whether pieces of bytes, one after the other, are text.

    Raises:
        NotTextError: they are not UTF-8, or hold a NUL.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for source in sources:
            for piece in source:
                decoder.decode(piece)
                if b"\0" in piece:
                    raise NotTextError
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise NotTextError from error


class _Counted:
    """Pieces of bytes, counting the line ends that have passed."""

    def __init__(self, source: Iterable[bytes]) -> None:
        self._source = iter(source)
        self.lines = 0

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> bytes:
        piece = next(self._source)
        self.lines += piece.count(b"\n")
        return piece


def _upto(handle: int, limit: int) -> Iterable[bytes]:
    while limit > 0 and (piece := os.read(handle, min(CHUNK, limit))):
        limit -= len(piece)
        yield piece
