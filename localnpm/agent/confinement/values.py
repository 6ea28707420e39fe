"""What goes into the jail and what comes out of it, as values. Nothing here acts."""

import json
import math
import os
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

Mechanism = Literal["namespaces", "landlock"]


class Cancellable(Protocol):
    """Says whether the user wants the command ended; `threading.Event` is one. Asked from the thread that runs it."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True)
class Limits:
    """What one command may use, all its processes together unless it says otherwise."""

    seconds: float = 60.0
    """Wall-clock time."""
    cpu_seconds: int = 0
    """Processor time of one process, all its threads together; 0: as much as all processors give in `seconds`."""
    memory_bytes: int = 2 << 30
    """Memory in use, watched every few hundredths of a second; one process alone is stopped at once."""
    output_bytes: int = 256 << 10
    """Kept of standard output and of standard error, the beginning and the end of each."""
    processes: int = 128
    """Processes and threads at once."""
    file_bytes: int = 256 << 20
    """One file that is written."""

    @property
    def processor_seconds(self) -> int:
        """The limit on one process's processor time, at least 1."""
        return self.cpu_seconds or math.ceil(self.seconds) * (os.cpu_count() or 1)

    @property
    def flood_bytes(self) -> int:
        """Output past which a command is ended instead of being read further."""
        return 16 * self.output_bytes


@dataclass(frozen=True)
class CommandResult:
    """What a command did. `exit_code` is None when the jail ended it; a death by signal n is 128 + n, as shells say it.

    `ended_by` is empty, or what ended the command: `time`, `cpu`, `memory`, `processes`, `output`, `file size`,
    `cancel`, or `kill` when something outside of localnpm did.
    """

    exit_code: int | None
    stdout: str
    stderr: str
    ended_by: str
    seconds: float

    @property
    def timed_out(self) -> bool:
        """Whether the wall-clock limit ended it."""
        return self.ended_by == "time"


@dataclass(frozen=True)
class Finding:
    """One thing that the jail can use: whether it is there, the reason, and what to do where it is not."""

    name: str
    available: bool
    detail: str
    fix: str = ""


@dataclass(frozen=True)
class JailReport:
    """What this machine offers for confining a command. `mechanism` is the one in use, None where there is none."""

    findings: tuple[Finding, ...]
    mechanism: Mechanism | None

    def why_not(self) -> str:
        """What is missing and what to do, in one line; only of use where `mechanism` is None."""
        missing = [finding for finding in self.findings if not finding.available]
        return "; ".join(f"{item.name}: {item.detail}" + (f" ({item.fix})" if item.fix else "") for item in missing)


@dataclass(frozen=True)
class Plan:
    """All that the helper process needs to know. Paths are absolute and free of symlinks."""

    mechanism: Mechanism
    command: str
    workspace: str
    private: str
    """A folder for this command alone: `tmp` in it is its temporary folder, `root` where a new root is put together."""
    readable: tuple[str, ...]
    hidden: tuple[str, ...]
    """What lies inside the workspace and must not be seen."""
    environment: dict[str, str]
    limits: Limits

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that `to_json` wrote."""
        fields = json.loads(text)
        for name in ("readable", "hidden"):
            fields[name] = tuple(fields[name])
        return cls(**{**fields, "limits": Limits(**fields["limits"])})
