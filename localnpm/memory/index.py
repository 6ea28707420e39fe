"""The nearest of many vectors: exact while they are few, else a shortlist on leading directions that is scored in full.

A shortlist's matrix is a small part of the whole and mostly stays in the processor's cache, where the whole one has to
be read from memory for every request. NumPy has no fast product of float16 or of int8, so the columns are fewer
instead of narrower; `localnpm bench recall` prints what it costs and how often the same ten come out. Products are
taken by `einsum`: the threads of NumPy's own product wait for each other, beside other programs for tens of
milliseconds.
Not covered: what the vectors are of, and whether one is near enough (recall.py).
"""

import numpy as np
from numpy.typing import NDArray

from localnpm.memory.embedding import Float32Array

SHORTLIST_FROM = 8192
"""Rows from which a shortlist pays."""
SHORTLIST = 1536
"""Rows that are scored in full."""
COLUMNS = 96
"""Leading directions that the shortlist is made on."""
SAMPLE = 5000
"""Rows that the leading directions are taken from."""


class Index:
    """Vectors in memory, float32 [rows, dimensions], unit norm."""

    def __init__(self, vectors: Float32Array, *, shortlist_from: int = SHORTLIST_FROM) -> None:
        self.vectors = np.ascontiguousarray(vectors, np.float32)
        self._basis: Float32Array | None = None
        if len(vectors) > max(shortlist_from, SHORTLIST) and vectors.shape[1] >= 2 * COLUMNS:
            self._basis = leading_directions(self.vectors, COLUMNS)
            self._leading = np.ascontiguousarray(self.vectors @ self._basis)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def shortlisted(self) -> bool:
        """Whether a search looks at a shortlist only."""
        return self._basis is not None

    def nearest(self, query: Float32Array, count: int) -> tuple[NDArray[np.int64], Float32Array]:
        """The rows with the largest dot product and these products, the largest first; equal ones by row.

        Args:
            query: float32 [dimensions].
        """
        if self._basis is None or count > SHORTLIST // 2:
            rows = np.arange(len(self.vectors), dtype=np.int64)
            products = products_with(self.vectors, query)
        else:
            rough = products_with(self._leading, query @ self._basis)
            rows = np.argpartition(rough, -SHORTLIST)[-SHORTLIST:]
            rows.sort()
            products = products_with(self.vectors[rows], query)
        if len(products) > count > 0:
            least = np.partition(products, -count)[-count]
            kept = products >= least
            rows, products = rows[kept], products[kept]
        order = np.argsort(-products, kind="stable")[:count]
        return rows[order], products[order]


def products_with(vectors: Float32Array, query: Float32Array) -> Float32Array:
    """Each row's dot product with the query, on this thread alone: float32 [rows]."""
    products: Float32Array = np.einsum("ij,j->i", vectors, query)
    return products


def leading_directions(vectors: Float32Array, count: int) -> Float32Array:
    """The directions along which the vectors, not centred, are longest: float32 [dimensions, count], orthonormal."""
    sample = vectors[:: max(1, len(vectors) // SAMPLE)]
    _, directions = np.linalg.eigh(sample.T @ sample)
    return np.ascontiguousarray(directions[:, ::-1][:, :count], np.float32)
