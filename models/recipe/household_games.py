"""Reads ALFWorld's public games (game.tw-pddl) into rooms of the simulator.

Needed to count the tables and to compare the simulator with the engine, for nothing else; no game is part of this
project. Not covered: goals beyond their sentence, plans beyond the stored walkthrough.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localnpm.evals.household import Goal, Room, parse_goal

ROOM_KINDS = {0: "kitchen", 2: "living room", 3: "bedroom", 4: "bathroom"}
"""By the hundreds of the scene's number."""


@dataclass(frozen=True)
class Game:
    """What counting and comparing need of a game."""

    room: Room
    goal: Goal
    task: str
    """The goal's sentence."""
    kind: str
    holds: frozenset[tuple[str, str]]
    """(receptacle type, object type): such an object may be put there."""
    walkthrough: Sequence[str]


def game_files(folder: Path) -> list[Path]:
    """All games in a split's folder."""
    return sorted(folder.glob("*/*/game.tw-pddl"))


def read_game(path: Path) -> Game:
    """Reads one game; ValueError if its goal has a wording that the simulator does not know."""
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    found = re.search(r'Your task is to: (.*?)"', raw["grammar"])
    goal = parse_goal(found[1]) if found else None
    if found is None or goal is None:
        raise ValueError(f"{path}: its goal is not one of the simulator's")
    facts = _facts(raw["pddl_problem"])
    scene = int(path.parent.parent.name.split("-")[-1])
    return Game(
        _room(facts),
        goal,
        found[1],
        ROOM_KINDS[scene // 100],
        frozenset((receptacle[:-4], held[:-4]) for receptacle, held in facts["cancontain"]),
        raw.get("walkthrough", []),
    )


Facts = dict[str, list[list[str]]]
"""Predicate -> its argument lists, all in lower case."""


def _facts(problem: str) -> Facts:
    """The initial state of a PDDL problem."""
    start = problem[problem.index("(:init") : problem.index("(:goal")]
    facts: Facts = defaultdict(list)
    for predicate, arguments in re.findall(r"^\s*\((\w+) ([^()]*)\)", start, re.M):
        facts[predicate.lower()].append([argument.lower() for argument in arguments.split()])
    return facts


def _type(identifier: str) -> str:
    """`sinkbasin` for `sink_bar_1_bar_sinkbasin`."""
    return identifier.split("_bar_", 1)[0] + ("basin" if "basin" in identifier else "")


def _numbers(facts: Facts) -> dict[str, int]:
    """The engine's number for each identifier: counted downwards in alphabetical order, within a type."""
    identifiers = sorted(
        {
            argument
            for predicate, rows in facts.items()
            if predicate != "cancontain"
            for row in rows
            for argument in row
            if "_bar_" in argument
        }
    )
    left = Counter(_type(identifier) for identifier in identifiers)
    numbers = {}
    for identifier in identifiers:
        numbers[identifier] = left[_type(identifier)]
        left[_type(identifier)] -= 1
    return numbers


def _room(facts: Facts) -> Room:
    numbers = _numbers(facts)

    def name(identifier: str) -> str:
        return f"{_type(identifier)} {numbers[identifier]}"

    location_of = dict(map(tuple, facts["receptacleatlocation"]))
    receptacle_type = dict(map(tuple, facts["receptacletype"]))
    receptacles = sorted(location_of)
    index_of = {receptacle: index for index, receptacle in enumerate(receptacles)}
    locations: dict[str, int] = {}
    for receptacle in receptacles:
        locations.setdefault(location_of[receptacle], len(locations))
    openable = {receptacle for (receptacle,) in facts["openable"]}
    holders: defaultdict[str, set[int]] = defaultdict(set)
    for held, receptacle in facts["inreceptacle"]:
        holders[held].add(index_of[receptacle])
    # Objects in no receptacle cannot be met in a game.
    objects = [held for held in sorted({held for held, _ in facts["objecttype"]}) if held in holders]
    object_index = {held: index for index, held in enumerate(objects)}
    inner: defaultdict[int, list[str]] = defaultdict(list)
    for held, container in facts["inreceptacleobject"]:
        if container in object_index and held in numbers:
            inner[object_index[container]].append(held)
    return Room(
        receptacles=[name(receptacle) for receptacle in receptacles],
        openable=[receptacle in openable for receptacle in receptacles],
        locations=[locations[location_of[receptacle]] for receptacle in receptacles],
        objects=[name(held) for held in objects],
        holders=[tuple(sorted(holders[held])) for held in objects],
        object_locations=_object_locations(facts, objects, receptacles, holders, location_of, locations),
        cool=sorted(object_index[held] for (held,) in facts["iscool"] if held in object_index),
        inner={
            container: [object_index[held] for held in sorted(contents) if held in object_index]
            for container, contents in inner.items()
        },
        sinks=frozenset(
            index_of[receptacle]
            for receptacle in receptacles
            if receptacle_type[receptacle] in ("sinkbasintype", "sinktype")
        ),
    )


def _object_locations(
    facts: Facts,
    objects: list[str],
    receptacles: list[str],
    holders: dict[str, set[int]],
    location_of: dict[str, str],
    locations: dict[str, int],
) -> list[set[int]] | None:
    """Where the game says that objects are, if it contradicts their receptacles for any; -1 is nowhere."""
    stated: defaultdict[str, set[int]] = defaultdict(set)
    for held, place in facts["objectatlocation"]:
        stated[held].add(locations.get(place, -1))
    implied = {held: {locations[location_of[receptacles[index]]] for index in holders[held]} for held in objects}
    if all(stated[held] == implied[held] for held in objects):
        return None
    return [stated[held] for held in objects]
