"""The tool `run_command`, and `--check`: a command in the jail, with what it changes journaled.

Before it runs a bounded copy of the workspace is made and kept in HOME/undo until the changes are in the journal; past
the bound a command can be run all the same, and the question to the user says that it cannot be undone.
Not covered: who allows a command (permissions.py), how it is confined (jail.py).
"""

from collections.abc import Sequence
from pathlib import Path

from localnpm.agent import jail, snapshot
from localnpm.agent.jail import Cancellable, CommandResult, Limits
from localnpm.agent.journal import Journal
from localnpm.agent.prepared import Prepared, Risk
from localnpm.agent.snapshot import Bounds, CannotCopyError, Snapshot
from localnpm.agent.tools import SUMMARY_CHARACTERS
from localnpm.engine.messages import ToolCall
from localnpm.errors import JailError, NotFoundError, ToolError, WorkspaceError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database, storable

DEFAULT_BOUNDS = Bounds()
STORE = "commands"
"""The folder in HOME/undo for copies of workspaces in which a command is running."""

_ENDED = {
    "time": "it ran longer than {limits.seconds:g} seconds",
    "cpu": "it used more than {limits.processor_seconds} seconds of processor time",
    "memory": "it used more than {megabytes} MB of memory",
    "processes": "it had more than {limits.processes} processes and threads",
    "output": "it printed more than {limits.flood_bytes} bytes",
    "file size": "it wrote a file of more than {limits.file_bytes} bytes",
    "cancel": "the user cancelled it",
    "kill": "something outside of localnpm killed it",
}


class CommandRunner:
    """Runs commands in one workspace. Without a journal what they change cannot be undone.

    `hidden` is what commands never see, localnpm's home above all; the journal's own home is hidden in any case.
    """

    def __init__(
        self,
        root: Path,
        limits: Limits,
        journal: Journal | None = None,
        *,
        hidden: Sequence[Path] = (),
        readable: Sequence[Path] = (),
        bounds: Bounds = DEFAULT_BOUNDS,
        cancel: Cancellable | None = None,
    ) -> None:
        """Raises:
        JailError: this machine cannot confine a command.
        """
        report = jail.probe()
        if report.mechanism is None:
            raise JailError(f"commands cannot be confined on this machine, so none is run: {report.why_not()}")
        self.root = root.resolve()
        self.limits = limits
        self.journal = journal
        own = (journal.images.folder.parent,) if journal else ()
        self.hidden = tuple(dict.fromkeys(path.resolve() for path in (*hidden, *own)))
        self.readable = tuple(readable)
        self.bounds = bounds
        self.cancel = cancel

    def prepare(self, call: ToolCall) -> Prepared:
        """What is known of a command before it runs: whether it can be undone, and if not, why not."""
        command = str(call.arguments["command"])
        reason = self._why_not_undoable()
        line = " ".join(f"Run {command}".split())
        return Prepared(
            call,
            Risk.RUN,
            line if len(line) <= SUMMARY_CHARACTERS else line[: SUMMARY_CHARACTERS - 1] + "…",
            undoable=not reason,
            note=f"what this command changes cannot be undone: {reason}" if reason else "",
        )

    def perform(self, prepared: Prepared, step_id: int | None) -> str:
        """Run it and return what the model reads: exit code, standard output and standard error, or `Error: ...`."""
        try:
            result, note = self._run(
                str(prepared.call.arguments["command"]), self.cancel, step_id, must_copy=prepared.undoable
            )
        except CannotCopyError as error:
            return storable(f"Error: the command was not run, since it could not be undone any more: {error}")
        except JailError as error:
            return storable(f"Error: {error}")
        return storable(self.text(result) + note)

    def run(self, command: str, cancel: Cancellable | None = None, step_id: int | None = None) -> CommandResult:
        """Run a command of the user's own; journaled where the workspace is small enough.

        Raises:
            JailError: it cannot be confined; it was not run.
            WorkspaceError: the workspace is gone.
            MemoryFileError: its changes cannot be journaled.
        """
        return self._run(command, cancel or self.cancel, step_id, must_copy=False)[0]

    def text(self, result: CommandResult) -> str:
        """A result as the model reads it."""
        if result.ended_by:
            why = _ENDED[result.ended_by].format(limits=self.limits, megabytes=self.limits.memory_bytes >> 20)
            head = f"ended: {why}"
        else:
            head = f"exit code: {result.exit_code}"
        parts = [head]
        for name, text in (("stdout", result.stdout), ("stderr", result.stderr)):
            if text:
                parts.append(f"{name}:\n{text.rstrip()}")
        return "\n".join(parts)

    def _why_not_undoable(self) -> str:
        if self.journal is None:
            return "this run keeps no journal"
        return snapshot.why_not(self.root, self.bounds, self.hidden)

    def _run(
        self, command: str, cancel: Cancellable | None, step_id: int | None, *, must_copy: bool
    ) -> tuple[CommandResult, str]:
        copy = self._copy(step_id, must_copy)
        try:
            result = jail.run(command, self.root, self.limits, cancel, hidden=self.hidden, readable=self.readable)
        except (JailError, WorkspaceError):
            if copy:
                copy.discard()
            raise
        if copy is None or self.journal is None:
            return result, ""
        try:
            note = _record(self.journal, copy, step_id, self.bounds)
        except (ToolError, OSError) as error:
            note = f"\n[what it changed cannot be undone: {error}]"
        copy.discard()
        return result, note

    def _copy(self, step_id: int | None, must_copy: bool) -> Snapshot | None:
        if self.journal is None:
            return None
        store = self.journal.images.folder / STORE
        try:
            return Snapshot.take(self.root, store, self.journal.attempt_id, step_id, self.bounds, self.hidden)
        except CannotCopyError:
            if must_copy:
                raise
            return None


def recover(db: Database, undo_dir: Path) -> tuple[int, ...]:
    """Journal what commands had changed when localnpm was killed; the attempts' ids.

    To be called when attempts whose process is gone have been marked interrupted. What the user has changed since then
    counts as the command's.

    Raises:
        MemoryFileError: memory.db cannot be read or written.
    """
    recovered = []
    for copy in snapshot.leftovers(undo_dir / STORE):
        try:
            if AttemptLog(db).attempt(copy.attempt_id).status == "running":
                copy.release()
                continue
            _record(Journal(db, undo_dir, copy.attempt_id, copy.root), copy, copy.step_id, DEFAULT_BOUNDS)
        except (NotFoundError, ToolError, WorkspaceError, OSError):
            # The attempt is forgotten, the workspace gone or unreadable: there is nothing to take back.
            copy.discard()
            continue
        copy.discard()
        recovered.append(copy.attempt_id)
    return tuple(recovered)


def _record(journal: Journal, copy: Snapshot, step_id: int | None, bounds: Bounds) -> str:
    """Journal what is different from the copy; a line for the model where not all of it was."""
    changes, left_out = copy.changes(bounds)
    if changes:
        journal.record_made(changes, step_id, copy.copies)
    return f"\n[{left_out} more new files cannot be undone]" if left_out else ""
