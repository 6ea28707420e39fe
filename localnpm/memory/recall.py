"""Recall: which procedures a request gets, how alike they are, and why; or none, when nothing is near enough.

Not covered: how similarity is made up (recall_keys.py), how the threshold is found (calibration.py), how many tokens of
what is recalled fit a prompt, through which channel it acts, and what is logged of it (learning/guide.py).
"""

import random as randomness
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from localnpm.config import MemorySettings
from localnpm.errors import ConfigError, NotFoundError
from localnpm.memory.calibration import by_probes, calibrate
from localnpm.memory.database import Database
from localnpm.memory.embedding import Embedder, Float32Array
from localnpm.memory.embedding_store import Key, vectors_of
from localnpm.memory.index import Index
from localnpm.memory.procedure_records import Procedure, Version, overwritten
from localnpm.memory.procedures import Procedures
from localnpm.memory.recall_keys import Near, RecallKeys, Scope, current_revision
from localnpm.memory.uses import AllStatistics, all_statistics, utilities

RecallKey = Literal["query", "avefact", "random"]
"""What is compared: the request, its key terms, or nothing (a control for evaluations)."""

_GONE = "what was near enough was forgotten or taken out of use just now"


@dataclass(frozen=True)
class Match:
    """A procedure that is recalled.

    Attributes:
        version: the active one.
        trial: an adjusted version that waits beside it to be tried, if there is one.
        similarity: of the request and the procedure, by the embeddings, -1 to 1.
        score: the similarity, joined with that of the words, times the procedure's utility; matches are ordered by it.
        wins: successes among its judged uses.
        key: the text that is nearest, mostly an earlier request; `attempt_id` is the attempt it is the request of.
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
        best: the largest similarity of any procedure, recalled or not; 0 where there is none.
        abstained: there are procedures, and none is near enough.
        why: for the screen, in words.
    """

    items: tuple[Match, ...]
    best: float
    threshold: float
    abstained: bool
    why: str


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
        self._keys: dict[tuple[Key, Scope], RecallKeys] = {}
        self._thresholds: dict[Key, tuple[int, float]] = {}
        self._by_probes: float | None = None
        self._asked: dict[bool, tuple[tuple[int, ...], NDArray[np.int64], Index]] = {}
        self._turn = threading.RLock()

    def find(self, request: str, *, k: int = 1, key: str | None = None) -> Recollection:
        """The procedures nearest to a request, at most k.

        Args:
            key: a `RecallKey`; as set in `memory.key` when left out.

        Raises:
            ConfigError: the key is not known, or is `avefact` where there is nothing to take key terms with.
            MemoryFileError: the memory cannot be read or written.
        """
        chosen = self._check(key)
        compared: Key = "query" if chosen == "random" else chosen
        with self._turn:
            keys = self.keys(compared)
            threshold = self.calibrate(key)
            if not len(keys):
                return Recollection((), 0.0, threshold, False, "no procedure has been learned yet")
            near = keys.nearest(request, self._make(compared)([request])[0])
            everything = all_statistics(self.database)
            if chosen == "random":
                return self._at_random(keys, near, k, threshold, everything)
            best = max(each.similarity for each in near)
            if best < threshold:
                why = f"nothing is near enough: {best:.2f}, and {threshold:.2f} is the least"
                return Recollection((), best, threshold, True, why)
            return self._nearest(keys, near, k, threshold, everything)

    def nearest_attempts(self, request: str, k: int, *, judged: bool = True) -> tuple[tuple[int, float], ...]:
        """The finished attempts whose requests are most like this one, with the cosine, the nearest first.

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
        """Embed what is new, build the index and calibrate now, not at the next request."""
        chosen = self._check(None)
        with self._turn:
            self.keys("query" if chosen == "random" else chosen)
            self.calibrate()

    def calibrate(self, key: str | None = None) -> float:
        """The least similarity at which something is recalled: as set, else by the stored requests and the probes."""
        if self.settings.threshold is not None:
            return self.settings.threshold
        chosen = self._check(key)
        compared: Key = "query" if chosen == "random" else chosen
        with self._turn:
            keys = self.keys(compared)
            known = self._thresholds.get(compared)
            if known is None or known[0] != keys.revision:
                if self._by_probes is None:
                    self._by_probes = by_probes(self.embedder)
                self._thresholds[compared] = known = (keys.revision, calibrate(keys, self._by_probes))
            return known[1]

    def keys(self, key: Key = "query", scope: Scope = "usable") -> RecallKeys:
        """The keys as they are now, for kinds.py too."""
        with self._turn:
            known = self._keys.get((key, scope))
            if known is None or known.revision != current_revision(self.database):
                known = RecallKeys.load(self.database, self.embedder, key, self._make(key), scope)
                self._keys[key, scope] = known
            return known

    def _check(self, key: str | None) -> RecallKey:
        key = key or self.settings.key
        if key not in ("query", "avefact", "random"):
            raise ConfigError(f"The recall key is {key!r}; allowed is query, avefact or random.")
        if key == "avefact" and self._key_terms is None:
            raise ConfigError(
                "The recall key is 'avefact', which needs a model to take key terms with, and none is loaded here. "
                "Use `-o memory.key=query`."
            )
        return cast(RecallKey, key)

    def _make(self, key: Key) -> Callable[[Sequence[str]], Float32Array]:
        return self.embedder.embed if key == "query" else self._means_of_terms

    def _means_of_terms(self, texts: Sequence[str]) -> Float32Array:
        """The mean of each text's key terms' vectors (AveFact of Mem^p, arXiv 2508.06433), unit norm; without terms,
        the text's own vector."""
        assert self._key_terms is not None
        means = np.zeros((len(texts), self.embedder.dimensions), np.float32)
        for mean, text in zip(means, texts, strict=True):
            terms = [term.strip() for term in self._key_terms(text).split(",") if term.strip()]
            mean[:] = self.embedder.embed(terms or [text]).mean(axis=0)
            mean /= float(np.linalg.norm(mean)) or 1.0
        return means

    def _attempts(self, judged: bool) -> tuple[NDArray[np.int64], Index]:
        wanted = "status != 'running'"
        if judged:
            wanted += " AND surroundings = 0 AND id IN (SELECT attempt_id FROM verdicts)"
        rows = self.database.query(f"SELECT id FROM attempts WHERE {wanted} ORDER BY id")
        ids = tuple(int(row["id"]) for row in rows)
        known = self._asked.get(judged)
        if known is None or known[0] != ids:
            found, vectors = vectors_of(self.database, self.embedder, "attempt_id", ids, make=self.embedder.embed)
            self._asked[judged] = known = (ids, found, Index(vectors))
        return known[1], known[2]

    def _nearest(
        self, keys: RecallKeys, near: Sequence[Near], k: int, threshold: float, everything: AllStatistics
    ) -> Recollection:
        """The best of what is near enough, by similarity and utility."""
        enough = [each for each in near if each.similarity >= threshold]
        useful = utilities(everything, (each.procedure_id for each in enough))
        scored = [(each.joined * useful[each.procedure_id], each) for each in enough]
        scored.sort(key=lambda pair: -pair[0])
        found = (self._match(keys, each, score, everything) for score, each in scored)
        items = tuple(islice((match for match in found if match is not None), k))
        best = max(each.similarity for each in near)
        return Recollection(items, best, threshold, False, items[0].reason if items else _GONE)

    def _at_random(
        self, keys: RecallKeys, near: Sequence[Near], k: int, threshold: float, everything: AllStatistics
    ) -> Recollection:
        known = {each.procedure_id: each for each in near}
        drawn = self._random.sample(sorted(keys.members), min(k, len(keys.members)))
        items = []
        for procedure in drawn:
            each = known.get(procedure) or Near(procedure, 0.0, 0.0, int(keys.members[procedure][0]))
            match = self._match(keys, each, each.joined, everything, drawn=True)
            if match is not None:
                items.append(match)
        best = max(each.similarity for each in near)
        why = "drawn at random, as the key asks for" if items else _GONE
        return Recollection(tuple(items), best, threshold, False, why)

    def _match(
        self, keys: RecallKeys, near: Near, score: float, everything: AllStatistics, *, drawn: bool = False
    ) -> Match | None:
        """None where another process has forgotten the procedure, or taken it out of use, since the keys were read."""
        try:
            procedure = self._procedures.get(near.procedure_id)
        except NotFoundError:
            return None
        if procedure.active is None or procedure.status != "active":
            return None
        statistics = everything.of(near.procedure_id)
        wins, uses = statistics.wins, statistics.uses
        text, attempt_id = keys.texts[near.row], keys.attempts[near.row]
        source = f"attempt {attempt_id}" if attempt_id is not None else "its key"
        record = f"worked in {wins} of {uses} judged uses" if uses else "no judged use yet"
        how = "drawn at random; " if drawn else ""
        reason = f'{how}similarity {near.similarity:.2f}, most like {source}, "{text}"; {record}'
        return Match(
            procedure,
            procedure.active,
            self._trial(procedure.id),
            near.similarity,
            score,
            wins,
            uses,
            text,
            attempt_id,
            reason,
        )

    def _trial(self, procedure_id: int) -> Version | None:
        """The newest adjusted version that may be tried; not what failed in a retry, is doubtful, or is older than the
        user's own words."""
        versions = self._procedures.versions(procedure_id)
        for version in reversed(versions):
            if (
                version.status == "candidate"
                and version.source == "adjusted"
                and not (version.doubtful or version.stale or overwritten(version, versions))
            ):
                return version
        return None
