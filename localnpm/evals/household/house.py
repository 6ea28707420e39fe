"""A running household game: commands in, observations out.

The commands and the observations are those of ALFWorld's text engine, character for character, its slips included
(`a apple 1`, "You are facing the X, and Y."): `models/recipe/household_compare.py` plays real games through both and
compares every string. Not covered: PDDL, planning, the engine's list of admissible commands.
"""

from bisect import insort

from localnpm.evals.household.goals import (
    CLEANABLE,
    CONTAINERS,
    COOLABLE,
    FIXED,
    HEATABLE,
    KNIVES,
    LAMPS,
    SLICEABLE,
    Goal,
    TaskType,
)
from localnpm.evals.household.observations import HELP, NOTHING, listing
from localnpm.evals.household.room import Room
from localnpm.evals.household.tables import bundled_tables


class House:
    """One game in a room. `step` carries a command out and returns the observation."""

    def __init__(self, room: Room, goal: Goal) -> None:
        self.room = room
        self.goal = goal
        self._contents: list[list[int]] = [[] for _ in room.receptacles]
        for index, holders in enumerate(room.holders):
            for receptacle in holders:
                self._contents[receptacle].append(index)
        self._object_locations: list[set[int]] = (
            [{room.locations[receptacle] for receptacle in holders} for holders in room.holders]
            if room.object_locations is None
            else [set(locations) for locations in room.object_locations]
        )
        self._taken_from: set[tuple[int, int]] = set()
        self._opened: set[int] = set()
        self._location: int | None = None
        self._holding: int | None = None
        self._clean: set[int] = set()
        self._hot: set[int] = set()
        self._cool = set(room.cool)
        self._lit: set[int] = set()
        self._sliced: set[int] = set()

    def intro(self) -> str:
        """The first observation, without the task."""
        seen = listing(["a " + name for name in self.room.receptacles])
        return f"You are in the middle of a room. Looking quickly around you, you see {seen}."

    def won(self) -> bool:
        """The game's own goal is reached now."""
        return self.reached(self.goal)

    def reached(self, goal: Goal) -> bool:
        """A goal is reached now, by the engine's rules (LOOK: it is held where a lamp of the type has been lit)."""
        room = self.room
        if goal.task_type is TaskType.LOOK:
            held = self._holding is not None and room.object_types[self._holding] == goal.object_type
            return held and any(
                room.object_types[lamp] == goal.receptacle_type and self._within_sight(lamp) for lamp in self._lit
            )
        treated = {"clean": self._clean, "heat": self._hot, "cool": self._cool}.get(goal.treatment or "")
        for receptacle, contents in enumerate(self._contents):
            if room.receptacle_types[receptacle] == goal.receptacle_type:
                fitting = [
                    index
                    for index in contents
                    if room.object_types[index] == goal.object_type and (treated is None or index in treated)
                ]
                if len(fitting) >= goal.count:
                    return True
        return False

    def step(self, command: str) -> str:
        """Carries one command out; what cannot be done changes nothing and returns NOTHING."""
        command = command.strip()
        verb, _, rest = command.partition(" ")
        match verb:
            case "go":
                return self._go(rest)
            case "take":
                return self._take(rest)
            case "move":
                return self._move(rest)
            case "open" | "close":
                return self._open_or_close(verb, rest)
            case "clean" | "heat" | "cool":
                return self._treat(verb, rest)
            case "use":
                return self._use(rest)
            case "slice":
                return self._slice(rest)
            case "examine":
                return self._examine(rest)
        match command:
            case "look":
                return self._look()
            case "inventory":
                if self._holding is None:
                    return "You are not carrying anything."
                return f"You are carrying: a {self.room.objects[self._holding]}."
            case "help":
                return HELP
        return NOTHING

    def _here(self, receptacle: int) -> bool:
        return self._location is not None and self.room.locations[receptacle] == self._location

    def _is_open(self, receptacle: int) -> bool:
        return not self.room.openable[receptacle] or receptacle in self._opened

    def _within_sight(self, index: int) -> bool:
        """In a receptacle at this location, be it closed."""
        return any(index in contents and self._here(place) for place, contents in enumerate(self._contents))

    def _within_reach(self, index: int) -> bool:
        """In an open receptacle at this location."""
        return any(
            index in contents and self._here(place) and self._is_open(place)
            for place, contents in enumerate(self._contents)
        )

    def _object_and_receptacle(self, rest: str, preposition: str) -> tuple[int | None, int | None]:
        object_name, _, receptacle_name = rest.partition(f" {preposition} ")
        return self.room.object_index.get(object_name), self.room.receptacle_index.get(receptacle_name)

    def _go(self, rest: str) -> str:
        room = self.room
        receptacle = room.receptacle_index.get(rest[3:]) if rest.startswith("to ") else None
        if receptacle is None or room.locations[receptacle] == self._location:
            return NOTHING
        self._location = room.locations[receptacle]
        return f"You arrive at {room.receptacles[receptacle]}. " + self._describe(receptacle)

    def _take(self, rest: str) -> str:
        room = self.room
        index, receptacle = self._object_and_receptacle(rest, "from")
        if (
            index is None
            or receptacle is None
            or self._location is None
            or self._holding is not None
            or not self._here(receptacle)
            or index not in self._contents[receptacle]
            or not self._is_open(receptacle)
            or room.object_types[index] in FIXED
        ):
            return NOTHING
        self._contents[receptacle].remove(index)
        self._taken_from.add((index, receptacle))
        self._object_locations[index].discard(self._location)
        self._holding = index
        return f"You pick up the {room.objects[index]} from the {room.receptacles[receptacle]}."

    def _move(self, rest: str) -> str:
        room = self.room
        index, receptacle = self._object_and_receptacle(rest, "to")
        if (
            index is None
            or receptacle is None
            or self._location is None
            or self._holding != index
            or not self._here(receptacle)
            or not self._is_open(receptacle)
            or (room.receptacle_types[receptacle], room.object_types[index]) not in bundled_tables().holds
        ):
            return NOTHING
        if index not in self._contents[receptacle]:
            insort(self._contents[receptacle], index)
        self._taken_from.discard((index, receptacle))
        self._object_locations[index].add(self._location)
        self._holding = None
        return f"You move the {room.objects[index]} to the {room.receptacles[receptacle]}."

    def _open_or_close(self, verb: str, rest: str) -> str:
        receptacle = self.room.receptacle_index.get(rest)
        if receptacle is None or not self.room.openable[receptacle] or not self._here(receptacle):
            return NOTHING
        if (receptacle in self._opened) == (verb == "open"):
            return NOTHING
        if verb == "open":
            self._opened.add(receptacle)
            return f"You open the {rest}. " + self._describe(receptacle)
        self._opened.discard(receptacle)
        return f"You close the {rest}."

    def _treat(self, verb: str, rest: str) -> str:
        room = self.room
        index, receptacle = self._object_and_receptacle(rest, "with")
        if index is None or receptacle is None or self._holding != index or not self._here(receptacle):
            return NOTHING
        object_type, receptacle_type = room.object_types[index], room.receptacle_types[receptacle]
        if verb == "clean":
            is_sink = receptacle_type == "sinkbasin" if room.sinks is None else receptacle in room.sinks
            if object_type not in CLEANABLE or not is_sink:
                return NOTHING
            self._clean.add(index)
        elif verb == "heat":
            if object_type not in HEATABLE or receptacle_type != "microwave":
                return NOTHING
            self._hot.add(index)
            self._cool.discard(index)
        else:
            if object_type not in COOLABLE or receptacle_type != "fridge":
                return NOTHING
            self._cool.add(index)
            self._hot.discard(index)
        return f"You {verb} the {room.objects[index]} using the {room.receptacles[receptacle]}."

    def _use(self, rest: str) -> str:
        lamp = self.room.object_index.get(rest)
        if lamp is None or self.room.object_types[lamp] not in LAMPS or not self._within_sight(lamp):
            return NOTHING
        self._lit.add(lamp)
        return f"You turn on the {rest}."

    def _slice(self, rest: str) -> str:
        room = self.room
        object_name, _, knife_name = rest.partition(" with ")
        index, knife = room.object_index.get(object_name), room.object_index.get(knife_name)
        if (
            index is None
            or knife is None
            or self._holding != knife
            or room.object_types[knife] not in KNIVES
            or room.object_types[index] not in SLICEABLE
            or self._location not in self._object_locations[index]
        ):
            return NOTHING
        self._sliced.add(index)
        return f"You sliced the {object_name} with the {knife_name}."

    def _examine(self, rest: str) -> str:
        receptacle = self.room.receptacle_index.get(rest)
        if receptacle is not None:
            return self._describe(receptacle) if self._here(receptacle) else NOTHING
        index = self.room.object_index.get(rest)
        if index is not None and (index == self._holding or self._within_reach(index)):
            return self._describe_object(index)
        return NOTHING

    def _look(self) -> str:
        room, location = self.room, self._location
        if location is None:
            return "You are in the middle of a room. Looking quickly around you, you see nothing."
        here = [receptacle for receptacle, place in enumerate(room.locations) if place == location]
        # What was taken from one receptacle and put into another at the same location counts as beside the first.
        beside: list[str] = []
        for index in sorted({index for index, _ in self._taken_from}):
            if location in self._object_locations[index]:
                beside += ["a " + room.objects[index] for place in here if (index, place) in self._taken_from]
        return (
            f"You are facing the {listing([room.receptacles[place] for place in here])}. "
            f"Next to it, you see {listing(beside)}."
        )

    def _describe(self, receptacle: int) -> str:
        name = self.room.receptacles[receptacle]
        inside = listing(["a " + self.room.objects[index] for index in self._contents[receptacle]])
        if not self.room.openable[receptacle]:
            return f"On the {name}, you see {inside}."
        if receptacle in self._opened:
            return f"The {name} is open. In it, you see {inside}."
        return f"The {name} is closed."

    def _describe_object(self, index: int) -> str:
        room = self.room
        name = room.objects[index]
        if room.object_types[index] in CONTAINERS:
            inside = listing(["a " + room.objects[inner] for inner in room.inner.get(index, ())])
            return f"This is a normal {name}. In it, you see {inside}."
        state = self._state(index)
        if state and index in self._sliced:
            # The engine says "cold" of what is whole and "cool" of what is sliced.
            return f"This is a {'cool' if state == 'cold' else state} sliced {name}."
        if state:
            return f"This is a {state} {name}."
        if index in self._lit:
            return f"This {name} is on."
        if index in self._sliced:
            return f"This is a sliced {name}."
        return f"There's nothing special about {name}."

    def _state(self, index: int) -> str:
        clean, hot, cool = index in self._clean, index in self._hot, index in self._cool
        if clean and hot:
            return "hot and clean"
        if clean and cool:
            return "cool and clean"
        if hot:
            return "hot"
        if clean:
            return "clean"
        return "cold" if cool else ""
