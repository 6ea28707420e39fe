"""Worded requests by kind, for training and scoring the embedder.

Kinds of three sources: the twenty families of file tasks, the household's task types with their objects, and pairs of
an action and an object from `requests/`, where each is worded in several ways and any action goes with any object, so
that both have to be told from their neighbours. Some actions and some objects are held out of training, and what they
make together is scored. Small talk and questions off the topic are a kind each, to abstain from.
"""

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from corpus_talk import SMALL_TALK, off_topic_question
from localnpm.evals.habits.families import BY_NAME, FAMILIES
from localnpm.evals.habits.names import Names, Split
from localnpm.evals.habits.request import capitalize, polite
from localnpm.evals.household import Goal, TaskType, goal_text, sample_room

Kind = tuple[str, str]
"""(source or action, what of it): ("habits", "add_todo"), ("rename", "photo")."""

EVERY, OFFSET = 12, 6
"""Of the actions, and of the objects, one in so many is held out, beginning with this one."""

FAMILY_KINDS: tuple[Kind, ...] = tuple(("habits", family.name) for family in FAMILIES)
TALK: tuple[Kind, ...] = (("talk", "talk"), ("talk", "question"))

_SENTENCE = re.compile(
    r"(\{o\}|I |is |are |was |what|how|which|where|who|why|do |don't|will |roughly|any)", re.IGNORECASE
)
_DETAILS = (
    "for {person}", "from {person}", "of {person}", "with {person}", "in {folder}/", "in {file}", "from {file}",
    "by {date}", "on {date}", "called {name}", "about {topic}", "about the {topic}", "in {city}", "from {city}",
    "at {time}", "again", "today", "tomorrow", "next week", "this month", "right now", "as soon as possible",
    "for the {topic} project", "for {company}", "of {company}", "under {name}", "number {number}", "from 20{number}",
    "before the weekend", "on Monday", "if you can", "like last time",
)  # fmt: skip


@cache
def lexicon(file: str) -> Mapping[str, tuple[str, ...]]:
    """Name -> wordings, from a file of `requests/`."""
    lines = (Path(__file__).parent / "requests" / f"{file}.txt").read_text("utf-8").splitlines()
    found = {}
    for line in lines:
        name, _, wordings = line.partition(": ")
        found[name] = tuple(wording.strip() for wording in wordings.split("|" if "|" in wordings else ","))
    return found


def parts(file: str, *, held_out: bool) -> tuple[str, ...]:
    """The actions or objects that training uses, or those that it does not."""
    return tuple(name for place, name in enumerate(lexicon(file)) if (place % EVERY == OFFSET) == held_out)


@cache
def _asking(family: str) -> Any:
    """The family's task, that keeps what it fills its wordings with."""

    class Asking(BY_NAME[family]):  # type: ignore[misc]
        slots: Mapping[str, str]

        def ask(self, **slots: str) -> str:
            self.slots = slots
            return str(super().ask(**slots))

        def worded_anew(self, rng: random.Random) -> str:
            fitting = [
                each for each in lexicon("families")[family] if set(re.findall(r"{(\w+)}", each)) <= set(self.slots)
            ]
            return rng.choice(fitting).format(**self.slots)

    return Asking


class Requests:
    """Draws worded requests."""

    def __init__(self, rng: random.Random, split: Split = "train") -> None:
        self.rng = rng
        self.names = Names(rng, split)

    def of(self, kind: Kind) -> str:
        """A new request of a kind."""
        source, what = kind
        if source == "habits":
            return self.family(what)
        if kind == TALK[0]:
            return self.rng.choice(self.rng.choice(SMALL_TALK).user)
        if kind == TALK[1]:
            return off_topic_question(self.names)
        return self.worded(source, what)

    def family(self, family: str) -> str:
        """A file task's request; in training half of them in wordings of `requests/`, which the families lack."""
        if self.names.split == "eval" or self.rng.random() < 0.5:
            return BY_NAME[family].make(self.names).request
        task = _asking(family).make(self.names)
        return polite(self.rng.random, task.worded_anew(self.rng))

    def household(self, goal: Goal) -> str:
        """A goal in one of the simulator's wordings, or in one of ours with everyday names of things."""
        if self.rng.random() < 0.4:
            return goal_text(self.rng, goal)
        templates = lexicon("household")[goal.task_type.value]
        text = self.rng.choice(templates).format(
            o=self._everyday(goal.object_type), r=self._everyday(goal.receptacle_type)
        )
        return polite(self.rng.random, text) if self.rng.random() < 0.7 else text

    def _everyday(self, name: str) -> str:
        """What people call a thing of the household; what `requests/everyday.txt` does not have keeps its name."""
        word = self.rng.choice((name, *lexicon("everyday").get(name, ())))
        return f"{self.rng.choice(('the ', 'the ', 'a ', 'some ', ''))}{word}"

    def goal(self) -> Goal:
        """A goal of the household."""
        return sample_room(self.rng, self.rng.choice(list(TaskType)))[1]

    def worded(self, action: str, thing: str) -> str:
        """A request to do something to something, mostly with some detail."""
        template = self.rng.choice(lexicon("actions")[action])
        text = template.format(o=self._thing(thing))
        if self.rng.random() < 0.55:
            text += " " + self._detail()
        if _SENTENCE.match(template):
            question = template.lower().startswith(
                ("is ", "are ", "was ", "what", "how", "which", "where", "who", "why")
            )
            text = capitalize(text) if self.rng.random() < 0.8 else text
            return text + ("?" if question else self.rng.choice((".", ", please.", "")))
        return polite(self.rng.random, text)

    def _thing(self, thing: str) -> str:
        text = self.rng.choice(lexicon("objects")[thing])
        chance = self.rng.random()
        bare = re.sub(r"^(the|a|an|my|some|this) ", "", text)
        if chance < 0.35:
            return text
        if chance < 0.5:
            return f"my {bare}"
        if chance < 0.6:
            return bare
        if chance < 0.75:
            return f"the {self.names.word('modifier')} {bare}"
        if chance < 0.85:
            return f"{self.names.first_name()}'s {bare}"
        return f"the {bare}"

    def _detail(self) -> str:
        names = self.names
        topic = names.topic()
        return self.rng.choice(_DETAILS).format(
            person=names.first_name() if self.rng.random() < 0.5 else names.person(),
            folder=names.folder(),
            file=names.file_stem(topic) + self.rng.choice((".txt", ".md", ".csv", ".pdf", ".docx", ".py", "")),
            date=names.date(),
            name=" ".join(topic),
            topic=topic[-1],
            city=names.city(),
            time=names.time(),
            company=names.company(),
            number=self.rng.randint(10, 99),
        )


def pairs(rng: random.Random, actions: Sequence[str], objects: Sequence[str], count: int) -> list[Kind]:
    """Kinds in which actions and objects return, so that neither alone tells them apart."""
    chosen = rng.sample(list(actions), min(len(actions), max(2, count // 4)))
    things = rng.sample(list(objects), min(len(objects), max(2, count // 4)))
    found: dict[Kind, None] = {}
    while len(found) < min(count, len(chosen) * len(things)):
        found[rng.choice(chosen), rng.choice(things)] = None
    return list(found)
