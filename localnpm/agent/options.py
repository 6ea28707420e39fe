"""What a front end was told on its way in, beyond the settings: the folder, what is allowed, what may be recalled."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Options:
    """For one run or one chat. `terminal`: there is a user who can be asked.

    `steer` names control vectors, `NAME:COEFFICIENT@FIRST-LAST`, that take the place of what recall would choose.
    """

    workspace: Path = Path()
    allow: frozenset[str] = frozenset()
    read_only: bool = False
    terminal: bool = False
    memory: Literal["none", "script", "vector", "both", "auto"] = "auto"
    steer: tuple[str, ...] = ()
    private: bool = False
    system: str = ""

    @property
    def commands(self) -> bool:
        """Whether the model is told of `run_command` at all."""
        return any(what == "run" or what.startswith("run:") for what in self.allow)
