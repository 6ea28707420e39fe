"""What a pass knows of one kind of task, and what is to become of it: values.

Not covered: how the one follows from the other (policies.py), and what is stored (plan.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from localnpm.distill.judged import Judged
from localnpm.memory.procedure_records import Draft, Procedure, Version

LEARNED = ("built", "reason", "adjusted", "merged")
"""Sources of versions that are the program's own work; what the user has written is left as it is."""


@dataclass(frozen=True)
class Record:
    """How one version has done where it was in the prompt. Practice does not count, retries do.

    Attributes:
        wins: the attempts that went well.
        losses: those that did not.
        retries: which attempts are retries: they decide, but in what is said of a version's uses they do not count, as
            nowhere else (memory/uses.py).
    """

    wins: frozenset[int] = frozenset()
    losses: frozenset[int] = frozenset()
    retries: frozenset[int] = frozenset()

    @property
    def uses(self) -> int:
        """All judged uses."""
        return len(self.wins) + len(self.losses)

    @property
    def rate(self) -> float:
        """The expected share of successes, one success and one failure counted in advance."""
        return (len(self.wins) + 1) / (self.uses + 2)


@dataclass(frozen=True)
class Kind:
    """One kind of task as a pass finds it.

    Attributes:
        procedure: None for a kind that is new.
        versions: the procedure's, oldest first.
        attempts: its judged attempts, oldest first.
        fresh: those whose outcome no pass has seen.
        records: how each version has done.
    """

    procedure: Procedure | None
    versions: tuple[Version, ...]
    attempts: tuple[Judged, ...]
    fresh: frozenset[int]
    records: Mapping[int, Record] = field(default_factory=dict)

    @property
    def successes(self) -> tuple[Judged, ...]:
        """The attempts that went well."""
        return tuple(attempt for attempt in self.attempts if attempt.success)

    @property
    def failures(self) -> tuple[Judged, ...]:
        """The attempts that did not."""
        return tuple(attempt for attempt in self.attempts if not attempt.success)

    @property
    def active(self) -> Version | None:
        """The version in use."""
        return next((version for version in self.versions if version.status == "active"), None)

    def record(self, version: Version) -> Record:
        """How a version has done."""
        return self.records.get(version.id, Record())


@dataclass(frozen=True)
class Decision:
    """What is to become of a kind.

    Attributes:
        draft: a version to add, active at once if `active`; `why` says where it comes from.
        promote: the candidate that takes over.
        retire: versions to take out of use, each with the reason.
        confirm: versions that were looked at again and stay.
        said: what was done and why, for the summary.
    """

    draft: Draft | None = None
    active: bool = True
    why: str = ""
    promote: int | None = None
    retire: tuple[tuple[int, str], ...] = ()
    confirm: tuple[int, ...] = ()
    said: tuple[str, ...] = ()

    def script_after(self, kind: Kind) -> str:
        """What the kind's version in use will say; empty where there is none."""
        if self.draft is not None and self.active:
            return self.draft.script
        gone = {version_id for version_id, _ in self.retire}
        for version in kind.versions:
            if version.id == self.promote or (self.promote is None and version.status == "active"):
                return "" if version.id in gone else version.script
        return ""


NOTHING = Decision()
