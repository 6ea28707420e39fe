"""How alike a text and stored ones are in their words: the cosine of what they share, each word weighted by its rarity.

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
    """The words of stored texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._words = [tuple(words(text)) for text in texts]
        counts = Counter(word for each in self._words for word in each)
        self._rarity = {word: 1 + math.log((1 + len(texts)) / (1 + count)) for word, count in counts.items()}
        self._norms = [math.sqrt(sum(self._rarity[word] ** 2 for word in each)) or 1.0 for each in self._words]

    def similarity(self, text: str, rows: Sequence[int]) -> Float32Array:
        """The cosine of a text with each of these stored ones: float32 [len(rows)], 0 to 1."""
        weights = {word: self._rarity[word] ** 2 for word in words(text) if word in self._rarity}
        norm = math.sqrt(sum(weights.values())) or 1.0
        return np.array(
            [
                sum([weights[word] for word in self._words[row] if word in weights]) / (norm * self._norms[row])
                for row in rows
            ],
            np.float32,
        )


def words(text: str) -> list[str]:
    """The text's words, each once, without case and without the s of a plural."""
    found = _WORD.findall(text[:MOST_CHARACTERS].casefold())
    singular = [word[:-1] if len(word) > SHORTEST_PLURAL and word[-1] == "s" != word[-2] else word for word in found]
    return list(dict.fromkeys(singular))
