"""New rooms with a reachable goal, drawn from the counts in `tables`.

A drawn room is none of the public games: numbers, neighbourhoods and contents are drawn one by one from what is usual.
The order of the random draws is part of what this file promises: a seed gives the same room in every version.
"""

import random
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

from localnpm.evals.household.goals import APPLIANCE, Goal, TaskType
from localnpm.evals.household.room import Room
from localnpm.evals.household.tables import ObjectFigures, ReceptacleFigures, Tables, bundled_tables

MOST_RECEPTACLES = 56
"""Larger rooms are drawn again."""

Uniform = Callable[[], float]
"""A random number of at least 0 and below 1."""


def sample_room(rng: random.Random, task_type: TaskType | None = None) -> tuple[Room, Goal]:
    """A new room and a goal that can be reached in it; of the given task type, or of any."""
    tables = bundled_tables()
    while True:
        goals = tables.goals_by_type[task_type] if task_type else tables.goals
        kind, goal = goals[int(rng.random() * len(goals))]
        drawn = draw_room(tables, rng.random, kind, goal)
        if drawn:
            return drawn
        # Drawn again within the type, so that what is hard to place is not rarer for it.
        task_type = goal.task_type


def draw_room(tables: Tables, uniform: Uniform, kind: str, goal: Goal) -> tuple[Room, Goal] | None:
    """A room of one kind for a goal (whose receptacle may be changed), or None if the draw came out useless:
    too large, or without any place for the goal's object."""
    draft = _Draft(tables, uniform, kind, goal)
    draft.place_receptacles()
    if len(draft.receptacles) > MOST_RECEPTACLES:
        return None
    goal = draft.vary_goal()
    if not draft.place_objects(goal):
        return None
    room = Room(draft.receptacles, draft.openable, draft.locations, draft.objects, draft.holders, cool=draft.cool)
    return room, goal


@dataclass
class _Draft:
    """A room in the making."""

    tables: Tables
    uniform: Uniform
    kind: str
    goal: Goal
    receptacles: list[str] = field(default_factory=list)
    openable: list[bool] = field(default_factory=list)
    locations: list[int] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    holders: list[tuple[int, ...]] = field(default_factory=list)
    cool: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    """For each type of receptacle: where its receptacles start."""
    size: list[int] = field(default_factory=list)
    """For each type of receptacle: how many there are."""
    next_location: int = 0

    def place_receptacles(self) -> None:
        figures = self.tables.rooms[self.kind].receptacles
        needed = (self.goal.receptacle_type, APPLIANCE.get(self.goal.treatment or ""))
        varied = self.uniform() < 0.6
        extra = int(self.uniform() * len(figures)) if varied and self.uniform() < 0.25 else -1
        for index, row in enumerate(figures):
            number = self._number(row, row.type in needed, index == extra, varied)
            self.first.append(len(self.receptacles))
            self.size.append(number)
            if number:
                self.receptacles += row.names[number]
                self._add_openable(row, number)
                self._add_locations(index, row, number)

    def _number(self, row: ReceptacleFigures, wanted: bool, extra: bool, varied: bool) -> int:
        """How many receptacles of a type; varied: also numbers that no game has."""
        uniform = self.uniform
        if wanted or extra:
            number = row.numbers[row.positive_from + int(uniform() * (len(row.numbers) - row.positive_from))]
        else:
            number = row.numbers[int(uniform() * len(row.numbers))]
        if not varied or not number:
            return number
        if number > 2 and uniform() < 0.6:
            return 1 + int(uniform() * (number + 1))
        if (number == 2 and uniform() < 0.4) or (number == 1 and uniform() < 0.08):
            return number + 1
        if number > 1 and uniform() < 0.4:
            return number - 1
        if number == 1 and not wanted and uniform() < 0.12:
            return 0
        return number

    def _add_openable(self, row: ReceptacleFigures, number: int) -> None:
        if row.openable is None:
            self.openable += [False] * number
        elif self.uniform() < row.openable[0]:
            self.openable += [True] * number
        else:
            chance = row.openable[1]
            self.openable += [self.uniform() < chance for _ in range(number)]

    def _add_locations(self, index: int, row: ReceptacleFigures, number: int) -> None:
        if not row.near:
            self.locations += range(self.next_location, self.next_location + number)
            self.next_location += number
            return
        alone: list[int] = []
        for _ in range(number):
            left = self.uniform()
            for other, chance in row.near:
                if not (alone if other == index else self.size[other]):
                    continue
                left -= chance
                if left < 0:
                    if other == index:
                        self.locations.append(alone.pop())
                    else:
                        neighbour = self.first[other] + int(self.uniform() * self.size[other])
                        self.locations.append(self.locations[neighbour])
                    break
            else:
                alone.append(self.next_location)
                self.locations.append(self.next_location)
                self.next_location += 1

    def vary_goal(self) -> Goal:
        """Now and then another receptacle that may hold the goal's object: a pair that need not be in any game."""
        goal, uniform = self.goal, self.uniform
        if goal.task_type is TaskType.LOOK or uniform() >= 0.2:
            return goal
        figures = self.tables.rooms[self.kind].receptacles
        there = [row.type for row, number in zip(figures, self.size, strict=True) if number]
        appliance = APPLIANCE.get(goal.treatment or "")
        for _ in range(4):
            receptacle_type = there[int(uniform() * len(there))]
            if receptacle_type != appliance and (receptacle_type, goal.object_type) in self.tables.holds:
                return Goal(goal.task_type, goal.object_type, receptacle_type)
        return goal

    def place_objects(self, goal: Goal) -> bool:
        """False if something that the goal needs has no place."""
        figures = self.tables.rooms[self.kind]
        types = [row.type for row in figures.receptacles]
        for row in figures.objects:
            wanted = row.type in (goal.object_type, goal.receptacle_type)
            number = self._object_number(row, goal, wanted)
            if not number:
                continue
            rates = row.rates
            if wanted and goal.task_type in (TaskType.PLACE, TaskType.TWO):
                rates = [(place, rate) for place, rate in rates if types[place] != goal.receptacle_type]
            present, cumulative, total = [], [], 0.0
            for place, rate in rates:
                if self.size[place]:
                    total += rate * self.size[place]
                    present.append(place)
                    cumulative.append(total)
            if present:
                for _ in range(number):
                    self._place_one(row.type, present[bisect_left(cumulative, self.uniform() * total)], types)
                self.objects += row.names[number]
            elif wanted:
                return False
        return True

    def _object_number(self, row: ObjectFigures, goal: Goal, wanted: bool) -> int:
        uniform = self.uniform
        vary = uniform()
        if wanted:
            least = goal.count
            start = row.at_least[least]
            if start == len(row.numbers):
                return least
            drawn = row.numbers[start + int(uniform() * (len(row.numbers) - start))]
            return max(least, drawn + (vary < 0.1) - (vary > 0.92))
        number = row.numbers[int(uniform() * len(row.numbers))]
        if not number or vary < 0.09:
            return 0
        if vary < 0.16:
            return number + 1
        return number - 1 if vary > 0.93 and number > 1 else number

    def _place_one(self, object_type: str, place: int, types: list[str]) -> None:
        if types[place] == "fridge" and self.uniform() < self.tables.cool.get(object_type, 0.0):
            self.cool.append(len(self.holders))
        self.holders.append((self.first[place] + int(self.uniform() * self.size[place]),))
