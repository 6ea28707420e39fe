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
    found, vectors = _stored(database, embedder, owner, json.dumps(list(ids)), key)
    missing = sorted(set(ids) - set(found.tolist()))
    if not missing:
        return found, vectors
    rows = database.query(
        f"{_TEXTS[owner]} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (json.dumps(missing),)
    )
    made = make([row["text"] for row in rows])
    new = np.array([row["id"] for row in rows], np.int64)
    if not database.reading_only:
        _store(database, embedder, owner, key, dict(zip(new.tolist(), made, strict=True)))
    everything, all_vectors = np.concatenate([found, new]), np.concatenate([vectors, made])
    order = np.argsort(everything, kind="stable")
    return everything[order], all_vectors[order]


def _stored(
    database: Database, embedder: Embedder, owner: Owner, wanted: str, key: Key
) -> tuple[NDArray[np.int64], Float32Array]:
    rows = database.query(
        f"SELECT {owner} AS id, vector FROM embeddings WHERE {owner} IN (SELECT value FROM json_each(?)) "
        f"AND embedder = ? AND key = ? AND length(vector) = ? ORDER BY {owner}",
        (wanted, embedder.name, key, 4 * embedder.dimensions),
    )
    ids = np.array([row["id"] for row in rows], np.int64)
    vectors = np.frombuffer(b"".join(row["vector"] for row in rows), "<f4").reshape(len(ids), embedder.dimensions)
    return ids, vectors


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
