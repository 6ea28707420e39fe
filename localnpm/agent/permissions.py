"""Who decides about a change: the mode, the user's standing rules, or the user, asked.

Covers the decision only. That a tool stays inside the workspace is workspace.py's business, that a command stays
inside the jail is jail.py's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from localnpm.agent.prepared import Prepared, Risk
from localnpm.config import PermissionRule

NOT_ALLOWED = "changes are not allowed in this run"
STOPPED = "the user stopped"
"""Reasons of refusals that no user has thought about."""

Mode = Literal["ask", "auto", "read-only"]
Scope = Literal["once", "task", "session", "always"]


@dataclass(frozen=True)
class Allow:
    """Do it; with a wider scope also what is like it: any file change, or this very command."""

    scope: Scope = "once"


@dataclass(frozen=True)
class Edit:
    """Do this instead: the same tool with other arguments."""

    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Decline:
    """Do not do it. The reason is what the model reads."""

    reason: str = "no reason given"


Decision = Allow | Edit | Decline
Approve = Callable[[Prepared], Decision]


def decline_all(prepared: Prepared) -> Decision:
    """For runs in which nobody can be asked."""
    return Decline(NOT_ALLOWED)


@dataclass
class Permissions:
    """What is allowed in one session. `remember` keeps "always here" beyond it."""

    workspace: Path
    mode: Mode = "ask"
    rules: tuple[PermissionRule, ...] = ()
    remember: Callable[[PermissionRule], None] | None = None
    _session: set[str] = field(default_factory=set)
    _task: set[str] = field(default_factory=set)

    def start_task(self) -> None:
        """Forget what was allowed for the previous task."""
        self._task.clear()

    def decide(self, prepared: Prepared, approve: Approve) -> Decision:
        """The decision about a prepared call, by mode and rules, else by asking."""
        if prepared.risk is Risk.READ:
            return Allow()
        if self.mode == "read-only":
            return Decline(NOT_ALLOWED)
        if self._is_allowed(prepared):
            return Allow()
        decision = approve(prepared)
        if isinstance(decision, Allow):
            self._keep(prepared, decision.scope)
        return decision

    def _is_allowed(self, prepared: Prepared) -> bool:
        subject = _subject(prepared)
        if prepared.risk is Risk.CHANGE and self.mode == "auto":
            return True
        here = {rule.allow for rule in self.rules if Path(rule.workspace) == self.workspace}
        return any(_covers(allowed, subject) for allowed in here | self._session | self._task)

    def _keep(self, prepared: Prepared, scope: Scope) -> None:
        subject = _subject(prepared)
        if scope == "task":
            self._task.add(subject)
        elif scope in ("session", "always"):
            self._session.add(subject)
        if scope == "always" and self.remember is not None:
            self.remember(PermissionRule(str(self.workspace), subject))


def _subject(prepared: Prepared) -> str:
    """What a rule speaks of: `write`, or `run:` and the command."""
    if prepared.risk is Risk.RUN:
        return f"run:{prepared.call.arguments['command']}"
    return "write"


def _covers(allowed: str, subject: str) -> bool:
    """Whether a rule covers a subject. No pattern reaches past a shell operator: `pytest *` is not `pytest; rm x`."""
    if allowed == subject or (allowed == "run" and subject.startswith("run:")):
        return True
    if not (allowed.startswith("run:") and subject.startswith("run:")):
        return False
    command = subject.removeprefix("run:")
    return not set(command) & set(";&|<>`$\n\\(){}") and fnmatchcase(command, allowed.removeprefix("run:"))
