"""What is learned, as values: procedures, their versions, control vectors as stored, uses and passes.

Reading and writing them: procedures.py, vector_store.py, uses.py, passes.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from localnpm.memory.records import Channel

ProcedureStatus = Literal["active", "candidate", "disabled", "retired"]
VersionStatus = Literal["active", "candidate", "retired"]
VectorStatus = Literal["active", "candidate", "quarantined", "disabled", "retired"]
Source = Literal["built", "reason", "adjusted", "merged", "edited", "imported"]
Role = Literal["script", "example", "failure", "reason"]
Cause = Literal["command", "due", "idle", "reason", "rebuild", "practice"]
Policy = Literal["vanilla", "validation", "adjustment"]
Way = tuple[str, ...]

OWN_WORDS: tuple[Source, ...] = ("edited", "imported")
"""Sources of versions whose words are the user's, not the program's."""


@dataclass(frozen=True)
class Draft:
    """What a version is to say, before it is stored.

    Attributes:
        script: a title line, then numbered steps; empty under the build policy `trajectory`.
        example: a compact trajectory, or empty.
        way: the names of the tools called, in order.
        lineage: the attempts that it came from, each with its role.
        doubtful: sentences of the script that rest on tool results alone.
    """

    script: str
    example: str
    source: Source
    way: Way = ()
    lineage: tuple[tuple[int, Role], ...] = ()
    doubtful: tuple[str, ...] = ()
    parent_id: int | None = None


@dataclass(frozen=True)
class Version:
    """One version of what a procedure says; times are UTC."""

    id: int
    procedure_id: int
    number: int
    status: VersionStatus
    status_reason: str
    source: Source
    script: str
    example: str
    way: Way
    doubtful: tuple[str, ...]
    stale: bool
    parent_id: int | None
    pass_id: int | None
    created_at: datetime
    lineage: tuple[tuple[int, Role], ...] = ()


def overwritten(version: Version, versions: Iterable[Version]) -> bool:
    """Whether the user has put words of their own in place since a version was made: it is then neither tried nor used
    unasked, whatever its attempts have come to."""
    return any(other.source in OWN_WORDS and other.number > version.number for other in versions)


@dataclass(frozen=True)
class Procedure:
    """One kind of task. `active` is the version in use, if there is one."""

    id: int
    name: str
    title: str
    status: ProcedureStatus
    status_reason: str
    origin: Literal["learned", "imported", "written"]
    created_at: datetime
    updated_at: datetime
    active: Version | None = None


@dataclass(frozen=True)
class StoredVector:
    """A control vector of one model file, without its bytes.

    Attributes:
        method: the kinds of pairs and how the direction was taken, such as `context mean`.
        coefficient: c, signed; the file holds the rows at this strength.
        layers: first and last 0-based block that it is added to, both included.
        pairs: how many it came from.
        calibration: KL, margins, gate, as distill/calibrate.py leaves them.
    """

    id: int
    name: str
    procedure_id: int | None
    status: VectorStatus
    status_reason: str
    origin: Literal["distilled", "trained", "imported"]
    method: str
    model: str
    model_fingerprint: str
    coefficient: float
    layers: tuple[int, int]
    pairs: int
    calibration: Mapping[str, Any]
    stale: bool
    pass_id: int | None
    created_at: datetime


@dataclass(frozen=True)
class Use:
    """That a procedure could have been used in an attempt, and what was done. See the table `uses`."""

    attempt_id: int
    procedure_id: int
    version_id: int | None
    vector_id: int | None
    place: int
    similarity: float
    channel: Channel
    coefficient: float = 0.0
    probability: float = 1.0
    counts: bool = True
    reason: str = ""


@dataclass(frozen=True)
class Pass:
    """One run of the distillation."""

    id: int
    cause: Cause
    policy: Policy
    status: Literal["running", "published", "interrupted", "reverted"]
    last_attempt: int
    last_verdict: int
    started_at: datetime
    finished_at: datetime | None
    summary: Mapping[str, Any] = field(default_factory=dict)
