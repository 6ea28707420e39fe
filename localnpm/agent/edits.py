"""The tools that change files, in two phases: what would change, with nothing touched yet, and then making it.

Covers the rules of each tool (PROTOCOL's texts) and the making of its changes. Not covered: journaling (journal.py),
asking the user (permissions.py).
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from localnpm.agent import entries
from localnpm.agent.changes import ABSENT, Change, FileState
from localnpm.agent.text_files import check_text
from localnpm.agent.tree import Place, Tree, telling
from localnpm.agent.workspace import Workspace
from localnpm.errors import ToolError

MAX_EDITED_BYTES = 512 << 20


@dataclass(frozen=True)
class Plan:
    """What a call would change, in order, and what it would answer. `path` is the one that errors are told of."""

    changes: tuple[Change, ...]
    result: str
    path: str


class Edits:
    """Plans and makes the changes of file tools in one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.tree = workspace.tree
        self._planners: Mapping[str, Callable[..., Plan]] = {
            "write_file": self.write_file,
            "append_file": self.append_file,
            "edit_file": self.edit_file,
            "create_directory": self.create_directory,
            "move_file": self.move_file,
            "copy_file": self.copy_file,
            "delete_file": self.delete_file,
        }

    def plan(self, tool: str, arguments: Sequence[str]) -> Plan:
        """What a call of `tool` would do now. Nothing is changed.

        Raises:
            ToolError: it cannot be done; the text says why.
            WorkspaceError: the workspace is gone.
        """
        return self._planners[tool](*arguments)

    def write_file(self, path: str, content: str) -> Plan:
        """Create or overwrite a file."""
        new = _encoded(content)
        with telling(path), self.tree.at(self.workspace.parts(path)) as place:
            _check_target(place, path)
            before = entries.state_of(place.folder, place.name, content=True) if place.entry else ABSENT
            return _written(place, before, new, f"Wrote {path}", path)

    def append_file(self, path: str, content: str) -> Plan:
        """Add lines at a file's end, or create it."""
        added = _encoded(content if content.endswith("\n") else content + "\n")
        with telling(path), self.tree.at(self.workspace.parts(path)) as place:
            _check_target(place, path)
            before, old = _read(place) if place.entry else (ABSENT, b"")
            check_text([old])
            between = b"\n" if old and not old.endswith(b"\n") else b""
            return _written(place, before, old + between + added, f"Appended to {path}", path)

    def edit_file(self, path: str, old_text: str, new_text: str) -> Plan:
        """Replace the one occurrence of a text."""
        old, new = _encoded(old_text), _encoded(new_text)
        with self.workspace.file_at(path) as place:
            before, content = _read(place)
            check_text([content])
            # UTF-8 synchronizes itself: a text occurs in another exactly where its bytes do.
            times = content.count(old) if old else 0
            if times == 0:
                raise ToolError(f"text not found in {path}")
            if times > 1:
                raise ToolError(f"text occurs {times} times in {path}")
            return _written(place, before, content.replace(old, new), f"Edited {path}", path)

    def create_directory(self, path: str) -> Plan:
        """Make a folder and its parents; fine if it is there."""
        result = f"Created directory {path}"
        with telling(path), self.tree.at(self.workspace.parts(path)) as place:
            if place.is_directory:
                return Plan((), result, path)
            if place.found is not None:
                raise ToolError(f"already exists: {place.blocked_by or path}")
            _check_folder(place)
            return Plan(_new_folders(place, place.rest), result, path)

    def move_file(self, source: str, destination: str) -> Plan:
        """Rename a file, a folder or a symlink; nothing may be at the destination."""
        parts, target = self.workspace.parts(source), self.workspace.parts(destination)
        with telling(source), self.tree.at(parts, follow=False) as old:
            if not old.rest or old.entry is None:
                raise ToolError(f"no such file: {source}")
            if self._holds_protected(old):
                raise ToolError(f"outside the workspace: {source}")
            entries.check_name(old.folder, old.name)
            _check_folder(old)
            with telling(destination), self.tree.at(target, follow=False) as new:
                _check_free(new, destination)
                if old.is_directory and new.path.startswith(old.path + "/"):
                    raise ToolError(f"already exists: {destination}")
                with telling(source):
                    state = entries.state_of(old.folder, old.name)
                move = Change("move", old.path, new.path, state, state)
                return Plan((*_new_folders(new, new.rest[:-1]), move), f"Moved {source} to {destination}", destination)

    def copy_file(self, source: str, destination: str) -> Plan:
        """Copy one file, permissions included; nothing may be at the destination."""
        parts, target = self.workspace.parts(source), self.workspace.parts(destination)
        with telling(source), self.tree.at(parts) as old:
            # The root is no file to whoever named it, and no folder to copy either.
            if old.entry is None or not old.path:
                raise ToolError(f"no such file: {source}")
            with telling(destination), self.tree.at(target, follow=False) as new:
                _check_free(new, destination)
                if old.is_directory:
                    raise ToolError(f"is a directory: {source}")
                with telling(source):
                    state = entries.state_of(old.folder, old.name)
                copy = Change("copy", old.path, new.path, ABSENT, state)
                return Plan((*_new_folders(new, new.rest[:-1]), copy), f"Copied {source} to {destination}", destination)

    def delete_file(self, path: str) -> Plan:
        """Delete one file, or a symlink itself."""
        with telling(path), self.tree.at(self.workspace.parts(path), follow=False) as place:
            if place.is_directory:
                raise ToolError(f"is a directory: {path}")
            if place.entry is None:
                raise ToolError(f"no such file: {path}")
            entries.check_name(place.folder, place.name)
            _check_folder(place)
            before = entries.state_of(place.folder, place.name, content=True)
            return Plan((Change("delete", place.path, None, before, ABSENT),), f"Deleted {path}", path)

    def make(self, plan: Plan) -> None:
        """Make a plan's changes; when one fails, folders that were made for it are removed again.

        Raises:
            ToolError: no space, no permission, or something is there by now.
        """
        made: list[Change] = []
        with telling(plan.path):
            try:
                for change in plan.changes:
                    _make(self.tree, change)
                    made.append(change)
            except BaseException:
                for change in reversed(made):
                    # Someone may have put something into it meanwhile.
                    with suppress(OSError):
                        _unmake_folder(self.tree, change)
                raise

    def _holds_protected(self, place: Place) -> bool:
        """Whether a folder has something protected below it; moving it would take that along."""
        found = place.entry
        for protected in self.tree.protected:
            for above in protected.parents:
                with suppress(OSError):
                    if found is not None and os.path.samestat(above.stat(), found):
                        return True
        return False


