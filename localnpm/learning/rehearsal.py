"""Calls carried out on a copy of a folder in a scratch folder, by the agent's own tools: what each would have answered,
and whether they lead to what the user left.

In the copy a file that is no text holds its hash instead, so that it can be moved, copied and deleted, and no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localnpm.agent.tools import FileTools
from localnpm.agent.workspace import Workspace
from localnpm.engine.messages import ToolCall
from localnpm.learning.pictures import Item, Picture
from localnpm.scratch_folder import scratch_folder


@dataclass(frozen=True)
class Rehearsed:
    """One call: what it answered, and what it changed as a unified diff."""

    call: ToolCall
    result: str
    diff: str

    @property
    def failed(self) -> bool:
        """Whether it answered with an error."""
        return self.result.startswith("Error: ")


@dataclass(frozen=True)
class Rehearsal:
    """The calls as they went, and the paths that are not as the user left them; folders that are empty do not count."""

    steps: tuple[Rehearsed, ...]
    differing: tuple[str, ...]


def rehearse(before: Picture, calls: Sequence[ToolCall], after: Picture) -> Rehearsal:
    """Carry the calls out on a copy of `before`, and compare what comes of it with `after`."""
    with scratch_folder("localnpm-rehearsal-") as root:
        _lay_out(root, before)
        tools = FileTools(Workspace(root))
        steps = []
        for call in calls:
            prepared = tools.prepare(call)
            steps.append(Rehearsed(call, tools.perform(prepared, None), prepared.diff))
        left = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        folders = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_dir()}
    wanted = {path: _content(item) for path, item in after.items() if item.kind == "file"}
    differing = {path for path in left.keys() | wanted.keys() if left.get(path) != wanted.get(path)}
    differing |= {path for path, item in after.items() if item.kind == "directory"} - folders
    return Rehearsal(tuple(steps), tuple(sorted(differing)))


def _lay_out(root: Path, picture: Picture) -> None:
    for path, item in picture.items():
        if item.kind == "directory":
            (root / path).mkdir(parents=True, exist_ok=True)
        elif item.kind == "file":
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(_content(item))


def _content(item: Item) -> bytes:
    return b"\0" + item.digest.encode() if item.text is None else item.text.encode()
