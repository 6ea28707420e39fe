"""What a pass did, in words, from its summary: what every front end shows. A line says one thing of one procedure.

Not covered: how a front end sets the lines, and that it prints nothing but visible characters (`plain.visible`).
"""

from collections.abc import Sequence
from typing import Any

from localnpm.memory.procedure_records import Pass

NOTHING = "There was nothing to learn."
STOPPED = "Stopped before anything was changed; the next pass goes on with what this one worked out."


def in_words(done: Pass) -> list[str]:
    """The pass's lines; at least one."""
    if done.status == "interrupted":
        return [STOPPED]
    if done.status == "running":
        return ["Under way."]
    summary = done.summary
    attempts = summary.get("attempts", 0)
    lines = [*_kept(done), f"{attempts} newly judged attempt{'' if attempts == 1 else 's'}."]
    said = learned(done)
    lines += [*said, *map(str, _listed(summary.get("skipped")))]
    owed = len(_listed(summary.get("vectors_owed")))
    if owed:
        lines.append(f"{owed} control vector{'' if owed == 1 else 's'} had to wait for the next pass.")
    return lines if said or owed else [*lines, NOTHING]


def learned(done: Pass) -> list[str]:
    """What a pass did to which procedure, alone; empty where it did nothing, or was stopped."""
    return [
        f"{entry['title']} ({entry['name']}): {said}"
        for entry in _listed(done.summary.get("procedures"))
        for said in entry["said"]
    ]


def taken_back(done: Pass) -> list[str]:
    """What came of reverting a pass."""
    return [f"Pass {done.id} is taken back: the memory is as it was before it.", *_kept(done)]


def _kept(done: Pass) -> list[str]:
    return [f"Changed since, and left as it is: {name}" for name in _listed(done.summary.get("kept"))]


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
