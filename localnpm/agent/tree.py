"""Paths below a root folder, walked one component at a time so that nothing outside is ever opened.

Each component is opened relative to the folder before it (`dir_fd`) and never through a symlink; a symlink is read and
its target walked in the same way, from the root when it is absolute. So no spelling leads out, nor a component that
another process swaps for a symlink meanwhile. The same calls exist on Linux and macOS.
Not covered: a folder that another process moves out of the root after it was opened stays reachable through its handle
for that one operation; hard links made by others; mounts below the root count as inside.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localnpm.errors import ToolError, WorkspaceError

OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
MAX_LINKS = 40

Identity = tuple[int, int]


class OutsideError(Exception):
    """A path that leads out of the root, or into a protected place."""


class NotTextError(Exception):
    """Bytes that are not UTF-8 text, or something that is no ordinary file: a pipe, a socket, a device."""


@dataclass(frozen=True)
class Place:
    """Where a path leads: the deepest folder that exists on the way, open, and the names from there on.

    `rest` is empty for the folder itself. `found` is the lstat of `rest[0]`, None where there is nothing of that name.
    `names` are the folder's own, from the root, no symlink among them.
    """

    folder: int
    names: tuple[str, ...]
    rest: tuple[str, ...]
    found: os.stat_result | None

    @property
    def path(self) -> str:
        """The whole path with its symlinks resolved, POSIX, relative to the root; empty for the root."""
        return "/".join(self.names + self.rest)

    @property
    def name(self) -> str:
        """The last name; only where the place is not a folder that ends the walk."""
        return self.rest[-1]

    @property
    def entry(self) -> os.stat_result | None:
        """The lstat of what the whole path names; None if there is nothing."""
        if not self.rest:
            return os.fstat(self.folder)
        return self.found if len(self.rest) == 1 else None

    @property
    def is_directory(self) -> bool:
        """Whether the whole path names a folder."""
        entry = self.entry
        return entry is not None and stat.S_ISDIR(entry.st_mode)

    @property
    def blocked_by(self) -> str | None:
        """The path of something that is no folder but stands where the path needs one."""
        if len(self.rest) > 1 and self.found is not None:
            return "/".join((*self.names, self.rest[0]))
        return None


def parts_of(path: str) -> tuple[str, ...] | None:
    """The components of a path as a tool gets it, `.` and `..` worked out on the text; None if it leads out.

    An absolute path, one that begins with `~` or a backslash, and one with a drive letter lead out.
    """
    if path[:1] in ("/", "~", "\\") or path[1:2] == ":":
        return None
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return tuple(parts)


class Tree:
    """The folder `root` and what is below it, but for `protected` files and folders.

    Raises:
        WorkspaceError: the root is missing, not a folder, not permitted, or itself protected.
    """

    def __init__(self, root: Path, protected: Sequence[Path] = ()) -> None:
        self.given = Path(os.path.abspath(root))  # noqa: PTH100 - Path.absolute keeps `..`
        try:
            self.root = root.resolve(strict=True)
            str(self.root).encode()
        except (OSError, ValueError) as error:
            raise _unusable(root, error) from error
        self.protected = tuple(Path(os.path.realpath(path)) for path in protected)
        os.close(self.open_root())
        for path in self.protected:
            if self.root == path or path in self.root.parents:
                raise WorkspaceError(
                    f"The workspace {self.root} lies in localnpm's own folder {path}, which no tool may touch. "
                    "Choose another with --workspace."
                )

    def open_root(self) -> int:
        """The root as an open folder.

        Raises:
            WorkspaceError: it is gone, or may not be read.
        """
        try:
            return os.open(self.root, OPEN_FOLDER)
        except OSError as error:
            raise _unusable(self.root, error) from error

    @contextmanager
    def at(self, parts: Sequence[str], *, follow: bool = True) -> Iterator[Place]:
        """Walk to a place. `follow` says whether a symlink at the very end is followed.

        Raises:
            OutsideError: a symlink leads out, or the path is protected.
            OSError: what the system says; ELOOP for symlinks without end.
            WorkspaceError: the root is gone.
        """
        stack = [self.open_root()]
        try:
            yield self._walk(stack, list(reversed(parts)), follow)
        finally:
            for handle in stack:
                os.close(handle)

    def _walk(self, stack: list[int], todo: list[str], follow: bool) -> Place:
        names: list[str] = []
        guard = self.guard()
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                if not names:
                    raise OutsideError
                names.pop()
                os.close(stack.pop())
                continue
            found = look(stack[-1], part)
            if guard.covers(stack[-1], part, found):
                raise OutsideError
            if found is not None and stat.S_ISLNK(found.st_mode) and (todo or follow):
                links += 1
                if links > MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                target = os.readlink(part, dir_fd=stack[-1])
                if target.startswith("/"):
                    target = self._inside(target)
                    names.clear()
                    while len(stack) > 1:
                        os.close(stack.pop())
                todo += [step for step in reversed(target.split("/")) if step not in ("", ".")]
                continue
            if found is None or not todo or not stat.S_ISDIR(found.st_mode):
                rest = (part, *reversed(todo))
                if ".." in rest:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
                return Place(stack[-1], tuple(names), rest, found)
            stack.append(os.open(part, OPEN_FOLDER, dir_fd=stack[-1]))
            if guard.covers_handle(stack[-1]):
                raise OutsideError
            names.append(part)
        return Place(stack[-1], tuple(names), (), None)

    def _inside(self, target: str) -> str:
        """An absolute symlink target as a path from the root."""
        for root in (self.root, self.given):
            prefix = str(root).rstrip("/") + "/"
            if (target + "/").startswith(prefix):
                return target[len(prefix) :]
        raise OutsideError

    def guard(self) -> "Guard":
        """The protected places as they are at this moment."""
        return Guard.of(self.protected)


@dataclass(frozen=True)
class Guard:
    """Protected files and folders by what they are, and by name in their folder where they do not exist yet."""

    identities: frozenset[Identity]
    names: frozenset[tuple[int, int, str]]

    @classmethod
    def of(cls, paths: Sequence[Path]) -> "Guard":
        """The guard of these paths; those that do not exist are guarded by name."""
        identities: set[Identity] = set()
        names: set[tuple[int, int, str]] = set()
        for path in paths:
            try:
                found = path.stat()
                identities.add((found.st_dev, found.st_ino))
            except OSError:
                pass
            try:
                parent = path.parent.stat()
                names.add((parent.st_dev, parent.st_ino, path.name))
            except OSError:
                continue
        return cls(frozenset(identities), frozenset(names))

    def covers(self, folder: int, name: str, found: os.stat_result | None) -> bool:
        """Whether the entry `name` of an open folder is protected."""
        if found is not None and (found.st_dev, found.st_ino) in self.identities:
            return True
        if not self.names:
            return False
        holder = os.fstat(folder)
        return (holder.st_dev, holder.st_ino, name) in self.names

    def covers_handle(self, handle: int) -> bool:
        """Whether an open file or folder is protected."""
        found = os.fstat(handle)
        return (found.st_dev, found.st_ino) in self.identities


def look(folder: int, name: str) -> os.stat_result | None:
    """The lstat of an entry of an open folder; None if there is none."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


