"""A GGUF header's numbers, texts and arrays, read one after another out of its bytes.

No length in the file is trusted further than the file is long. Not covered: what the keys mean (header.py).
"""

import mmap
import struct

STRING, ARRAY = 8, 9
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
LONGEST_KEPT = 512
"""Numeric arrays up to this length are kept (one number for each block is usual); longer ones are stepped over."""
DEEPEST = 8


class Reader:
    """A cursor over a GGUF file's bytes. Running past the end raises `EOFError`."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self.data = data
        self.at = 0

    def take(self, form: str) -> tuple[int | float | bool, ...]:
        """Values in the notation of `struct`, little-endian."""
        form = "<" + form
        end = self.at + struct.calcsize(form)
        if end > len(self.data):
            raise EOFError
        values = struct.unpack_from(form, self.data, self.at)
        self.at = end
        return values

    def count(self, form: str = "Q") -> int:
        """One whole number."""
        return int(self.take(form)[0])

    def text(self) -> str:
        """A text; what is not UTF-8 in it becomes U+FFFD."""
        length = self.count()
        self.skip(length)
        return self.data[self.at - length : self.at].decode("utf-8", "replace")

    def skip(self, length: int) -> None:
        """Step over so many bytes."""
        if self.at + length > len(self.data):
            raise EOFError
        self.at += length

    def skip_texts(self, count: int) -> None:
        """Step over so many texts."""
        data, at, size = self.data, self.at, len(self.data)
        unpack = struct.Struct("<Q").unpack_from
        for _ in range(count):
            if at + 8 > size:
                raise EOFError
            at += 8 + unpack(data, at)[0]
        if at > size:
            raise EOFError
        self.at = at

    def array(self, kind: int, length: int, depth: int = 0) -> str:
        """The text of a short numeric array; empty for one that was stepped over."""
        if kind == STRING:
            self.skip_texts(length)
        elif kind == ARRAY:
            if depth >= DEEPEST:
                raise ValueError("arrays within arrays")
            for _ in range(length):
                self.array(self.count("I"), self.count(), depth + 1)
        elif kind not in SCALARS:
            raise ValueError(f"value type {kind}")
        elif length <= LONGEST_KEPT:
            return "[" + ", ".join(_text(value) for value in self.take(f"{length}{SCALARS[kind]}")) + "]"
        else:
            self.skip(length * struct.calcsize("<" + SCALARS[kind]))
        return ""

    def pair(self) -> tuple[str, str, int | None]:
        """A key, its value as text (empty where it was stepped over), and the length if it is an array.

        Raises:
            ValueError: a type that the specification does not know.
        """
        key, kind = self.text(), self.count("I")
        if kind == STRING:
            return key, self.text(), None
        if kind == ARRAY:
            values, length = self.count("I"), self.count()
            return key, self.array(values, length), length
        if kind not in SCALARS:
            raise ValueError(f"value type {kind} of {key!r}")
        return key, _text(self.take(SCALARS[kind])[0]), None


def _text(value: int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
