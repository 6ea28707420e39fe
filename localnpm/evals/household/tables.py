"""What is known of the public train games: counts and rates over all of them, read from `tables.json`.

The file holds how many receptacles and objects of each type a kind of room has, where objects are, and which goals are
set; no layout and no game. `models/recipe/household_tables.py` counts it. Rooms are drawn from it in `sampling`.
"""

import json
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from localnpm.evals.household.goals import Goal, TaskType

TABLES_FILE = Path(__file__).with_name("tables.json")


@dataclass(frozen=True)
class ReceptacleFigures:
    """One type of receptacle in one kind of room."""

    type: str
    numbers: list[int]
    """How many a room has: one entry a game, ascending, so that a random entry is a draw."""
    positive_from: int
    """Where the entries above 0 start."""
    openable: tuple[float, float] | None
    """The chance that all of a room's are openable, and, where not, that one is; None: never."""
    near: list[tuple[int, float]]
    """Index of a type (of the same room) -> chance to share a location with one of these."""
    names: list[list[str]]
    """The names of 0, 1, 2, ... receptacles, in listing order."""


@dataclass(frozen=True)
class ObjectFigures:
    """One type of object in one kind of room."""

    type: str
    numbers: list[int]
    at_least: list[int]
    """Where the entries of at least 0, 1 and 2 start in `numbers`."""
    rates: list[tuple[int, float]]
    """Index of a type of receptacle -> how many of these objects one of it holds on average."""
    names: list[list[str]]


@dataclass(frozen=True)
class RoomFigures:
    """One kind of room: kitchen, living room, bedroom or bathroom."""

    receptacles: list[ReceptacleFigures]
    objects: list[ObjectFigures]


@dataclass(frozen=True)
class Tables:
    """All the figures."""

    holds: frozenset[tuple[str, str]]
    """(receptacle type, object type): such an object may be put there."""
    closed: Mapping[str, float]
    """Receptacle type -> how often one is closed at the start."""
    rates: Mapping[str, Mapping[str, float]]
    """Object type -> receptacle type -> how many one of it holds, in the games that have such an object."""
    cool: Mapping[str, float]
    """Object type -> how often one in a fridge is cool at the start."""
    rooms: Mapping[str, RoomFigures]
    goals: list[tuple[str, Goal]]
    """(kind of room, goal), each as often as it is set."""
    goals_by_type: Mapping[TaskType, list[tuple[str, Goal]]]

    @classmethod
    def read(cls, path: Path = TABLES_FILE) -> "Tables":
        """Reads a file that `models/recipe/household_tables.py` wrote."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        goals = [
            (kind, Goal(TaskType(task_type), object_type, receptacle_type))
            for kind, by_task in raw["goals"].items()
            for task_type, by_object in by_task.items()
            for object_type, by_receptacle in by_object.items()
            for receptacle_type, games in by_receptacle.items()
            for _ in range(games)
        ]
        by_type: defaultdict[TaskType, list[tuple[str, Goal]]] = defaultdict(list)
        for kind, goal in goals:
            by_type[goal.task_type].append((kind, goal))
        return cls(
            holds=frozenset(
                (receptacle, held) for receptacle, objects in raw["contain"].items() for held in objects.split()
            ),
            closed=raw["closed"],
            rates=raw["rate"],
            cool=raw["cool"],
            rooms={
                kind: _room_figures(receptacles, raw["objects"][kind], raw["rate"])
                for kind, receptacles in raw["receptacles"].items()
            },
            goals=goals,
            goals_by_type=dict(by_type),
        )


@cache
def bundled_tables() -> Tables:
    """The figures that come with the package."""
    return Tables.read()


def _room_figures(
    receptacles: dict[str, dict[str, Any]], objects: dict[str, dict[str, int]], rates: dict[str, dict[str, float]]
) -> RoomFigures:
    types = sorted(receptacles)
    receptacle_rows = []
    for name in types:
        row = receptacles[name]
        numbers = _expand(row["count"])
        openable = row.get("openable")
        receptacle_rows.append(
            ReceptacleFigures(
                type=sys.intern(name),
                numbers=numbers,
                positive_from=bisect_left(numbers, 1),
                openable=(openable["all"], openable["else"]) if openable else None,
                near=[(types.index(other), chance) for other, chance in sorted(row.get("near", {}).items())],
                names=_numbered(name, numbers),
            )
        )
    object_rows = []
    for name, count in sorted(objects.items()):
        numbers = _expand(count)
        object_rows.append(
            ObjectFigures(
                type=sys.intern(name),
                numbers=numbers,
                at_least=[bisect_left(numbers, least) for least in range(3)],
                rates=[
                    (types.index(place), rate) for place, rate in sorted(rates[name].items()) if place in receptacles
                ],
                names=_numbered(name, numbers),
            )
        )
    return RoomFigures(receptacle_rows, object_rows)


def _expand(count: dict[str, int]) -> list[int]:
    return [int(number) for number in sorted(count, key=int) for _ in range(count[number])]


def _numbered(name: str, numbers: list[int]) -> list[list[str]]:
    # Two more than any game has, because drawing a room may add some.
    return [[f"{name} {number}" for number in range(most, 0, -1)] for most in range(numbers[-1] + 3)]