@contextmanager
def telling(path: str, missing: str = "no such file") -> Iterator[None]:
    """Turn what goes wrong with `path` into the text that the model reads.

    Raises:
        ToolError: in place of OutsideError, NotTextError, OSError, and ValueError (NUL or a lone surrogate in a name).
    """
    try:
        yield
    except OutsideError as error:
        raise ToolError(f"outside the workspace: {path}") from error
    except NotTextError as error:
        raise ToolError(f"not a text file: {path}") from error
    except ValueError as error:
        raise ToolError(f"invalid tool call: not a file name: {path}") from error
    except OSError as error:
        raise ToolError(_reason(error, path, missing)) from error


def _reason(error: OSError, path: str, missing: str) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR | errno.ELOOP:
            return f"{missing}: {path}"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"permission denied: {path}"
        case errno.ENOSPC | errno.EDQUOT:
            return f"no space left: {path}"
        case errno.EEXIST | errno.ENOTEMPTY:
            return f"already exists: {path}"
        case errno.EISDIR:
            return f"is a directory: {path}"
        case errno.ENAMETOOLONG:
            return f"invalid tool call: the name is too long: {path}"
        case _:
            return f"invalid tool call: {(error.strerror or str(error)).lower()}: {path}"


def _unusable(root: Path, error: Exception) -> WorkspaceError:
    match error:
        case FileNotFoundError():
            return WorkspaceError(f"The workspace {root} is not there. Make the folder, or choose another one.")
        case NotADirectoryError():
            return WorkspaceError(f"The workspace {root} is not a folder. Choose a folder.")
        case PermissionError():
            return WorkspaceError(f"The workspace {root} may not be read by this user. Choose another folder.")
        case _:
            return WorkspaceError(f"The workspace {root} cannot be used: {error}. Choose another folder.")
