"""The training mixture: documents of the file tasks (`corpus.py`) and of the household (`household_corpus.py`)."""

import random
from dataclasses import dataclass

import corpus

import household_corpus
from household_corpus import Message


@dataclass(frozen=True)
class Mixture:
    """How documents are mixed."""

    household: float = 0.25
    """Their share of the documents; household documents are about 2.6 times as long."""

    def document(self, rng: random.Random) -> list[Message]:
        """The messages of a new document."""
        if rng.random() < self.household:
            return household_corpus.document(rng)
        return corpus.document(rng)

    def segments(self, rng: random.Random) -> list[tuple[str, bool]]:
        """A new document as text in pieces, each with whether the model learns to write it."""
        return corpus.render(self.document(rng))
