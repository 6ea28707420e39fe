"""What a pass did, in words, from its summary: what front ends show of it. A line says one thing of one procedure."""

from collections.abc import Sequence
from typing import Any

from localnpm.memory.procedure_records import Pass

NOTHING = "There was nothing to learn."


def in_words(done: Pass) -> list[str]:
    """The pass's lines; at least one."""
    summary = done.summary
    lines = [f"Changed since, and left as it is: {name}" for name in _listed(summary.get("kept"))]
    if done.status == "interrupted":
        return [*lines, "Stopped before anything was changed; the next pass goes on with what this one worked out."]
    if done.status == "running":
        return [*lines, "Under way."]
    attempts = summary.get("attempts", 0)
    lines.append(f"{attempts} newly judged attempt{'' if attempts == 1 else 's'}.")
    for entry in _listed(summary.get("procedures")):
        lines += [f"{entry['title']} ({entry['name']}): {said}" for said in entry["said"]]
    learned = len(lines) > 1
    lines += map(str, _listed(summary.get("skipped")))
    owed = len(_listed(summary.get("vectors_owed")))
    if owed:
        lines.append(f"{owed} control vector{'' if owed == 1 else 's'} had to wait for the next pass.")
    return lines if learned or owed else [*lines, NOTHING]


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
