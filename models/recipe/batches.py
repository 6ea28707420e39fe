"""Shards into batches: whole documents packed into rows of one length, in a process of their own.

Unseen shards come first, old ones again only when none is new. The GPU trainer uses this; the CPU trainer, which
generates its documents as it goes, has `cpu_batches`.
"""

import bisect
import multiprocessing
import queue
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokenizer import END_OF_TEXT

Tokens = NDArray[np.uint16]
Mask = NDArray[np.uint8]
Row = tuple[Tokens, Mask, list[int]]
"""Tokens and mask [context], and where documents start."""

SMALLEST_GAP = 16
"""A row with less room is full."""


@dataclass(frozen=True)
class Batch:
    """Rows for one forward pass."""

    tokens: Tokens
    """[rows, context]"""
    mask: Mask
    """[rows, context], 1: the model learns to write this token"""
    boundaries: NDArray[np.int32]
    """Where documents start in the flattened rows; a fixed number of slots, the rest repeat the end."""
    mean_attended: float
    """How many positions a position attends to on average."""
    longest: int
    """Length of the longest document, rounded up to 128."""


@dataclass(frozen=True)
class LoaderState:
    """How far the loader is."""

    documents: int
    cut: int
    """Documents that were as long as the context, or longer."""
    epoch: int
    """How often the newest of the shards in use had been used before."""
    shards: int
    used: list[tuple[str, int]] | None
    """How often each shard has been used; now and then only."""


def read_documents(path: Path, context: int) -> tuple[Tokens, Mask, NDArray[np.int64], NDArray[np.int64]]:
    """A shard's tokens and mask, and its documents' starts and lengths; longer ones are cut to the context."""
    tokens = np.fromfile(path.with_name(path.name + ".tok"), np.uint16)
    mask = np.fromfile(path.with_name(path.name + ".msk"), np.uint8)
    ends = np.flatnonzero(tokens == END_OF_TEXT) + 1
    starts = np.concatenate(([0], ends[:-1]))
    return tokens, mask, starts, np.minimum(ends - starts, context)


class Packer:
    """Whole documents into rows of `context` tokens: best fit among the open rows."""

    def __init__(self, context: int, open_rows: int = 128) -> None:
        self.context, self.open_rows = context, open_rows
        self.documents = self.cut = 0
        self._free: list[tuple[int, int]] = []
        """(room left, row number), ascending."""
        self._rows: dict[int, list[tuple[Tokens, Mask]]] = {}
        self._next = 0

    def add(self, tokens: Tokens, mask: Mask) -> list[Row]:
        """Puts a document into a row; returns the row that is thereby finished, if one is."""
        length = len(tokens)
        self.documents += 1
        self.cut += length == self.context
        fitting = bisect.bisect_left(self._free, (length, -1))
        if fitting == len(self._free):
            room, row = self.context, self._next
            self._next += 1
            self._rows[row] = []
        else:
            room, row = self._free.pop(fitting)
        self._rows[row].append((tokens, mask))
        if room - length < SMALLEST_GAP:
            return [self._close(row)]
        bisect.insort(self._free, (room - length, row))
        if len(self._free) > self.open_rows:
            return [self._close(self._free.pop(0)[1])]
        return []

    def flush(self) -> list[Row]:
        """All open rows."""
        rows = [self._close(row) for _, row in self._free]
        self._free = []
        return rows

    def _close(self, row: int) -> Row:
        tokens, mask = np.full(self.context, END_OF_TEXT, np.uint16), np.zeros(self.context, np.uint8)
        at, starts = 0, []
        for document, document_mask in self._rows.pop(row):
            starts.append(at)
            tokens[at : at + len(document)] = document
            mask[at : at + len(document)] = document_mask
            at += len(document)
        if at < self.context:
            starts.append(at)  # the padding is a document of its own, of weight 0
        return tokens, mask, starts


