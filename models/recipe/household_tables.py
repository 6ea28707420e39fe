"""Counts ALFWorld's train games into the tables from which the simulator draws rooms.

    python household_tables.py FOLDER [OUT]       FOLDER: the train games, json_2.1.1/train

The tables hold counts and rates over all games: no layout and no game can be read off them. `localnpm/evals/household`
has the file and its reader.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from household_games import Game, game_files, read_game
from localnpm.evals.household import Goal, Room
from localnpm.evals.household.tables import TABLES_FILE

LINE = 150
"""Characters of a line of the file, about."""
NEIGHBOUR_CAUTION = 100
"""Added to the chances of being neighbours, so that few cases count less."""


def count_tables(games: Sequence[Game]) -> dict[str, Any]:
    """All figures, as `tables.json` holds them."""
    by_kind: defaultdict[str, list[Game]] = defaultdict(list)
    for game in games:
        by_kind[game.kind].append(game)
    rooms = [game.room for game in games]
    allowed: defaultdict[str, list[str]] = defaultdict(list)
    for receptacle, held in sorted(set().union(*(game.holds for game in games))):
        allowed[receptacle].append(held)
    return {
        "about": f"Counts and rates over the {len(games)} train games of ALFWorld, "
        "made by models/recipe/household_tables.py.",
        "closed": _closed(rooms),
        "contain": {receptacle: " ".join(objects) for receptacle, objects in allowed.items()},
        "cool": _cool(rooms),
        "goals": {kind: _goals(game.goal for game in some) for kind, some in by_kind.items()},
        "objects": {kind: _numbers([game.room.object_types for game in some]) for kind, some in by_kind.items()},
        "rate": _rates(rooms),
        "receptacles": {kind: _receptacles([game.room for game in some]) for kind, some in by_kind.items()},
    }


def _numbers(types_by_game: Sequence[Sequence[str]]) -> dict[str, dict[int, int]]:
    """Type -> how many a game has -> in how many games."""
    numbers: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for types in types_by_game:
        for type_, number in Counter(types).items():
            numbers[type_][number] += 1
    for counter in numbers.values():
        without = len(types_by_game) - sum(counter.values())
        if without:
            counter[0] = without
    return {type_: dict(counter) for type_, counter in numbers.items()}


def _goals(goals: Iterable[Goal]) -> dict[str, dict[str, dict[str, int]]]:
    """Task type -> object type -> receptacle type -> games; what only one game asks for is left out."""
    nested: dict[str, dict[str, dict[str, int]]] = {}
    for goal, number in Counter(goals).items():
        if number > 1:
            by_object = nested.setdefault(goal.task_type, {})
            by_object.setdefault(goal.object_type, {})[goal.receptacle_type] = number
    return nested


def _rates(rooms: Sequence[Room]) -> dict[str, dict[str, float]]:
    """Object type -> receptacle type -> how many of it one holds on average, in the games that have such an object."""
    held: defaultdict[str, Counter[str]] = defaultdict(Counter)
    present: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for room in rooms:
        for type_, holders in zip(room.object_types, room.holders, strict=True):
            held[type_][room.receptacle_types[holders[0]]] += 1
        receptacles = Counter(room.receptacle_types)
        for type_ in set(room.object_types):
            present[type_].update(receptacles)
    return {
        type_: {
            place: round(number / present[type_][place], 3)
            for place, number in places.items()
            if number / present[type_][place] >= 0.0005
        }
        for type_, places in held.items()
    }


def _cool(rooms: Sequence[Room]) -> dict[str, float]:
    """Object type -> how often one in a fridge is cool at the start."""
    cold: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for room in rooms:
        for index, (type_, holders) in enumerate(zip(room.object_types, room.holders, strict=True)):
            if room.receptacle_types[holders[0]] == "fridge":
                cold[type_][index in room.cool] += 1
    return {type_: round(count[True] / sum(count.values()), 3) for type_, count in cold.items() if count[True]}


def _closed(rooms: Sequence[Room]) -> dict[str, float]:
    """Receptacle type -> how often one is closed at the start, over the different layouts."""
    layouts = {
        (tuple(room.receptacles), tuple(room.openable), tuple(room.locations), tuple(sorted(room.sinks or ()))): room
        for room in rooms
    }
    closed: defaultdict[str, list[bool]] = defaultdict(list)
    for room in layouts.values():
        for type_, openable in zip(room.receptacle_types, room.openable, strict=True):
            closed[type_].append(openable)
    return {type_: round(sum(some) / len(some), 3) for type_, some in closed.items()}


def _receptacles(rooms: Sequence[Room]) -> dict[str, dict[str, Any]]:
    """Of one kind of room: type -> how many there are, how often they are openable, what they share a location with."""
    counts = _numbers([room.receptacle_types for room in rooms])
    openable: defaultdict[str, list[list[bool]]] = defaultdict(list)
    for room in rooms:
        for type_ in set(room.receptacle_types):
            pairs = zip(room.receptacle_types, room.openable, strict=True)
            openable[type_].append([flag for other, flag in pairs if other == type_])
    near = _neighbours(rooms)
    figures: dict[str, dict[str, Any]] = {}
    for type_, count in counts.items():
        row: dict[str, Any] = {"count": count}
        rows = openable[type_]
        if any(map(any, rows)):
            mixed = [flag for flags in rows if not all(flags) for flag in flags]
            row["openable"] = {
                "all": round(sum(map(all, rows)) / len(rows), 3),
                "else": round(sum(mixed) / max(1, len(mixed)), 3),
            }
        if near.get(type_):
            row["near"] = near[type_]
        figures[type_] = row
    return figures


def _neighbours(rooms: Sequence[Room]) -> dict[str, dict[str, float]]:
    """Type -> earlier type -> the chance that one shares its location, given that there is one to share it with."""
    shared: Counter[tuple[str, str]] = Counter()
    chances: Counter[tuple[str, str]] = Counter()
    for room in rooms:
        seen: defaultdict[str, set[int]] = defaultdict(set)
        alone: defaultdict[str, set[int]] = defaultdict(set)
        for type_, location in zip(room.receptacle_types, room.locations, strict=True):
            for other in seen:
                chances[type_, other] += other != type_ or bool(alone[type_])
            if location in seen[type_]:
                shared[type_, type_] += 1
                alone[type_].discard(location)
            else:
                neighbours = [other for other, places in seen.items() if location in places]
                shared.update([(type_, other) for other in neighbours[:1]])
                alone[type_].add(location)
            seen[type_].add(location)
    near: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for (type_, other), number in shared.items():
        if number > 0.01 * chances[type_, other]:
            near[type_][other] = round(number / (chances[type_, other] + NEIGHBOUR_CAUTION), 3)
    return near


def as_text(value: Any, indent: str = "") -> str:
    """JSON with sorted keys, a line for each small part."""
    flat = json.dumps(value, sort_keys=True)
    if len(flat) + len(indent) < LINE or not isinstance(value, dict):
        return flat
    lines: list[str] = []
    line = ""
    for key, part in sorted((str(key), part) for key, part in value.items()):
        entry = f"{json.dumps(key)}: {as_text(part, indent + ' ')}"
        if isinstance(part, dict) or len(line) + len(entry) > LINE:  # numbers fill the lines
            lines, line = [*lines, line] if line else lines, entry
        else:
            line += (", " if line else "") + entry
    return "{\n" + ",\n".join(f"{indent} {line}" for line in [*lines, line]) + "}"


def build(folder: Path, out: Path = TABLES_FILE) -> None:
    """Counts the games of a folder into a file."""
    games = [read_game(path) for path in game_files(folder)]
    out.write_text(as_text(count_tables(games)) + "\n", encoding="utf-8")
    print(f"{len(games)} games -> {out}, {out.stat().st_size} bytes")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    build(*map(Path, sys.argv[1:]))
