"""gpt-oss' channels: `<|channel|>analysis<|message|>...<|end|>`, then `to=functions.name...<|message|>{...}<|call|>`.

A turn is a row of messages, each with a header that says who is spoken to and on which channel: `analysis` is
thought, what is addressed to a function is a call, all else is text. The prompt ends within the first header.
"""

import re
from collections.abc import Sequence

from localnpm.engine.calls.notations import Notation, until_end_of_turn
from localnpm.engine.calls.reading import ReadCall, Unreadable, read_arguments
from localnpm.engine.calls.splitter import Kind, Part, held_back
from localnpm.engine.messages import ToolCall, ToolSchema

_MESSAGE = "<|message|>"
_ENDS = ("<|end|>", "<|return|>", "<|call|>", "<|start|>", "<|channel|>")
_END = re.compile("|".join(map(re.escape, _ENDS)))
_RECIPIENT = re.compile(r"\bto=([\w.-]+)")
_HEADER_BEGINNINGS = ("<|start|>", "<|channel|>", "<|constrain|>", "<|message|>", " to=", "to=")


def read_harmony(text: str, _: Sequence[ToolSchema]) -> list[ReadCall]:
    """Read one message that is addressed to a function."""
    header, _message, body = text.partition(_MESSAGE)
    recipient = _RECIPIENT.search(header)
    name = recipient[1].removeprefix("functions.") if recipient else ""
    if not name:
        return [Unreadable("no name after to=functions.")]
    arguments = read_arguments(body)
    return [arguments if isinstance(arguments, Unreadable) else ToolCall(name, arguments)]


_NOTATION = Notation((), until_end_of_turn, read_harmony)


class HarmonySplitter:
    """Divides a turn of channels; a turn without any is text."""

    in_thought = False

    def __init__(self) -> None:
        """Begin a turn, within its first header."""
        self.segments: list[tuple[Notation, str]] = []
        self._waiting = ""
        self._kind: Kind | None = None
        self._call = ""
        self._begun = False

    def feed(self, piece: str) -> list[Part]:
        """Take the next piece; return what is now sure."""
        self._waiting += piece
        return self._advance(last=False)

    def finish(self) -> list[Part]:
        """The turn has ended: return what was held back. A header without a message says nothing."""
        parts = self._advance(last=True)
        self._close_call()
        return parts

    def _advance(self, *, last: bool) -> list[Part]:
        if not self._begun:
            self._begin(last=last)
        parts: list[Part] = []
        before: tuple[int, Kind | None] = (-1, None)
        while self._begun and self._waiting and (len(self._waiting), self._kind) != before:
            before = len(self._waiting), self._kind
            parts.append(self._in_header() if self._kind is None else self._in_message(self._kind, last=last))
        return [part for part in parts if part[1]]

    def _begin(self, *, last: bool) -> None:
        """Decide, as soon as it is sure, whether the turn opens with the rest of a header or is plain text."""
        if self._waiting.startswith(_HEADER_BEGINNINGS):
            self._begun = True
        elif last or not any(beginning.startswith(self._waiting) for beginning in _HEADER_BEGINNINGS):
            self._begun, self._kind = True, "text"

    def _in_header(self) -> Part:
        header, found, rest = self._waiting.partition(_MESSAGE)
        if not found:
            return "text", ""
        self._waiting = rest
        if _RECIPIENT.search(header):
            self._kind, self._call = "call", header + found
            return "call", self._call
        self._kind = "thought" if "analysis" in header else "text"
        return "text", ""

    def _in_message(self, kind: Kind, *, last: bool) -> Part:
        found = _END.search(self._waiting)
        length = found.start() if found else len(self._waiting) - (0 if last else held_back(self._waiting, _ENDS))
        said, self._waiting = self._waiting[:length], self._waiting[length:]
        if kind == "call":
            self._call += said
        if found:
            self._close_call()
            self._kind = None
            opens_header = found[0] in ("<|start|>", "<|channel|>")
            self._waiting = self._waiting if opens_header else self._waiting[len(found[0]) :]
        return kind, said

    def _close_call(self) -> None:
        if self._call:
            self.segments.append((_NOTATION, self._call))
            self._call = ""
