"""The training mixture: documents of the file tasks (`corpus.py`) and of the household (`household_corpus.py`)."""

import random
from dataclasses import dataclass

import corpus
import household_corpus
from corpus_conversation import Message, Segment, render
from localnpm.evals.habits.names import Split


@dataclass(frozen=True)
class Mixture:
    """How documents are mixed."""

    household: float = 0.25
    """Their share of the documents; household documents are about 2.6 times as long."""
    split: Split = "train"
    """Which words the file tasks use; `bootstrap` for training a tokenizer, as `train` has words of its pieces."""
    more_of: frozenset[str] = frozenset()
    """Families and kinds of document that scores show to be weak."""
    more: float = 0.0
    """The share of the file tasks' documents that is drawn from `more_of` alone."""

    def document(self, rng: random.Random) -> list[Message]:
        """A new document."""
        if rng.random() < self.household:
            return household_corpus.document(rng)
        wanted = self.more_of if self.more_of and rng.random() < self.more else None
        while True:
            messages, about = corpus.document_info(rng, self.split)
            if wanted is None or about.family in wanted or about.kind in wanted:
                return messages

    def segments(self, rng: random.Random) -> list[Segment]:
        """A new document as text in pieces, each with whether the model learns to write it."""
        return render(self.document(rng))
