"""What forgetting does to what was learned: rows emptied or deleted, within the transaction of forget.py.

Whatever a forgotten attempt went into loses its content at once: versions whose lineage has it, those made from them,
the vectors of their procedures, titles and reasons that may quote it, summaries and undo data of passes, and the system
texts of tasks that were told it. A procedure falls back to a version that has nothing of it; one that has none waits
for the next pass (`Procedures.stale`), or is retired where no attempt is left to learn from.
Works on a bare connection, so that backups can be rewritten too, whatever their version.
Not covered: what a later attempt's own steps repeat of it; they are that attempt's.
"""

import json
import re
import sqlite3
from collections.abc import Collection, Iterable

from localnpm.memory.clock import now
from localnpm.memory.database import Database
from localnpm.memory.pass_undo import FORGOTTEN
from localnpm.memory.procedure_names import free, one_title, slug
from localnpm.memory.procedure_rows import EMPTIED, REPLACED

REMOVED = "(removed: it told of something that was forgotten)"
"""In place of a system text."""
BEGINNING = 200
"""Characters of a script or an example by which it is known in a system text."""

_IDS = "(SELECT value FROM json_each(?))"
_TAINTED = f"""
    WITH RECURSIVE tainted(id) AS (
        SELECT version_id FROM lineage WHERE attempt_id IN {_IDS}
        UNION SELECT version.id FROM procedure_versions AS version JOIN tainted ON version.parent_id = tainted.id
    ) SELECT id FROM tainted
"""
_AFFECTED = f"""
    SELECT procedure_id FROM members WHERE attempt_id IN {_IDS}
    UNION SELECT procedure_id FROM recall_keys WHERE attempt_id IN {_IDS}
    UNION SELECT procedure_id FROM vector_lineage JOIN vectors ON vectors.id = vector_id WHERE attempt_id IN {_IDS}
    UNION SELECT procedure_id FROM procedure_versions WHERE id IN {_IDS}
"""
# After a merge, what a title was taken from is another procedure's.
_WITHOUT_GROUND = """
    SELECT id FROM procedures WHERE origin = 'learned' AND title != 'Procedure ' || id
    AND NOT EXISTS (SELECT 1 FROM recall_keys WHERE procedure_id = procedures.id AND text = title)
    AND NOT EXISTS (SELECT 1 FROM procedure_versions WHERE procedure_id = procedures.id
                    AND substr(script, 1, length(title)) = title)
"""


