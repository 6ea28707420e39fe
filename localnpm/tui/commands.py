"""Slash commands: their names, what may follow them, what they do. Completion, the palette and /help read this table.

What a command does is a function in `actions/`, given the chat and the words behind the command; it is imported when it
is used.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from localnpm.tui.screens.chat import ChatScreen

Act = Callable[["ChatScreen", str], Awaitable[None]]


@dataclass(frozen=True)
class SlashCommand:
    """`/name argument`: `place` is `module:function` in actions/; `argument` says what may follow, if anything."""

    name: str
    meaning: str
    place: str
    argument: str = ""

    @property
    def act(self) -> Act:
        """What carries it out."""
        module, _, function = self.place.partition(":")
        return cast(Act, getattr(import_module(f"localnpm.tui.actions.{module}"), function))


COMMANDS: tuple[SlashCommand, ...] = (
    SlashCommand("undo", "take back the changes of the latest request that made any", "changes:undo", "[ATTEMPT]"),
    SlashCommand("redo", "make them again", "changes:redo", "[ATTEMPT]"),
    SlashCommand("good", "say that the last answer was right", "verdicts:good", "[REASON]"),
    SlashCommand("bad", "say that it was wrong; with a reason it is learned from", "verdicts:bad", "[REASON]"),
    SlashCommand("retry", "undo the last attempt and try again with what its reason teaches", "verdicts:retry"),
    SlashCommand(
        "memory", "what was recalled and why; what may be recalled", "memory:memory", "[none|script|vector|both|auto]"
    ),
    SlashCommand("steer", "steer the next tasks by a vector", "memory:steer", "NAME:0.6 | off"),
    SlashCommand("distill", "learn from the log now", "memory:distill"),
    SlashCommand("watch", "learn from what you do by hand", "watch:watch", "start TEXT | stop | cancel"),
    SlashCommand("new", "start a new conversation", "conversation:new"),
    SlashCommand("clear", "clear the screen; nothing is forgotten", "conversation:clear"),
    SlashCommand("again", "take the last attempt back and ask the same again", "going_back:again"),
    SlashCommand("edit", "change an earlier request and go on from there", "going_back:edit", "[ATTEMPT]"),
    SlashCommand("cancel", "take back the request that waits", "conversation:cancel"),
    SlashCommand("compact", "leave calls and results so far out of the next prompts", "conversation:compact"),
    SlashCommand("private", "leave no trace of what follows, until /private again", "conversation:private"),
    SlashCommand("mode", "what needs a question", "conversation:mode", "ask|auto|read-only"),
    SlashCommand("copy", "copy the last answer", "conversation:copy"),
    SlashCommand("find", "search in this conversation", "conversation:find", "TEXT"),
    SlashCommand("export", "save this conversation as Markdown", "conversation:export", "[FILE]"),
    SlashCommand("sessions", "find a conversation and go on with it", "pages:sessions", "[TEXT]"),
    SlashCommand("attempts", "all that was tried: search, judge, undo, forget", "pages:attempts", "[TEXT]"),
    SlashCommand("procedures", "what was learned: scripts, versions, uses", "pages:procedures", "[TEXT]"),
    SlashCommand("vectors", "control vectors: layers, strength, try, export", "pages:vectors"),
    SlashCommand("learning", "success over time, the last passes", "pages:learning"),
    SlashCommand("model", "which model answers; choose another", "pages:models"),
    SlashCommand("settings", "see and change settings", "pages:settings"),
    SlashCommand("doctor", "what this machine and installation can do", "pages:doctor"),
    SlashCommand("help", "keys and commands", "pages:help"),
    SlashCommand("quit", "leave", "pages:quit"),
)
BY_NAME = {command.name: command for command in COMMANDS}
