"""Scripts for the household: a title and numbered steps a task type, each step in several wordings.

These are the texts that the corpus and the evaluation give as `# Procedure`; scripts written by a model are not here.
"""

from collections.abc import Callable, Collection, Sequence

from localnpm.evals.household.goals import TaskType

TITLES = {
    TaskType.PLACE: ("Put an object in its place", "Bring an object to a place", "Place an object"),
    TaskType.LOOK: (
        "Look at an object under a lamp",
        "Examine an object in the light",
        "Look at an object with the desklamp",
    ),
    TaskType.CLEAN: ("Clean an object and put it away", "Put a clean object in a place", "Clean and place an object"),
    TaskType.HEAT: ("Heat an object and put it away", "Put a hot object in a place", "Heat and place an object"),
    TaskType.COOL: ("Cool an object and put it away", "Put a cool object in a place", "Cool and place an object"),
    TaskType.TWO: ("Put two objects in one place", "Bring two objects to one place", "Find and place two objects"),
}

WORDINGS = {
    "search": (
        "Go to the places where a <object> is usually kept, the likely ones first.",
        "Search for the <object>, beginning with the most likely places.",
        "Look for the <object> where it is most likely to be.",
        "Visit the likely places one after another until you see the <object>.",
    ),
    "once": (
        "Never go to the same place twice while you search.",
        "Do not search a place that you have already seen.",
        "Remember what you have seen and go on to a new place each time.",
    ),
    "open": (
        "If a place is closed, open it and look inside.",
        "Open every closed place that you come to.",
        "When a place is closed, open it before you go on.",
    ),
    "take": (
        "Take the <object>, and nothing else.",
        "Take the <object> from where it is.",
        "Pick up exactly the <object>, not something similar.",
    ),
    "clean": (
        "Go to the sinkbasin and clean the <object> with it.",
        "Carry the <object> to the sinkbasin and clean it there.",
        "Clean the <object> with the sinkbasin.",
    ),
    "heat": (
        "Go to the microwave and heat the <object> with it.",
        "Carry the <object> to the microwave and heat it there.",
        "Heat the <object> with the microwave.",
    ),
    "cool": (
        "Go to the fridge and cool the <object> with it.",
        "Carry the <object> to the fridge and cool it there.",
        "Cool the <object> with the fridge.",
    ),
    "go": (
        "Go to the <place> and open it if it is closed.",
        "Carry it to the <place>; open the <place> if it is closed.",
        "Go to the <place>. If it is closed, open it.",
    ),
    "move": (
        "Move the <object> to the <place>.",
        "Put the <object> there with move.",
        "Move the <object> into or onto the <place>.",
    ),
    "again": (
        "Find the second <object> and bring it to the same <place>.",
        "Do the same with the second <object>, to the same <place>.",
        "Search for another <object>, take it and move it to the same <place>.",
    ),
    "lamp": (
        "With the <object> in your hands, go to the desklamp; search for it if you have not seen it.",
        "Carry the <object> to the place with the desklamp.",
        "Find the desklamp while you hold the <object>.",
    ),
    "use": (
        "Use the desklamp.",
        "Turn on the desklamp with use.",
        "Use the desklamp while you hold the <object>.",
    ),
    "check": (
        "Answer only when the <object> is in the <place>.",
        "Then answer where the <object> is.",
        "Answer when it is done, not before.",
        "Say where you put the <object>.",
    ),
    "check_both": (
        "Answer only when both are in the <place>.",
        "Answer when both are there, not before.",
        "Count them, then answer.",
    ),
    "check_lamp": (
        "Answer when the desklamp is on and you hold the <object>.",
        "Answer that you looked at the <object>.",
        "Answer when it is done, not before.",
    ),
}
"""A step's name -> its wordings."""

STEPS: dict[TaskType, tuple[str, ...]] = {
    TaskType.PLACE: ("search", "once", "open", "take", "go", "move", "check"),
    TaskType.LOOK: ("search", "once", "open", "take", "lamp", "use", "check_lamp"),
    TaskType.CLEAN: ("search", "once", "open", "take", "clean", "go", "move", "check"),
    TaskType.HEAT: ("search", "once", "open", "take", "heat", "go", "move", "check"),
    TaskType.COOL: ("search", "once", "open", "take", "cool", "go", "move", "check"),
    TaskType.TWO: ("search", "once", "open", "take", "go", "move", "again", "check_both"),
}
"""The names of a script's steps, in order."""


def choose(uniform: Callable[[], float], options: Sequence[str]) -> str:
    """One of the options, by one random number."""
    return options[int(uniform() * len(options))]


def choose_wordings(uniform: Callable[[], float], task_type: TaskType) -> dict[str, str]:
    """A wording for the title and for each step of a script."""
    return {
        "title": choose(uniform, TITLES[task_type]),
        **{name: choose(uniform, WORDINGS[name]) for name in STEPS[task_type]},
    }


def format_script(task_type: TaskType, wordings: dict[str, str], without: Collection[str] = ()) -> str:
    """The script in these wordings, less some steps: title line, then numbered lines."""
    kept = [name for name in STEPS[task_type] if name not in without]
    return "\n".join([wordings["title"], *(f"{number}. {wordings[name]}" for number, name in enumerate(kept, 1))])


def script(uniform: Callable[[], float], task_type: TaskType) -> str:
    """The whole script in wordings drawn at random."""
    return format_script(task_type, choose_wordings(uniform, task_type))