def _make(tree: Tree, change: Change) -> None:
    with tree.at(change.target.split("/"), follow=False) as place:
        if len(place.rest) != 1:
            raise FileNotFoundError(2, "a folder on the way is gone")
        match change.kind:
            case "create_directory":
                entries.make_folder(place.folder, place.name)
            case "write":
                content = change.after.content or b""
                entries.write_file(place.folder, place.name, [content], replace=change.before.kind != "absent")
            case "move":
                with tree.at(change.path.split("/"), follow=False) as source:
                    entries.rename(source.folder, source.name, place.folder, place.name)
            case "copy":
                with tree.at(change.path.split("/")) as source:
                    handle = entries.open_file(source.folder, source.name)
                    try:
                        entries.write_file(
                            place.folder, place.name, entries.pieces(handle), mode=change.after.mode, replace=False
                        )
                    finally:
                        os.close(handle)
            case "delete":
                entries.remove(place.folder, place.name)


def _unmake_folder(tree: Tree, change: Change) -> None:
    with tree.at(change.path.split("/"), follow=False) as place:
        entries.remove(place.folder, place.name, directory=True)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ToolError("invalid tool call: the text has a character that UTF-8 cannot write") from error


def _read(place: Place) -> tuple[FileState, bytes]:
    """A file's state and all its bytes."""
    handle = entries.open_file(place.folder, place.name)
    try:
        found = os.fstat(handle)
        if found.st_size > MAX_EDITED_BYTES:
            raise ToolError(
                f"invalid tool call: {place.path} has {found.st_size >> 20} MiB, "
                f"more than the {MAX_EDITED_BYTES >> 20} that can be edited"
            )
        content = b"".join(entries.pieces(handle))
    finally:
        os.close(handle)
    return _file_state(content, found.st_mode & 0o7777, keep=len(content) <= entries.KEPT_INLINE), content


def _file_state(content: bytes, mode: int | None, *, keep: bool = True) -> FileState:
    return FileState("file", mode, hashlib.sha256(content).hexdigest(), content if keep else None)


def _written(place: Place, before: FileState, content: bytes, result: str, path: str) -> Plan:
    """The plan that leaves `content` at a place; nothing to do when it is there already."""
    after = _file_state(content, before.mode)
    if after.same_content(before):
        return Plan((), result, path)
    if before.kind == "file":
        entries.check_writable(place.folder, place.name)
    _check_folder(place)
    write = Change("write", place.path, None, before, after)
    return Plan((*_new_folders(place, place.rest[:-1]), write), result, path)


def _new_folders(place: Place, missing: Sequence[str]) -> tuple[Change, ...]:
    """The changes that make the folders `missing` below the place's own."""
    for name in place.rest:
        entries.check_name(place.folder, name)
    folders = ["/".join((*place.names, *missing[: depth + 1])) for depth in range(len(missing))]
    return tuple(Change("create_directory", path, None, ABSENT, FileState("directory")) for path in folders)


def _check_target(place: Place, path: str) -> None:
    if place.is_directory:
        raise ToolError(f"is a directory: {path}")
    if place.blocked_by is not None:
        raise ToolError(f"no such directory: {place.blocked_by}")


def _check_free(place: Place, path: str) -> None:
    if place.entry is not None:
        raise ToolError(f"already exists: {path}")
    if place.blocked_by is not None:
        raise ToolError(f"no such directory: {place.blocked_by}")
    _check_folder(place)


def _check_folder(place: Place) -> None:
    """Whether entries of the place's folder may be changed; better known before the user is asked."""
    effective = os.access in os.supports_effective_ids
    if not os.access(".", os.W_OK | os.X_OK, dir_fd=place.folder, effective_ids=effective):
        raise PermissionError(13, "the folder is not writable")
