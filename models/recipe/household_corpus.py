"""Household documents of the corpus: episodes, scripts written from one, scripts put right.

    python household_corpus.py --show 2 [--kind script]    # prints documents; a kind is anything in their first lines
    python household_corpus.py --documents 5000            # how long they are, how many of each kind, speed

A document is [(role, text, train)], as in `corpus.py`, which has the file tasks' documents; `mixture.py` joins
the two.
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from corpus_conversation import Message, readable
from corpus_learning import SYSTEM_REVISE, SYSTEM_SCRIPT
from localnpm.evals.household import (
    CARELESS,
    Careful,
    Episode,
    TaskType,
    example,
    good_episode,
    play_episode,
    script,
    system_prompt,
    tool_call,
    tool_response,
)
from localnpm.evals.household.careless import NoOpen, Revisit, SkipStep, StopEarly, WrongObject, WrongPlace
from localnpm.evals.household.play import MAX_COMMANDS
from localnpm.evals.household.scripts import STEPS, choose, choose_wordings, format_script

MAX_CHARACTERS = 6400
TASK_TYPES = tuple(TaskType)


@dataclass
class Document:
    """A document and what is known of it (kind, task type, memory, mode, ...), for counting."""

    messages: list[Message] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)

    def estimated_characters(self) -> int:
        return sum(len(text) + 30 for _, text, _ in self.messages)


def act(rng: random.Random) -> Document:
    """An episode, half of them with memory in the prompt; some without are careless ones."""
    uniform = rng.random
    draw = uniform()
    memory = "none" if draw < 0.5 else "script" if draw < 0.75 else "example" if draw < 0.85 else "both"
    facts: dict[str, object] = {"kind": "act", "memory": memory, "mode": Careful.mode}
    if memory == "none" and uniform() < 0.55:
        policy = CARELESS[int(uniform() * len(CARELESS))]
        facts["mode"] = policy.mode
        episode = _answered(rng, policy)
    else:
        slips = uniform() < 0.15
        if slips:
            facts["slips"] = True
        episode = good_episode(rng, None, MAX_COMMANDS if memory in ("none", "script") else 20, slips)
    facts.update(type=episode.task_type, steps=len(episode.steps), won=episode.won)
    procedure = script(uniform, episode.task_type) if memory in ("script", "both") else None
    trajectory = example(rng, episode.task_type) if memory in ("example", "both") else None
    messages = [
        Message("system", system_prompt(procedure, trajectory), False),
        Message("user", episode.first, False),
    ]
    for step in episode.steps:
        messages.append(Message("assistant", tool_call(step.command), step.meant))
        messages.append(Message("user", tool_response(step.observation), False))
    messages.append(Message("assistant", episode.answer or "", True))
    return Document(messages, facts)


def write_script(rng: random.Random) -> Document:
    """A finished task -> its script."""
    episode = good_episode(rng, None, 24)
    return Document(
        [
            Message("system", SYSTEM_SCRIPT, False),
            Message("user", episode.compact(), False),
            Message("assistant", script(rng.random, episode.task_type), True),
        ],
        {"kind": "script", "type": episode.task_type},
    )


COMPLAINTS = {
    "once": (
        "You went to the same places again and again.",
        "Stop going back to places that you have already seen.",
        "You searched some places twice.",
        "That took too long: you kept going to the same places.",
    ),
    "open": (
        "You did not open the closed places.",
        "You never looked inside what was closed.",
        "You have to open a place before you can look in it.",
        "It was behind a closed door. Open what is closed.",
    ),
    "take": (
        "That was the wrong object.",
        "You took something similar, not what I asked for.",
        "Take exactly what I name.",
        "I asked for something else. Look at the name of the object.",
    ),
    "clean": ("It was not clean.", "You forgot to clean it.", "You have to clean it first.", "It is still dirty."),
    "heat": ("It was not hot.", "You forgot to heat it.", "You have to heat it first.", "It is still cold."),
    "cool": ("It was not cool.", "You forgot to cool it.", "You have to cool it first.", "It is still warm."),
    "use": (
        "You did not turn on the lamp.",
        "The desklamp was off.",
        "You forgot the lamp.",
        "You have to use the desklamp.",
    ),
    "again": (
        "There is only one of them there.",
        "I wanted two of them.",
        "You forgot the second one.",
        "One is missing.",
    ),
    "go": (
        "That is the wrong place.",
        "You put it somewhere else.",
        "It is not in the place that I named.",
        "I wanted it in another place.",
    ),
    "check": (
        "You said that it was done, but it was not.",
        "You stopped too early.",
        "Do not answer before it is done.",
        "It was not finished when you answered.",
    ),
}
"""A script's step -> what a user says when it was not kept."""

