"""A workspace in memory, with the twelve file tools and the exact texts that they return.

The texts are those of the real tools (`models/recipe/CONTRACT.md`, section 2). Not here: real files, permissions,
undo, texts that are not UTF-8.
"""

import json
import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from typing import NamedTuple

from localnpm.evals.habits import arithmetic
from localnpm.evals.habits.paths import normalized, parents

Arguments = dict[str, str]

Call = tuple[str, Arguments]
"""A tool's name and its arguments."""

Files = dict[str, str]
"""Path -> content."""

SIGNATURES: Mapping[str, tuple[str, ...]] = {
    "list_directory": ("path",),
    "find_files": ("pattern",),
    "search_text": ("query",),
    "read_file": ("path",),
    "write_file": ("path", "content"),
    "append_file": ("path", "content"),
    "edit_file": ("path", "old_text", "new_text"),
    "create_directory": ("path",),
    "move_file": ("source", "destination"),
    "copy_file": ("source", "destination"),
    "delete_file": ("path",),
    "calculate": ("expression",),
}
"""Tool -> its arguments, in order."""

MUTATING = frozenset(
    (
        "write_file",
        "append_file",
        "edit_file",
        "create_directory",
        "move_file",
        "copy_file",
        "delete_file",
    )
)
"""The tools that change files."""

MAX_LINES = 20
"""find_files and search_text return no more than this."""


class Step(NamedTuple):
    """A tool call and what it returned."""

    tool: str
    arguments: Arguments
    result: str

    @property
    def failed(self) -> bool:
        """Whether the tool returned an error."""
        return self.result.startswith("Error")


class ToolError(Exception):
    """A tool can't do what it is asked; its message is what the model reads after `Error: `."""


def _glob(pattern: str) -> Callable[[str], object]:
    """A test of a file's name against a pattern, whatever the case."""
    literal = pattern.strip("*").lower()
    if any(special in literal for special in "*?["):
        return re.compile(translate(pattern), re.IGNORECASE).match
    # Most patterns are one literal, and compiling each would take longer than all the matching.
    match pattern.startswith("*"), pattern.endswith("*"):
        case True, True:
            return lambda name: literal in name.lower()
        case True, False:
            return lambda name: name.lower().endswith(literal)
        case False, True:
            return lambda name: name.lower().startswith(literal)
        case _:
            return lambda name: name.lower() == literal


