"""The wordings in `phrases/`: how users ask for a task, and how they state a habit.

`phrases/FAMILY.txt` has request templates, one a line: bare imperative clauses and whole sentences, each in a few
plain wordings and in a wide bank. `phrases/corrections.txt` and `phrases/instructions.txt` state a variant of a
habit, under `# HABIT VARIANT`; again there is a plain file and a wide one.

The last fifth of each list of a wide bank is held out: only the evaluation split uses it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

Reason = Literal["correction", "instruction"]
"""How a variant is stated: afterwards, in a sentence, or along with the request, as a clause."""

Reasons = Mapping[tuple[str, str], tuple[str, ...]]
"""(habit, variant) -> wordings."""

SLOTS: Mapping[str, tuple[frozenset[str], ...]] = {
    "set_config": (frozenset("kvw"),),
    "file_document": (frozenset("w"),),
    "tidy_name": (frozenset("w"),),
    "add_todo": (frozenset("xw"),),
    "done_todo": (frozenset("xw"),),
    "write_note": (frozenset("tb"),),
    "remove_file": (frozenset("w"),),
    "merge_files": (frozenset("abc"),),
    "log_expense": (frozenset("mxdw"),),
    "look_up": (frozenset("as"),),
    "list_kind": (frozenset("e"),),
    "make_index": (frozenset("w"),),
    "sum_amounts": (frozenset("w"),),
    "clean_temp": (frozenset("e"),),
    "from_template": (frozenset("kcdw"), frozenset(("kk", "c", "d", "w"))),
    "journal": (frozenset("dxw"),),
    "move_ext": (frozenset("e"),),
    "compare_files": (frozenset("kab"),),
    "replace_text": (frozenset("xyw"),),
    "add_contact": (frozenset("nmw"),),
}
"""Family -> the sets of slots that its wide templates may have."""


@dataclass(frozen=True)
class Wordings:
    """Templates of a request: imperative clauses (lower case, no final dot) and whole sentences."""

    clauses: tuple[str, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class RequestBank:
    """A family's templates: the few plain ones, the wide ones of training, and those that training never uses."""

    plain: Wordings
    known: Wordings
    held_out: Wordings


def _sections(file: str) -> dict[str, list[str]]:
    """The lines of a phrase file by the `# heading` above them; blank lines are left out."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    text = (resources.files(__package__) / "phrases" / f"{file}.txt").read_text(encoding="utf-8")
    for line in map(str.strip, text.split("\n")):
        if line.startswith("# "):
            lines = sections.setdefault(line[2:], [])
        elif line:
            lines.append(line)
    return sections


def split(templates: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(the part that training uses, the held-out part)."""
    known = len(templates) - len(templates) // 5
    return tuple(templates[:known]), tuple(templates[known:])


def wide_requests(family: str) -> Wordings:
    """A family's wide templates, known and held out together."""
    sections = _sections(family)
    return Wordings(tuple(sections["clauses"]), tuple(sections["sentences"]))


@cache
def request_bank(family: str) -> RequestBank:
    """The templates of a family's requests."""
    sections = _sections(family)
    known_clauses, new_clauses = split(sections["clauses"])
    known_sentences, new_sentences = split(sections["sentences"])
    return RequestBank(
        plain=Wordings(tuple(sections["plain clauses"]), tuple(sections["plain sentences"])),
        known=Wordings(known_clauses, known_sentences),
        held_out=Wordings(new_clauses, new_sentences),
    )


def _reasons(file: str) -> Reasons:
    reasons = {}
    for heading, lines in _sections(file).items():
        habit, variant = heading.split()
        reasons[habit, variant] = tuple(lines)
    return reasons


@cache
def plain_reasons(kind: Reason) -> Reasons:
    """The few plain wordings of every variant."""
    return _reasons(f"plain_{kind}s")


@cache
def wide_reasons(kind: Reason) -> Reasons:
    """Many more wordings of most variants, known and held out together."""
    return _reasons(f"{kind}s")


def template_words() -> frozenset[str]:
    """Every word of the wide banks, lower case. (No slots, and not the plain wordings.)"""
    lines: list[str] = []
    for family in SLOTS:
        requests = wide_requests(family)
        lines += requests.clauses + requests.sentences
    kinds: tuple[Reason, ...] = ("correction", "instruction")
    for kind in kinds:
        for reasons in wide_reasons(kind).values():
            lines += reasons
    return frozenset(word for line in lines for word in re.findall("[a-z]+", re.sub(r"\{\w+\}", " ", line).lower()))


def problems(family: str) -> list[str]:
    """What is wrong with a family's wide templates: slots, quotes, form, repetitions."""
    found = []
    requests = wide_requests(family)
    for kind, templates in (("clause", requests.clauses), ("sentence", requests.sentences)):
        for template in templates:
            slots = re.findall(r"\{(\w+)\}", template)
            if frozenset(slots) not in SLOTS[family] or template.count("{") != len(set(slots)):
                found.append(f"slots {sorted(slots)}: {template}")
            if template.count('"') % 2:
                found.append(f"odd number of quotes: {template}")
            if kind == "clause" and (template[0].isupper() or template[-1] in ".?!"):
                found.append(f"not a bare clause: {template}")
        if len(set(templates)) != len(templates):
            found.append(f"a {kind} that is there twice")
    return found
