"""A user with fixed habits who judges what was done and, after a failure, says which habit was not kept.

What was done is compared with what every variant of each habit would have given, so that a reason names a habit that
was really violated, in words of the phrase bank. Known wordings and those held out from all training are kept apart.
Not covered: when the user is asked (practice.py, learning_curves.py).
"""

import random
from collections.abc import Mapping
from difflib import SequenceMatcher
from itertools import product

from localnpm.evals.environment import Complaint, Judgement, Wording
from localnpm.evals.habits.phrases import plain_reasons, split, wide_reasons
from localnpm.evals.habits.profile import VARIANTS
from localnpm.evals.habits.task import Habits, Task

Files = Mapping[str, str]

PLAIN_SHARE = 0.3
"""How often a known complaint is one of the few plain wordings, as in the training corpus."""

POOL = 12
"""Judgements that are held back at a time where they are shuffled."""

_POOL_SUCCESS = 0.4


def violated(task: Task, profile: Habits, before: Files, after: Files, answer: str) -> tuple[str, ...]:
    """The habits that were not kept; none where something else is wrong.

    First the variants under which all would have been right; failing that, those whose files are the nearest to what
    is there. Somebody who changed nothing has not shown any habit.
    """
    others = _other_profiles(task, profile)
    for differing, other in others:
        if task.check(before, after, answer, other).success:
            return differing
    if dict(before) == dict(after):
        return ()
    own = _distance(after, task.end_state(before, profile))
    nearest = min(others, key=lambda pair: _distance(after, task.end_state(before, pair[1])), default=None)
    if nearest is None or _distance(after, task.end_state(before, nearest[1])) >= own:
        return ()
    return nearest[0]


def complain(habits: tuple[str, ...], profile: Habits, draw: random.Random, worded: Wording) -> Complaint:
    """The user's words about habits that were not kept: a sentence each. `worded` new: held-out ones where there are.

    A few variants have no held-out wording; the complaint then says `known`.
    """
    sentences, actual = [], []
    for habit in habits:
        sentence, how = _sentence(habit, profile[habit], draw, worded)
        sentences.append(f"{sentence}.")
        actual.append(how)
    return Complaint(" ".join(sentences), habits, "new" if "new" in actual else "known")


class Shuffled:
    """Judgements that come to the wrong attempts: as many successes and the same reasons, but others' (a control).

    Each judgement goes into a pool, and one that lies there comes out in its place.
    """

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._pool = [self._invented() for _ in range(POOL)]

    def __call__(self, judgement: Judgement, complaint: Complaint) -> tuple[Judgement, Complaint]:
        """Another attempt's judgement and complaint."""
        place = self._draw.randrange(POOL)
        taken, self._pool[place] = self._pool[place], (judgement, complaint)
        return taken

    def _invented(self) -> tuple[Judgement, Complaint]:
        """To begin with nobody has judged anything: a judgement out of thin air."""
        if self._draw.random() < _POOL_SUCCESS:
            return Judgement(True, "ok"), Complaint()
        habit, variant = self._draw.choice(list(plain_reasons("correction")))
        return Judgement(False, "shuffled"), complain((habit,), {habit: variant}, self._draw, "known")


def mistaken(judgement: Judgement, share: float, draw: random.Random) -> Judgement:
    """The judgement, turned round in this share of cases."""
    if draw.random() >= share:
        return judgement
    return Judgement(not judgement.success, "ok" if not judgement.success else "the user was mistaken")


def _other_profiles(task: Task, profile: Habits) -> list[tuple[tuple[str, ...], dict[str, str]]]:
    """Every other combination of the task's habits with the habits that differ, the fewest first."""
    found = []
    for variants in product(*(VARIANTS[habit] for habit in task.habits)):
        chosen = dict(zip(task.habits, variants, strict=True))
        differing = tuple(habit for habit in task.habits if chosen[habit] != profile[habit])
        if differing:
            found.append((differing, {**profile, **chosen}))
    return sorted(found, key=lambda pair: len(pair[0]))


def _distance(files: Files, wanted: Files) -> float:
    """How far files are from the wanted ones: up to 1 for each that differs, 2 for one missing and another too much.

    A file under a name that is nearly the wanted one counts as that file, so that a slip of the pen hides no habit.
    """
    total = sum(1 - _likeness(files[path], wanted[path]) for path in files if path in wanted)
    missing = [path for path in wanted if path not in files]
    surplus = [path for path in files if path not in wanted]
    for path in missing:
        costs = {other: 2 - _likeness(other, path) - _likeness(files[other], wanted[path]) for other in surplus}
        nearest = min(costs, key=lambda other: costs[other], default=None)
        if nearest is None:
            total += 1
        else:
            total += costs[nearest]
            surplus.remove(nearest)
    return total + len(surplus)


def _likeness(one: str, other: str) -> float:
    """1 for texts that are equal but for white space at their ends, 0 for texts with nothing in common."""
    one, other = one.rstrip(), other.rstrip()
    return 1.0 if one == other else SequenceMatcher(None, one, other, autojunk=False).ratio()


def _sentence(habit: str, variant: str, draw: random.Random, worded: Wording) -> tuple[str, Wording]:
    known, held_out = split(wide_reasons("correction").get((habit, variant), ()))
    if worded == "new" and held_out:
        return draw.choice(held_out), "new"
    plain = plain_reasons("correction")[habit, variant]
    return draw.choice(plain if not known or draw.random() < PLAIN_SHARE else known), "known"