def learned(connection: sqlite3.Connection) -> bool:
    """Whether the file knows of procedures; backups of older versions do not."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'pass_changes'").fetchone() is not None


def empty(connection: sqlite3.Connection, attempt_ids: Collection[int]) -> tuple[str, ...]:
    """Take the attempts out of all that was learned, before their rows go; the former names of what lost a text."""
    ids = json.dumps(list(attempt_ids))
    tainted = {row[0] for row in connection.execute(_TAINTED, (ids,))}
    affected = {row[0] for row in connection.execute(_AFFECTED, (ids, ids, ids, json.dumps(list(tainted))))}
    affected |= _of_changes(connection, set(attempt_ids))
    affected |= {row[0] for row in connection.execute(_WITHOUT_GROUND).fetchall() if _groundless(connection, row[0])}
    affected.discard(None)
    _remove_systems(connection, tainted, ids)
    changed = json.dumps(list(affected))
    # The attempts' own keys go with them; a title may not be taken from one.
    connection.execute(f"DELETE FROM recall_keys WHERE attempt_id IN {_IDS}", (ids,))
    connection.execute(f"DELETE FROM members WHERE attempt_id IN {_IDS}", (ids,))
    connection.execute(
        "UPDATE procedure_versions SET script = '', example = '', way = '[]', doubtful = '[]', stale = 1, "
        f"status = 'retired', status_reason = ? WHERE id IN {_IDS}",
        (EMPTIED, json.dumps(list(tainted))),
    )
    connection.execute(
        "UPDATE procedure_versions SET status_reason = '' "
        f"WHERE procedure_id IN {_IDS} AND status_reason NOT IN (?, ?)",
        (changed, EMPTIED, REPLACED),
    )
    connection.execute(f"UPDATE uses SET reason = '' WHERE procedure_id IN {_IDS}", (changed,))
    lost = _procedures_of(connection, tainted)
    names = _names(connection, lost)
    renamed = {procedure_id for procedure_id in affected if _retitle(connection, procedure_id)}
    _empty_vectors(connection, lost | renamed, ids)
    for procedure_id in lost:
        _fall_back(connection, procedure_id)
    connection.execute(
        f"UPDATE procedures SET status_reason = '' WHERE id IN {_IDS} AND status_reason != ?", (changed, EMPTIED)
    )
    _empty_changes(connection, affected, ids)
    if attempt_ids:
        _empty_summaries(connection, min(attempt_ids))
    return names


def remove_system(database: Database, attempt_id: int, version_ids: Collection[int | None]) -> None:
    """Take an attempt's system text out of the log where a version was forgotten between its recall and the attempt.

    Once the attempt and its `uses` rows are there, forgetting finds them by itself.
    """
    ids = {version_id for version_id in version_ids if version_id is not None}
    if not ids:
        return
    with database.transaction() as connection:
        (left,) = connection.execute(
            f"SELECT count(*) FROM procedure_versions WHERE id IN {_IDS} AND (script != '' OR example != '')",
            (json.dumps(list(ids)),),
        ).fetchone()
        if left < len(ids):
            connection.execute("UPDATE attempts SET system = ? WHERE id = ?", (REMOVED, attempt_id))


def delete_procedures(connection: sqlite3.Connection, procedure_ids: Collection[int]) -> None:
    """Delete procedures with all that hangs on them; their attempts stay, but for system texts that told a script."""
    ids = json.dumps(list(procedure_ids))
    versions = {
        row[0] for row in connection.execute(f"SELECT id FROM procedure_versions WHERE procedure_id IN {_IDS}", (ids,))
    }
    _remove_systems(connection, versions, "[]")
    _empty_changes(connection, procedure_ids, "[]")
    _empty_summaries(connection, 0)
    connection.execute(f"DELETE FROM procedures WHERE id IN {_IDS}", (ids,))


def delete_vector(connection: sqlite3.Connection, vector_id: int) -> None:
    """Delete a vector, and what passes keep of it."""
    connection.execute(
        "UPDATE pass_changes SET before = NULL, after = ? "
        "WHERE place IN ('vectors', 'vector_lineage') AND json_extract(row_key, '$[0]') = ?",
        (FORGOTTEN, vector_id),
    )
    _empty_summaries(connection, 0)
    connection.execute("DELETE FROM vectors WHERE id = ?", (vector_id,))


def _of_changes(connection: sqlite3.Connection, attempt_ids: set[int]) -> set[int]:
    """The procedures of rows that a pass has taken away and that told of one of the attempts."""
    found: set[int] = set()
    for row in connection.execute("SELECT place, row_key, owners, before FROM pass_changes"):
        key = json.loads(row["row_key"])
        before = json.loads(row["before"]) if row["place"] == "recall_keys" and row["before"] else {}
        told = {
            "lineage": key[1:2],
            "vector_lineage": key[1:2],
            "members": key[:1],
            "recall_keys": [before.get("attempt_id")],
        }.get(row["place"], [])
        if attempt_ids.intersection(told):
            found.update(json.loads(row["owners"]))
    return found


def _remove_systems(connection: sqlite3.Connection, versions: Collection[int], attempt_ids: str) -> None:
    """The system texts that told one of the versions, or that of a retry of one of the attempts."""
    ids = json.dumps(list(versions))
    connection.execute(
        f"UPDATE attempts SET system = ? WHERE retry_of IN {_IDS} OR id IN (SELECT attempt_id FROM uses "
        f"WHERE version_id IN {_IDS} AND channel IN ('script', 'both'))",
        (REMOVED, attempt_ids, ids),
    )
    rows = connection.execute(f"SELECT script, example FROM procedure_versions WHERE id IN {_IDS}", (ids,))
    for text in {text[:BEGINNING] for row in rows.fetchall() for text in (row["script"], row["example"]) if text}:
        connection.execute("UPDATE attempts SET system = ? WHERE instr(system, ?) > 0", (REMOVED, text))


def _procedures_of(connection: sqlite3.Connection, versions: Collection[int]) -> set[int]:
    rows = connection.execute(
        f"SELECT DISTINCT procedure_id FROM procedure_versions WHERE id IN {_IDS}", (json.dumps(list(versions)),)
    )
    return {row[0] for row in rows}


def _names(connection: sqlite3.Connection, procedure_ids: Collection[int]) -> tuple[str, ...]:
    rows = connection.execute(
        f"SELECT name FROM procedures WHERE id IN {_IDS} ORDER BY id", (json.dumps(list(procedure_ids)),)
    )
    return tuple(row["name"] for row in rows)


def _retitle(connection: sqlite3.Connection, procedure_id: int) -> bool:
    """Give a procedure another title and name where nothing that is left has its words; whether that was so."""
    row = connection.execute("SELECT name, title, origin FROM procedures WHERE id = ?", (procedure_id,)).fetchone()
    if row is None or row["origin"] != "learned":
        return False
    if not _groundless(connection, procedure_id):
        return False
    left = (one_title(text) for text in _texts(connection, procedure_id))
    title = next((text for text in left if text), f"Procedure {procedure_id}")
    taken = {other[0] for other in connection.execute("SELECT name FROM procedures WHERE id != ?", (procedure_id,))}
    connection.execute(
        "UPDATE procedures SET title = ?, name = ? WHERE id = ?", (title, free(slug(title), taken), procedure_id)
    )
    return True


def _groundless(connection: sqlite3.Connection, procedure_id: int) -> bool:
    """Whether nothing that is left of a procedure has the words of its title."""
    row = connection.execute("SELECT title FROM procedures WHERE id = ?", (procedure_id,)).fetchone()
    return row["title"] not in {one_title(text) for text in _texts(connection, procedure_id)}


def _texts(connection: sqlite3.Connection, procedure_id: int) -> Iterable[str]:
    """First lines of scripts, the newest first, then recall keys."""
    for row in connection.execute(
        "SELECT script FROM procedure_versions WHERE procedure_id = ? ORDER BY status = 'active' DESC, number DESC",
        (procedure_id,),
    ).fetchall():
        if row["script"]:
            yield row["script"].split("\n", 1)[0]
    for row in connection.execute(
        "SELECT text FROM recall_keys WHERE procedure_id = ? ORDER BY id", (procedure_id,)
    ).fetchall():
        yield row["text"]


def _fall_back(connection: sqlite3.Connection, procedure_id: int) -> None:
    """Put the newest version to use that was in use and still says something."""
    row = connection.execute("SELECT status FROM procedures WHERE id = ?", (procedure_id,)).fetchone()
    held = connection.execute(
        "SELECT id, status FROM procedure_versions WHERE procedure_id = ? AND (script != '' OR example != '') "
        "AND status != 'candidate' ORDER BY status = 'active' DESC, number DESC LIMIT 1",
        (procedure_id,),
    ).fetchone()
    if held is not None:
        connection.execute(
            "UPDATE procedure_versions SET status = 'active', status_reason = '' WHERE id = ?", (held["id"],)
        )
    elif row["status"] in ("active", "candidate"):
        members = connection.execute("SELECT 1 FROM members WHERE procedure_id = ?", (procedure_id,)).fetchone()
        connection.execute(
            "UPDATE procedures SET status = ?, status_reason = ? WHERE id = ?",
            ("candidate" if members else "retired", EMPTIED, procedure_id),
        )
    connection.execute("UPDATE procedures SET updated_at = ? WHERE id = ?", (now(), procedure_id))


def _empty_vectors(connection: sqlite3.Connection, procedure_ids: Collection[int], attempt_ids: str) -> None:
    """Vectors made from the attempts, or from a script that was; a procedure's vector has its name."""
    connection.execute(
        "UPDATE vectors SET gguf = x'', calibration = '{}', stale = 1, status = 'retired', status_reason = ?, "
        "name = coalesce((SELECT name FROM procedures WHERE id = procedure_id), 'vector-' || id) "
        f"WHERE id IN (SELECT vector_id FROM vector_lineage WHERE attempt_id IN {_IDS}) "
        f"OR (procedure_id IN {_IDS} AND origin = 'distilled')",
        (EMPTIED, attempt_ids, json.dumps(list(procedure_ids))),
    )