WRONG_STEPS = {
    "take": (
        "Take the first object that looks similar.",
        "Take the <object> or something like it.",
        "Pick up any object of that sort.",
    ),
    "go": (
        "Go to a free place nearby.",
        "Carry it to the next best place.",
        "Go to any place that can hold it.",
    ),
}
"""Faulty scripts have these in a step's place; other faults are steps left out."""

FAULTY_POLICY: dict[str, type[Careful]] = {
    "once": Revisit,
    "open": NoOpen,
    "take": WrongObject,
    "clean": SkipStep,
    "heat": SkipStep,
    "cool": SkipStep,
    "use": SkipStep,
    "again": SkipStep,
    "go": WrongPlace,
    "check": StopEarly,
}
"""A script's step -> the policy that fails as if it lacked this step."""

CHECKS = frozenset(("check", "check_both", "check_lamp"))


def revise_script(rng: random.Random) -> Document | None:
    """A faulty script, and a failed run with a complaint or else a good run -> the corrected script.

    None if no failed run turned up.
    """
    uniform = rng.random
    task_type = TASK_TYPES[int(uniform() * len(TASK_TYPES))]
    steps = STEPS[task_type]
    faults = [name for name in steps if name in FAULTY_POLICY] + ([] if "check" in steps else ["check"])
    fault = faults[int(uniform() * len(faults))]
    wordings = choose_wordings(uniform, task_type)
    if fault in WRONG_STEPS:
        faulty = format_script(task_type, wordings | {fault: choose(uniform, WRONG_STEPS[fault])})
    else:
        faulty = format_script(task_type, wordings, CHECKS if fault == "check" else {fault})
    if fault in ("once", "check") or uniform() < 0.6:
        failed = _failed(rng, task_type, FAULTY_POLICY[fault])
        if failed is None:
            return None
        complaint = choose(uniform, COMPLAINTS[fault])
        material = f"# Failed run\n{failed.compact()}\n\n# Complaint\n{complaint}"
    else:
        material = f"# Good run\n{_showing(rng, task_type, fault).compact()}"
    return Document(
        [
            Message("system", SYSTEM_REVISE, False),
            Message("user", f"# Procedure\n{faulty}\n\n{material}", False),
            Message("assistant", format_script(task_type, wordings), True),
        ],
        {"kind": "revise", "type": task_type, "fault": fault},
    )


def _answered(rng: random.Random, policy: type[Careful]) -> Episode:
    while True:
        episode = play_episode(rng, None, policy)
        if episode.answer:
            return episode


def _failed(rng: random.Random, task_type: TaskType, policy: type[Careful]) -> Episode | None:
    for _ in range(60):
        episode = play_episode(rng, task_type, policy, 20)
        if episode.answer and episode.steps and not episode.won:
            return episode
    return None


def _showing(rng: random.Random, task_type: TaskType, fault: str) -> Episode:
    """A good run in which the missing step can be seen, if one turns up soon."""
    for _ in range(20):
        episode = good_episode(rng, task_type, 16)
        if fault != "open" or any(step.command.startswith("open ") for step in episode.steps):
            break
    return episode


MAKERS: tuple[tuple[float, Callable[[random.Random], Document | None]], ...] = (
    (0.92, act),
    (0.965, write_script),
    (1.0, revise_script),
)
"""Cumulative shares of the kinds."""


def make_document(rng: random.Random) -> Document:
    """A document of any kind, short enough."""
    draw = rng.random()
    maker = next(maker for share, maker in MAKERS if draw < share)
    while True:
        made = maker(rng)
        if made is not None and made.estimated_characters() <= MAX_CHARACTERS:
            return made


def document(rng: random.Random) -> list[Message]:
    """The messages of `make_document`."""
    return make_document(rng).messages


def show(rng: random.Random, number: int, kind: str | None) -> None:
    """Prints documents, of one kind if given."""
    while number:
        made = make_document(rng)
        if kind is None or kind in made.facts.values():
            print("========", ", ".join(f"{name} {value}" for name, value in made.facts.items()))
            print(readable(made.messages))
            number -= 1


def count(rng: random.Random, number: int) -> None:
    """Prints lengths, shares and speed."""
    counted: dict[str, Counter[object]] = {}
    characters = trained = 0
    start = time.process_time()
    for _ in range(number):
        made = make_document(rng)
        characters += sum(len(text) for _, text, _ in made.messages)
        trained += sum(len(text) for _, text, train in made.messages if train)
        for name, value in made.facts.items():
            counted.setdefault(name, Counter())[value] += 1
    seconds = time.process_time() - start
    print(
        f"{number} documents, {number / seconds:.0f} a CPU second; mean {characters / number:.0f} characters, "
        f"{trained / number:.0f} of them trained"
    )
    for name, values in counted.items():
        total = sum(values.values())
        print(f"{name}: " + ", ".join(f"{value} {times / total:.1%}" for value, times in values.most_common()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--kind")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    if options.show:
        show(rng, options.show, options.kind)
    else:
        count(rng, options.documents)


if __name__ == "__main__":
    main()
