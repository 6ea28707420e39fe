"""Full-text search over the log: requests, answers, the texts of steps, their results, and the reasons of verdicts.

What the user types is words, never query syntax: each word is quoted and matches words that begin with it. Where no
text has them all, the query is looked for as it stands, which also finds a part of a word and text without spaces.
"""

import sqlite3
from dataclasses import dataclass
from typing import Literal

from localnpm.memory.database import Database, storable

Place = Literal["attempt", "step", "verdict"]

MOST_WORDS = 32
MOST_CHARACTERS = 1000
MOST_ROWS = 2000

_BY_WORDS = """
    SELECT id AS attempt_id, 'attempt' AS place, rank, snippet(attempts_fts, -1, '', '', '…', 16) AS snippet
    FROM attempts_fts JOIN attempts ON attempts.id = attempts_fts.rowid WHERE attempts_fts MATCH :query
    UNION ALL
    SELECT attempt_id, 'step', rank, snippet(steps_fts, -1, '', '', '…', 16)
    FROM steps_fts JOIN steps ON steps.id = steps_fts.rowid WHERE steps_fts MATCH :query
    UNION ALL
    SELECT attempt_id, 'verdict', rank, snippet(verdicts_fts, -1, '', '', '…', 16)
    FROM verdicts_fts JOIN verdicts ON verdicts.id = verdicts_fts.rowid WHERE verdicts_fts MATCH :query
    ORDER BY 3, 1 DESC LIMIT :most
"""

_AS_IT_STANDS = """
    SELECT attempt_id, place, substr(text, max(1, instr(lower(text), lower(:query)) - 40), 120) AS snippet
    FROM (
        SELECT id AS attempt_id, 'attempt' AS place, request AS text FROM attempts
        UNION ALL SELECT id, 'attempt', answer FROM attempts
        UNION ALL SELECT attempt_id, 'step', text FROM steps
        UNION ALL SELECT attempt_id, 'step', result FROM steps
        UNION ALL SELECT attempt_id, 'verdict', reason FROM verdicts
    )
    WHERE instr(lower(text), lower(:query)) > 0
    ORDER BY attempt_id DESC LIMIT :most
"""


@dataclass(frozen=True)
class Hit:
    """An attempt that matches, which of its texts does best, and the words around the match, on one line."""

    attempt_id: int
    place: Place
    snippet: str


def search(database: Database, text: str, *, limit: int = 20) -> tuple[Hit, ...]:
    """Attempts that hold all the words in one of their texts, the best match first. Any text is allowed."""
    wanted = storable(text).replace("\0", " ").strip()[:MOST_CHARACTERS]
    if not wanted:
        return ()
    rows = database.query(_BY_WORDS, {"query": _quoted(wanted), "most": MOST_ROWS})
    rows = rows or database.query(_AS_IT_STANDS, {"query": wanted, "most": MOST_ROWS})
    best: dict[int, Hit] = {}
    for row in rows:
        best.setdefault(row["attempt_id"], _hit(row))
    return tuple(best.values())[:limit]


def _quoted(text: str) -> str:
    """An FTS5 query for texts with a word that begins with each of the words of `text`."""
    words = text.replace('"', " ").split()[:MOST_WORDS]
    return " ".join(f'"{word}"*' for word in words) or '""'


def _hit(row: sqlite3.Row) -> Hit:
    return Hit(row["attempt_id"], row["place"], " ".join(row["snippet"].split()))
