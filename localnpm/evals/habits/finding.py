"""How the expert gets at a task's file: by its path, or by looking for it as the profile has it (habit `explore`)."""

from collections.abc import Callable, Generator
from typing import TypeVar

from localnpm.evals.habits.paths import base_name, folder_prefix
from localnpm.evals.habits.task import LOST, Habits, Task
from localnpm.evals.habits.workspace import Call

T = TypeVar("T")

Search = Generator[Call, str, T]
"""A part of a policy: yields calls, is sent their results, returns what it found."""

MAX_FOLDERS_LISTED = 4


def locate(task: Task, profile: Habits) -> Search[str | None]:
    """Look for a file by its topic; its path, or None if it does not turn up."""
    way = profile["explore"]
    if way == "list":
        return (yield from _by_listing(task))
    first, then = (_by_name, _by_text) if way == "find" else (_by_text, _by_name)
    path = yield from first(task)
    return path or (yield from then(task))


def read_target(task: Task, profile: Habits) -> Search[str | None]:
    """Find the task's file, if needed, and read it; its path, or None if it is not there."""
    found = yield from act_on_target(task, profile, lambda path: ("read_file", {"path": path}))
    return found[0] if found else None


def act_on_target(task: Task, profile: Habits, action: Callable[[str], Call]) -> Search[tuple[str, str] | None]:
    """Call action(path) on the task's file, and look for it elsewhere if it is not where the request says.

    Returns the path and the result, or None if the file is not there.
    """
    path: str | None = task.given
    if task.by_topic:
        path = yield from locate(task, profile)
    if path is None:
        return None
    result = yield action(path)
    if result.startswith("Error: no such file"):
        path = yield from _by_full_name(task)
        if path is None:
            return None
        result = yield action(path)
    return path, result


def target_path(task: Task, profile: Habits) -> Search[str | None]:
    """The path of a file that need not be read: as given, or looked for."""
    return (yield from locate(task, profile)) if task.by_topic else task.given


def read_back(profile: Habits, path: str) -> Search[None]:
    """Read the result again, for users who want that."""
    if profile["verify"] == "yes":
        yield "read_file", {"path": path}


def _by_listing(task: Task) -> Search[str | None]:
    listing = (yield "list_directory", {"path": "."}).split("\n")
    entry = f"[FILE] {base_name(task.path)}"
    folder = folder_prefix(task.path)
    if not folder and entry in listing:
        return task.path
    folders = [line[len("[DIR] ") :] for line in listing if line.startswith("[DIR] ")]
    for name in folders[:MAX_FOLDERS_LISTED]:
        listing = (yield "list_directory", {"path": name}).split("\n")
        if entry in listing and f"{name}/" == folder:
            return task.path
    if task.mode == LOST:
        return None
    return (yield from _by_name(task))


def _by_name(task: Task) -> Search[str | None]:
    found = yield "find_files", {"pattern": f"*{task.words[0]}*"}
    return task.path if task.path in found.split("\n") else None


def _by_text(task: Task) -> Search[str | None]:
    found = yield "search_text", {"query": task.topic}
    prefix = f"{task.path}:"
    return task.path if any(line.startswith(prefix) for line in found.split("\n")) else None


def _by_full_name(task: Task) -> Search[str | None]:
    found = yield "find_files", {"pattern": base_name(task.given)}
    return task.path if task.path in found.split("\n") else None
