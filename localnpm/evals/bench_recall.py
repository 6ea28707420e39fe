"""The time of recall in a large memory, beside a bare matrix-vector product over the same vectors.

A memory.db is made on disk with as many procedures as asked for, each with one worded request as its key, and opened
as the program opens it. The embedding of the request is left out of the times. Not covered: whether what is found is
right (recall_quality.py).
"""

import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from localnpm.config import MemorySettings
from localnpm.evals.habits.families import FAMILIES
from localnpm.evals.habits.names import Names
from localnpm.home import bundled_embedder
from localnpm.memory.database import Database
from localnpm.memory.embedding import Embedder, Float32Array, open_embedder
from localnpm.memory.index import Index
from localnpm.memory.recall import Recall

TARGET_MS = 10.0
"""The 99th percentile that recall is to stay under."""
TOP = 10
TEMPLATES = 300
"""Requests that all others are made from, by other words in the place of theirs."""

_TIME = "2026-01-01T00:00:00+00:00"


@dataclass(frozen=True)
class Times:
    """Milliseconds: the median and the 99th percentile, by the clock and of this thread's computing.

    The latter leaves out waiting, for other programs and for the product's other threads.
    """

    median: float
    p99: float
    cpu_median: float
    cpu_p99: float


@dataclass(frozen=True)
class RecallReport:
    """What `run` measured.

    Attributes:
        recall: without the embedding of the request.
        search: of it, the search among the vectors.
        product: a bare product of all vectors, float32, with the request's.
        embedding: of one request.
        opening: seconds until the first answer with all embeddings stored.
        embedding_all: seconds that embedding and storing all keys took, once.
        same: share of requests whose ten nearest are those of the product.
    """

    procedures: int
    dimensions: int
    asked: int
    recall: Times
    search: Times
    product: Times
    embedding: Times
    opening: float
    embedding_all: float
    same: float

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        return asdict(self)

    def print(self, console: Console | None = None) -> None:
        """Print a table."""
        console = console or Console()
        title = f"Recall among {self.procedures:,} procedures, {self.asked} requests, {self.dimensions} dimensions"
        table = Table(box=box.SIMPLE, title=title)
        for heading in ("", "median, ms", "p99, ms", "CPU median", "CPU p99"):
            table.add_column(heading, justify="right" if heading else "left")
        rows = (
            ("recall, without embedding the request", self.recall),
            ("  of it, the search among the vectors", self.search),
            ("bare product over the same vectors", self.product),
            ("embedding the request", self.embedding),
        )
        for name, times in rows:
            table.add_row(name, *(f"{each:.2f}" for each in astuple(times)))
        console.print(table)
        console.print(
            f"The same ten nearest as the product's: {self.same:.3f} of requests. Opening: {self.opening:.1f} s; "
            f"embedding and storing all, once: {self.embedding_all:.1f} s."
        )


class Taken(NamedTuple):
    """Seconds by the clock, and of this thread's computing."""

    wall: float
    cpu: float


class _Watch:
    """Started when it is made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.thread_time()

    def stop(self) -> Taken:
        return Taken(time.perf_counter() - self._wall, time.thread_time() - self._cpu)


class _Timed:
    """An embedder whose time is kept."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.name, self.dimensions = embedder.name, embedder.dimensions
        self.taken = Taken(0.0, 0.0)

    def embed(self, texts: Sequence[str]) -> Float32Array:
        watch = _Watch()
        vectors = self.embedder.embed(texts)
        self.taken = watch.stop()
        return vectors


def run(*, procedures: int = 100_000, asked: int = 500, folder: Path | None = None) -> RecallReport:
    """Measure, in about a minute for 100,000 procedures.

    Args:
        folder: where the memory is made; None: a temporary one.

    Raises:
        MemoryFileError: the memory cannot be written.
    """
    rng = random.Random(5)
    with tempfile.TemporaryDirectory(prefix="localnpm-bench-", dir=folder) as temporary:
        path = Path(temporary) / "memory.db"
        texts = requests(rng, procedures + asked)
        with Database.open(path) as database:
            fill(database, texts[:procedures])
        embedder = _Timed(open_embedder(bundled_embedder()))
        seconds = []
        for _ in range(2):
            with Database.open(path) as database:
                start = time.perf_counter()
                Recall(database, embedder, MemorySettings()).find(texts[0])
                seconds.append(time.perf_counter() - start)
        with Database.open(path) as database:
            return _measure(Recall(database, embedder, MemorySettings()), embedder, texts[procedures:], seconds)


def requests(rng: random.Random, count: int) -> list[str]:
    """Different worded requests, quickly: those of the habits' families with other words in the place of some."""
    names = Names(rng)
    templates = [rng.choice(FAMILIES).make(names).request.split() for _ in range(TEMPLATES)]
    found: dict[str, None] = {}
    while len(found) < count:
        words = list(rng.choice(templates))
        for _ in range(rng.randint(2, 4)):
            words[rng.randrange(len(words))] = names.word(rng.choice(("noun", "modifier", "goods", "city")))
        found[" ".join(words)] = None
    return list(found)


def fill(database: Database, texts: Sequence[str]) -> None:
    """A procedure with an active version for each text, which is its key."""
    ids = range(1, len(texts) + 1)
    with database.transaction() as connection:
        connection.executemany(
            "INSERT INTO procedures(id, name, title, origin, created_at, updated_at) VALUES (?, ?, ?, 'learned', ?, ?)",
            [(each, f"p{each}", text, _TIME, _TIME) for each, text in zip(ids, texts, strict=True)],
        )
        connection.executemany(
            "INSERT INTO procedure_versions(procedure_id, number, status, source, script, example, created_at) "
            "VALUES (?, 1, 'active', 'built', ?, '', ?)",
            [(each, f"{text}\n1. Do it.", _TIME) for each, text in zip(ids, texts, strict=True)],
        )
        connection.executemany(
            "INSERT INTO recall_keys(procedure_id, text) VALUES (?, ?)", zip(ids, texts, strict=True)
        )


def _measure(recall: Recall, embedder: _Timed, asked: Sequence[str], seconds: Sequence[float]) -> RecallReport:
    recall.find(asked[0])
    keys = recall.keys()
    index, exact = keys.index, Index(keys.index.vectors, shortlist_from=len(keys))
    finding, searching, product, embedding = [], [], [], []
    same = 0
    for text in asked:
        watch = _Watch()
        recall.find(text)
        both, apart = watch.stop(), embedder.taken
        finding.append(Taken(both.wall - apart.wall, both.cpu - apart.cpu))
        embedding.append(apart)
        vector = embedder.embed([text])[0]
        watch = _Watch()
        rows, _ = index.nearest(vector, TOP)
        searching.append(watch.stop())
        watch = _Watch()
        index.vectors @ vector
        product.append(watch.stop())
        same += set(rows.tolist()) == set(exact.nearest(vector, TOP)[0].tolist())
    return RecallReport(
        procedures=len(keys),
        dimensions=embedder.dimensions,
        asked=len(asked),
        recall=_times(finding),
        search=_times(searching),
        product=_times(product),
        embedding=_times(embedding),
        opening=seconds[1],
        embedding_all=seconds[0] - seconds[1],
        same=same / len(asked),
    )


def _times(taken: Sequence[Taken]) -> Times:
    wall, cpu = 1000 * np.array(taken).T
    return Times(*(float(np.percentile(each, share)) for each in (wall, cpu) for share in (50, 99)))
