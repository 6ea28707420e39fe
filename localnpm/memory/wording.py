"""How alike two texts are in their words: the cosine of what they share, each word weighted by how rare it is.

Rare is what few of the stored texts have; a word that none of them has counts for nothing, for names are mostly such
words. FTS5's bm25() reads whole posting lists, however few rows it is asked about, and takes longer than all of recall.
Not covered: what words mean (the embedder).
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from localnpm.memory.embedding import Float32Array

SHORTEST_PLURAL = 3
MOST_CHARACTERS = 2000
"""Of a longer text the beginning has to do."""
_WORD = re.compile(r"[^\W\d_]+")


class Wording:
    """How rare words are in a set of texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = len(texts)
        self._with: Counter[str] = Counter()
        for text in texts:
            self._with.update(set(words(text)))

    def similarity(self, text: str, others: Sequence[str]) -> Float32Array:
        """The cosine of one text with each of the others: float32 [len(others)], 0 to 1."""
        own = self._weights(text)
        return np.array([_dot(own, self._weights(other)) for other in others], np.float32)

    def _weights(self, text: str) -> dict[str, float]:
        """Word -> weight (sublinear term frequency times inverse document frequency), of unit norm."""
        weights = {
            word: (1 + math.log(count)) * (1 + math.log((1 + self._texts) / (1 + self._with[word])))
            for word, count in Counter(words(text)).items()
            if word in self._with
        }
        norm = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {word: weight / norm for word, weight in weights.items()}


def words(text: str) -> list[str]:
    """The text's words, without case and without the s of a plural."""
    found = _WORD.findall(text[:MOST_CHARACTERS].casefold())
    return [
        word[:-1] if len(word) > SHORTEST_PLURAL and word[-1] == "s" and word[-2] != "s" else word for word in found
    ]


def _dot(one: dict[str, float], other: dict[str, float]) -> float:
    if len(other) < len(one):
        one, other = other, one
    return sum(weight * other.get(word, 0.0) for word, weight in one.items())
