"""Full-text search over the log: requests, answers, the texts of steps, their results, and the reasons of verdicts.

What the user types is words, never query syntax: each word is quoted and matches words that begin with it. Where no
text has them all, the query is looked for as it stands, which also finds a part of a word and text without spaces.
"""

import re
import sqlite3
from dataclasses import dataclass
from typing import Literal

from localnpm.memory.database import Database, storable

Place = Literal["attempt", "verdict", "step"]

PLACES: tuple[Place, ...] = ("attempt", "verdict", "step")
"""The request and the answer tell more than a verdict's reason, and that more than what was read on the way."""

MOST_WORDS = 32
MOST_CHARACTERS = 1000
MOST_ROWS = 2000
BEFORE, AFTER = 40, 80

_BY_WORDS = """
    SELECT id AS attempt_id, 'attempt' AS place, id, rank FROM attempts_fts
    JOIN attempts ON attempts.id = attempts_fts.rowid WHERE attempts_fts MATCH :query
    UNION ALL
    SELECT attempt_id, 'step', id, rank FROM steps_fts
    JOIN steps ON steps.id = steps_fts.rowid WHERE steps_fts MATCH :query
    UNION ALL
    SELECT attempt_id, 'verdict', id, rank FROM verdicts_fts
    JOIN verdicts ON verdicts.id = verdicts_fts.rowid WHERE verdicts_fts MATCH :query
    ORDER BY rank, attempt_id DESC LIMIT :most
"""

_AS_IT_STANDS = """
    SELECT id AS attempt_id, 'attempt' AS place, id FROM attempts
    WHERE instr(lower(request), lower(:query)) > 0 OR instr(lower(answer), lower(:query)) > 0
    UNION ALL
    SELECT attempt_id, 'step', id FROM steps
    WHERE instr(lower(text), lower(:query)) > 0 OR instr(lower(result), lower(:query)) > 0
    UNION ALL
    SELECT attempt_id, 'verdict', id FROM verdicts WHERE instr(lower(reason), lower(:query)) > 0
    ORDER BY attempt_id DESC LIMIT :most
"""

_TEXT: dict[Place, str] = {
    "attempt": "SELECT request, answer FROM attempts WHERE id = ?",
    "step": "SELECT text, result FROM steps WHERE id = ?",
    "verdict": "SELECT reason FROM verdicts WHERE id = ?",
}


@dataclass(frozen=True)
class Hit:
    """An attempt that matches, which of its texts tells most, and the words around the match, on one line."""

    attempt_id: int
    place: Place
    snippet: str


def search(database: Database, text: str, *, limit: int = 20) -> tuple[Hit, ...]:
    """Attempts that hold all the words in one of their texts, the best match first. Any text is allowed."""
    wanted = storable(text).replace("\0", " ").strip()[:MOST_CHARACTERS]
    if not wanted:
        return ()
    rows, words = _found(database, wanted)
    best: dict[int, tuple[Place, int]] = {}
    for row in rows:
        shown = best.setdefault(row["attempt_id"], (row["place"], row["id"]))
        if PLACES.index(row["place"]) < PLACES.index(shown[0]):
            best[row["attempt_id"]] = (row["place"], row["id"])
    return tuple(
        Hit(attempt_id, place, _snippet(database, place, row_id, words))
        for attempt_id, (place, row_id) in list(best.items())[:limit]
    )


def attempts_with(database: Database, text: str) -> tuple[int, ...]:
    """The ids of what `search` finds, all of them, without the words around the matches."""
    wanted = storable(text).replace("\0", " ").strip()[:MOST_CHARACTERS]
    rows = _found(database, wanted)[0] if wanted else []
    return tuple(dict.fromkeys(row["attempt_id"] for row in rows))


def words_of(text: str) -> tuple[str, str]:
    """What the user typed, bounded, and an FTS5 query for its words; both empty where there is nothing to look for."""
    wanted = storable(text).replace("\0", " ").strip()[:MOST_CHARACTERS]
    words = list(dict.fromkeys(wanted.replace('"', " ").split()))[:MOST_WORDS]
    return wanted, _quoted(words) if wanted else ""


def _found(database: Database, wanted: str) -> tuple[list[sqlite3.Row], list[str]]:
    """Matching rows, the best first, and the words that they were found by."""
    words = list(dict.fromkeys(wanted.replace('"', " ").split()))[:MOST_WORDS]
    rows = database.query(_BY_WORDS, {"query": _quoted(words), "most": MOST_ROWS})
    if rows:
        return rows, words
    return database.query(_AS_IT_STANDS, {"query": wanted, "most": MOST_ROWS}), [wanted]


def _quoted(words: list[str]) -> str:
    """An FTS5 query for texts with a word that begins with each of the words."""
    return " ".join(f'"{word}"*' for word in words) or '""'


def _snippet(database: Database, place: Place, row_id: int, words: list[str]) -> str:
    """The text around the first word that stands in it.

    FTS5 has a function for this, whose time grows with the square of the matches: minutes for a long text.
    """
    texts = [text for row in database.query(_TEXT[place], (row_id,)) for text in row if text]
    anywhere = re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
    matches = [(text, match.start()) for text in texts if (match := anywhere.search(text))]
    # Letters with and without accents match in the index, and not here: then the text's beginning has to do.
    text, start = next(iter(matches), (texts[0] if texts else "", 0))
    first = max(0, start - BEFORE)
    cut = " ".join(text[first : start + AFTER].split())
    return ("…" if first else "") + cut + ("…" if start + AFTER < len(text) else "")
