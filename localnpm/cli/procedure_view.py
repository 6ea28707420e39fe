"""Procedures as `localnpm memory` prints them: a line in a list, one whole, and as JSON."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Procedure, StoredVector, Use, Version
from localnpm.memory.procedures import Procedures
from localnpm.memory.uses import Statistics, of_procedure, statistics
from localnpm.memory.vector_store import VectorStore
from localnpm.memory.verdicts import outcomes
from localnpm.plain import one_line

HISTORY = 10
TITLE_WIDTH = 50

Record = dict[str, Any]


def line(procedure: Procedure, known: Statistics) -> str:
    """A procedure on one line: id, status, wins of uses, name, title."""
    wins = f"{known.wins}/{known.uses}" if known.uses else "-"
    version = f"v{procedure.active.number}" if procedure.active else "-"
    return (
        f"{procedure.id:>6}  {procedure.status:9}  {version:4} {wins:>7}  "
        f"{one_line(procedure.name, 40)}  {one_line(procedure.title, TITLE_WIDTH)}"
    )


def record(procedure: Procedure, known: Statistics) -> Record:
    """A procedure as JSON: its own fields, the active version, and how it has done."""
    own: Record = _plain(asdict(procedure))
    return own | {
        "wins": known.wins,
        "uses": known.uses,
        "without_wins": known.without_wins,
        "without_uses": known.without_uses,
        "uplift": known.uplift,
        "interval": list(known.interval) if known.interval else None,
    }


def whole_record(database: Database, procedure: Procedure) -> Record:
    """A procedure as JSON with all that belongs to it."""
    store, vectors = Procedures(database), VectorStore(database)
    return record(procedure, statistics(database, procedure.id)) | {
        "versions": [_plain(asdict(version)) for version in store.versions(procedure.id)],
        "keys": list(store.keys(procedure.id)),
        "members": list(store.members(procedure.id)),
        "vectors": [_plain(asdict(vector)) for vector in vectors.all(retired=True) if _of(vector, procedure)],
        "history": [asdict(use) for use in of_procedure(database, procedure.id, HISTORY)],
    }


def whole(database: Database, procedure: Procedure, fingerprint: str) -> list[str]:
    """A procedure to read; `fingerprint` is that of the model in use, empty where there is none."""
    store = Procedures(database)
    reason = f" ({procedure.status_reason})" if procedure.status_reason else ""
    lines = [
        f"{procedure.name}, procedure {procedure.id}: {procedure.status}{reason}",
        procedure.title,
        f"{procedure.origin} {_day(procedure.created_at)}, changed {_day(procedure.updated_at)}",
        *_how_it_does(statistics(database, procedure.id)),
    ]
    versions = store.versions(procedure.id)
    shown = store.newest(procedure.id)
    if shown is not None:
        lines += ["", f"Script (version {shown.number}, {shown.status}):", _indented(shown.script or "(none)")]
        if shown.doubtful:
            lines += ["", "Waits for your word, as it rests on what was read in files alone:"]
            lines += [_indented(sentence) for sentence in shown.doubtful]
            lines.append(f"`localnpm memory accept {procedure.id}` puts it to use.")
        if shown.example:
            lines += ["", "Example:", _indented(shown.example)]
    lines += ["", "Recalled for requests like:", *(_indented(text) for text in store.keys(procedure.id))]
    lines += ["", "Versions:", *(_indented(_version(version)) for version in versions)]
    lines += ["", "Control vectors:", *_vectors(database, procedure, fingerprint)]
    return lines + _history(database, procedure, versions)


def _how_it_does(known: Statistics) -> list[str]:
    told = f"{known.wins} of {known.uses} judged uses went well"
    if known.without_uses:
        told += f"; {known.without_wins} of {known.without_uses} without it"
    if known.uplift is None:
        return [told, "Uplift: not known yet"]
    between = f" (95%: {known.interval[0]:+.2f} to {known.interval[1]:+.2f})" if known.interval else ""
    return [told, f"Uplift: {known.uplift:+.2f}{between}"]


def _version(version: Version) -> str:
    why = f", {version.status_reason}" if version.status_reason else ""
    said = bool(version.script or version.example)
    stale = ", a verdict on what it came from has changed" if version.stale and said else ""
    came = ", ".join(f"{attempt_id} ({role})" for attempt_id, role in version.lineage)
    from_ = f"; from attempt {came}" if came else ""
    made = f"by pass {version.pass_id}, " if version.pass_id else ""
    return f"{version.number}: {version.status}{why}{stale}; {version.source}, {made}{_day(version.created_at)}{from_}"


def _vectors(database: Database, procedure: Procedure, fingerprint: str) -> list[str]:
    live = [vector for vector in VectorStore(database).all() if _of(vector, procedure)]
    lines = []
    for vector in live:
        current = " (the model in use)" if vector.model_fingerprint == fingerprint else ""
        why = f", {vector.status_reason}" if vector.status_reason else ""
        lines.append(
            _indented(
                f"{vector.name} for {vector.model}{current}: {vector.status}{why}; coefficient {vector.coefficient:g}, "
                f"layers {vector.layers[0]}-{vector.layers[1]}, {vector.pairs} pairs"
            )
        )
    if fingerprint and not any(vector.model_fingerprint == fingerprint for vector in live):
        lines.append(_indented("none for the model in use"))
    return lines or [_indented("none")]


def _history(database: Database, procedure: Procedure, versions: tuple[Version, ...]) -> list[str]:
    uses = of_procedure(database, procedure.id, HISTORY)
    if not uses:
        return ["", "Not used yet."]
    judged = outcomes(database, [use.attempt_id for use in uses])
    numbers = {version.id: version.number for version in versions}
    log = AttemptLog(database)
    lines = ["", f"Last uses, at most {HISTORY}:"]
    for use in uses:
        outcome = judged.get(use.attempt_id)
        became = "not judged" if outcome is None else "success" if outcome.success else "failure"
        request = one_line(log.attempt(use.attempt_id).request, TITLE_WIDTH)
        lines.append(_indented(f"attempt {use.attempt_id}: {became}; {_channel(use, numbers)}: {request}"))
    return lines


def _channel(use: Use, numbers: dict[int, int]) -> str:
    version = f" v{numbers[use.version_id]}" if use.version_id in numbers else ""
    return f"{use.channel}{version}, similarity {use.similarity:.2f}"


def _of(vector: StoredVector, procedure: Procedure) -> bool:
    return vector.procedure_id == procedure.id


def _day(time: datetime) -> str:
    return f"{time.astimezone():%Y-%m-%d}"


def _indented(text: str) -> str:
    return "\n".join(f"  {row}" for row in text.split("\n"))


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value