def collate(rows: Sequence[Row], context: int, slots: int, join: bool = False) -> Batch:
    """Rows into a batch with a fixed number of boundary slots.

    join: each row counts as one document, so that distances up to the whole context are seen in training.
    """
    starts = [row * context + start for row, (_, _, all_) in enumerate(rows) for start in (all_[:1] if join else all_)]
    if len(starts) > slots - 1:
        # Too many documents for the slots: some are joined, never across rows.
        row_starts = set(range(0, len(rows) * context, context))
        inner = [start for start in starts if start not in row_starts]
        dropped = set(random.Random(0).sample(inner, len(starts) - slots + 1))
        starts = [start for start in starts if start not in dropped]
    boundaries = np.full(slots, len(rows) * context, np.int32)
    boundaries[: len(starts)] = starts
    lengths = np.diff(boundaries).astype(np.float64)
    return Batch(
        np.stack([row[0] for row in rows]),
        np.stack([row[1] for row in rows]),
        boundaries,
        float((lengths**2).sum() / 2 / (len(rows) * context)),
        int(-(-lengths.max() // 128) * 128),
    )


def shard_names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("s*.tok"))


def load_forever(
    folder: Path,
    context: int,
    batch_rows: int,
    slots: int,
    seed: int,
    used: Mapping[str, int],
    join: float,
    out: Any,
    at_once: int = 6,
) -> None:
    """Packs shards, the least used and then the oldest first, and puts (Batch, LoaderState) into the queue `out`."""
    times_used = dict(used)
    rng, packer = random.Random(seed), Packer(context)
    rows: list[Row] = []
    scanned = 0.0
    names: list[str] = []
    while True:
        if time.time() - scanned > 2 or not names:
            names, scanned = shard_names(folder), time.time()
            if not names:
                time.sleep(0.5)
                continue
        epoch = min(times_used.get(name, 0) for name in names)
        picked = [name for name in names if times_used.get(name, 0) == epoch][:at_once]
        documents = []
        for name in picked:
            times_used[name] = epoch + 1
            tokens, mask, starts, lengths = read_documents(folder / name, context)
            documents += [
                (tokens[start : start + length], mask[start : start + length])
                for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
            ]
        rng.shuffle(documents)
        for document, document_mask in documents:
            rows += packer.add(document, document_mask)
            # Rows close in order of fullness: a few are kept back and the batch is drawn among them.
            while len(rows) >= batch_rows + 2 * packer.open_rows // 4:
                rng.shuffle(rows)
                batch, rows = rows[:batch_rows], rows[batch_rows:]
                made = collate(batch, context, slots, rng.random() < join)
                tell = sorted(times_used.items()) if rng.random() < 0.05 else None
                out.put((made, LoaderState(packer.documents, packer.cut, epoch, len(names), tell)))


class Loader:
    """`load_forever` in a process of its own."""

    def __init__(
        self,
        folder: Path,
        context: int,
        batch_rows: int,
        slots: int,
        seed: int,
        used: Mapping[str, int],
        join: float = 0.0,
    ) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._queue = spawn.Queue(maxsize=12)
        self._process: BaseProcess = spawn.Process(
            target=load_forever,
            args=(folder, context, batch_rows, slots, seed, dict(used), join, self._queue),
            daemon=True,
        )
        self._process.start()

    def get(self) -> tuple[Batch, LoaderState]:
        """The next batch; RuntimeError if the process has died."""
        while True:
            try:
                made: tuple[Batch, LoaderState] = self._queue.get(timeout=5)
            except queue.Empty:
                if not self._process.is_alive():
                    raise RuntimeError("the loader process died") from None
            else:
                return made

    def waiting(self) -> int:
        return self._queue.qsize()

    def close(self) -> None:
        self._process.terminate()


def held_out_batches(folder: Path, context: int, batch_rows: int, slots: int, at_most: int) -> list[Batch]:
    """The first batches of the shard `val`."""
    tokens, mask, starts, lengths = read_documents(folder / "val", context)
    packer = Packer(context, 64)
    rows: list[Row] = []
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        rows += packer.add(tokens[start : start + length], mask[start : start + length])
    rows += packer.flush()
    if len(rows) < batch_rows:  # a tiny corpus, in a test
        rows = (rows * (batch_rows // len(rows) + 1))[:batch_rows]
    firsts = range(0, len(rows) - batch_rows + 1, batch_rows)
    return [collate(rows[first : first + batch_rows], context, slots) for first in firsts][:at_most]


def document_slots(folder: Path, context: int, batch_rows: int) -> int:
    """How many boundaries a batch needs, reckoned from one shard's document lengths with room to spare."""
    name = "val" if (folder / "val.tok").exists() else shard_names(folder)[0]
    _, _, _, lengths = read_documents(folder / name, context)
    per_row = context / lengths.mean() + 1
    return int(-(-(batch_rows * per_row * 1.25 + 16) // 64) * 64)
