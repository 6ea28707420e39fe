"""The workspace as tools see it: listing, finding, searching and reading below one folder, and never outside it.

Confinement is tree.py's; here are the texts that the model reads. What git ignores is left out of listings and
searches, but can be read when it is asked for by name. Protected paths are never shown and never opened.
Not covered: changes (edits.py), names that are not UTF-8 (shown with U+FFFD, and no call can name them).
"""

import re
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from itertools import islice
from pathlib import Path

from localnpm.agent.ignore import Ignored
from localnpm.agent.text_files import head_of, read_small
from localnpm.agent.tree import NotTextError, OutsideError, Place, Tree, parts_of, telling
from localnpm.agent.walk import Entry, entries_of, rules_at, walk
from localnpm.errors import ToolError

READ_BYTES = 1 << 20
SEARCHED_BYTES = 8 << 20
SEARCH_SECONDS = 20.0
LINE_CHARACTERS = 1000


@dataclass(frozen=True)
class Shown:
    """An entry as a listing shows it."""

    name: str
    directory: bool


class Workspace:
    """A folder and what is below it. `hits` bounds what a search returns, and `search_seconds` how long it takes;
    `protected` is never read, shown or written.

    Raises:
        WorkspaceError: the root is missing, not a folder, not permitted, or protected. Its methods raise it too, when
            the root has gone meanwhile.
    """

    def __init__(
        self,
        root: Path,
        *,
        protected: Sequence[Path] = (),
        hits: int = 20,
        show_ignored: bool = False,
        search_seconds: float = SEARCH_SECONDS,
    ) -> None:
        self.tree = Tree(root, protected)
        self.hits = hits
        self.show_ignored = show_ignored
        self.search_seconds = search_seconds

    @property
    def root(self) -> Path:
        """The root's real path."""
        return self.tree.root

    def parts(self, path: str) -> tuple[str, ...]:
        """A path's components.

        Raises:
            ToolError: it leads out of the workspace.
        """
        parts = parts_of(path)
        if parts is None:
            raise ToolError(f"outside the workspace: {path}")
        return parts

    def list_directory(self, path: str) -> str:
        """A line an entry, folders first: `[DIR] name`, `[FILE] name`; `(empty)`.

        Raises:
            ToolError: no such folder, outside, not permitted.
        """
        parts = self.parts(path)
        with telling(path, "no such directory"), self.tree.at(parts) as place:
            if not place.is_directory:
                raise ToolError(f"no such directory: {path}")
            rules = None if self.show_ignored else rules_at(self.tree, place)
            shown = [
                Shown(_printable(entry.name), self._is_directory(entry))
                for entry in entries_of(self.tree, place, rules)
            ]
        folders = sorted(entry.name for entry in shown if entry.directory)
        files = sorted(entry.name for entry in shown if not entry.directory)
        return "\n".join([f"[DIR] {name}" for name in folders] + [f"[FILE] {name}" for name in files]) or "(empty)"

    def find_files(self, pattern: str) -> str:
        """Paths whose file name matches a glob, case ignored, sorted, at most `hits`.

        Raises:
            ToolError: the root may not be read.
        """
        matches = _glob(pattern).match
        found: list[str] = []
        with telling("."):
            for entry in self._walk(deadline := self._deadline()):
                if matches(entry.name) and self._is_file(entry):
                    found.append(_printable(entry.path))
                    if len(found) == self.hits:
                        break
        return self._with_end(found, deadline) or f"No files match {pattern}"

    def search_text(self, query: str) -> str:
        """`path:line_number: line` for each line of a text file that contains `query`, case ignored, at most `hits`.

        Files over 8 MiB and those that are not text are passed over; so are symlinks: their targets have a path too.

        Raises:
            ToolError: the root may not be read.
        """
        wanted = query.lower()
        found: list[str] = []
        with telling("."):
            for entry in self._walk(deadline := self._deadline()):
                if not stat.S_ISREG(entry.found.st_mode) or entry.found.st_size > SEARCHED_BYTES:
                    continue
                try:
                    text = read_small(entry.folder, entry.name, SEARCHED_BYTES)
                except (NotTextError, OSError):
                    continue
                if wanted not in text.lower():
                    continue
                for number, line in enumerate(text.split("\n"), 1):
                    if wanted in line.lower():
                        found.append(f"{_printable(entry.path)}:{number}: {_shortened(line)}")
                        if len(found) == self.hits:
                            return "\n".join(found)
        return self._with_end(found, deadline) or f"No matches for {query}"

    def read_file(self, path: str) -> str:
        """A text file's content, or `(empty file)`. Of one over 1 MiB the head, ended by `[cut: .. of .. lines]`.

        Raises:
            ToolError: no such file, a directory, not text, outside, not permitted.
        """
        return self.read_text(path) or "(empty file)"

    def read_text(self, path: str) -> str:
        """As `read_file`, but an empty file is an empty text."""
        with self.file_at(path) as place:
            return head_of(place.folder, place.name, READ_BYTES)

    @contextmanager
    def file_at(self, path: str) -> Iterator[Place]:
        """The place of a file that is there; what goes wrong with it in the block is told in terms of `path`.

        Raises:
            ToolError: no such file, a directory, not text, outside, not permitted.
        """
        with telling(path), self.tree.at(self.parts(path)) as place:
            if place.is_directory:
                raise ToolError(f"is a directory: {path}")
            if place.entry is None:
                raise ToolError(f"no such file: {path}")
            yield place

    def files(self, most: int) -> tuple[str, ...]:
        """The paths of the first `most` files, sorted, without what git ignores; fewer where that takes too long."""
        entries = (entry for entry in self._walk(self._deadline()) if self._is_file(entry))
        return tuple(entry.path for entry in islice(entries, most))

    def _walk(self, deadline: float) -> Iterator[Entry]:
        return walk(self.tree, None if self.show_ignored else Ignored(), deadline)

    def _deadline(self) -> float:
        return time.monotonic() + self.search_seconds

    def _with_end(self, found: list[str], deadline: float) -> str:
        if len(found) < self.hits and time.monotonic() > deadline:
            found = [*found, f"[stopped after {self.search_seconds:g} seconds; not all files were searched]"]
        return "\n".join(found)

    def _is_directory(self, entry: Entry) -> bool:
        mode = entry.found.st_mode
        return stat.S_ISDIR(mode) or (stat.S_ISLNK(mode) and stat.S_ISDIR(self._target_mode(entry)))

    def _is_file(self, entry: Entry) -> bool:
        mode = entry.found.st_mode
        return stat.S_ISREG(mode) or (stat.S_ISLNK(mode) and stat.S_ISREG(self._target_mode(entry)))

    def _target_mode(self, entry: Entry) -> int:
        """The mode of what a symlink leads to; 0 when that is outside, or nothing."""
        try:
            with self.tree.at(tuple(entry.path.split("/"))) as place:
                found = place.entry
        except (OutsideError, OSError):
            return 0
        return found.st_mode if found is not None else 0


@lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern), re.IGNORECASE)


def _printable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _shortened(line: str) -> str:
    return line if len(line) <= LINE_CHARACTERS else line[:LINE_CHARACTERS] + "…"
