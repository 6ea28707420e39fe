"""Demonstrations: the user does a task by hand while a folder is watched, and it becomes a successful attempt.

`start` keeps a picture of the folder in memory.db, where it outlives the program; `stop` compares, and tells the tool
calls that would have made the difference, as they went in a rehearsal; `accept` logs them as an attempt that the user
judged a success. Until then nothing is lost and nothing is logged. No file is touched and nothing is journaled: what
was changed is the user's own work.
Not covered: what happened between the two pictures; changes that no tool call can make, which are told and left out.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from localnpm.agent.prompts import system_text
from localnpm.agent.workbench import checked_workspace
from localnpm.engine.messages import ToolCall
from localnpm.errors import LocalnpmError, NotFoundError
from localnpm.home import Home
from localnpm.learning.picture_calls import Untold, difference
from localnpm.learning.pictures import Bounds, Picture, pack, take, unpack
from localnpm.learning.rehearsal import Rehearsal, Rehearsed, rehearse
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.clock import now
from localnpm.memory.database import Database, storable

MODEL = "demonstration"
"""What the log names as the model of an attempt that a user showed."""

MOST_CALLS = 100

_DONE = {
    "append_file": "added to {path}",
    "edit_file": "changed {path}",
    "write_file": "wrote {path}",
    "move_file": "moved {source} to {destination}",
    "copy_file": "copied {source} to {destination}",
    "create_directory": "made the folder {path}",
    "delete_file": "deleted {path}",
}
_MOST_NAMED = 4


@dataclass(frozen=True)
class Watch:
    """A demonstration under way. The time is UTC."""

    id: int
    workspace: str
    request: str
    started_at: datetime


@dataclass(frozen=True)
class Demonstration:
    """What the user did, as tool calls.

    Attributes:
        steps: the calls with the results that they would have had, and what each changed.
        answer: the words that end the attempt.
        untold: what no call can make; the calls do all but this.
        differing: the paths that the calls leave otherwise than the user did.
    """

    watch: Watch
    steps: tuple[Rehearsed, ...]
    answer: str
    untold: tuple[Untold, ...]
    differing: tuple[str, ...]

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls, in order."""
        return tuple(step.call for step in self.steps)

    @property
    def diff(self) -> str:
        """What the calls change, as a unified diff."""
        return "".join(step.diff for step in self.steps)

    @property
    def complete(self) -> bool:
        """Whether the calls do all that the user did, none of them failing."""
        return not (self.untold or self.differing or any(step.failed for step in self.steps))


def start(home: Home, database: Database, workspace: Path, request: str, *, bounds: Bounds | None = None) -> Watch:
    """Begin to watch a folder; `request` is what the user would have asked for.

    Raises:
        WorkspaceError: it is no folder, localnpm's own, or has too much in it.
        LocalnpmError: the request is empty, or the folder is being watched.
    """
    if not request.strip():
        raise LocalnpmError('Say what you are about to do, as you would ask for it: localnpm watch start "file a bill"')
    root = checked_workspace(workspace, home)
    packed = pack(take(root, home.root, bounds))
    with database.transaction() as connection:
        if any(watch.workspace == str(root) for watch in watches(database)):
            raise LocalnpmError(f"{root} is being watched already. End that with `watch stop` or `watch cancel`.")
        cursor = connection.execute(
            "INSERT INTO watches(workspace, request, snapshot, started_at) VALUES (?, ?, ?, ?)",
            (storable(str(root)), storable(request.strip()), packed, now()),
        )
    return _watch(database, cast(int, cursor.lastrowid))


def watches(database: Database) -> tuple[Watch, ...]:
    """All demonstrations under way, the oldest first."""
    rows = database.query("SELECT id, workspace, request, started_at FROM watches ORDER BY id")
    return tuple(Watch(row[0], row[1], row[2], datetime.fromisoformat(row[3])) for row in rows)


def find(database: Database, workspace: Path) -> Watch:
    """The demonstration in a folder, or in the nearest folder above it.

    Raises:
        NotFoundError: there is none.
    """
    folder = workspace.expanduser().resolve()
    for place in (folder, *folder.parents):
        for watch in watches(database):
            if watch.workspace == str(place):
                return watch
    raise NotFoundError(f'{folder} is not being watched. Begin with: localnpm watch start "what you are about to do"')


def so_far(
    home: Home, database: Database, watch: Watch, *, bounds: Bounds | None = None
) -> tuple[tuple[ToolCall, ...], tuple[Untold, ...]]:
    """What was done in the folder until now: the calls that make the difference, and what no call can make.

    Raises:
        NotFoundError: it was ended meanwhile.
        WorkspaceError: the folder is gone, or has too much in it by now.
    """
    before, after = _pictures(home, database, watch, bounds)
    after, hidden = _without_hidden(Path(watch.workspace), before, after)
    calls, untold = difference(before, after)
    return calls, (*untold, *hidden)


