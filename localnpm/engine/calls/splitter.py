"""Divides a turn into text, thought and calls while it streams in.

However a turn is cut into pieces, the parts joined are the same: nothing is given out before it is sure what it is,
and no more is held back than what could still become a marker. `TurnSplitter` knows markers that open and close;
harmony.py has the one form that is built from channels.
"""

import re
from collections.abc import Sequence
from typing import Literal, Protocol

from localnpm.engine.calls import literal, notations
from localnpm.engine.calls.notations import Notation

Kind = Literal["text", "thought", "call"]
Part = tuple[Kind, str]

THOUGHTS = {"<think>": "</think>", "[THINK]": "[/THINK]", "<|channel>thought\n": "<channel|>"}
_STRAYS = ("</think>", "[/THINK]", "</tool_call>")

_NOTATIONS = (
    notations.TAGGED,
    notations.MARKED,
    notations.PYTHON_TAG,
    notations.DEEPSEEK,
    notations.FUNCTION,
    Notation((literal.GEMMA_OPENING,), literal.gemma_end, literal.read_gemma),
    Notation((literal.LFM_OPENING,), literal.lfm_end, literal.read_lfm),
)
_BARE = Notation((), notations.until_end_of_turn, notations.read_bare)
_OPENED = {opening: notation for notation in _NOTATIONS for opening in notation.opening}
_MARKERS = (*_OPENED, *THOUGHTS, *_STRAYS)
_ANY = re.compile("|".join(map(re.escape, _MARKERS)) + r"|(?:(?<=\n)|\A)[`{\[]")


class StreamSplitter(Protocol):
    """Turns pieces of a turn into parts. Parts of one kind that follow each other belong together."""

    segments: list[tuple[Notation, str]]
    """The calls so far, each as it was written; complete after `finish`."""

    @property
    def in_thought(self) -> bool:
        """Whether a thought is open that its own marker has not closed."""

    def feed(self, piece: str) -> list[Part]:
        """Take the next piece; return what is now sure."""

    def finish(self) -> list[Part]:
        """The turn has ended: return what was held back."""


class TurnSplitter:
    """The splitter for every form but harmony's."""

    def __init__(self, *, thought_end: str = "") -> None:
        """Begin a turn; `thought_end` is what closes the thought that the prompt has opened, if it has."""
        self.segments: list[tuple[Notation, str]] = []
        self._waiting = ""
        self._line_start = True
        self._thought_end = thought_end
        self._notation: Notation | None = None
        self._call = ""

    @property
    def in_thought(self) -> bool:
        """Whether a thought is open."""
        return bool(self._thought_end)

    def feed(self, piece: str) -> list[Part]:
        """Take the next piece; return what is now sure."""
        self._waiting += piece
        return self._advance(last=False)

    def finish(self) -> list[Part]:
        """The turn has ended: return what was held back."""
        parts = self._advance(last=True)
        if self._notation is not None:
            self.segments.append((self._notation, self._call))
        return parts

    def _advance(self, *, last: bool) -> list[Part]:
        parts: list[Part] = []
        before = -1
        while self._waiting and len(self._waiting) != before:
            before = len(self._waiting)
            if self._notation is not None:
                parts.append(self._in_call(self._notation))
            elif self._thought_end:
                parts.append(self._in_thought(last=last))
            else:
                parts.extend(self._in_text(last=last))
        return [part for part in parts if part[1]]

    def _in_call(self, notation: Notation) -> Part:
        seen = len(self._call)
        self._call += self._waiting
        end = notation.end(self._call)
        if end is None:
            self._waiting = ""
            return "call", self._call[seen:]
        self._waiting = self._call[end:]
        self._close_call(notation, self._call[:end])
        return "call", self._call[seen:end]

    def _close_call(self, notation: Notation, text: str) -> None:
        self.segments.append((notation, text))
        self._notation = None
        self._line_start = False

    def _in_thought(self, *, last: bool) -> Part:
        found = self._waiting.find(self._thought_end)
        if found >= 0:
            said = self._waiting[:found]
            self._waiting = self._waiting[found + len(self._thought_end) :]
            self._thought_end = ""
            self._line_start = True
            return "thought", said
        held = 0 if last else held_back(self._waiting, (self._thought_end,))
        said = self._take(len(self._waiting) - held)
        return "thought", said

    def _in_text(self, *, last: bool) -> list[Part]:
        found = _ANY.search(self._waiting)
        if found and found[0] in "`{[" and found.start() == 0 and not self._line_start:
            found = _ANY.search(self._waiting, 1)
        if found is None:
            return [("text", self._take(len(self._waiting) - (0 if last else held_back(self._waiting, _MARKERS))))]
        said: Part = ("text", self._take(found.start()))
        marker = found[0]
        if marker in "`{[":
            return [said, *self._at_bare(last=last)]
        if marker in _OPENED:
            self._notation, self._call = _OPENED[marker], marker
            self._waiting = self._waiting[len(marker) :]
            return [said, ("call", marker)]
        self._thought_end = THOUGHTS.get(marker, "")
        self._waiting = self._waiting[len(marker) :]
        self._line_start = True
        return [said]

    def _at_bare(self, *, last: bool) -> list[Part]:
        """Decide on JSON at a line's start: a call, or text that looks like one so far."""
        could_be_marker = not last and held_back(self._waiting, _MARKERS) == len(self._waiting)
        end = None if could_be_marker else notations.bare_end(self._waiting, last=last)
        if end is None:
            return []
        if end == 0:
            return [("text", self._take(1))]
        text = self._waiting[:end]
        self._waiting = self._waiting[end:]
        self._close_call(_BARE, text)
        return [("call", text)]

    def _take(self, length: int) -> str:
        said, self._waiting = self._waiting[:length], self._waiting[length:]
        if said:
            self._line_start = said.endswith("\n")
        return said


def held_back(text: str, markers: Sequence[str]) -> int:
    """Return how many characters at the text's end could be the beginning of a marker."""
    longest = min(len(text), max(map(len, markers)) - 1)
    for length in range(longest, 0, -1):
        tail = text[-length:]
        if any(marker.startswith(tail) for marker in markers):
            return length
    return 0
