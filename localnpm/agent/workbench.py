"""An agent with all that it works with, opened for one workspace: model, tools, log, permissions.

What every front end needs before its first event. Its own `run` knows no memory: learning/learner.py recalls for a
request, has `task` put it into the prompt, and reads the attempt's events.
"""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from localnpm.agent import events
from localnpm.agent.agent import Agent
from localnpm.agent.attempt import PLAIN, Task, Terms
from localnpm.agent.journal import Journal
from localnpm.agent.options import Options
from localnpm.agent.permissions import Approve, Mode, Permissions, decline_all
from localnpm.agent.prompts import Surroundings, system_text
from localnpm.agent.tools import FileTools, Toolbox
from localnpm.agent.undo import UndoReport, undo
from localnpm.agent.workspace import Workspace
from localnpm.config import PermissionRule, SamplingSettings, Settings
from localnpm.config_file import add_rule
from localnpm.engine.cancel import Cancel
from localnpm.engine.sampling import Sampling
from localnpm.engine.turns import ChatModel, Progress
from localnpm.errors import WorkspaceError
from localnpm.home import Home
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.sessions import find_session
from localnpm.scratch_folder import scratch_folder

if TYPE_CHECKING:
    from localnpm.agent.command import CommandRunner

BUNDLED_HITS = 20
HITS = 200


class Workbench:
    """An agent ready for requests. One attempt at a time; close it when done."""

    def __init__(self, home: Home, settings: Settings, options: Options, model: ChatModel, database: Database) -> None:
        """Raises:
        WorkspaceError: the workspace is missing, not a folder, or localnpm's own home.
        JailError: commands were asked for, and this machine cannot confine them.
        """
        self.root = checked_workspace(options.workspace, home)
        self.home = home
        self.settings = settings
        self.options = options
        self.model = model
        self.database = database
        self.log = AttemptLog(database)
        self._closing = ExitStack()
        self.permissions = Permissions(
            self.root,
            mode=_mode(settings, options),
            rules=self._rules(),
            remember=partial(add_rule, home),
        )
        self.agent = Agent(model, self._open_tools, self.log, self.permissions, settings.agent)

    def _rules(self) -> tuple[PermissionRule, ...]:
        """What this run was told to allow, and, with a user at a terminal, what was allowed for always."""
        told = tuple(PermissionRule(str(self.root), what) for what in self.options.allow)
        return told + (self.settings.permissions.always if self.options.terminal else ())

    @cached_property
    def undo_folder(self) -> Path:
        """Where large before-images lie: in the home, or, in private, in a folder that goes with the workbench."""
        if not self.options.private:
            return self.home.undo
        return self._closing.enter_context(scratch_folder("localnpm-undo-"))

    def close(self) -> None:
        """Remove what a private run has left; model and database belong to whoever opened them."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def new_session(self, title: str) -> int:
        """Start a conversation; its title is the first request's first line."""
        return self.log.start_session(self.root, title)

    def run(
        self,
        request: str,
        session_id: int,
        *,
        approve: Approve = decline_all,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> Iterator[events.Event]:
        """Carry out one request in a session without memory, as a stream of events.

        Raises:
            MemoryFileError: the log cannot be written.
        """
        return self.agent.run(self.task(request, session_id), approve=approve, cancel=cancel, progress=progress)

    def task(self, request: str, session_id: int, terms: Terms = PLAIN) -> Task:
        """What an attempt of this request is given: the system text with what memory has for it, and the sampling."""
        bundled = self.model.protocol == 1
        system = system_text(
            script=terms.script,
            example=terms.example,
            surroundings=None if bundled else Surroundings.of(self._workspace()),
            extra=self.options.system,
        )
        drawn = terms.sampling or merged(self.model.sampling, self.settings.sampling)
        return Task(request, session_id, system, drawn, terms.steering, terms.retry_of, terms.channel, terms.practice)

    def undo(self, attempt_id: int) -> UndoReport:
        """Take back an attempt's changes; it says nothing about the attempt.

        Raises:
            NotFoundError: no such attempt, or nothing of it to undo.
            UndoError: the attempt is still running.
        """
        return undo(self.database, self.undo_folder, attempt_id)

    def find_session(self, session_id: int | None = None, *, go_on: bool = False) -> int | None:
        """The session of that id, or with `go_on` the latest of this workspace; None when neither is asked for.

        Raises:
            NotFoundError: there is none.
        """
        return find_session(self.database, str(self.root), session_id, go_on=go_on)

    def _open_tools(self, attempt_id: int, cancel: Cancel) -> Toolbox:
        command = self.command_runner(attempt_id, cancel) if self.options.commands else None
        return FileTools(self._workspace(), self._journal(attempt_id), command)

    def _workspace(self) -> Workspace:
        hits = BUNDLED_HITS if self.model.protocol == 1 else HITS
        return Workspace(self.root, protected=(self.home.root,), hits=hits)

    def _journal(self, attempt_id: int) -> Journal:
        return Journal(self.database, self.undo_folder, attempt_id, self.root)

    def command_runner(self, attempt_id: int, cancel: Cancel) -> "CommandRunner":
        """What runs a command in the jail and journals what it changes as this attempt's."""
        # Imported here: most runs allow no command.
        from localnpm.agent.command import CommandRunner
        from localnpm.agent.jail import Limits

        jail = self.settings.jail
        limits = Limits(
            seconds=jail.seconds,
            memory_bytes=jail.memory_mb << 20,
            output_bytes=jail.output_kb << 10,
            processes=jail.processes,
        )
        return CommandRunner(self.root, limits, self._journal(attempt_id), hidden=(self.home.root,), cancel=cancel)


def checked_workspace(folder: Path, home: Home) -> Path:
    """The workspace's real path.

    Raises:
        WorkspaceError: it is missing, not a folder, or inside localnpm's home, which tools never write to.
    """
    try:
        root = folder.expanduser().resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise WorkspaceError(f"{folder}: cannot be opened as a workspace: {error}") from None
    if not root.is_dir():
        raise WorkspaceError(f"{folder}: is not a folder; give one with --workspace")
    if root.is_relative_to(home.root.resolve()):
        raise WorkspaceError(
            f"{root}: is localnpm's own folder, where its tools may not write; give another one with --workspace"
        )
    return root


def merged(recommended: Sampling, settings: SamplingSettings) -> Sampling:
    """The model's sampling with what the settings fix; a seed that nobody fixed is drawn, to be logged."""
    given = {field.name: getattr(settings, field.name) for field in fields(settings)}
    if given["seed"] is None:
        given["seed"] = secrets.randbelow(2**31)
    return replace(recommended, **{name: value for name, value in given.items() if value is not None})


def _mode(settings: Settings, options: Options) -> Mode:
    if options.read_only:
        return "read-only"
    if "write" in options.allow:
        return "auto"
    # Without a terminal only what this run was told counts: what is asked is then declined.
    configured: Mode = settings.permissions.mode if options.terminal else "ask"  # type: ignore[assignment]
    return configured
