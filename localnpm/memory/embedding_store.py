"""Embeddings as rows of memory.db: those of recall keys and of attempts' requests, each made once for an embedder.

A row bears its embedder's name. With another embedder set, a vector is computed anew when it is asked for, and takes
the place of the former one. Rows go with their key or attempt by the schema's cascades.
"""

import json
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from localnpm.memory.database import Database
from localnpm.memory.embedding import Embedder, Float32Array

Owner = Literal["recall_key_id", "attempt_id"]
Key = Literal["query", "avefact"]
Vectors = Callable[[Sequence[str]], Float32Array]
"""Texts to unit vectors, float32 [len(texts), dimensions]."""

_TEXTS: dict[Owner, str] = {
    "recall_key_id": "SELECT id, text FROM recall_keys",
    "attempt_id": "SELECT id, request AS text FROM attempts",
}


def vectors_of(
    database: Database, embedder: Embedder, owner: Owner, ids: Sequence[int], *, key: Key = "query", make: Vectors
) -> tuple[NDArray[np.int64], Float32Array]:
    """The vectors of keys or attempts, computed and stored where they are missing.

    Args:
        key: what the vectors are made from; `make` makes them.

    Returns:
        The ids, ascending, without those that have gone meanwhile; float32 [ids, dimensions].

    Raises:
        MemoryFileError: the memory cannot be read or written.
    """
    wanted = json.dumps(list(ids))
    found = _stored(database, embedder, owner, wanted, key)
    missing = sorted(set(ids) - set(found))
    if missing:
        rows = database.query(
            f"{_TEXTS[owner]} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (json.dumps(missing),)
        )
        made = make([row["text"] for row in rows])
        _store(database, embedder, owner, key, {row["id"]: made[place] for place, row in enumerate(rows)})
        found |= {row["id"]: made[place] for place, row in enumerate(rows)}
    order = sorted(found)
    vectors = np.array([found[each] for each in order], np.float32).reshape(len(order), embedder.dimensions)
    return np.array(order, np.int64), vectors


def _stored(database: Database, embedder: Embedder, owner: Owner, wanted: str, key: Key) -> dict[int, Float32Array]:
    rows = database.query(
        f"SELECT {owner} AS id, vector FROM embeddings WHERE embedder = ? AND key = ? "
        f"AND {owner} IN (SELECT value FROM json_each(?))",
        (embedder.name, key, wanted),
    )
    length = 4 * embedder.dimensions
    return {row["id"]: np.frombuffer(row["vector"], "<f4") for row in rows if len(row["vector"]) == length}


def _store(database: Database, embedder: Embedder, owner: Owner, key: Key, vectors: dict[int, Float32Array]) -> None:
    """Write the vectors of rows that are still there, in place of those of other embedders."""
    table = "recall_keys" if owner == "recall_key_id" else "attempts"
    with database.transaction() as connection:
        connection.executemany(
            f"DELETE FROM embeddings WHERE {owner} = ? AND embedder != ?", [(each, embedder.name) for each in vectors]
        )
        connection.executemany(
            f"INSERT OR REPLACE INTO embeddings (embedder, key, {owner}, vector) "
            f"SELECT ?, ?, id, ? FROM {table} WHERE id = ?",
            [(embedder.name, key, vector.astype("<f4").tobytes(), each) for each, vector in vectors.items()],
        )