def stop(home: Home, database: Database, watch: Watch, *, bounds: Bounds | None = None) -> Demonstration:
    """Compare the folder with what it was. The demonstration stays under way until it is accepted or cancelled.

    Raises:
        NotFoundError: it was ended meanwhile.
        WorkspaceError: the folder is gone, or has too much in it by now.
        LocalnpmError: nothing was changed in it, or far too much.
    """
    before, after = _pictures(home, database, watch, bounds)
    after, hidden = _without_hidden(Path(watch.workspace), before, after)
    calls, untold = difference(before, after)
    if not calls and not untold and not hidden:
        raise LocalnpmError(
            f"Nothing has changed in {watch.workspace} since then. Do the task, then call `watch stop`; "
            "`watch cancel` ends without it."
        )
    if len(calls) > MOST_CALLS:
        raise LocalnpmError(
            f"What was changed in {watch.workspace} takes {len(calls)} tool calls, more than the {MOST_CALLS} of one "
            "task. Show smaller tasks one by one; `watch cancel` ends this one, and the files stay as they are."
        )
    return _demonstration(watch, rehearse(before, calls, _told(before, after, untold)), (*untold, *hidden))


def revised(
    home: Home, database: Database, shown: Demonstration, calls: Sequence[ToolCall], *, bounds: Bounds | None = None
) -> Demonstration:
    """The demonstration with calls that the user has put in place of those shown, rehearsed anew.

    Raises:
        NotFoundError, WorkspaceError: as `stop`.
    """
    before, after = _pictures(home, database, shown.watch, bounds)
    after, _ = _without_hidden(Path(shown.watch.workspace), before, after)
    return _demonstration(shown.watch, rehearse(before, calls, _told(before, after, shown.untold)), shown.untold)


def accept(database: Database, shown: Demonstration) -> int:
    """Log a demonstration as an attempt of its own session, done, judged a success by the user; returns its id.

    Raises:
        NotFoundError: it was ended meanwhile.
        LocalnpmError: it has no call, or one of its calls fails.
    """
    failed = next((step for step in shown.steps if step.failed), None)
    if failed is not None:
        raise LocalnpmError(f"{failed.call} would have failed: {failed.result}. Edit the calls, or cancel.")
    if not shown.steps:
        raise LocalnpmError("None of what was changed can be told as tool calls, so there is nothing to learn from.")
    log = AttemptLog(database)
    watch = shown.watch
    with database.transaction() as connection:
        if not connection.execute("DELETE FROM watches WHERE id = ?", (watch.id,)).rowcount:
            raise _ended(watch)
        attempt_id = log.start_attempt(
            log.start_session(watch.workspace, watch.request),
            watch.request,
            workspace=watch.workspace,
            model=MODEL,
            model_fingerprint="",
            system=system_text(),
            sampling={},
        )
        for turn, step in enumerate(shown.steps, 1):
            row = log.start_step(
                attempt_id,
                turn=turn,
                text=_as_text(step.call),
                tool=step.call.name,
                arguments=step.call.arguments,
            )
            log.finish_step(row, step.result)
        log.start_step(attempt_id, turn=len(shown.steps) + 1, text=shown.answer)
        log.finish_attempt(attempt_id, "done", shown.answer)
        log.add_verdict(attempt_id, "user", True, reason="shown by the user")
    return attempt_id


def cancel(database: Database, watch: Watch) -> None:
    """End a demonstration without logging it; the files stay as they are.

    Raises:
        NotFoundError: it was ended meanwhile.
    """
    with database.transaction() as connection:
        if not connection.execute("DELETE FROM watches WHERE id = ?", (watch.id,)).rowcount:
            raise _ended(watch)


def _pictures(home: Home, database: Database, watch: Watch, bounds: Bounds | None) -> tuple[Picture, Picture]:
    rows = database.query("SELECT snapshot FROM watches WHERE id = ?", (watch.id,))
    if not rows:
        raise _ended(watch)
    root = checked_workspace(Path(watch.workspace), home)
    return unpack(rows[0]["snapshot"]), take(root, home.root, bounds)


def _without_hidden(root: Path, before: Picture, after: Picture) -> tuple[Picture, tuple[Untold, ...]]:
    """The picture with what only a new `.gitignore` hides put back, and those files."""
    hidden = {path: item for path, item in before.items() if path not in after and (root / path).exists()}
    untold = tuple(Untold(path, "is ignored by git now") for path, item in hidden.items() if item.kind == "file")
    return {**after, **hidden}, untold


def _told(before: Picture, after: Picture, untold: Sequence[Untold]) -> Picture:
    """What calls can reach: the picture without what could not be told."""
    paths = {left_out.path for left_out in untold}
    reachable = {path: item for path, item in after.items() if path not in paths}
    return reachable | {path: before[path] for path in paths if path in before and before[path].kind == "file"}


def _demonstration(watch: Watch, rehearsal: Rehearsal, untold: tuple[Untold, ...]) -> Demonstration:
    return Demonstration(watch, rehearsal.steps, _answer(rehearsal.steps), untold, rehearsal.differing)


def _answer(steps: Sequence[Rehearsed]) -> str:
    """`Done: added to todo.md, moved a to b.`"""
    done = [_DONE[step.call.name].format(**step.call.arguments) for step in steps if step.call.name in _DONE]
    named = list(dict.fromkeys(done))
    more = len(named) - _MOST_NAMED
    return "Done: " + ", ".join(named[:_MOST_NAMED]) + (f", and {more} more changes." if more > 0 else ".")


def _as_text(call: ToolCall) -> str:
    """A call as the bundled model writes it."""
    inside = json.dumps({"name": call.name, "arguments": dict(call.arguments)}, ensure_ascii=False)
    return f"<tool_call>\n{inside}\n</tool_call>"


def _watch(database: Database, watch_id: int) -> Watch:
    return next(watch for watch in watches(database) if watch.id == watch_id)


def _ended(watch: Watch) -> NotFoundError:
    return NotFoundError(f"The demonstration in {watch.workspace} has been ended meanwhile.")
