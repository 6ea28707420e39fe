"""Bytes of tokens to text as it streams: whole characters only, and nothing that may still become a stop text."""

import codecs
from collections.abc import Sequence


class TextStream:
    """Turns pieces of bytes into text, until a stop text appears.

    Attributes:
        stopped: a stop text has appeared; it and what follows are not part of the text.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._stop = tuple(text for text in stop if text)
        self._held = ""
        self.stopped = False

    def feed(self, piece: bytes) -> str:
        """The text that is certain after one more piece; empty while characters or stop texts are incomplete."""
        text = self._decoder.decode(piece)
        return self._release(text) if self._stop else text

    def finish(self) -> str:
        """What was held back, at the end; an incomplete character becomes U+FFFD."""
        if self.stopped:
            return ""
        text = self._decoder.decode(b"", final=True)
        text, self._held = (self._release(text), self._held) if self._stop else (text, "")
        if self.stopped:
            return text
        text, self._held = text + self._held, ""
        return text

    def _release(self, text: str) -> str:
        if self.stopped:
            return ""
        self._held += text
        first = min((at for at in (self._held.find(stop) for stop in self._stop) if at >= 0), default=-1)
        if first >= 0:
            self.stopped = True
            certain, self._held = self._held[:first], ""
            return certain
        keep = max(_overlap(self._held, stop) for stop in self._stop)
        cut = len(self._held) - keep
        certain, self._held = self._held[:cut], self._held[cut:]
        return certain


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that `stop` begins with."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-length:]):
            return length
    return 0
