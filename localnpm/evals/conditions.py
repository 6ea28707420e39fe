"""The conditions that are compared, by name, and what each puts into the prompt and the residual stream.

Learned rows take what recall finds in a memory that practice has filled and that is not written to any more; oracle
rows take what somebody who knows the user would have written, and are upper references only.
"""

from collections.abc import Sequence
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
)
ORACLE = ("oracle-script", "oracle-example", "oracle-proceduralization", "oracle-vector", "oracle-wrong-script")
CONDITIONS = (*NO_MEMORY, *LEARNED, *ORACLE)
"""Every condition, in the order of the table. `oracle-wrong-script` shows another user's habits: is it followed?"""


@dataclass(frozen=True)
class Given:
    """What an attempt gets from memory, and what recall did for it.

    Attributes:
        recalled: the name of the procedure; empty where recall abstained or was not asked.
        found: the kind that it was learned from, as far as known.
        similarity: the cosine of the best match, whether used or not.
    """

    script: str = ""
    example: str = ""
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
    unknown = [name for name in names if name not in CONDITIONS]
    if unknown or not names:
        raise ConfigError(
            f"--conditions: {', '.join(unknown) or 'nothing'} is no condition; there are {', '.join(CONDITIONS)}"
        )
    return tuple(name for name in CONDITIONS if name in names)


def needs_memory(conditions: Sequence[str]) -> bool:
    """Whether any of them needs a memory that practice has filled."""
    return any(name in LEARNED for name in conditions)