def _empty_changes(connection: sqlite3.Connection, procedure_ids: Collection[int], attempt_ids: str) -> None:
    """What passes keep of the procedures, or of vectors made from the attempts, can be put back no more."""
    connection.execute(
        "UPDATE pass_changes SET before = NULL, after = ? WHERE EXISTS (SELECT 1 FROM json_each(owners) "
        f"WHERE json_each.value IN {_IDS}) OR (place IN ('vectors', 'vector_lineage') "
        f"AND json_extract(row_key, '$[0]') IN (SELECT vector_id FROM vector_lineage WHERE attempt_id IN {_IDS}))",
        (FORGOTTEN, json.dumps(list(procedure_ids)), attempt_ids),
    )


def _empty_summaries(connection: sqlite3.Connection, since: int) -> None:
    """Keep only counts, and what is still to be done, of what passes did that have seen attempt `since` or later."""
    rows = connection.execute("SELECT id, summary FROM passes WHERE last_attempt >= ?", (since,)).fetchall()
    for row in rows:
        told = json.loads(row["summary"])
        counts = {
            name: value
            for name, value in told.items()
            if (isinstance(value, int | float) or _only_ids(value)) and re.fullmatch("[a-z_]+", name)
        }
        connection.execute("UPDATE passes SET summary = ? WHERE id = ?", (json.dumps(counts), row["id"]))


def _only_ids(value: object) -> bool:
    """Whether this is a list of numbers, in which nothing of what was forgotten can stand."""
    return isinstance(value, list) and all(isinstance(each, int) for each in value)
