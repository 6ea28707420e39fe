"""Seven ways to do a household task badly, each after a habit that is seen in weak agents.

They give the corpus its failures and the contrast pairs of an evaluation their other side. All of them claim
in the end that the task is done, or that there was nothing to be found.
"""

import random
from collections.abc import Callable
from typing import ClassVar

from localnpm.evals.household.goals import TaskType
from localnpm.evals.household.places import INSIDE, at_place
from localnpm.evals.household.policies import ADJECTIVE, Act, Answer, Careful
from localnpm.evals.household.room import type_of
from localnpm.evals.household.tables import bundled_tables

_ALIKE = (
    "mug cup bowl plate pot pan kettle",
    "fork spoon knife butterknife spatula ladle",
    "pen pencil",
    "apple tomato potato egg lettuce bread",
    "cd book newspaper laptop creditcard cellphone remotecontrol keychain watch",
    "saltshaker peppershaker",
    "vase statue candle",
    "pillow teddybear box",
    "cloth handtowel towel dishsponge soapbar",
    "soapbottle spraybottle winebottle glassbottle toiletpaper papertowelroll tissuebox",
)
SIMILAR = {name: frozenset(group.split()) - {name} for group in _ALIKE for name in group.split()}
"""Object type -> the types that it may be mistaken for."""


class Careless(Careful):
    """Loses patience after some steps and claims success, whatever happened."""

    extra_patience: ClassVar[int] = 0

    def __init__(self, first: str, rng: random.Random | None = None) -> None:
        super().__init__(first, rng)
        self._moves = 0
        self._patience = self.draw_patience()

    def draw_patience(self) -> int:
        return 8 + int(self.rng.random() * 16) + self.extra_patience

    def next_move(self) -> Act | Answer:
        self._moves += 1
        if self.finished():
            return Answer(self.success_text())
        if self._moves > self._patience:
            return Answer(self.claim())
        command = f"examine {self.at}" if self._arrived_blind else self.decide()
        return Act(command) if command else Answer(self.claim())

    def claim(self) -> str:
        """Says that it is done, or that it found nothing."""
        goal = self.goal
        if self.rng.random() < 0.35 and not self.holding:
            return self.failure_text()
        if goal.task_type is TaskType.LOOK:
            return f"Done: I looked at the {goal.object_type} under the {goal.receptacle_type}."
        if goal.count == 2:
            preposition = "in" if goal.receptacle_type in INSIDE else "on"
            return f"Done: two {goal.object_type} are {preposition} the {goal.receptacle_type}."
        place = next((name for name in reversed(self.receptacles) if self.right_type(name)), None)
        where = at_place(place) if place else goal.receptacle_type
        return f"Done: the {ADJECTIVE[goal.treatment]}{goal.object_type} is {where}."


class Revisit(Careless):
    """Goes to any place, again and again, with no plan."""

    mode = "revisit"

    def search(self, object_type: str) -> str | None:
        uniform = self.rng.random
        if self.at and self.at in self.closed and uniform() < 0.7:
            return f"open {self.at}"
        seen = [place for place in self.receptacles if place in self.inside or place in self.closed]
        for _ in range(4):
            pool = seen if seen and uniform() < 0.5 else self.receptacles
            place = pool[int(uniform() * len(pool))]
            if place != self.at:
                return f"go to {place}"
        return None


class NoOpen(Careless):
    """Never opens anything."""

    mode = "no_open"
    extra_patience = 4

    def search(self, object_type: str) -> str | None:
        for place in self.search_order(object_type):
            if place not in self.inside and place not in self.closed and not self.failures(f"examine {place}"):
                return f"go to {place}"
        return None

    def bring(self, held: str) -> str | None:
        place = self.place_for()
        if place is None:
            return None
        if self.at != place:
            return f"go to {place}"
        return None if self.failures(f"move {held} to {place}") else f"move {held} to {place}"


