"""How rows become procedures, versions and stored vectors, and the errors for those that are not there."""

import json
import sqlite3
from collections.abc import Collection
from datetime import datetime

from localnpm.errors import NotFoundError
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Procedure, Role, StoredVector, Version

EMPTIED = "what it said was forgotten"
"""Why a version, or a procedure that has no other, is out of use after an attempt it came from was forgotten."""
REPLACED = "replaced"
VECTOR_COLUMNS = (
    "id, name, procedure_id, status, status_reason, origin, method, model, model_fingerprint, coefficient, "
    "first_layer, last_layer, pairs, calibration, stale, pass_id, created_at"
)
"""All but the bytes."""


def read_versions(database: Database, rows: Collection[sqlite3.Row]) -> tuple[Version, ...]:
    """The versions in rows of `procedure_versions`, each with its lineage."""
    lineage: dict[int, list[tuple[int, Role]]] = {row["id"]: [] for row in rows}
    ids = json.dumps(list(lineage))
    for entry in database.query(
        "SELECT version_id, attempt_id, role FROM lineage WHERE version_id IN (SELECT value FROM json_each(?)) "
        "ORDER BY version_id, attempt_id, role",
        (ids,),
    ):
        lineage[entry["version_id"]].append((entry["attempt_id"], entry["role"]))
    return tuple(_version(row, tuple(lineage[row["id"]])) for row in rows)


def read_procedures(database: Database, rows: Collection[sqlite3.Row]) -> tuple[Procedure, ...]:
    """The procedures in rows of `procedures`, each with its active version."""
    ids = json.dumps([row["id"] for row in rows])
    active = read_versions(
        database,
        database.query(
            "SELECT * FROM procedure_versions WHERE status = 'active' "
            "AND procedure_id IN (SELECT value FROM json_each(?))",
            (ids,),
        ),
    )
    versions = {version.procedure_id: version for version in active}
    return tuple(
        Procedure(
            id=row["id"],
            name=row["name"],
            title=row["title"],
            status=row["status"],
            status_reason=row["status_reason"],
            origin=row["origin"],
            created_at=datetime.fromisoformat(row["created_at"]),
            updated_at=datetime.fromisoformat(row["updated_at"]),
            active=versions.get(row["id"]),
        )
        for row in rows
    )


def read_vector(row: sqlite3.Row) -> StoredVector:
    """The vector in a row of `vectors`."""
    return StoredVector(
        id=row["id"],
        name=row["name"],
        procedure_id=row["procedure_id"],
        status=row["status"],
        status_reason=row["status_reason"],
        origin=row["origin"],
        method=row["method"],
        model=row["model"],
        model_fingerprint=row["model_fingerprint"],
        coefficient=row["coefficient"],
        layers=(row["first_layer"], row["last_layer"]),
        pairs=row["pairs"],
        calibration=json.loads(row["calibration"]),
        stale=bool(row["stale"]),
        pass_id=row["pass_id"],
        created_at=datetime.fromisoformat(row["created_at"]),
    )


def unknown_procedure(id_or_name: int | str) -> NotFoundError:
    """The error for an id or name that no procedure has."""
    what = f"the id {id_or_name}" if isinstance(id_or_name, int) else f"the name {id_or_name!r}"
    return NotFoundError(f"No procedure has {what}. `localnpm memory list` shows those there are.")


def unknown_version(version_id: int) -> NotFoundError:
    """The error for an id that no version has."""
    return NotFoundError(f"No version has the id {version_id}. `localnpm memory show` lists a procedure's versions.")


def unknown_vector(id_or_name: int | str) -> NotFoundError:
    """The error for an id or name that no vector has."""
    what = f"the id {id_or_name}" if isinstance(id_or_name, int) else f"the name {id_or_name!r}"
    return NotFoundError(f"No control vector has {what}. `localnpm vector list` shows those there are.")


def _version(row: sqlite3.Row, lineage: tuple[tuple[int, Role], ...]) -> Version:
    return Version(
        id=row["id"],
        procedure_id=row["procedure_id"],
        number=row["number"],
        status=row["status"],
        status_reason=row["status_reason"],
        source=row["source"],
        script=row["script"],
        example=row["example"],
        way=tuple(json.loads(row["way"])),
        doubtful=tuple(json.loads(row["doubtful"])),
        stale=bool(row["stale"]),
        parent_id=row["parent_id"],
        pass_id=row["pass_id"],
        created_at=datetime.fromisoformat(row["created_at"]),
        lineage=lineage,
    )
