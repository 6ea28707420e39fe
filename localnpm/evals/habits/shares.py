"""A weighted choice that costs one draw."""

from bisect import bisect_right
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

Uniform = Callable[[], float]
"""Draws from [0, 1): `random.Random.random`."""


class Shares(Generic[T]):
    """Options with their cumulative shares, in rising order; the last share is 1."""

    def __init__(self, *rows: tuple[float, T]) -> None:
        self.rows = rows
        self._bounds = [upper for upper, _ in rows]
        self._options = [option for _, option in rows]

    def draw(self, random: Uniform) -> T:
        """An option, as often as its share says."""
        return self._options[bisect_right(self._bounds, random())]
