"""The keys that requests are compared with, in memory: texts, vectors, and which procedure each is of.

The similarity of a request and a procedure is the mean of two cosines: with the nearest of its keys, and with the mean
of its keys (what its requests have in common; an odd one then counts less). How alike the words are is joined to it for
the order alone.
Not covered: whether something is near enough, and utility (recall.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from localnpm.memory.database import Database
from localnpm.memory.embedding import Embedder, Float32Array
from localnpm.memory.embedding_store import Key, Vectors, vectors_of
from localnpm.memory.index import Index, products_with
from localnpm.memory.wording import Wording

Scope = Literal["usable", "all"]
"""The keys of procedures that may be used, or of all, retired and disabled ones among them."""

FIRST = 100
"""Keys that are looked at more closely."""
NEWEST = 30
"""Of a procedure's keys, those that are looked at beside the nearest ones."""
MEAN_SHARE = 0.5
"""Share of the cosine with the keys' mean, against that with the nearest key."""
WORD_SHARE = 0.1
"""Share of the words' similarity, against that of the embeddings."""

_KEYS: Mapping[Scope, str] = {
    "usable": """
        SELECT recall_keys.id, recall_keys.procedure_id, recall_keys.attempt_id, recall_keys.text FROM recall_keys
        JOIN procedures ON procedures.id = recall_keys.procedure_id
        JOIN procedure_versions ON procedure_versions.procedure_id = procedures.id
        WHERE procedures.status = 'active' AND procedure_versions.status = 'active'
        AND (procedure_versions.script != '' OR procedure_versions.example != '')
        ORDER BY recall_keys.id
    """,
    "all": "SELECT id, procedure_id, attempt_id, text FROM recall_keys ORDER BY id",
}


@dataclass(frozen=True)
class Near:
    """A procedure, and how similar it is to what was asked for.

    Attributes:
        similarity: by the embeddings, -1 to 1; what a threshold is held against.
        joined: with the words' similarity; what procedures are ordered by.
        row: the key that is nearest.
    """

    procedure_id: int
    similarity: float
    joined: float
    row: int


@dataclass(frozen=True)
class RecallKeys:
    """Keys row by row: parallel arrays, and the same rows in the index.

    Attributes:
        revision: of `recall_revision`, when they were read.
        procedures: int64 [rows].
    """

    revision: int
    procedures: NDArray[np.int64]
    attempts: tuple[int | None, ...]
    texts: tuple[str, ...]
    index: Index
    wording: Wording
    members: Mapping[int, NDArray[np.int64]]

    @classmethod
    def load(
        cls, database: Database, embedder: Embedder, key: Key, make: Vectors, scope: Scope = "usable"
    ) -> "RecallKeys":
        """Read them; vectors that are missing are made and stored.

        Raises:
            MemoryFileError: the memory cannot be read or written.
        """
        # Read first: what changes meanwhile has a later number, and is then read again.
        revision = current_revision(database)
        rows = {row["id"]: row for row in database.query(_KEYS[scope])}
        ids, vectors = vectors_of(database, embedder, "recall_key_id", list(rows), key=key, make=make)
        found = [rows[int(each)] for each in ids]
        procedures = np.array([row["procedure_id"] for row in found], np.int64)
        texts = tuple(str(row["text"]) for row in found)
        attempts = tuple(row["attempt_id"] for row in found)
        return cls(revision, procedures, attempts, texts, Index(vectors), Wording(texts), members_of(procedures))

    def __len__(self) -> int:
        return len(self.texts)

    def nearest(self, text: str, vector: Float32Array, *, count: int = FIRST) -> list[Near]:
        """The procedures of the `count` keys with the largest cosine, the best first."""
        near: dict[int, list[int]] = {}
        for row in self.index.nearest(vector, count)[0].tolist():
            near.setdefault(int(self.procedures[row]), []).append(row)
        groups = [self._group(procedure, rows) for procedure, rows in near.items()]
        return self._compare(text, vector, list(near), groups)

    def _group(self, procedure_id: int, near: list[int]) -> NDArray[np.int64]:
        """The procedure's rows that are looked at: the nearest ones and the newest."""
        members = self.members[procedure_id]
        return members if len(members) <= NEWEST else np.union1d(near, members[-NEWEST:])

    def _compare(
        self, text: str, vector: Float32Array, procedures: Sequence[int], groups: Sequence[NDArray[np.int64]]
    ) -> list[Near]:
        """The procedures, each by a group of its rows."""
        if not groups:
            return []
        rows = np.concatenate(groups)
        starts = np.cumsum([0] + [len(group) for group in groups[:-1]])
        vectors = self.index.vectors[rows]
        cosines = products_with(vectors, vector)
        means = np.add.reduceat(vectors, starts, axis=0)
        norms = np.linalg.norm(means, axis=1)
        common = products_with(means, vector) / np.where(norms > 0, norms, 1)
        alike = self.wording.similarity(text, rows.tolist())
        similarities = (1 - MEAN_SHARE) * np.maximum.reduceat(cosines, starts) + MEAN_SHARE * common
        joined = (1 - WORD_SHARE) * similarities + WORD_SHARE * np.maximum.reduceat(alike, starts)
        by_key = (1 - WORD_SHARE) * cosines + WORD_SHARE * alike
        found = []
        for place in np.argsort(-joined, kind="stable").tolist():
            start, group = int(starts[place]), groups[place]
            nearest = int(group[by_key[start : start + len(group)].argmax()])
            found.append(Near(procedures[place], float(similarities[place]), float(joined[place]), nearest))
        return found


def current_revision(database: Database) -> int:
    """A number that grows with every change that recall has to know of, also by other processes."""
    return int(database.query("SELECT number FROM recall_revision")[0]["number"])


def members_of(procedures: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Procedure -> its rows."""
    order = np.argsort(procedures, kind="stable")
    different, starts = np.unique(procedures[order], return_index=True)
    return dict(zip(different.tolist(), np.split(order, starts[1:]), strict=True)) if len(order) else {}
