"""Recall: which procedures a request gets, how alike they are, and why; or none, when nothing is near enough.

Compared are the request and the keys of every procedure that may be used. Not covered: how many tokens of what is
recalled fit a prompt, through which channel it acts, and what is logged of it (learning/guide.py).
"""

import random as randomness
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from localnpm.config import MemorySettings
from localnpm.errors import ConfigError
from localnpm.memory.database import Database
from localnpm.memory.embedding import Embedder, Float32Array
from localnpm.memory.embedding_store import Key, vectors_of
from localnpm.memory.index import Index
from localnpm.memory.procedure_records import Procedure, Version
from localnpm.memory.procedures import Procedures

RecallKey = Literal["query", "avefact", "random"]
"""What is compared: the request, its key terms, or nothing (a control for evaluations)."""

THRESHOLD = 0.48
"""The least similarity, until there are requests of one's own to calibrate on."""
FIRST = 100
"""Keys that are looked at more closely."""

_ELIGIBLE = """
    SELECT recall_keys.id, recall_keys.procedure_id, recall_keys.attempt_id, recall_keys.text FROM recall_keys
    JOIN procedures ON procedures.id = recall_keys.procedure_id
    JOIN procedure_versions ON procedure_versions.procedure_id = procedures.id
    WHERE procedures.status = 'active' AND procedure_versions.status = 'active'
    AND (procedure_versions.script != '' OR procedure_versions.example != '')
    ORDER BY recall_keys.id
"""
_COUNTS = """
    SELECT uses.procedure_id, sum(outcomes.success) AS wins, count(*) AS uses FROM uses
    JOIN outcomes ON outcomes.attempt_id = uses.attempt_id
    WHERE uses.channel != 'none' AND uses.procedure_id = ?
"""


@dataclass(frozen=True)
class Match:
    """A procedure that is recalled.

    Attributes:
        version: the active one.
        trial: an adjusted version that waits beside it to be tried, if there is one.
        similarity: of the request to the nearest of the procedure's keys.
        score: the similarity times the procedure's utility; matches are ordered by it.
        key: the key that is nearest, mostly an earlier request; `attempt_id` is the attempt it is the request of.
        reason: for the screen, in words.
    """

    procedure: Procedure
    version: Version
    trial: Version | None
    similarity: float
    score: float
    wins: int
    uses: int
    key: str
    attempt_id: int | None
    reason: str


@dataclass(frozen=True)
class Recollection:
    """What a request brings to mind.

    Attributes:
        items: the best first; empty when abstained.
        best: the similarity of the nearest procedure, recalled or not; 0 where there is none.
        abstained: there are procedures, and none is near enough.
        why: for the screen, in words.
    """

    items: tuple[Match, ...]
    best: float
    threshold: float
    abstained: bool
    why: str


@dataclass(frozen=True)
class _Keys:
    """The keys of every procedure that may be used, row by row as in the index."""

    revision: int
    ids: NDArray[np.int64]
    procedures: NDArray[np.int64]
    attempts: tuple[int | None, ...]
    texts: tuple[str, ...]
    index: Index


