"""A moved folder as the journal holds it: one change for each thing in it.

The move is one rename. Undo, though, looks at each file by itself: one that somebody has changed since stays where it
is and is named, the others go back. A folder with too much in it, or with what cannot be told apart by its bytes
(pipes, names that are not UTF-8), is one change, and goes back as a whole.
"""

import os
import stat
from collections.abc import Iterable, Iterator

from localnpm.agent.changes import ABSENT, Change, FileState
from localnpm.agent.entries import state_of
from localnpm.agent.tree import OPEN_FOLDER, NotTextError, OutsideError, Tree

MAX_ENTRIES = 2000
MAX_BYTES = 256 << 20


class _TooMuchError(Exception):
    pass


def in_rows(tree: Tree, changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes with each move of a folder told file by file, where it is not too much."""
    rows: list[Change] = []
    for change in changes:
        if change.kind == "move" and change.before.kind == "directory":
            rows += _told(tree, change)
        else:
            rows.append(change)
    return tuple(rows)


def _told(tree: Tree, move: Change) -> list[Change]:
    folders = [(move.path, move.before)]
    others: list[tuple[str, FileState]] = []
    budget = [MAX_ENTRIES, MAX_BYTES]
    try:
        with tree.at(move.path.split("/"), follow=False) as place:
            handle = os.open(place.name, OPEN_FOLDER, dir_fd=place.folder)
            try:
                for path, state in _contents(handle, move.path, budget):
                    (folders if state.kind == "directory" else others).append((path, state))
            finally:
                os.close(handle)
        if not (move.before.mode or 0) & stat.S_IWUSR:
            return [move]
    except (_TooMuchError, NotTextError, OutsideError, UnicodeEncodeError, OSError):
        return [move]

    def moved(path: str) -> str:
        return move.target + path[len(move.path) :]

    return [
        *(Change("create_directory", moved(path), None, ABSENT, state) for path, state in folders),
        *(Change("move", path, moved(path), state, state) for path, state in others),
        *(Change("delete", path, None, state, ABSENT) for path, state in reversed(folders)),
    ]


def _contents(handle: int, path: str, budget: list[int]) -> Iterator[tuple[str, FileState]]:
    """Everything below an open folder, a folder before what is in it. `budget`: entries and bytes that are left."""
    for name in sorted(os.listdir(handle)):
        name.encode()
        found = os.stat(name, dir_fd=handle, follow_symlinks=False)
        budget[0] -= 1
        budget[1] -= found.st_size
        if min(budget) < 0:
            raise _TooMuchError
        if stat.S_ISDIR(found.st_mode) and not found.st_mode & stat.S_IWUSR:
            # Nothing could be moved out of it one by one.
            raise _TooMuchError
        below = f"{path}/{name}"
        yield below, state_of(handle, name)
        if stat.S_ISDIR(found.st_mode):
            inner = os.open(name, OPEN_FOLDER, dir_fd=handle)
            try:
                yield from _contents(inner, below, budget)
            finally:
                os.close(inner)
