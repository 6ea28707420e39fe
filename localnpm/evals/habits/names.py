"""Random names, values and file contents, drawn from the words of one split.

`Names` is the one source of randomness of a document or an episode: whatever it draws comes from the generator that
it is given, in the order of the calls.
"""

import random
from collections.abc import Sequence
from functools import cache
from typing import Literal, TypeVar

from localnpm.evals.habits import made_up, word_lists
from localnpm.evals.habits.paths import kebab, snake
from localnpm.evals.habits.sentences import EVENTS, SENTENCES, TODOS

Split = Literal["train", "eval", "bootstrap"]
"""Which words: those of training, the held-out ones, or those of training without the words made of tokenizer pieces
(for training a tokenizer)."""

T = TypeVar("T")

COMPANY_SUFFIXES = word_lists.load("company_suffixes")
CONFIG_KEYS = word_lists.load("config_keys")
FOLDERS = word_lists.load("folders")


@cache
def _pools(split: Split) -> dict[str, list[str]]:
    """Kind of word -> the words of a split; `made_up` are those that are in no list."""
    if split == "eval":
        return {kind: word_lists.evaluation_words(kind) for kind in word_lists.LISTS} | {
            "made_up": made_up.held_out_made_up()
        }
    unseen = made_up.training_made_up()
    if split == "train":
        unseen = unseen + made_up.pieced_words()
    return {kind: word_lists.training_words(kind) for kind in word_lists.LISTS} | {"made_up": unseen}


