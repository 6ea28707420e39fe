"""The careful policy: an expert that sees only the observations, as a model does.

It keeps what it has seen (`Careful.observe`), goes to the likely places first, never twice to one, opens what
is closed, and does every step of its task. What careless policies do otherwise is in `careless`; running one
is `play`.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from localnpm.evals.household.goals import APPLIANCE, TaskType, parse_goal
from localnpm.evals.household.observations import NOTHING
from localnpm.evals.household.places import at_place, number_of, worth_visiting
from localnpm.evals.household.room import type_of
from localnpm.evals.household.text import TASK_MARK

ADJECTIVE = {"clean": "clean ", "heat": "hot ", "cool": "cool ", None: ""}

_THING = re.compile(r"\ba ([a-z]+ \d+)")


@dataclass(frozen=True)
class Act:
    """Give the house a command."""

    command: str


@dataclass(frozen=True)
class Answer:
    """End the episode with this text."""

    text: str


class Careful:
    """Does the whole task. `next_move` says what to do, `observe` takes in what came of it.

    `first` is the first message of a game (see `text.first_message`), with a goal that `parse_goal` reads (ValueError
    otherwise). `rng` is for the careless ones; this policy draws nothing.
    """

    mode: ClassVar[str] = "careful"

    def __init__(self, first: str, rng: random.Random | None = None) -> None:
        room, _, task = first.partition(TASK_MARK)
        goal = parse_goal(task)
        if goal is None:
            raise ValueError(f"not a household goal: {task.strip()!r}")
        self.goal = goal
        self.rng = random.Random(0) if rng is None else rng
        self.receptacles: list[str] = _THING.findall(room)
        self.at: str | None = None
        self.holding: str | None = None
        self.inside: dict[str, list[str]] = {}
        """Receptacle -> its objects, as last seen."""
        self.closed: set[str] = set()
        self.treated: set[str] = set()
        self.done: list[str] = []
        """Objects that have been put where they belong."""
        self.origin: str | None = None
        """Where the held object was taken from."""
        self.target: str | None = None
        """The receptacle that was settled on."""
        self.lit = False
        self._arrived_blind = False
        self._failures: dict[str, int] = {}
        self._orders: dict[str, list[str]] = {}

    def next_move(self) -> Act | Answer:
        if self.finished():
            return Answer(self.success_text())
        command = f"examine {self.at}" if self._arrived_blind else self.decide()
        return Act(command) if command else Answer(self.failure_text())

    def observe(self, command: str, text: str) -> None:
        """Takes in what the house said to a command, this policy's own or another's."""
        self._arrived_blind = False
        if text == NOTHING:
            self._observe_failure(command)
        elif text.startswith("You arrive at "):
            self.at = command[6:]
            self._see(self.at, text[text.index(". ") + 2 :])
        elif text.startswith("You open "):
            self._see(command[5:], text[text.index(". ") + 2 :])
        elif text.startswith("You close "):
            self.closed.add(command[6:])
        elif text.startswith("You pick up the "):
            self._observe_taken(*_split(command[5:], " from "))
        elif text.startswith("You move the "):
            self._observe_moved(*_split(command[5:], " to "))
        elif text.startswith(("You clean ", "You heat ", "You cool ")):
            if command.startswith(self.goal.treatment or "-") and self.holding:
                self.treated.add(self.holding)
        elif text.startswith("You turn on"):
            self.lit = True
        elif command.startswith("examine ") and command[8:] in self.receptacles:
            self._see(command[8:], text)

    def failures(self, command: str) -> int:
        """How often nothing happened at a command."""
        return self._failures.get(command, 0)

    def _observe_failure(self, command: str) -> None:
        place = command.removeprefix("go to ")
        if place != command and place in self.receptacles:
            # It shares its location with the place before, so that nothing was described on arrival.
            self.at = place
            self._arrived_blind = place not in self.inside and place not in self.closed
        self._failures[command] = self.failures(command) + 1

    def _observe_taken(self, name: str, place: str) -> None:
        self.holding = name
        self.origin = place
        if name in self.inside.get(place, ()):
            self.inside[place].remove(name)
        if name in self.done:
            self.done.remove(name)

    def _observe_moved(self, name: str, place: str) -> None:
        self.holding = None
        self.inside.setdefault(place, []).append(name)
        if self.suits(name) and self.right_place(place):
            if not self.target:
                self.target = place
            if self.target == place:
                self.done.append(name)

    def _see(self, place: str, text: str) -> None:
        if text.endswith(" is closed."):
            self.closed.add(place)
            return
        self.closed.discard(place)
        self.inside[place] = seen = _THING.findall(text)
        if self.goal.count == 2 and self.right_type(place) and not self.target and not self.done:
            already = [name for name in seen if type_of(name) == self.goal.object_type]
            if already:
                # One is there from the start: the other goes to the same place.
                self.target = place
                self.done = already

    def suits(self, name: str) -> bool:
        """An object that may be put in its place now."""
        return type_of(name) == self.goal.object_type and (not self.goal.treatment or name in self.treated)

    def wanted(self, name: str) -> bool:
        return type_of(name) == self.goal.object_type

    def right_type(self, place: str) -> bool:
        return type_of(place) == self.goal.receptacle_type

    def right_place(self, place: str) -> bool:
        return self.right_type(place)

    def finished(self) -> bool:
        if self.goal.task_type is TaskType.LOOK:
            return self.lit and self.holding is not None and type_of(self.holding) == self.goal.object_type
        return len(self.done) >= self.goal.count

    def decide(self) -> str | None:
        """The next command, or None where there is nothing left to try."""
        held = self.holding
        if held is None:
            known = self.find(self.wanted)
            if known is None:
                return self.search(self.goal.object_type)
            name, place = known
            return self._at_open(place) or f"take {name} from {place}"
        if not self.wanted(held):
            return self._put_back(held)
        if self.goal.task_type is TaskType.LOOK:
            return self.light()
        if self.goal.treatment and held not in self.treated:
            return self.treat(held, self.goal.treatment)
        return self.bring(held)

    def search_order(self, object_type: str) -> list[str]:
        """All receptacles, those first where the object is most likely found."""
        order = self._orders.get(object_type)
        if order is None:
            worth = worth_visiting(object_type)
            order = self._orders[object_type] = sorted(
                self.receptacles, key=lambda place: (-worth.get(type_of(place), 0), type_of(place), number_of(place))
            )
        return order

    def search(self, object_type: str) -> str | None:
        """The next step of a search."""
        at = self.at
        if at and at in self.closed and at not in self.inside and not self.failures(f"open {at}"):
            return f"open {at}"
        for place in self.search_order(object_type):
            if place in self.inside:
                continue
            if place in self.closed:
                if self.failures(f"open {place}"):
                    continue
                return f"open {place}" if at == place else f"go to {place}"
            if not self.failures(f"examine {place}"):
                return f"go to {place}"
        return None

    def find(self, want: Callable[[str], bool]) -> tuple[str, str] | None:
        """A known object that is wanted, and its receptacle; one right here before any other."""
        elsewhere = None
        for place, names in self.inside.items():
            if place == self.target and self.goal.count == 2:
                continue
            for name in names:
                if want(name) and name not in self.done and self.failures(f"take {name} from {place}") <= 1:
                    if place == self.at:
                        return name, place
                    if elsewhere is None:
                        elsewhere = name, place
        return elsewhere

    def place_for(self) -> str | None:
        """The receptacle that the held object goes to."""
        if self.target:
            return self.target
        candidates = [
            place
            for place in self.receptacles
            if self.right_place(place)
            and not (place == self.origin and self.goal.count == 2)
            and self.failures(f"move {self.holding} to {place}") <= 1
        ]
        return min(
            candidates,
            key=lambda place: (
                place != self.at,
                place not in self.inside or place in self.closed,
                number_of(place),
            ),
            default=None,
        )

    def light(self) -> str | None:
        """The next step towards a lit lamp."""
        lamp, place = None, ""
        for receptacle, names in self.inside.items():
            for name in names:
                if type_of(name) == self.goal.receptacle_type and (lamp is None or receptacle == self.at):
                    lamp, place = name, receptacle
        if lamp is None:
            return self.search(self.goal.receptacle_type)
        return f"use {lamp}" if self.at == place else f"go to {place}"

    def treat(self, held: str, treatment: str) -> str | None:
        """The next step towards a clean, hot or cool object."""
        places = [place for place in self.receptacles if type_of(place) == APPLIANCE[treatment]]
        if not places:
            return None
        best = min(
            places,
            key=lambda place: (place != self.at, self.failures(f"{treatment} {held} with {place}"), number_of(place)),
        )
        return f"{treatment} {held} with {best}" if self.at == best else f"go to {best}"

    def bring(self, held: str) -> str | None:
        """The next step towards the held object's place."""
        place = self.place_for()
        if place is None:
            return None
        return self._at_open(place) or f"move {held} to {place}"

    def _put_back(self, held: str) -> str | None:
        if self.origin is None:
            return None
        return self._at_open(self.origin) or f"move {held} to {self.origin}"

    def _at_open(self, place: str) -> str | None:
        """What is to be done before one can take from or put into a place."""
        if self.at != place:
            return f"go to {place}"
        return f"open {place}" if place in self.closed else None

    def success_text(self) -> str:
        goal = self.goal
        if goal.task_type is TaskType.LOOK:
            return f"Done: I looked at the {goal.object_type} under the {goal.receptacle_type}."
        place = self.target or self.at or goal.receptacle_type
        if goal.count == 2:
            return f"Done: two {goal.object_type} are {at_place(place)}."
        return f"Done: the {ADJECTIVE[goal.treatment]}{goal.object_type} is {at_place(place)}."

    def failure_text(self) -> str:
        if self.holding and self.wanted(self.holding):
            return f"I could not finish the task with the {self.goal.object_type}."
        return f"I could not find the {self.goal.object_type}."


def _split(rest: str, preposition: str) -> tuple[str, str]:
    name, _, place = rest.partition(preposition)
    return name, place
