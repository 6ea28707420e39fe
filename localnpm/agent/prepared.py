"""A tool call that is understood and not yet performed: what permissions judge and the user is shown.

How calls are prepared and performed is tools.py's business. Light to import: the front ends name it before anything
else is loaded.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from localnpm.engine.messages import ToolCall

if TYPE_CHECKING:
    from localnpm.agent.changes import Change


class Risk(Enum):
    """What a call can do to the user's things."""

    READ = "read"
    CHANGE = "change"
    RUN = "run"


@dataclass(frozen=True)
class Prepared:
    """A call, understood and not yet performed.

    `result` is set when there is nothing to perform: an error, or a change to what is there already. `diff` is what the
    user is asked about; control characters in it are as they are in the files. `note` is a line for the user beside it.
    """

    call: ToolCall
    risk: Risk
    summary: str
    changes: "tuple[Change, ...]" = ()
    diff: str = ""
    result: str | None = None
    undoable: bool = True
    note: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that would change, as they are called afterwards; folders made on the way are left out."""
        named = [change.target for change in self.changes if change.kind != "create_directory"]
        return tuple(named or [change.target for change in self.changes[-1:]])
