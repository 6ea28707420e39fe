"""Sessions: conversations, each a row of attempts. Read and named here, begun in attempts.py, deleted in forget.py."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from localnpm.errors import NotFoundError
from localnpm.memory.database import Database, storable
from localnpm.memory.search import attempts_with

TITLE_LENGTH = 60

_SELECT = """
    SELECT sessions.*, (SELECT count(*) FROM attempts WHERE session_id = sessions.id) AS attempts FROM sessions
"""


@dataclass(frozen=True)
class Session:
    """One conversation; `attempts` is how many it has. Times are UTC."""

    id: int
    title: str
    workspace: str
    created_at: datetime
    updated_at: datetime
    attempts: int


def title_of(request: str) -> str:
    """A session's title from its first request: the first line that says something, shortened at a word."""
    line = next((line.strip() for line in request.splitlines() if line.strip()), "")
    if len(line) <= TITLE_LENGTH:
        return line
    cut = line[:TITLE_LENGTH]
    return (cut.rsplit(" ", 1)[0] if " " in cut[TITLE_LENGTH // 2 :] else cut[:-1]) + "…"


def session(database: Database, session_id: int) -> Session:
    """One session.

    Raises:
        NotFoundError: no session has that id.
    """
    rows = database.query(_SELECT + "WHERE id = ?", (session_id,))
    if not rows:
        raise unknown_session(session_id)
    return _session(rows[0])


def sessions(database: Database, *, limit: int = 20) -> tuple[Session, ...]:
    """Sessions, the one used last first."""
    rows = database.query(_SELECT + "ORDER BY updated_at DESC, id DESC LIMIT ?", (limit,))
    return tuple(_session(row) for row in rows)


def search_sessions(database: Database, text: str, *, limit: int = 20) -> tuple[Session, ...]:
    """Sessions whose title holds the text, then those with an attempt that `search` finds, without repeats."""
    wanted = storable(text).replace("\0", " ").strip()
    if not wanted:
        return ()
    titled = database.query("SELECT id FROM sessions WHERE instr(lower(title), lower(?)) ORDER BY id DESC", (wanted,))
    hits = json.dumps(attempts_with(database, text))
    within = database.query(
        "SELECT session_id FROM json_each(?) AS hit JOIN attempts ON attempts.id = hit.value ORDER BY hit.key", (hits,)
    )
    found = dict.fromkeys([row[0] for row in titled] + [row[0] for row in within])
    return tuple(session(database, session_id) for session_id in list(found)[:limit])


def last_session(database: Database, workspace: str | None = None) -> Session | None:
    """The session used last, in that workspace if one is named; None where there is none."""
    rows = database.query(
        _SELECT + "WHERE :workspace IS NULL OR workspace = :workspace ORDER BY updated_at DESC, id DESC LIMIT 1",
        {"workspace": workspace},
    )
    return _session(rows[0]) if rows else None


def find_session(
    database: Database, workspace: str, session_id: int | None = None, *, go_on: bool = False
) -> int | None:
    """The session of that id, or with `go_on` the latest of the workspace; None when neither is asked for.

    Raises:
        NotFoundError: there is none.
    """
    if session_id is not None:
        return session(database, session_id).id
    if not go_on:
        return None
    latest = last_session(database, workspace)
    if latest is None:
        raise NotFoundError(f"there is no conversation in {workspace} yet to go on with")
    return latest.id


def unknown_session(session_id: int) -> NotFoundError:
    """The error for an id that no session has."""
    return NotFoundError(f"No session has the id {session_id}. `localnpm sessions list` shows those there are.")


def _session(row: sqlite3.Row) -> Session:
    return Session(
        row["id"],
        row["title"],
        row["workspace"],
        datetime.fromisoformat(row["created_at"]),
        datetime.fromisoformat(row["updated_at"]),
        row["attempts"],
    )
