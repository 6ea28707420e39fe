"""What the text before the cursor may become: a slash command, or a file of the workspace after an @.

A completed file stands in the text without its @, in quotes where it has spaces: so the model reads it. Pure functions;
the popup that offers them is widgets/composer.py's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from localnpm.tui.commands import COMMANDS

MOST = 8
_COMMAND = re.compile(r"/(\w*)$")
_MENTION = re.compile(r"""(?:^|(?<=\s))@("[^"\n]*|[^\s@"]*)$""")
_MENTIONED = re.compile(r"""(?:^|(?<=\s))@("[^"\n]+"|\S+)""")


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
        found = matching(mention[1].removeprefix('"'), files)
        return tuple(Choice(f"{quoted(path)} ", len(mention[0])) for path in found)
    return ()


def mentions(text: str, files: Sequence[str]) -> str:
    """The text as the model reads it: the @ before a file of the workspace goes, any other stays what it is."""
    known = set(files)

    def plain(match: re.Match[str]) -> str:
        path = match[1].strip('"')
        bare = path.rstrip(".,;:!?)")
        return match[1] if path in known or bare in known else match[0]

    return _MENTIONED.sub(plain, text)


def quoted(path: str) -> str:
    """A path in a sentence: in quotes where it has spaces."""
    return f'"{path}"' if any(character.isspace() for character in path) else path


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
