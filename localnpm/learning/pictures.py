"""What a folder holds at one moment: the texts of its text files, the hashes of all others, its folders.

Taken when a demonstration begins and when it ends. What git ignores, localnpm's own home, and what editors and file
managers leave beside the files are left out.
Bounded: past the bounds there is no picture. Not covered: permissions, times, what symlinks lead to, names that are not
UTF-8.
"""

import hashlib
import json
import os
import re
import stat
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from localnpm.agent.entries import open_file, pieces
from localnpm.agent.ignore import Ignored
from localnpm.agent.text_files import as_text
from localnpm.agent.tree import NotTextError, Tree
from localnpm.agent.walk import Entry, walk
from localnpm.errors import WorkspaceError

_LEFTOVER = re.compile(r"\..*\.sw[a-z]|.*~|\.#.*|#.*#|\.DS_Store|Thumbs\.db|~\$.*")


@dataclass(frozen=True)
class Bounds:
    """The most that a picture takes in. `text_bytes`: of one file; a larger one is known by its hash alone."""

    entries: int = 2000
    bytes: int = 256 << 20
    text_bytes: int = 1 << 20
    texts: int = 16 << 20
    seconds: float = 20.0


@dataclass(frozen=True)
class Item:
    """What is at a path. `digest`: SHA-256 of a file, a symlink's target; `text` is None for what is no text."""

    kind: Literal["file", "directory", "other"]
    digest: str = ""
    text: str | None = None


Picture = Mapping[str, Item]
"""Path, POSIX and relative to the folder -> what is there; the folder itself is not among them."""


def take(root: Path, home: Path, bounds: Bounds | None = None) -> Picture:
    """Look at a folder.

    Raises:
        WorkspaceError: it is past the bounds, cannot be read, or is localnpm's own.
    """
    bounds = bounds or Bounds()
    deadline = time.monotonic() + bounds.seconds
    picture: dict[str, Item] = {}
    size = texts = 0
    for entry in walk(Tree(root, (home,)), Ignored(), deadline, folders=True):
        if not _is_utf8(entry.path) or _LEFTOVER.fullmatch(entry.name):
            continue
        size += entry.found.st_size if stat.S_ISREG(entry.found.st_mode) else 0
        _check(root, len(picture) < bounds.entries, f"more than {bounds.entries} files and folders")
        _check(root, size <= bounds.bytes, f"more than {bounds.bytes >> 20} MB")
        picture[entry.path] = item = _look(root, entry, bounds.text_bytes)
        texts += len(item.text or "")
        _check(root, texts <= bounds.texts, f"more than {bounds.texts >> 20} MB of text")
    _check(root, time.monotonic() <= deadline, f"more in it than can be read in {bounds.seconds:g} seconds")
    return picture


def pack(picture: Picture) -> bytes:
    """A picture as bytes."""
    rows = {path: [item.kind, item.digest, item.text] for path, item in picture.items()}
    return zlib.compress(json.dumps(rows, ensure_ascii=False).encode())


def unpack(packed: bytes) -> Picture:
    """The picture that `pack` has packed."""
    rows = json.loads(zlib.decompress(packed))
    return {path: Item(kind, digest, text) for path, (kind, digest, text) in rows.items()}


def _look(root: Path, entry: Entry, text_bytes: int) -> Item:
    mode = entry.found.st_mode
    if stat.S_ISDIR(mode):
        return Item("directory")
    if stat.S_ISLNK(mode):
        return Item("other", os.fsdecode(os.readlink(os.fsencode(entry.name), dir_fd=entry.folder)))
    if not stat.S_ISREG(mode):
        return Item("other")
    try:
        handle = open_file(entry.folder, entry.name)
    except (NotTextError, OSError) as error:
        raise WorkspaceError(
            f"{root / entry.path} cannot be read, so changes of it could not be told. Make it readable, or choose "
            "another folder."
        ) from error
    digest = hashlib.sha256()
    content: bytes | None = b""
    try:
        for piece in pieces(handle):
            digest.update(piece)
            content = None if content is None or len(content) + len(piece) > text_bytes else content + piece
    finally:
        os.close(handle)
    try:
        text = None if content is None else as_text(content)
    except NotTextError:
        text = None
    return Item("file", digest.hexdigest(), text)


def _check(root: Path, fits: bool, what: str) -> None:
    if not fits:
        raise WorkspaceError(
            f"{root} has {what}, too much to watch. Choose the folder in it that you work in, with -w."
        )


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