class Workspace:
    """Files and folders by their normalized paths. The folders of all files exist."""

    __slots__ = ("files", "folders")

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files: Files = dict(files)
        self.folders: set[str] = set()
        for path in self.files:
            if "/" in path:
                self.folders.update(parents(path))

    def copy(self) -> "Workspace":
        """A workspace of its own with the same files and folders."""
        twin = Workspace.__new__(Workspace)
        twin.files = dict(self.files)
        twin.folders = set(self.folders)
        return twin

    def snapshot(self) -> Files:
        """The files as they are now."""
        return dict(self.files)

    def add(self, other: "Workspace") -> None:
        """Put another workspace's files and folders into this one."""
        self.files.update(other.files)
        self.folders |= other.folders

    def call(self, tool: str, arguments: Mapping[str, object]) -> str:
        """A tool's result, errors included. Arguments that are no strings count as their JSON."""
        signature = SIGNATURES.get(tool)
        if signature is None:
            return f"Error: unknown tool: {tool}"
        values = []
        for name in signature:
            value = arguments.get(name)
            if value is None:
                return f"Error: missing argument: {name}"
            values.append(value if isinstance(value, str) else json.dumps(value))
        try:
            result: str = getattr(self, tool)(*values)
        except ToolError as error:
            return f"Error: {error}"
        return result

    def list_directory(self, path: str) -> str:
        """The names in a folder, folders first."""
        folder = self._inside(path)
        if folder and folder not in self.folders:
            raise ToolError(f"no such directory: {path}")
        prefix = f"{folder}/" if folder else ""
        start = len(prefix)
        folders = sorted(f[start:] for f in self.folders if f.startswith(prefix) and "/" not in f[start:])
        files = sorted(f[start:] for f in self.files if f.startswith(prefix) and "/" not in f[start:])
        lines = [f"[DIR] {name}" for name in folders] + [f"[FILE] {name}" for name in files]
        return "\n".join(lines) or "(empty)"

    def find_files(self, pattern: str) -> str:
        """The paths whose file name fits a pattern, whatever the case."""
        matches = _glob(pattern)
        found = sorted(path for path in self.files if matches(path[path.rfind("/") + 1 :]))
        return "\n".join(found[:MAX_LINES]) or f"No files match {pattern}"

    def search_text(self, query: str) -> str:
        """The lines that contain the query, whatever the case."""
        wanted = query.lower()
        lines: list[str] = []
        for path in sorted(self.files):
            text = self.files[path]
            if wanted not in text.lower():
                continue
            for number, line in enumerate(text.split("\n"), 1):
                if wanted in line.lower():
                    lines.append(f"{path}:{number}: {line}")
                    if len(lines) == MAX_LINES:
                        return "\n".join(lines)
        return "\n".join(lines) or f"No matches for {query}"

    def read_file(self, path: str) -> str:
        """A file, as it is."""
        return self.files[self._existing(path)] or "(empty file)"

    def write_file(self, path: str, content: str) -> str:
        """Create or overwrite a file, and the folders above it."""
        target = self._writable(path)
        self.files[target] = content
        self._make_parents(target)
        return f"Wrote {path}"

    def append_file(self, path: str, content: str) -> str:
        """Add lines to a file, which is created if it is not there."""
        target = self._writable(path)
        text = self.files.get(target, "")
        if text and not text.endswith("\n"):
            text += "\n"
        self.files[target] = text + content + ("" if content.endswith("\n") else "\n")
        self._make_parents(target)
        return f"Appended to {path}"

    def edit_file(self, path: str, old_text: str, new_text: str) -> str:
        """Replace the one occurrence of a text."""
        target = self._existing(path)
        text = self.files[target]
        count = text.count(old_text) if old_text else 0
        if count == 0:
            raise ToolError(f"text not found in {path}")
        if count > 1:
            raise ToolError(f"text occurs {count} times in {path}")
        self.files[target] = text.replace(old_text, new_text)
        return f"Edited {path}"

    def create_directory(self, path: str) -> str:
        """Make a folder and those above it; fine if it is there."""
        folder = self._inside(path)
        if folder in self.files:
            raise ToolError(f"already exists: {path}")
        for file in parents(folder):
            if file in self.files:
                raise ToolError(f"already exists: {file}")
        if folder:
            self.folders.add(folder)
            self._make_parents(folder)
        return f"Created directory {path}"

    def move_file(self, source: str, destination: str) -> str:
        """Move a file or a folder to a free path."""
        old, new = self._transfer(source, destination)
        if old in self.folders:
            if new.startswith(f"{old}/"):
                raise ToolError(f"already exists: {destination}")
            self._move_folder(old, new)
        else:
            self.files[new] = self.files.pop(old)
        self._make_parents(new)
        return f"Moved {source} to {destination}"

    def copy_file(self, source: str, destination: str) -> str:
        """Copy a file to a free path."""
        old, new = self._transfer(source, destination)
        if old in self.folders:
            raise ToolError(f"is a directory: {source}")
        self.files[new] = self.files[old]
        self._make_parents(new)
        return f"Copied {source} to {destination}"

    def delete_file(self, path: str) -> str:
        """Delete a file."""
        del self.files[self._existing(path)]
        return f"Deleted {path}"

    def calculate(self, expression: str) -> str:
        """The value of an arithmetic expression."""
        try:
            return arithmetic.calculate(expression)
        except (ValueError, ZeroDivisionError, OverflowError, RecursionError):
            raise ToolError(f"cannot calculate: {expression}") from None

    def _inside(self, path: str) -> str:
        inside = normalized(path)
        if inside is None:
            raise ToolError(f"outside the workspace: {path}")
        return inside

    def _existing(self, path: str) -> str:
        """The path of a file that is there."""
        file = self._inside(path)
        if file not in self.files:
            if file == "" or file in self.folders:
                raise ToolError(f"is a directory: {path}")
            raise ToolError(f"no such file: {path}")
        return file

    def _writable(self, path: str) -> str:
        """A path that a file can have: no folder, and no file among its parents."""
        file = self._inside(path)
        if file == "" or file in self.folders:
            raise ToolError(f"is a directory: {path}")
        self._need_folders_above(file)
        return file

    def _transfer(self, source: str, destination: str) -> tuple[str, str]:
        """The two paths of a move or a copy: something that is there, and a place that is free."""
        old = self._inside(source)
        new = self._inside(destination)
        if old not in self.folders and old not in self.files:
            raise ToolError(f"no such file: {source}")
        if new == "" or new in self.files or new in self.folders:
            raise ToolError(f"already exists: {destination}")
        self._need_folders_above(new)
        return old, new

    def _need_folders_above(self, path: str) -> None:
        for folder in parents(path):
            if folder in self.files:
                raise ToolError(f"no such directory: {folder}")

    def _make_parents(self, path: str) -> None:
        if "/" in path:
            self.folders.update(parents(path))

    def _move_folder(self, old: str, new: str) -> None:
        def moved(path: str) -> str:
            return new + path[len(old) :] if path == old or path.startswith(f"{old}/") else path

        self.files = {moved(path): text for path, text in self.files.items()}
        self.folders = {moved(path) for path in self.folders}
