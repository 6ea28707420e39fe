"""Which lines of one text are other lines in another one, in bounded time."""

from collections.abc import Sequence
from difflib import SequenceMatcher

MOST_COMPARED = 250_000
"""The lines of both texts that differ, multiplied, beyond which nothing is compared: matching takes that long."""

LineChange = tuple[int, int, int, int]
"""Lines i1 to i2 of the old text have become lines j1 to j2 of the new one; either may be none."""


def line_changes(old: Sequence[str], new: Sequence[str]) -> tuple[LineChange, ...] | None:
    """The changes, in order; None where there is too much to compare."""
    shorter = min(len(old), len(new))
    head = 0
    while head < shorter and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    left, right = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(left) * len(right) > MOST_COMPARED:
        return None
    opcodes = SequenceMatcher(None, left, right).get_opcodes()
    return tuple((i1 + head, i2 + head, j1 + head, j2 + head) for tag, i1, i2, j1, j2 in opcodes if tag != "equal")
