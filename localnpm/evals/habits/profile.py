"""The hidden user profile: how a user likes things done.

A *habit* is one choice (how a todo looks, where a backup goes), a *variant* one way to make it. A profile maps habits
to variants. How users put their habits into words is in `phrases/`; `wording` draws from there.
"""

import random
from collections.abc import Iterable, Mapping
from itertools import accumulate

from localnpm.evals.habits.names import Split
from localnpm.evals.habits.phrases import Reason, plain_reasons, split, wide_reasons
from localnpm.evals.habits.shares import Shares, Uniform

HABITS: Mapping[str, Mapping[str, float]] = {
    "backup": {"none": 0.45, "bak": 0.25, "folder": 0.2, "orig": 0.1},
    "filing": {"year": 0.4, "kind": 0.25, "sender": 0.2, "month": 0.15},
    "filename": {"kebab": 0.45, "snake": 0.25, "date": 0.2, "pascal": 0.1},
    "todo_format": {"checkbox": 0.45, "star": 0.25, "label": 0.2, "numbered": 0.1},
    "todo_done": {"check": 0.45, "delete": 0.25, "donefile": 0.2, "suffix": 0.1},
    "note_format": {"heading": 0.45, "title": 0.2, "front": 0.2, "dateline": 0.15},
    "note_place": {"folder": 0.6, "root": 0.4},
    "removal": {"delete": 0.45, "trash": 0.35, "archive": 0.2},
    "merge_join": {"blank": 0.45, "rule": 0.3, "headings": 0.25},
    "merge_originals": {"keep": 0.6, "remove": 0.4},
    "csv_order": {
        "date_item_amount": 0.45,
        "date_amount_item": 0.25,
        "item_amount_date": 0.2,
        "amount_item_date": 0.1,
    },
    "fact_style": {"sentence": 0.45, "value": 0.35, "source": 0.2},
    "list_style": {"comma": 0.4, "bullets": 0.4, "count": 0.2},
    "index_name": {"readme": 0.45, "index": 0.35, "contents": 0.2},
    "sum_output": {"answer": 0.5, "append": 0.3, "summary": 0.2},
    "cleanup": {"delete": 0.6, "trash": 0.4},
    "template_naming": {"kind_first": 0.4, "name_first": 0.3, "folder": 0.2, "date_first": 0.1},
    "journal": {"bullet": 0.45, "heading": 0.35, "line": 0.2},
    "ext_folder": {"plain": 0.45, "files": 0.25, "sorted": 0.2, "upper": 0.1},
    "compare_style": {"winner": 0.45, "both": 0.35, "difference": 0.2},
    "contact_format": {"angle": 0.45, "colon": 0.3, "comma": 0.25},
    "verify": {"no": 0.65, "yes": 0.35},
    "explore": {"list": 0.45, "find": 0.35, "search": 0.2},
}
"""Habit -> variant -> prior, the share of users who have it."""

VARIANTS: Mapping[str, tuple[str, ...]] = {habit: tuple(priors) for habit, priors in HABITS.items()}


def _shares(priors: Mapping[str, float]) -> Shares[str]:
    *bounds, _ = accumulate(priors.values())
    return Shares(*zip([*bounds, 1.0], priors, strict=True))


_SHARES = {habit: _shares(priors) for habit, priors in HABITS.items()}


def draw_variant(random: Uniform, habit: str) -> str:
    """A variant by its prior."""
    return _SHARES[habit].draw(random)


class Profile(dict[str, str]):
    """Habit -> variant; a habit that nobody has asked for yet is drawn when somebody does, and then kept."""

    def __init__(
        self,
        random: Uniform,
        fixed: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        uniform: bool = False,
    ) -> None:
        super().__init__(fixed)
        self._random = random
        self._uniform = uniform

    def __missing__(self, habit: str) -> str:
        if self._uniform:
            variants = VARIANTS[habit]
            variant = variants[int(self._random() * len(variants))]
        else:
            variant = draw_variant(self._random, habit)
        self[habit] = variant
        return variant


def full_profile(rng: random.Random, uniform: bool = True) -> dict[str, str]:
    """A variant for every habit; uniform: each variant is as likely as the others, whatever its prior."""
    profile = Profile(rng.random, uniform=uniform)
    return {habit: profile[habit] for habit in HABITS}


def other_variant(random: Uniform, habit: str, variant: str) -> str:
    """A variant of the habit that is not this one."""
    others = [other for other in VARIANTS[habit] if other != variant]
    return others[int(random() * len(others))]


_WIDE = {
    kind: {key: split(lines) for key, lines in wide_reasons(kind).items()} for kind in ("correction", "instruction")
}


def wording(random: Uniform, kind: Reason, habit: str, variant: str, words: Split = "train") -> str:
    """How a user says that a variant is wanted: a sentence afterwards, or a clause along with the request.

    Neither ends in punctuation. Held-out wordings are for the evaluation split alone.
    """
    known, held_out = _WIDE[kind].get((habit, variant), ((), ()))
    if words == "eval" and held_out and random() < 0.5:
        options = held_out
    elif known and random() < 0.7:
        options = known
    else:
        options = plain_reasons(kind)[habit, variant]
    return options[int(random() * len(options))]