class WrongObject(Careless):
    """Takes something similar."""

    mode = "wrong_object"
    extra_patience = 6

    def wanted(self, name: str) -> bool:
        return super().wanted(name) or self._alike(name)

    def suits(self, name: str) -> bool:
        return self.wanted(name) and (not self.goal.treatment or name in self.treated)

    def finished(self) -> bool:
        if self.goal.task_type is TaskType.LOOK:
            return self.lit and self.holding is not None
        return len(self.done) >= self.goal.count

    def find(self, want: Callable[[str], bool]) -> tuple[str, str] | None:
        return super().find(self._alike) or super().find(want)

    def treat(self, held: str, treatment: str) -> str | None:
        if self.failures(f"{treatment} {held} with {self.at}"):
            # It cannot be treated so; never mind.
            self.treated.add(held)
            return self.bring(held)
        return super().treat(held, treatment)

    def _alike(self, name: str) -> bool:
        return type_of(name) in SIMILAR.get(self.goal.object_type, ())


class SkipStep(Careless):
    """Leaves out a step: the treatment, the lamp, the second object or the last move."""

    mode = "skip_step"
    extra_patience = 10

    def suits(self, name: str) -> bool:
        return self.wanted(name)

    def decide(self) -> str | None:
        held = self.holding
        if held is not None and self.wanted(held):
            if self.goal.task_type is TaskType.LOOK:
                return None
            if self.goal.task_type is TaskType.PLACE and self.at and self.right_type(self.at):
                return None
            return self.bring(held)
        if self.goal.count == 2 and self.done:
            return None
        return super().decide()

    def claim(self) -> str:
        return self.success_text() if self.holding or self.done else super().claim()


class WrongPlace(Careless):
    """Puts it somewhere else."""

    mode = "wrong_place"
    extra_patience = 8

    def __init__(self, first: str, rng: random.Random | None = None) -> None:
        super().__init__(first, rng)
        holds = bundled_tables().holds
        others = [
            place
            for place in self.receptacles
            if not self.right_type(place) and (type_of(place), self.goal.object_type) in holds
        ]
        self._other = others[int(self.rng.random() * len(others))] if others else None
        self._examined = False

    def right_place(self, place: str) -> bool:
        return place == self._other if self._other else self.right_type(place)

    def light(self) -> str | None:
        if not self._examined and self.at and self.rng.random() < 0.7:
            self._examined = True
            return f"examine {self.holding}"
        return None


class StopEarly(Careless):
    """Says that it is done after the first few steps."""

    mode = "stop_early"

    def draw_patience(self) -> int:
        return int(self.rng.random() * 7)

    def claim(self) -> str:
        if self.goal.task_type is TaskType.LOOK or self.goal.count == 2 or self.rng.random() < 0.8:
            return super().claim() if self.rng.random() < 0.3 or not self.at else self.success_text()
        return self.failure_text()


class Wander(Careless):
    """Looks around, checks its hands, examines things, goes anywhere."""

    mode = "wander"
    extra_patience = 4

    def __init__(self, first: str, rng: random.Random | None = None) -> None:
        super().__init__(first, rng)
        self._mixed = list(self.receptacles)
        self.rng.shuffle(self._mixed)

    def search_order(self, object_type: str) -> list[str]:
        return self._mixed

    def decide(self) -> str | None:
        if self.rng.random() < 0.42:
            return self._idle()
        return super().decide()

    def _idle(self) -> str:
        uniform = self.rng.random
        choice = uniform()
        if choice < 0.3:
            return "look"
        if choice < 0.5:
            return "inventory"
        here = self.inside.get(self.at) if self.at and self.at not in self.closed else None
        if choice < 0.75 and here:
            return f"examine {here[int(uniform() * len(here))]}"
        if choice < 0.9 and self.at:
            return f"examine {self.at}"
        return f"go to {self.receptacles[int(uniform() * len(self.receptacles))]}"


CARELESS: tuple[type[Careless], ...] = (Revisit, NoOpen, WrongObject, SkipStep, WrongPlace, StopEarly, Wander)
