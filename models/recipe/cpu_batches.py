"""Batches for the CPU trainer: documents of like length together, generated as they are needed.

Sorting by length leaves little padding, and a batch of short documents spends little on attention.
"""

import queue
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from mixture import Mixture
from tokenizer import END_OF_TEXT

POOL = 768
"""Documents that are sorted together."""

WeightedDocument = tuple[list[int], list[float]]
"""Token ids, and the weight of each in the loss."""


@dataclass(frozen=True)
class BatchOptions:
    """How documents are weighted and put together."""

    tokens: int = 5120
    """Most tokens of a batch, padding included."""
    longest: int = 1200
    """Documents of more tokens are left out."""
    other_weight: float = 0.1
    """Weight of the tokens that the model need not learn to write; 1 is that of the others."""


def batches_forever(
    mixture: Mixture, tokenizer: Tokenizer, options: BatchOptions, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Token ids (int64) and weights (float32), both [documents, length]; the padding has weight 0."""
    rng = random.Random(seed)
    while True:
        pool: list[WeightedDocument] = []
        while len(pool) < POOL:
            document = _weighted(mixture.segments(rng), tokenizer, options.other_weight)
            if len(document[0]) <= options.longest:
                pool.append(document)
        pool.sort(key=lambda document: len(document[0]))
        batches = _group(pool, options.tokens)
        rng.shuffle(batches)
        for batch in batches:
            yield _pad(batch)


def _weighted(segments: list[tuple[str, bool]], tokenizer: Tokenizer, other_weight: float) -> WeightedDocument:
    ids, weights = [END_OF_TEXT], [0.0]
    for text, trained in segments:
        new = tokenizer.encode(text, add_special_tokens=False).ids
        ids += new
        weights += [1.0 if trained else other_weight] * len(new)
    return ids, weights


def _group(pool: list[WeightedDocument], most_tokens: int) -> list[list[WeightedDocument]]:
    """Neighbours of a pool in ascending order of length; a small rest is dropped."""
    groups: list[list[WeightedDocument]] = []
    current: list[WeightedDocument] = []
    for document in pool:
        if current and (len(current) + 1) * len(document[0]) > most_tokens:
            groups.append(current)
            current = []
        current.append(document)
    if len(current) * len(current[-1][0]) > most_tokens // 2:
        groups.append(current)
    return groups


def _pad(batch: list[WeightedDocument]) -> tuple[Tensor, Tensor]:
    # A multiple of 32, so that the compiled model meets few lengths.
    length = -(-max(len(ids) for ids, _ in batch) // 32) * 32
    ids = np.full((len(batch), length), END_OF_TEXT)
    weights = np.zeros((len(batch), length), np.float32)
    for row, (document, document_weights) in enumerate(batch):
        ids[row, : len(document)] = document
        weights[row, : len(document)] = document_weights
    return torch.from_numpy(ids), torch.from_numpy(weights)


class Prefetch:
    """`batches_forever` in a thread, a few batches ahead."""

    def __init__(self, batches: Iterator[tuple[Tensor, Tensor]], ahead: int = 24) -> None:
        self._queue: queue.Queue[tuple[Tensor, Tensor]] = queue.Queue(ahead)
        self._batches = batches
        threading.Thread(target=self._fill, daemon=True).start()

    def get(self) -> tuple[Tensor, Tensor]:
        return self._queue.get()

    def waiting(self) -> int:
        return self._queue.qsize()

    def _fill(self) -> None:
        for batch in self._batches:
            self._queue.put(batch)
