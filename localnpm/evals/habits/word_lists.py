"""The real words in `words/`, and which words are held out from training.

A word is held out by its hash, wherever it occurs: a company may share its name with a surname, and then both are
held out. Words that the fixed texts (templates, scripts, answers) use are never held out.
"""

from functools import cache
from importlib import resources
from zlib import crc32

from localnpm.evals.habits import phrases

LISTS = {
    "first_name": "first_names",
    "surname": "surnames",
    "company": "companies",
    "modifier": "modifiers",
    "noun": "nouns",
    "goods": "goods",
    "expense": "expenses",
    "city": "cities",
}
"""Kind of word -> its file in `words/`."""


@cache
def load(file: str) -> tuple[str, ...]:
    """The words of `words/FILE.txt`, which white space separates."""
    text = (resources.files(__package__) / "words" / f"{file}.txt").read_text(encoding="utf-8")
    return tuple(text.split())


@cache
def words_of(kind: str) -> tuple[str, ...]:
    """All words of a kind. An expense can be several words; its file joins them with underscores."""
    words = load(LISTS[kind])
    return tuple(word.replace("_", " ") for word in words) if kind == "expense" else words


@cache
def _never_held_out() -> frozenset[str]:
    return phrases.template_words().union(load("fixed_texts"))


def held_out(word: str) -> bool:
    """Whether training never sees the word: one in ten, whatever its case."""
    word = word.lower()
    return word not in _never_held_out() and crc32(word.encode()) % 10 == 7


def _has_held_out_part(words: str) -> bool:
    return any(map(held_out, words.split()))


@cache
def training_words(kind: str) -> list[str]:
    """The words of a kind that training may use."""
    return [word for word in words_of(kind) if not _has_held_out_part(word)]


@cache
def evaluation_words(kind: str) -> list[str]:
    """The words of a kind that only the evaluation uses."""
    return [word for word in words_of(kind) if _has_held_out_part(word)]


def held_out_words() -> frozenset[str]:
    """All held-out real words, lower case."""
    return frozenset(
        part.lower() for kind in LISTS for words in evaluation_words(kind) for part in words.split() if held_out(part)
    )


@cache
def real_words() -> frozenset[str]:
    """All real single words, lower case: a made-up word is none of them."""
    kinds = [words_of(kind) for kind in LISTS if kind != "expense"]
    return frozenset(word.lower() for words in (*kinds, load("folders")) for word in words)