class Names:
    """Draws names and texts; `random` gives uniform floats in [0, 1)."""

    __slots__ = ("_made_up", "_made_up_share", "_pools", "random", "split")

    def __init__(self, rng: random.Random, split: Split = "train") -> None:
        self.random = rng.random
        self.split = split
        self._pools = _pools(split)
        self._made_up = self._pools["made_up"]
        self._made_up_share = 0.3 if split == "eval" else 0.5

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[int(self.random() * len(options))]

    def integer(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def say(self, templates: Sequence[str], **slots: object) -> str:
        """One of the templates, filled in."""
        return templates[int(self.random() * len(templates))].format(**slots)

    def word(self, kind: str) -> str:
        """A word of a kind (`word_lists.LISTS`), or often a made-up one in its place."""
        draw = self.random
        pool = self._made_up if draw() < self._made_up_share else self._pools[kind]
        return pool[int(draw() * len(pool))]

    def made_up(self) -> str:
        """A word that is in no list, lower case."""
        pool = self._made_up
        return pool[int(self.random() * len(pool))]

    def topic(self) -> list[str]:
        """Two or three lower-case words for what a file is about."""
        chance = self.random()
        if chance < 0.75:
            words = [self.word("modifier"), self.word("noun")]
        elif chance < 0.87:
            words = [self.word("modifier"), self.word("modifier"), self.word("noun")]
        else:
            words = [self.word("city").lower(), self.word("noun")]
        if words[0] == words[1]:
            words[0] = self.made_up()
        return words

    def person(self) -> str:
        """A first name and a surname."""
        first = self.word("first_name")
        last = self.word("surname")
        return f"{first[0].upper()}{first[1:]} {last[0].upper()}{last[1:]}"

    def first_name(self) -> str:
        """A first name."""
        name = self.word("first_name")
        return name[0].upper() + name[1:]

    def company(self) -> str:
        """A company's name of one or two words, often with a suffix like `Ltd`."""
        word = self.word("company")
        name = word[0].upper() + word[1:]
        if self.random() < 0.25:
            word = self.word("company")
            name = f"{name} {word[0].upper()}{word[1:]}"
        if self.random() < 0.45:
            return f"{name} {self.pick(COMPANY_SUFFIXES)}"
        return name

    def city(self) -> str:
        """A city."""
        name = self.word("city")
        return name[0].upper() + name[1:]

    def date(self) -> str:
        """An ISO date from 2018 to 2027."""
        draw = self.random
        return "%d-%02d-%02d" % (2018 + int(draw() * 10), 1 + int(draw() * 12), 1 + int(draw() * 28))  # noqa: UP031

    def time(self) -> str:
        """A time of the day, in quarters of an hour."""
        return f"{self.integer(7, 21)}:{self.pick(('00', '15', '30', '45'))}"

    def amount(self) -> str:
        """A price, with or without decimals."""
        chance = self.random()
        if chance < 0.35:
            return str(self.integer(2, 480))
        if chance < 0.7:
            return f"{self.integer(1, 240)}.{self.integer(1, 99):02}"
        return f"{self.integer(1, 190)}.50"

    def code(self) -> str:
        """A door code, a reference, a serial number."""
        chance = self.random()
        if chance < 0.3:
            return str(self.integer(1000, 99999))
        if chance < 0.55:
            return f"{self.made_up()[:2].upper()}-{self.integer(10, 9999)}"
        if chance < 0.8:
            return f"{self.made_up()}{self.integer(1, 99)}"
        return self.made_up()

    def phone(self) -> str:
        """A phone number."""
        return f"0{self.integer(20, 799)} {self.integer(100, 999)} {self.integer(1000, 9999)}"

    def goods(self) -> str:
        """Something that one can buy."""
        return self.word("goods")

    def todo(self) -> str:
        """Something to do: an imperative clause without a final dot."""
        return TODOS[int(self.random() * len(TODOS))](self)

    def event(self) -> str:
        """Something that one did: past tense, one clause."""
        return EVENTS[int(self.random() * len(EVENTS))](self)

    def sentence(self) -> str:
        """A short plain sentence."""
        return SENTENCES[int(self.random() * len(SENTENCES))](self)

    def sentences(self, low: int, high: int) -> str:
        """Sentences, each on its line, without a final newline."""
        return "\n".join([self.sentence() for _ in range(self.integer(low, high))])

    def folder(self) -> str:
        """A folder's name."""
        return self.pick(FOLDERS) if self.random() < 0.7 else self.word("noun")

    def file_stem(self, words: Sequence[str]) -> str:
        """The words as a file name without its extension, in one of the usual styles."""
        chance = self.random()
        if chance < 0.5:
            return kebab(words)
        if chance < 0.87:
            return snake(words)
        if chance < 0.92:
            return "".join(words).lower()
        return f"{kebab(words)}-{self.integer(1, 99)}"

    def file_text(self, words: Sequence[str], extension: str) -> str:
        """The content of a file about the words, as the extension has it."""
        topic = " ".join(words)
        if extension == "csv":
            return "".join(
                [f"{self.date()},{self.word('expense')},{self.amount()}\n" for _ in range(self.integer(1, 3))]
            )
        if extension in ("ini", "yaml", "env", "conf", "toml"):
            return f"# {topic}\n{self.pick(CONFIG_KEYS)} = {self.integer(1, 99)}\n"
        if extension == "json":
            return f'{{"{self.pick(CONFIG_KEYS)}": {self.integer(1, 99)}}}\n'
        if extension == "log":
            return "".join([f"{self.date()} {self.time()} {self.event()}\n" for _ in range(self.integer(1, 3))])
        return self._prose(topic.capitalize(), extension)

    def _prose(self, title: str, extension: str) -> str:
        """A list, a letter or a few sentences, mostly under a title."""
        chance = self.random()
        head = f"{title}\n" if chance < 0.8 else ""
        if extension == "md" and chance < 0.6:
            head = f"# {title}\n\n"
        if chance < 0.15:
            return head + "".join([f"- {self.goods()}\n" for _ in range(self.integer(2, 4))])
        if chance < 0.3:
            company = self.company()
            return f"Dear {self.first_name()},\n{self.sentence()}\nRegards,\n{company}\n"
        return f"{head}{self.sentences(1, 3)}\n"


def slug(company: str) -> str:
    """A company's name as a file or folder name."""
    return company.lower().replace(" ", "-")
