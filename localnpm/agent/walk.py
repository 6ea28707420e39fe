"""Going through a workspace's folders, in the order of whole paths, without what git ignores and what is protected."""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from localnpm.agent.entries import is_temporary
from localnpm.agent.ignore import GITIGNORE, Ignored
from localnpm.agent.text_files import read_small
from localnpm.agent.tree import OPEN_FOLDER, Guard, NotTextError, Place, Tree, look

MAX_DEPTH = 100
GITIGNORE_BYTES = 1 << 20


@dataclass(frozen=True)
class Entry:
    """An entry of an open folder; the handle is good until the walk goes on. `found` is its lstat."""

    path: str
    folder: int
    name: str
    found: os.stat_result


def entries_of(tree: Tree, place: Place, rules: Ignored | None) -> list[Entry]:
    """What is in the folder at `place`, unsorted. `rules` None: also what git ignores.

    Raises:
        OSError: the folder may not be read.
    """
    handle = os.open(place.rest[0], OPEN_FOLDER, dir_fd=place.folder) if place.rest else os.dup(place.folder)
    try:
        return list(_entries(handle, place.path, rules, tree.guard()))
    finally:
        os.close(handle)


def rules_at(tree: Tree, place: Place) -> Ignored | None:
    """The rules in force in the folder at `place`; None when it is ignored itself: who asks for it gets all of it."""
    rules = Ignored()
    handle = tree.open_root()
    names = place.path.split("/") if place.path else []
    try:
        for depth in range(len(names) + 1):
            path = "/".join(names[:depth])
            if depth:
                if rules.covers(path, directory=True):
                    return None
                below = os.open(names[depth - 1], OPEN_FOLDER, dir_fd=handle)
                os.close(handle)
                handle = below
            rules = rules.within(path, _gitignore(handle))
    finally:
        os.close(handle)
    return rules


def walk(tree: Tree, rules: Ignored | None, deadline: float, *, folders: bool = False) -> Iterator[Entry]:
    """Everything in the tree, sorted by path, folders only on demand; symlinks are given, never followed.

    Folders that cannot be read, and those deeper than 100 levels, are passed over. The walk ends early at `deadline`
    (of `time.monotonic`).

    Raises:
        WorkspaceError: the root is gone.
    """
    root = tree.open_root()
    try:
        yield from _below(root, "", rules, tree.guard(), deadline, folders, 0)
    finally:
        os.close(root)


def _below(
    handle: int, path: str, rules: Ignored | None, guard: Guard, deadline: float, folders: bool, depth: int
) -> Iterator[Entry]:
    if rules is not None:
        rules = rules.within(path, _gitignore(handle))
    with suppress(OSError):
        # A folder sorts as its name with a slash, so that what comes out is in the order of whole paths.
        found = sorted(
            _entries(handle, path, rules, guard),
            key=lambda entry: entry.name + "/" if stat.S_ISDIR(entry.found.st_mode) else entry.name,
        )
        for entry in found:
            if time.monotonic() > deadline:
                return
            directory = stat.S_ISDIR(entry.found.st_mode)
            if folders or not directory:
                yield entry
            if not directory:
                continue
            if depth == MAX_DEPTH:
                continue
            try:
                below = os.open(entry.name, OPEN_FOLDER, dir_fd=handle)
            except OSError:
                continue
            try:
                if not guard.covers_handle(below):
                    yield from _below(below, entry.path, rules, guard, deadline, folders, depth + 1)
            finally:
                os.close(below)


def _entries(handle: int, path: str, rules: Ignored | None, guard: Guard) -> Iterator[Entry]:
    for name in os.listdir(handle):
        found = look(handle, name)
        if found is None or is_temporary(name) or guard.covers(handle, name, found):
            continue
        whole = f"{path}/{name}" if path else name
        if rules is None or not rules.covers(whole, directory=stat.S_ISDIR(found.st_mode)):
            yield Entry(whole, handle, name, found)


def _gitignore(handle: int) -> str | None:
    try:
        return read_small(handle, GITIGNORE, GITIGNORE_BYTES)
    except (NotTextError, OSError):
        return None
