"""Text that imitates the model's own markers: a file that holds `<|im_end|>` must not end a turn.

Prompts are rendered as text, and markers in it become the special tokens they spell. So each marker that stands in what
someone wrote is broken by a character that occurs nowhere else, and the prompt is split into tokens piece by piece
there: the marker is then read as ordinary letters. Not covered: what a model makes of instructions in plain words.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from localnpm.engine.messages import Message

# Of the private use area, which no text has by agreement, so that the first one is nearly always free.
MARKS = range(0xF8F0, 0xE000, -1)


def disarm(messages: Sequence[Message], specials: Callable[[str], frozenset[str]]) -> tuple[list[Message], str]:
    """The messages with every marker in them broken, and the character that breaks them.

    Args:
        specials: the special tokens' texts that a text would be split into.
    """
    mark = next(chr(code) for code in MARKS if not any(chr(code) in message.content for message in messages))
    return [replace(message, content=_broken(message.content, specials, mark)) for message in messages], mark


def _broken(text: str, specials: Callable[[str], frozenset[str]], mark: str) -> str:
    # Longest first: one marker may be part of another. Breaking one can leave another whole, hence again.
    while found := sorted((marker for marker in specials(text) if len(marker) > 1), key=len, reverse=True):
        for marker in found:
            text = text.replace(marker, marker[0] + mark + marker[1:])
    return text
