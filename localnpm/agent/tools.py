"""The tools that an agent has: which there are, what a call would do, and doing it.

`prepare` changes nothing and says what would change, so that someone can be asked; `perform` does it, journaled first.
Whatever goes wrong with a call comes back as its result, `Error: ...`. Not covered: who decides (permissions.py).
"""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from localnpm.agent.calculate import calculate
from localnpm.agent.changes import diff_of
from localnpm.agent.edits import Edits, Plan
from localnpm.agent.journal import Journal
from localnpm.agent.moved import in_rows
from localnpm.agent.prepared import Prepared, Risk
from localnpm.agent.schemas import ARGUMENTS, SCHEMAS
from localnpm.agent.workspace import Workspace
from localnpm.engine.messages import ToolCall, ToolSchema
from localnpm.errors import ToolError
from localnpm.memory.database import storable

SUMMARY_CHARACTERS = 100
COMMAND = "run_command"

_SUMMARIES: Mapping[str, str] = {
    "list_directory": "List {path}",
    "find_files": "Find files named {pattern}",
    "search_text": "Search for {query}",
    "read_file": "Read {path}",
    "write_file": "Write {path}",
    "append_file": "Append to {path}",
    "edit_file": "Edit {path}",
    "create_directory": "Create directory {path}",
    "move_file": "Move {source} to {destination}",
    "copy_file": "Copy {source} to {destination}",
    "delete_file": "Delete {path}",
    "calculate": "Calculate {expression}",
    COMMAND: "Run {command}",
}


RISKS: Mapping[str, Risk] = {
    "write_file": Risk.CHANGE,
    "append_file": Risk.CHANGE,
    "edit_file": Risk.CHANGE,
    "create_directory": Risk.CHANGE,
    "move_file": Risk.CHANGE,
    "copy_file": Risk.CHANGE,
    "delete_file": Risk.CHANGE,
    COMMAND: Risk.RUN,
}
"""Tool -> its risk; the others only read."""


class Toolbox(Protocol):
    """The tools of one attempt."""

    def schemas(self) -> tuple[ToolSchema, ...]:
        """What the model is told of."""

    def prepare(self, call: ToolCall) -> Prepared:
        """What a call would do. Never changes anything.

        Raises:
            WorkspaceError: the workspace is gone.
        """

    def perform(self, prepared: Prepared, step_id: int | None) -> str:
        """Do it, and return what the model reads.

        Raises:
            WorkspaceError: the workspace is gone.
            MemoryFileError: the change cannot be journaled; nothing was changed.
        """


class CommandTool(Protocol):
    """What carries out `run_command`: in a jail, and journaled."""

    def prepare(self, call: ToolCall) -> Prepared:
        """What is known of a command before it runs: above all whether it can be undone."""

    def perform(self, prepared: Prepared, step_id: int | None) -> str:
        """Run it: exit code, standard output and standard error."""


class FileTools:
    """The real toolbox: files of one workspace, arithmetic, and commands where `command` is given.

    Without a journal changes are made and cannot be undone.
    """

    def __init__(
        self, workspace: Workspace, journal: Journal | None = None, command: CommandTool | None = None
    ) -> None:
        self.workspace = workspace
        self.journal = journal
        self.command = command
        self._edits = Edits(workspace)

    def schemas(self) -> tuple[ToolSchema, ...]:
        """All tools; `run_command` only where commands are allowed."""
        return tuple(schema for name, schema in SCHEMAS.items() if name != COMMAND or self.command is not None)

    def prepare(self, call: ToolCall) -> Prepared:
        """What a call would do; see `Toolbox.prepare`."""
        risk = RISKS.get(call.name, Risk.READ)
        try:
            arguments = self._arguments(call)
        except ToolError as error:
            return _failed(call, risk, error)
        call = ToolCall(call.name, arguments, call.id)
        if call.name == COMMAND and self.command is not None:
            return self.command.prepare(call)
        summary = _summary(call)
        if risk is Risk.READ:
            return Prepared(call, risk, summary)
        try:
            plan = self._edits.plan(call.name, list(arguments.values()))
        except ToolError as error:
            return _failed(call, risk, error)
        return Prepared(
            call,
            risk,
            summary,
            changes=plan.changes,
            diff=diff_of(plan.changes),
            result=None if plan.changes else storable(plan.result),
            undoable=self.journal is not None,
        )

    def perform(self, prepared: Prepared, step_id: int | None) -> str:
        """Do what was prepared, if the files are still what they were then; see `Toolbox.perform`."""
        if prepared.result is not None:
            return prepared.result
        if prepared.risk is Risk.RUN and self.command is not None:
            return self.command.perform(prepared, step_id)
        values = [str(value) for value in prepared.call.arguments.values()]
        try:
            if prepared.risk is Risk.READ:
                return storable(self._read(prepared.call.name, values))
            plan = self._edits.plan(prepared.call.name, values)
            if plan.changes != prepared.changes:
                raise ToolError(f"invalid tool call: {plan.path} was changed meanwhile; look at it again")
            self._change(plan, step_id)
        except ToolError as error:
            return storable(f"Error: {error}")
        return storable(plan.result)

    def _arguments(self, call: ToolCall) -> dict[str, str]:
        """The arguments in the tool's order, each as text.

        Raises:
            ToolError: no such tool, or one of them is missing.
        """
        if call.name not in ARGUMENTS or (call.name == COMMAND and self.command is None):
            raise ToolError(f"unknown tool: {call.name}")
        given: Any = call.arguments
        arguments: dict[str, str] = {}
        for name in ARGUMENTS[call.name]:
            value = given.get(name) if isinstance(given, Mapping) else None
            if value is None:
                raise ToolError(f"missing argument: {name}")
            arguments[name] = value if isinstance(value, str) else json.dumps(value)
        return arguments

    def _read(self, name: str, values: list[str]) -> str:
        match name:
            case "list_directory":
                return self.workspace.list_directory(*values)
            case "find_files":
                return self.workspace.find_files(*values)
            case "search_text":
                return self.workspace.search_text(*values)
            case "read_file":
                return self.workspace.read_file(*values)
        try:
            return calculate(*values)
        except ValueError as error:
            raise ToolError(f"cannot calculate: {values[0]}") from error

    def _change(self, plan: Plan, step_id: int | None) -> None:
        if self.journal is None:
            self._edits.make(plan)
        else:
            self.journal.apply(in_rows(self.workspace.tree, plan.changes), step_id, lambda: self._edits.make(plan))


def _failed(call: ToolCall, risk: Risk, error: ToolError) -> Prepared:
    return Prepared(call, risk, _summary(call), result=storable(f"Error: {error}"))


def _summary(call: ToolCall) -> str:
    """One line about a call, cut at 100 characters."""
    try:
        text = _SUMMARIES[call.name].format(**call.arguments)
    except (KeyError, TypeError):
        text = call.name
    text = " ".join(text.split())
    return text if len(text) <= SUMMARY_CHARACTERS else text[: SUMMARY_CHARACTERS - 1] + "…"
