"""A room as a game finds it: receptacles, objects, and where everything is at the start.

What happens in it afterwards is `house`; how new rooms are made is `sampling`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property


def type_of(name: str) -> str:
    """`mug` for `mug 2`."""
    return name[: name.index(" ")]


@dataclass(frozen=True)
class Room:
    """The start of a game.

    Receptacles and objects are in the engine's listing order: by type, then by number downwards. Everything else
    speaks of them by their index in these lists. A location is a number; receptacles at one location are reached
    together.
    """

    receptacles: Sequence[str]
    """Names such as `cabinet 2`."""
    openable: Sequence[bool]
    """For each receptacle: it can be opened and closed; it is closed at the start."""
    locations: Sequence[int]
    """For each receptacle: where it is."""
    objects: Sequence[str]
    """Names such as `mug 1`."""
    holders: Sequence[Sequence[int]]
    """For each object: the receptacles that list it (it can be in two, a basin and its sink)."""
    object_locations: Sequence[Collection[int]] | None = None
    """For each object: its locations, where they are not its receptacles'."""
    cool: Collection[int] = ()
    """Objects that are cool from the start."""
    inner: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Object -> the objects inside it."""
    sinks: Collection[int] | None = None
    """Receptacles in which things are cleaned; None: all of type sinkbasin."""

    @cached_property
    def receptacle_types(self) -> list[str]:
        return [type_of(name) for name in self.receptacles]

    @cached_property
    def object_types(self) -> list[str]:
        return [type_of(name) for name in self.objects]

    @cached_property
    def receptacle_index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.receptacles)}

    @cached_property
    def object_index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.objects)}