class Recall:
    """Finds procedures for requests. It notices by itself what is added, changed or forgotten, by other processes too.

    Any thread may use it; they take turns.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        settings: MemorySettings,
        *,
        key_terms: Callable[[str], str] | None = None,
        random: randomness.Random | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            key_terms: the key terms of a text, separated by commas; needed for the key `avefact`.
            random: draws for the key `random`.
        """
        self.database = database
        self.embedder = embedder
        self.settings = settings
        self._key_terms = key_terms
        self._random = random or randomness.Random(0)
        self._procedures = Procedures(database)
        self._keys: dict[Key, _Keys] = {}
        self._turn = threading.RLock()

    def find(self, request: str, *, k: int = 1, key: str | None = None) -> Recollection:
        """The procedures nearest to a request, at most k.

        Args:
            key: a `RecallKey`; as set in `memory.key` when left out.

        Raises:
            ConfigError: the key is not known, or is `avefact` where there is nothing to take key terms with.
            MemoryFileError: the memory cannot be read or written.
        """
        chosen = self._check(key or self.settings.key)
        with self._turn:
            keys = self._current("query" if chosen == "random" else chosen)
            threshold = self.calibrate()
            if not len(keys.index):
                return Recollection((), 0.0, threshold, False, "no procedure has been learned yet")
            query = self._make("query" if chosen == "random" else chosen)([request])[0]
            if chosen == "random":
                return self._at_random(keys, query, k, threshold)
            rows, similarities = keys.index.nearest(query, FIRST)
            return self._matches(keys, rows, similarities, k, threshold)

    def nearest_attempts(self, request: str, k: int, *, judged: bool = True) -> tuple[tuple[int, float], ...]:
        """The finished attempts whose requests are most like this one, with their similarity, the nearest first.

        Args:
            judged: those with a verdict only, and none that failed on account of the surroundings.
        """
        with self._turn:
            ids, index = self._attempts(judged)
            if not len(ids):
                return ()
            rows, similarities = index.nearest(self.embedder.embed([request])[0], k)
            return tuple((int(ids[row]), float(each)) for row, each in zip(rows, similarities, strict=True))

    def refresh(self) -> None:
        """Embed what is new and build the index now, not at the next request."""
        chosen = self._check(self.settings.key)
        with self._turn:
            self._current("query" if chosen == "random" else chosen)

    def calibrate(self) -> float:
        """The least similarity at which something is recalled."""
        return THRESHOLD if self.settings.threshold is None else self.settings.threshold

    def _check(self, key: str) -> RecallKey:
        if key not in ("query", "avefact", "random"):
            raise ConfigError(f"The recall key is {key!r}; allowed is query, avefact or random.")
        if key == "avefact" and self._key_terms is None:
            raise ConfigError(
                "The recall key is avefact, which needs a model to take key terms with, and none is loaded here. "
                "Use `-o memory.key=query`."
            )
        return cast(RecallKey, key)

    def _make(self, key: Key) -> Callable[..., Float32Array]:
        if key == "query":
            return self.embedder.embed
        return lambda texts: np.array([self._mean_of_terms(text) for text in texts], np.float32)

    def _mean_of_terms(self, text: str) -> Float32Array:
        """The mean of the key terms' vectors (Mem^p's AveFact, arXiv 2508.06433), unit norm; without terms, the text's."""
        assert self._key_terms is not None
        terms = [term.strip() for term in self._key_terms(text).split(",") if term.strip()]
        mean: Float32Array = self.embedder.embed(terms or [text]).mean(axis=0)
        norm = float(np.linalg.norm(mean))
        return mean / norm if norm > 0 else mean

    def _current(self, key: Key) -> _Keys:
        """The keys as they are now."""
        revision = int(self.database.query("SELECT number FROM recall_revision")[0]["number"])
        known = self._keys.get(key)
        if known is None or known.revision != revision:
            rows = {row["id"]: row for row in self.database.query(_ELIGIBLE)}
            ids, vectors = vectors_of(
                self.database, self.embedder, "recall_key_id", list(rows), key=key, make=self._make(key)
            )
            found = [rows[int(each)] for each in ids]
            self._keys[key] = known = _Keys(
                revision,
                ids,
                np.array([row["procedure_id"] for row in found], np.int64),
                tuple(row["attempt_id"] for row in found),
                tuple(row["text"] for row in found),
                Index(vectors),
            )
        return known

    def _attempts(self, judged: bool) -> tuple[NDArray[np.int64], Index]:
        wanted = "status != 'running'"
        if judged:
            wanted += " AND surroundings = 0 AND id IN (SELECT attempt_id FROM verdicts)"
        ids = [row["id"] for row in self.database.query(f"SELECT id FROM attempts WHERE {wanted} ORDER BY id")]
        found, vectors = vectors_of(self.database, self.embedder, "attempt_id", ids, make=self.embedder.embed)
        return found, Index(vectors)

    def _at_random(self, keys: _Keys, query: Float32Array, k: int, threshold: float) -> Recollection:
        procedures = sorted(set(keys.procedures.tolist()))
        chosen = self._random.sample(procedures, min(k, len(procedures)))
        similarities = keys.index.vectors @ query
        items = []
        for procedure in chosen:
            rows = np.flatnonzero(keys.procedures == procedure)
            row = rows[similarities[rows].argmax()]
            items.append(self._match(keys, int(row), float(similarities[row]), drawn=True))
        return Recollection(
            tuple(items), float(similarities.max()), threshold, False, "drawn at random, as the key asks for"
        )

    def _matches(
        self, keys: _Keys, rows: NDArray[np.int64], similarities: Float32Array, k: int, threshold: float
    ) -> Recollection:
        best = float(similarities[0])
        if best < threshold:
            return Recollection(
                (), best, threshold, True, f"nothing is near enough: {best:.2f}, and {threshold:.2f} is the least"
            )
        nearest: dict[int, tuple[int, float]] = {}
        for row, similarity in zip(rows.tolist(), similarities.tolist(), strict=True):
            if similarity >= threshold:
                nearest.setdefault(int(keys.procedures[row]), (row, similarity))
        items = [self._match(keys, row, similarity) for row, similarity in list(nearest.values())[: 4 * k]]
        items.sort(key=lambda item: -item.score)
        return Recollection(tuple(items[:k]), best, threshold, False, items[0].reason)

    def _match(self, keys: _Keys, row: int, similarity: float, *, drawn: bool = False) -> Match:
        procedure = self._procedures.get(int(keys.procedures[row]))
        assert procedure.active is not None
        wins, uses = self._wins(procedure.id)
        return Match(
            procedure, procedure.active, self._trial(procedure.id), similarity, similarity, wins, uses,
            keys.texts[row], keys.attempts[row], self._reason(keys, row, similarity, wins, uses, drawn=drawn),
        )  # fmt: skip

    def _reason(self, keys: _Keys, row: int, similarity: float, wins: int, uses: int, *, drawn: bool) -> str:
        alike = f"drawn at random, similarity {similarity:.2f}" if drawn else f"similarity {similarity:.2f}"
        record = f"worked in {wins} of {uses} judged uses" if uses else "no judged use yet"
        source = f"the request of attempt {keys.attempts[row]}" if keys.attempts[row] is not None else "its key"
        return f'{alike} to {source}, "{keys.texts[row]}"; {record}'

    def _wins(self, procedure_id: int) -> tuple[int, int]:
        row = self.database.query(_COUNTS, (procedure_id,))[0]
        return int(row["wins"] or 0), int(row["uses"])

    def _trial(self, procedure_id: int) -> Version | None:
        """The newest adjusted version that may be tried; what failed in a retry or is doubtful may not."""
        for version in reversed(self._procedures.versions(procedure_id)):
            if version.status == "candidate" and version.source == "adjusted" and not (version.doubtful or version.stale):
                return version
        return None
