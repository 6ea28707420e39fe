"""The conditions that are compared, by name, and what each puts into the prompt and the residual stream.

Learned rows take what recall finds in a memory that practice has filled and that is not written to any more; oracle
rows take what somebody who knows the user would have written, and are upper references only. A learned row may name
the recall key and how many procedures it takes: `script/avefact`, `both/k3`; all of them use the same memory.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from localnpm.engine.steering import Steering
from localnpm.errors import ConfigError

NO_MEMORY = ("none",)
LEARNED = (
    "random",
    "trajectory",
    "script",
    "proceduralization",
    "vector",
    "vector-synthesized",
    "vector-random",
    "both",
    "auto",
)
ORACLE = ("oracle-script", "oracle-example", "oracle-proceduralization", "oracle-vector", "oracle-wrong-script")
CONDITIONS = (*NO_MEMORY, *LEARNED, *ORACLE)
"""Every condition, in the order of the table. `auto` chooses the channel itself, as the app does; `oracle-wrong-script`
shows another user's habits: is it followed?"""
STEERED = ("vector", "vector-synthesized", "vector-random", "both")
"""Those that act by a control vector."""
FIXED = ("none", "script", "vector", "both")
"""The channels that `auto` chooses from."""
KEYS = ("query", "avefact", "random")


@dataclass(frozen=True)
class Condition:
    """A condition taken apart: `key` is empty where the settings' is meant, `count` is of procedures."""

    base: str
    key: str = ""
    count: int = 1

    @classmethod
    def of(cls, name: str) -> "Condition | None":
        """The condition of a name; None for a name that is none."""
        base, *options = name.split("/")
        keys = [each for each in options if each in KEYS]
        counts = [int(each[1:]) for each in options if re.fullmatch("k[1-9]", each)]
        varied = base in LEARNED and base != "auto"
        if base not in CONDITIONS or (options and not varied) or len(keys) > 1 or len(counts) > 1:
            return None
        if len(keys) + len(counts) < len(options) or (base == "random" and keys):
            return None
        return cls(base, keys[0] if keys else "", counts[0] if counts else 1)


@dataclass(frozen=True)
class Given:
    """What an attempt gets from memory, and what recall did for it.

    Attributes:
        others: further scripts, behind the best.
        channel: what `auto` has chosen.
        recalled: the name of the procedure; empty where recall abstained or was not asked.
        found: the kind that it was learned from, as far as known.
        similarity: the cosine of the best match, whether used or not.
    """

    script: str = ""
    others: tuple[str, ...] = ()
    example: str = ""
    channel: str = ""
    steering: Steering | None = None
    recalled: str = ""
    found: str = ""
    asked: bool = False
    similarity: float = 0.0

    def recall(self, kind: str) -> str:
        """`right`, `wrong` or `abstained` for a task of this kind; empty where recall was not asked."""
        if not self.asked:
            return ""
        if not self.recalled:
            return "abstained"
        return "right" if self.found == kind else "wrong"


def chosen(text: str) -> tuple[str, ...]:
    """The conditions of a comma-separated list, each once, in the table's order.

    Raises:
        ConfigError: a name that is no condition.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if Condition.of(name) is None]
    if unknown or not names:
        raise ConfigError(
            f"--conditions: {', '.join(unknown) or 'nothing'} is no condition; there are {', '.join(CONDITIONS)}, and "
            f"for learned ones NAME/KEY with {', '.join(KEYS)} and NAME/kN with N procedures"
        )
    return ordered(names)


def varied(conditions: Sequence[str], keys: Sequence[str] = (), counts: Sequence[int] = ()) -> tuple[str, ...]:
    """The conditions with each learned one once for each key and for each count of procedures, where any are given."""
    found = []
    for name in conditions:
        condition = Condition.of(name)
        if condition is None or name not in LEARNED or name in ("auto", "random"):
            found.append(name)
            continue
        of_keys = [f"{name}/{key}" for key in keys] or [name]
        found += [f"{each}/k{count}" for each in of_keys for count in counts] if counts else of_keys
    return ordered(found)


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each once, in the table's order; those of one base in the order of their keys and counts."""

    def place(name: str) -> tuple[int, int, int]:
        condition = Condition.of(name) or Condition("none")
        key = KEYS.index(condition.key) + 1 if condition.key else 0
        return CONDITIONS.index(condition.base), key, condition.count

    return tuple(sorted(dict.fromkeys(names), key=place))


def is_learned(name: str) -> bool:
    """Whether it takes from a memory that practice has filled."""
    return name.split("/")[0] in LEARNED


def needs_memory(conditions: Sequence[str]) -> bool:
    """Whether any of them needs a memory that practice has filled."""
    return any(map(is_learned, conditions))


def needs_vectors(conditions: Sequence[str]) -> bool:
    """Whether any of them may act by a control vector that was learned."""
    return any(name.split("/")[0] in (*STEERED, "auto") for name in conditions)
