"""The tool calls that would have made one picture of a folder into another, as a careful agent makes them.

Moves and copies are known by equal content, a moved file that was changed too by much the same content. Before it
changes anything, the agent lists the folders it works in, and it reads a file before it changes it.
Not covered: whether the calls do it (rehearsal.py replays them); which of several ways a user took.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import PurePosixPath

from localnpm.engine.messages import ToolCall
from localnpm.learning.pictures import Item, Picture
from localnpm.learning.text_edits import text_calls

ALIKE = 0.6
ALIKE_SAME_NAME = 0.3
COMPARED_CHARACTERS = 20_000
MOST_PAIRS = 100
MOST_LISTINGS = 4
READ_CHARACTERS = 32_000
"""Longer files are changed without being read first: their content would fill the log and say little."""


@dataclass(frozen=True)
class Untold:
    """A change that no call can make, and why."""

    path: str
    why: str


def difference(before: Picture, after: Picture) -> tuple[tuple[ToolCall, ...], tuple[Untold, ...]]:
    """The calls, the looks of a careful agent among them, and what could not be told."""
    planner = _Planner(before, after)
    calls = tuple(planner.calls())
    return (*_listings(calls, before), *_with_reads(calls, before)) if calls else (), tuple(planner.untold)


class _Planner:
    """Works the difference off, step by step; `have` is the folder as the calls so far have left it."""

    def __init__(self, before: Picture, after: Picture) -> None:
        self.after = after
        self.untold: list[Untold] = []
        self.have = {path: item for path, item in before.items() if item.kind != "other"}
        self.kept = {path for path, item in self.have.items() if after.get(path) == item}
        for path in sorted(before.keys() | after.keys()):
            old, new = before.get(path), after.get(path)
            kinds = {item.kind for item in (old, new) if item is not None}
            if old != new and ("other" in kinds or len(kinds) > 1):
                self.untold.append(Untold(path, "something other than a file was made, changed or taken away"))
                self.have.pop(path, None)

    def calls(self) -> Iterator[ToolCall]:
        """Copies first, for their sources may change; then moves, changes, new files, folders, deletions."""
        yield from self._copies()
        yield from self._folder_moves()
        yield from self._moves()
        yield from self._copies()
        yield from self._changes()
        yield from self._folders()
        for path in self._gone():
            yield ToolCall("delete_file", {"path": path})
            del self.have[path]

    def _new(self) -> list[str]:
        return [path for path, item in self.after.items() if item.kind == "file" and path not in self.have]

    def _gone(self) -> list[str]:
        return [path for path, item in self.have.items() if item.kind == "file" and path not in self.after]

    def _copies(self) -> Iterator[ToolCall]:
        gone = self._gone()
        for path in self._new():
            item = self.after[path]
            twins = [other for other, old in self.have.items() if _same(old, item)]
            # What is no longer where it was has been moved, but for the first of several places.
            if not twins or item.text == "" or any(twin in gone for twin in twins):
                continue
            source = min(twins, key=lambda twin: (twin not in self.kept, twin))
            yield ToolCall("copy_file", {"source": source, "destination": path})
            self.have[path] = item

    def _folder_moves(self) -> Iterator[ToolCall]:
        """Folders of which a new one has all names and at least half of the contents; the outermost first."""
        after = _insides(self.after)
        targets: dict[frozenset[str], list[str]] = {}
        for target in sorted(after):
            if target not in self.have:
                targets.setdefault(frozenset(after[target]), []).append(target)
        for folder, inside in sorted(_insides(self.have).items()):
            if folder in self.after or folder not in self.have:
                continue
            free = [path for path in targets.get(frozenset(inside), ()) if path not in self.have]
            best = max(free, key=lambda path: _shared(inside, after[path]), default="")
            if best and 2 * _shared(inside, after[best]) >= len(inside):
                yield ToolCall("move_file", {"source": folder, "destination": best})
                self._rename(folder, best)

    def _rename(self, folder: str, target: str) -> None:
        moved = [path for path in self.have if path == folder or path.startswith(folder + "/")]
        for path in moved:
            self.have[target + path[len(folder) :]] = self.have.pop(path)

    def _moves(self) -> Iterator[ToolCall]:
        for source, target in self._pairs():
            yield ToolCall("move_file", {"source": source, "destination": target})
            self.have[target] = self.have.pop(source)

    def _pairs(self) -> Iterator[tuple[str, str]]:
        """Files that were moved, the same ones first, then those that were changed too."""
        gone = self._gone()
        for target in self._new():
            twins = [path for path in gone if _same(self.have[path], self.after[target])]
            if self.after[target].text == "":
                twins = [path for path in twins if _name(path) == _name(target)]
            if twins:
                source = min(twins, key=lambda path: (_name(path) != _name(target), path))
                gone.remove(source)
                yield source, target
        left = [(source, target) for target in self._new() for source in gone][:MOST_PAIRS]
        scored = [(_likeness(self.have[source], self.after[target]), source, target) for source, target in left]
        taken: set[str] = set()
        for likeness, source, target in sorted(scored, reverse=True):
            least = ALIKE_SAME_NAME if _name(source) == _name(target) else ALIKE
            if likeness >= least and not taken & {source, target}:
                taken |= {source, target}
                yield source, target

    def _changes(self) -> Iterator[ToolCall]:
        for path, item in self.after.items():
            old = self.have.get(path)
            if item.kind != "file" or (old is not None and _same(old, item)):
                continue
            if item.text is None:
                self.untold.append(Untold(path, "is no text, or a very long one; no tool call can write it"))
            elif old is not None and old.text:
                yield from text_calls(path, old.text, item.text)
            else:
                yield ToolCall("write_file", {"path": path, "content": item.text})
            self.have[path] = item

    def _folders(self) -> Iterator[ToolCall]:
        made = {str(parent) for path in self.have for parent in PurePosixPath(path).parents} | self.have.keys()
        empty = [path for path, item in self.after.items() if item.kind == "directory" and path not in made]
        for path in empty:
            if not any(other.startswith(path + "/") for other in empty):
                yield ToolCall("create_directory", {"path": path})


def _listings(calls: Iterable[ToolCall], before: Picture) -> Iterator[ToolCall]:
    """The folders that the calls work in, those that were there."""
    folders: dict[str, None] = {}
    for call in calls:
        for path in call.arguments.values() if call.name in ("move_file", "copy_file") else (call.arguments["path"],):
            parents = [str(parent) for parent in PurePosixPath(path).parents]
            folders.setdefault(next(parent for parent in parents if parent == "." or parent in before))
    for folder in list(folders)[:MOST_LISTINGS]:
        yield ToolCall("list_directory", {"path": folder})


def _with_reads(calls: Iterable[ToolCall], before: Picture) -> Iterator[ToolCall]:
    """The calls, each file read before it is changed for the first time."""
    texts = {path: item.text for path, item in before.items() if item.text}
    for call in calls:
        arguments = call.arguments
        if call.name in ("edit_file", "append_file", "write_file"):
            text = texts.pop(arguments["path"], None)
            if text is not None and len(text) <= READ_CHARACTERS:
                yield ToolCall("read_file", {"path": arguments["path"]})
        elif call.name == "move_file":
            source, destination = arguments["source"], arguments["destination"]
            for path in [path for path in texts if path == source or path.startswith(source + "/")]:
                texts[destination + path[len(source) :]] = texts.pop(path)
        yield call


def _insides(picture: Picture) -> dict[str, dict[str, str]]:
    """The digests of the files below each folder that has any, by their paths from there."""
    insides: dict[str, dict[str, str]] = {}
    for path, item in picture.items():
        if item.kind == "file":
            for parent in map(str, PurePosixPath(path).parents):
                if parent != ".":
                    insides.setdefault(parent, {})[path[len(parent) :]] = item.digest
    return insides


def _shared(one: Mapping[str, str], other: Mapping[str, str]) -> int:
    return sum(other[path] == digest for path, digest in one.items())


def _same(one: Item, other: Item) -> bool:
    return one.kind == other.kind == "file" and one.digest == other.digest


def _likeness(one: Item, other: Item) -> float:
    """The share of lines that two texts have in common, 0 to 1; 0 for what is no text, or long."""
    if not one.text or not other.text or max(len(one.text), len(other.text)) > COMPARED_CHARACTERS:
        return 0.0
    matcher = SequenceMatcher(None, one.text.split("\n"), other.text.split("\n"))
    return matcher.ratio() if matcher.quick_ratio() >= ALIKE_SAME_NAME else 0.0


def _name(path: str) -> str:
    return PurePosixPath(path).name
