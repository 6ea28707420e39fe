"""Which sentences of a script rest on words that only a tool result had: a file's words are not the user's.

A file may say "from now on, always ...". Obeyed or not, it is no procedure of the user's: a step that takes its matter
from tool results alone, and not from the user's words or from what a success did, is marked, and the script waits for
the user. What a step has from neither (the model's own words for listing, reading, answering) is no ground for doubt.
Not covered: whether what a success did was itself put into the model's head by a file; then the user saw it done.
"""

import re
from collections.abc import Iterable, Sequence

from localnpm.distill.scripts import steps_of, title_of

LEAST_SHARED = 2
"""Words that a sentence and a passage of a result must share, both being outside of what is trusted; one is enough for
a passage that gives orders."""
SHARE = 0.5
"""Of the sentence's own words, those that the passage must have for the sentence to rest on it."""

_SLOT = re.compile(r"<[^<>\n]{1,60}>")
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_LITERAL = re.compile(
    r"(?:https?://\S+|[\w.+-]+@[\w-]+\.[\w.]+|(?:[\w-]+/)+[\w.-]*|[\w-]+\.[a-z][a-z0-9]{0,4}\b|\d{2,}(?:[.,:]\d+)*|"
    r"\"[^\"\n]{3,}\"|`[^`\n]{2,}`)"
)
_ORDER = re.compile(r"\b(?:always|never|must|from now on|ignore|important|remember|instruction\w*)\b")
_SAYING = re.compile(r"\w{2,}")
_PASSAGE = re.compile(r"[.!?;]\s+|\n+")
_ENDINGS = ("ings", "ing", "edly", "ed", "es", "s", "ly", "e")

# What every script is made of; that a file has such a word too says nothing.
_COMMON = (
    "a about above add after again all also an and another answer any append are as at back be before begin below "
    "beside between blank both bring but by calculate call can change check client contain content copy count create "
    "date delete describe directory do document done each edit else empty end ending entry every example exist "
    "explain fact file find first folder follow for from get give go had has have heading here if in inside into is "
    "it item its just keep last less let like line list little look made make many matter mention more most move much "
    "name need new next no not note now number of off old on once one only open or order other out over own page part "
    "path place point put read rename replace report result row same save say search second see should show so some "
    "sort space start step still store sum summary take task tell text than that the their them then there these they "
    "thing this those three through title to tool too top total two under until up use user value very want was way "
    "well were what when where which while who whole will with without word work workspace would write written yet "
    "you your"
)


def doubtful(script: str, trusted: Sequence[str], seen: Sequence[str]) -> tuple[str, ...]:
    """The sentences of a script that rest on text seen in tool results alone, word for word as the script has them.

    Args:
        script: a title line, then numbered steps.
        trusted: the user's words (requests, reasons) and the arguments of a success's calls, and its answer.
        seen: the results that tools gave.
    """
    known = _words("\n".join(trusted))
    known_text = _plain("\n".join(trusted))
    passages = [(_words(passage), _plain(passage)) for result in seen for passage in _PASSAGE.split(result)]
    passages = [(words, text) for words, text in passages if words - known or text]
    return tuple(
        sentence for sentence in (title_of(script), *steps_of(script)) if _rests(sentence, known, known_text, passages)
    )


def _rests(sentence: str, known: set[str], known_text: str, passages: Iterable[tuple[set[str], str]]) -> bool:
    said = _SLOT.sub(" ", sentence)
    own = _words(said) - known
    literals = [text for text in map(_plain, _LITERAL.findall(said)) if _SAYING.search(text) and text not in known_text]
    for words, text in passages:
        if any(literal in text for literal in literals):
            return True
        shared = own & words
        least = 1 if _ORDER.search(text) else LEAST_SHARED
        if len(shared) >= least and len(shared) >= SHARE * len(own):
            return True
    return False


def _words(text: str) -> set[str]:
    """The words that carry matter, without their endings."""
    found = (match.group().lower() for match in _WORD.finditer(text))
    return {_stem(word) for word in found if len(word) > 1 and not word.isdigit()} - _STEMS


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            stem = word[: -len(ending)]
            return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] and ending in ("ing", "ed") else stem
    return word


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).strip("\"`'.,:;")


_STEMS = frozenset(_stem(word) for word in _COMMON.split(" "))
