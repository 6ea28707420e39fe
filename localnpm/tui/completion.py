"""What the text before the cursor may become: a slash command, or a file of the workspace after an @.

Pure functions; the popup that offers them is widgets/composer.py's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from localnpm.tui.commands import COMMANDS

MOST = 8
_COMMAND = re.compile(r"/(\w*)$")
_MENTION = re.compile(r"(?:^|(?<=\s))@([^\s@]*)$")


@dataclass(frozen=True)
class Choice:
    """One completion: `text` takes the place of the last `length` characters before the cursor."""

    text: str
    length: int
    note: str = ""


def choices(before: str, files: Sequence[str]) -> tuple[Choice, ...]:
    """The completions of the text before the cursor, best first. `files` are paths relative to the workspace."""
    command = _COMMAND.fullmatch(before)
    if command:
        typed = command[1]
        return tuple(
            Choice(f"/{known.name}{' ' if known.argument else ''}", len(before), known.meaning)
            for known in COMMANDS
            if known.name.startswith(typed)
        )[:MOST]
    mention = _MENTION.search(before)
    if mention:
        return tuple(Choice(f"{path} ", len(mention[0])) for path in matching(mention[1], files))
    return ()


def matching(typed: str, files: Sequence[str]) -> list[str]:
    """The paths that fit what was typed: those whose name begins so, those that hold it, those with its letters."""
    wanted = typed.lower()
    ranked = []
    for path in files:
        lower = path.lower()
        name = lower.rpartition("/")[2]
        if name.startswith(wanted) or lower.startswith(wanted):
            rank = 0
        elif wanted in lower:
            rank = 1
        elif _in_order(wanted, lower):
            rank = 2
        else:
            continue
        ranked.append((rank, len(path), path))
    return [path for _, _, path in sorted(ranked)[:MOST]]


def _in_order(letters: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)
