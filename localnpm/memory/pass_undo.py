"""What a pass changes, kept as it was before: collected by triggers while it publishes, put back by a revert.

The triggers are temporary, and hand each row's old values to this process before the first change of it; so they see
whatever changes a row, cascades too. Two things are kept of each row: the columns that have changed, as they were,
and a digest of the row as the pass left it, by which a change of later shows.
"""

import base64
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

TABLES: Mapping[str, tuple[str, ...]] = {
    "procedures": ("id",),
    "procedure_versions": ("id",),
    "members": ("attempt_id",),
    "recall_keys": ("id",),
    "lineage": ("version_id", "attempt_id", "role"),
    "vectors": ("id",),
    "vector_lineage": ("vector_id", "attempt_id"),
}
"""The tables that a pass writes, with their primary keys; a row comes after those that it refers to."""

LARGE = frozenset({"procedures", "procedure_versions", "vectors"})
"""Tables of whose rows only the columns that have changed are kept. Rows of the others are small, and they may go,
when a revert takes away a procedure that they were moved to, before they are put back."""
UNWATCHED = frozenset({"stale", "updated_at"})
"""Columns that change without anyone's having changed what the row says."""
SWITCHES = frozenset({"status", "status_reason"})
"""Columns of a procedure that switch it on and off: whoever did so has not made its text their own."""

FORGOTTEN = "forgotten"
"""In place of a digest: what the row held was forgotten since, and is not put back."""

Row = dict[str, Any]
Key = tuple[Any, ...]


@dataclass
class Before:
    """The rows that have been changed, each as it was at first; None for one that was not there."""

    rows: dict[tuple[str, Key], Row | None] = field(default_factory=dict)


@contextmanager
def watching(connection: sqlite3.Connection) -> Iterator[Before]:
    """Collect the old rows of everything in TABLES that the block changes. A transaction must be open."""
    before = Before()
    columns = {table: _columns(connection, table) for table in TABLES}

    def keep(event: str, table: str, *values: Any) -> None:
        row = dict(zip(columns[table], values, strict=True))
        before.rows.setdefault((table, _key(table, row)), None if event == "INSERT" else row)

    connection.create_function("keep_row", -1, keep)
    try:
        for table in TABLES:
            for event in ("INSERT", "UPDATE", "DELETE"):
                side = "new" if event == "INSERT" else "old"
                values = ", ".join(f"{side}.{column}" for column in columns[table])
                connection.execute(
                    f"CREATE TEMP TRIGGER keep_{table}_{event} AFTER {event} ON main.{table} "
                    f"BEGIN SELECT keep_row('{event}', '{table}', {values}); END"
                )
        yield before
    finally:
        for table in TABLES:
            for event in ("INSERT", "UPDATE", "DELETE"):
                connection.execute(f"DROP TRIGGER IF EXISTS temp.keep_{table}_{event}")
        connection.create_function("keep_row", -1, None)


def store(connection: sqlite3.Connection, pass_id: int, before: Before) -> None:
    """Write what `watching` has collected, in the same transaction."""
    for (table, key), old in before.rows.items():
        new = current(connection, table, key)
        if old == new:
            continue
        kept = old
        if old is not None and new is not None and table in LARGE:
            kept = {name: old[name] for name in old if old[name] != new[name]}
        connection.execute(
            "INSERT INTO pass_changes(pass_id, place, row_key, owners, before, after) VALUES (?, ?, ?, ?, ?, ?)",
            (
                pass_id, table, json.dumps(key), json.dumps(sorted(_owners(connection, before, table, old, new))),
                None if kept is None else _to_json(kept), None if new is None else digest(table, new),
            ),
        )  # fmt: skip


def current(connection: sqlite3.Connection, table: str, key: Key) -> Row | None:
    """A row as it is now."""
    row = connection.execute(f"SELECT * FROM {table} WHERE {_where(table)}", key).fetchone()
    return None if row is None else dict(row)


def digest(table: str, row: Row) -> str:
    """What a row says, as a SHA-256 in hexadecimal."""
    skipped = UNWATCHED | SWITCHES if table == "procedures" else UNWATCHED
    said = {name: value for name, value in row.items() if name not in skipped}
    return hashlib.sha256(_to_json(said).encode()).hexdigest()


def put_back(connection: sqlite3.Connection, table: str, key: Key, before: str | None) -> None:
    """Make a row what it was. `before` as the table pass_changes has it."""
    if before is None:
        connection.execute(f"DELETE FROM {table} WHERE {_where(table)}", key)
        return
    old: Row = json.loads(before, object_hook=_from_json)
    if current(connection, table, key) is None:
        marks = ", ".join("?" * len(old))
        connection.execute(f"INSERT INTO {table}({', '.join(old)}) VALUES ({marks})", tuple(old.values()))
    else:
        changes = ", ".join(f"{name} = ?" for name in old)
        connection.execute(f"UPDATE {table} SET {changes} WHERE {_where(table)}", (*old.values(), *key))


def _owners(connection: sqlite3.Connection, before: Before, table: str, *rows: Row | None) -> set[int]:
    """The procedures that a row belonged to, before and after."""
    found: set[int | None] = set()
    for row in rows:
        if row is None:
            continue
        if table == "procedures":
            found.add(row["id"])
        elif "procedure_id" in row:
            found.add(row["procedure_id"])
        else:
            parent, column = ("procedure_versions", "version_id") if table == "lineage" else ("vectors", "vector_id")
            key = (row[column],)
            for held in (current(connection, parent, key), before.rows.get((parent, key))):
                found.add(held["procedure_id"] if held else None)
    return {procedure_id for procedure_id in found if procedure_id is not None}


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row["name"] for row in connection.execute(f"PRAGMA table_info({table})")]


def _key(table: str, row: Row) -> Key:
    return tuple(row[column] for column in TABLES[table])


def _where(table: str) -> str:
    return " AND ".join(f"{column} = ?" for column in TABLES[table])


def _to_json(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, default=lambda value: {"base64": base64.b64encode(value).decode()})


def _from_json(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"]) if set(value) == {"base64"} else value
