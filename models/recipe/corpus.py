"""The training documents about workspace tasks: every kind of CONTRACT.md, section 4.

    python models/recipe/corpus.py --docs 20000 --seed 1 --out corpus.jsonl --stats
    python models/recipe/corpus.py --show 5 --kind correction

A line of the output is a document: a JSON list of [text, trained] segments. The same seed gives the same documents.
"""

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from corpus_about import About
from corpus_conversation import Message, readable, render
from corpus_corrections import correction
from corpus_drills import drill
from corpus_learning import SYSTEM_REVISE, SYSTEM_SCRIPT, list_key_terms, revise_script, write_script
from corpus_look import look
from corpus_talk import off_topic, small_talk
from corpus_work import work
from localnpm.evals.habits.names import Names, Split
from localnpm.evals.habits.shares import Shares

__all__ = [
    "KINDS",
    "SYSTEM_REVISE",
    "SYSTEM_SCRIPT",
    "About",
    "Message",
    "document",
    "document_info",
    "readable",
    "render",
]

MAX_CHARS = 3900
"""A longer document is drawn again."""

_TAGS_PER_TURN = 30
"""Characters of the tags around a turn, roughly."""

Maker = Callable[[Names, About], list[Message]]

KINDS: Shares[tuple[str, Maker]] = Shares(
    (0.56, ("act", work)),
    (0.63, ("correction", correction)),
    (0.70, ("script", write_script)),
    (0.76, ("revise", revise_script)),
    (0.78, ("keywords", list_key_terms)),
    (0.82, ("off_topic", off_topic)),
    (0.85, ("small_talk", small_talk)),
    (0.90, ("look", look)),
    (1.0, ("drill", drill)),
)
"""Kinds of document."""


def document(rng: random.Random, split: Split = "train") -> list[Message]:
    """A random document, all of whose draws come from `rng`."""
    return document_info(rng, split)[0]


def document_info(rng: random.Random, split: Split = "train") -> tuple[list[Message], About]:
    """A random document and what is known about it."""
    kind, make = KINDS.draw(rng.random)
    while True:
        about = About(kind)
        messages = make(Names(rng, split), about)
        about.length = sum([len(message.text) for message in messages]) + _TAGS_PER_TURN * len(messages)
        if about.length <= MAX_CHARS:
            return messages, about


def show(count: int, seed: int, kind: str | None) -> None:
    """Print documents; `kind` may also be a kind of memory or a family."""
    rng = random.Random(seed)
    while count:
        messages, about = document_info(rng)
        if kind in (None, about.kind, about.memory, about.family):
            print(f"======== {about}")
            print(readable(messages))
            count -= 1


class Statistics:
    """How many documents of which sort, and how long they are."""

    def __init__(self) -> None:
        self._documents = self._chars = self._trained_chars = self._longest = 0
        self._counts: dict[str, Counter[object]] = {
            name: Counter() for name in ("kind", "memory", "family", "mode", "two", "calls")
        }
        self._start, self._start_cpu = time.perf_counter(), time.process_time()

    def add(self, segments: list[tuple[str, bool]], about: About) -> None:
        """Count a document."""
        chars = sum(len(text) for text, _ in segments)
        self._documents += 1
        self._chars += chars
        self._longest = max(self._longest, chars)
        self._trained_chars += sum(len(text) for text, trained in segments if trained)
        for name, counter in self._counts.items():
            value = getattr(about, name)
            if value is not None:
                counter[value] += 1

    def report(self) -> str:
        """The figures, a line each."""
        count = self._documents
        seconds, cpu = time.perf_counter() - self._start, time.process_time() - self._start_cpu
        lines = [
            f"{count} documents in {seconds:.1f} s ({count / cpu:.0f} a second of CPU); "
            f"{self._chars / count:.0f} characters each (assistant: {self._trained_chars / count:.0f}), "
            f"the longest {self._longest}"
        ]
        for name, counter in self._counts.items():
            total = counter.total()
            shares = [f"{value} {n} ({n / total:.1%})" for value, n in counter.most_common()]
            lines.append(f"{name}: {', '.join(shares)}")
        return "\n".join(lines)


def generate(count: int, seed: int, out: Path | None) -> Statistics:
    """Draw documents, and write them where `out` says."""
    rng = random.Random(seed)
    Names(rng)  # loads the words before the clock starts
    statistics = Statistics()
    encode = json.JSONEncoder(ensure_ascii=False).encode
    file = out.open("w", encoding="utf-8") if out else None
    try:
        for _ in range(count):
            messages, about = document_info(rng)
            segments = render(messages)
            statistics.add(segments, about)
            if file:
                file.write(f"{encode(segments)}\n")
    finally:
        if file:
            file.close()
    return statistics


def main() -> None:
    parser = argparse.ArgumentParser(description="Generate training documents about workspace tasks.")
    parser.add_argument("--docs", type=int, default=1000, help="how many documents")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="a JSON lines file to write")
    parser.add_argument("--stats", action="store_true", help="print the figures even when writing a file")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print N documents instead")
    parser.add_argument("--kind", help="show only this kind of document, memory or family")
    options = parser.parse_args()
    if options.show:
        show(options.show, options.seed, options.kind)
        return
    statistics = generate(options.docs, options.seed, options.out)
    if options.stats or not options.out:
        print(statistics.report())


if __name__ == "__main__":
    main()
