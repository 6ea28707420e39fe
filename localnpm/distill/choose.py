"""Which of several scripts for the same thing to take: the one that the others agree with most."""

import re
from collections import Counter
from collections.abc import Sequence

_PIECE = re.compile(r"\w+|[^\w\s]")


def most_agreed(scripts: Sequence[str], weights: Sequence[float] = ()) -> str:
    """The script that is most like the others, by the words and signs that they share; the first of equals.

    Args:
        scripts: at least one.
        weights: how much each counts; all the same when left out.
    """
    pieces = [Counter(_PIECE.findall(script.lower())) for script in scripts]
    counts = list(weights) or [1.0] * len(scripts)
    scores = [sum(count * _alike(mine, other) for other, count in zip(pieces, counts, strict=True)) for mine in pieces]
    return scripts[scores.index(max(scores))]


def _alike(first: Counter[str], second: Counter[str]) -> float:
    """Shared pieces over all pieces, 0 to 1."""
    return (first & second).total() / max(1, (first | second).total())
