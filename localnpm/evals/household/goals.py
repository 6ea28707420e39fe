"""Goals of the household: the six task types, their wordings, and what can be done to which object.

The task types, goal wordings and object properties are ALFWorld's (Shridhar et al., 2021, arXiv 2010.03768), so that
a policy or a model meets the same words here and in the public games. Rooms are in `room`, rules in `house`.
"""

import random
import re
from dataclasses import dataclass
from enum import StrEnum

CLEANABLE = frozenset(
    {
        "bowl",
        "mug",
        "cloth",
        "plate",
        "spoon",
        "pot",
        "cup",
        "fork",
        "knife",
        "butterknife",
        "kettle",
        "potato",
        "egg",
        "tomato",
        "dishsponge",
        "apple",
        "lettuce",
        "pan",
        "spatula",
        "ladle",
        "soapbar",
    }
)
HEATABLE = frozenset({"mug", "plate", "bread", "cup", "potato", "egg", "tomato", "apple"})
COOLABLE = frozenset(
    {"bowl", "mug", "plate", "bread", "pot", "cup", "potato", "egg", "tomato", "apple", "lettuce", "pan", "winebottle"}
)
SLICEABLE = frozenset({"bread", "potato", "egg", "tomato", "apple", "lettuce"})
KNIVES = frozenset({"knife", "butterknife"})
CONTAINERS = frozenset({"bowl", "box", "mug", "plate", "pot", "cup", "pan"})
LAMPS = frozenset({"desklamp", "floorlamp"})
FIXED = frozenset(
    {
        "bathtub",
        "curtains",
        "desklamp",
        "floorlamp",
        "houseplant",
        "mirror",
        "showerglass",
        "sink",
        "television",
        "window",
    }
)
"""Objects that cannot be taken."""


class TaskType(StrEnum):
    """ALFWorld's six task types, under ALFWorld's names."""

    PLACE = "pick_and_place_simple"
    LOOK = "look_at_obj_in_light"
    CLEAN = "pick_clean_then_place_in_recep"
    HEAT = "pick_heat_then_place_in_recep"
    COOL = "pick_cool_then_place_in_recep"
    TWO = "pick_two_obj_and_place"


TREATMENT = {TaskType.CLEAN: "clean", TaskType.HEAT: "heat", TaskType.COOL: "cool"}
"""The command that a task's object needs before it is put in its place."""

APPLIANCE = {"clean": "sinkbasin", "heat": "microwave", "cool": "fridge"}
"""The type of receptacle in which a treatment is done."""

WORDINGS = {
    TaskType.PLACE: ("put a {o} in {r}.", "put some {o} on {r}."),
    TaskType.LOOK: ("look at {o} under the {r}.", "examine the {o} with the {r}."),
    TaskType.CLEAN: ("put a clean {o} in {r}.", "clean some {o} and put it in {r}."),
    TaskType.HEAT: ("put a hot {o} in {r}.", "heat some {o} and put it in {r}."),
    TaskType.COOL: ("put a cool {o} in {r}.", "cool some {o} and put it in {r}."),
    TaskType.TWO: ("put two {o} in {r}.", "find two {o} and put them in {r}."),
}
"""Every wording of a goal in the public train games; `{o}`: the object's type, `{r}`: the receptacle's or lamp's."""


@dataclass(frozen=True)
class Goal:
    """What is to be reached: `receptacle_type` names the lamp where `task_type` is LOOK."""

    task_type: TaskType
    object_type: str
    receptacle_type: str

    @property
    def treatment(self) -> str | None:
        return TREATMENT.get(self.task_type)

    @property
    def count(self) -> int:
        """How many objects have to be in the receptacle."""
        return 2 if self.task_type is TaskType.TWO else 1


def _pattern(wording: str) -> re.Pattern[str]:
    escaped = re.escape(wording).replace(r"\{o\}", "(?P<o>[a-z]+)").replace(r"\{r\}", "(?P<r>[a-z]+)")
    return re.compile(escaped)


_PATTERNS = [(task_type, _pattern(wording)) for task_type, wordings in WORDINGS.items() for wording in wordings]


def parse_goal(text: str) -> Goal | None:
    """The goal that a sentence such as `put a clean mug in cabinet.` states, or None if it has another form."""
    text = text.strip()
    for task_type, pattern in _PATTERNS:
        if found := pattern.fullmatch(text):
            return Goal(task_type, found["o"], found["r"])
    return None


def goal_text(rng: random.Random, goal: Goal) -> str:
    """One of the goal's wordings."""
    wordings = WORDINGS[goal.task_type]
    return wordings[int(rng.random() * len(wordings))].format(o=goal.object_type, r=goal.receptacle_type)
