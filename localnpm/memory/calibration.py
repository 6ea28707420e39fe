"""The least similarity at which a procedure is recalled: calibrated for each embedder, on the log's own requests.

Each stored request is asked for as if it were not stored. Its own procedure should be found then, and, as if that were
not stored either, no other one. The threshold is where both are equally often right. Few requests of one's own say
little: they are blended with probe requests that come with the program, the same for every embedder.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from localnpm.memory.embedding import Embedder, Float32Array
from localnpm.memory.recall_keys import MEAN_SHARE, RecallKeys

ASKED = 256
"""Keys that are asked for at most."""
STORED = 4096
"""Keys that they are compared with at most."""
PRIOR = 30
"""Requests that the probes count as."""

PROBES: tuple[tuple[str, ...], ...] = (
    ("Feed the cat", "Give Minka something to eat", "the kitten is hungry, fill its bowl"),
    ("Lock the front door", "Make sure that the house is locked", "please shut the door and turn the key"),
    ("Order more printer paper", "We are out of toner, buy some", "get new pens for the office"),
    ("Remind me to take my pills at 8", "Tell me in time about the call with Sam", "don't let me forget the parcel"),
    ("Merge jan.csv and feb.csv", "Put the two address lists together into one", "combine parts/ into a single file"),
    ("How many lines does main.c have?", "Count the words in chapter2.md", "tell me the number of entries in log.txt"),
    ("Sort contacts.csv by surname", "Put the tasks in order of their dates", "arrange the list from A to Z"),
    ("Write a letter of thanks to Aunt Rosa", "Thank the team for the gift", "say thanks to Dr. Lee for his help"),
    ("Undo the last commit", "Take back what I changed in app.py", "go back to yesterday's state of the branch"),
    (
        "Wash the mug and put it in the cabinet",
        "Clean a cup, then place it on the shelf",
        "rinse the plate, put it away",
    ),
    ("What is the phone number of the plumber?", "Look up Erik's address", "find out when the library closes"),
    ("Print the boarding pass", "I need contract.pdf on paper", "make two printouts of the poster"),
)
"""Requests of a dozen kinds, three wordings each."""


def calibrate(keys: RecallKeys, prior: float) -> float:
    """The threshold by the stored keys, blended with the one by the probes."""
    rows = np.arange(len(keys)) if len(keys) <= STORED else np.linspace(0, len(keys) - 1, STORED).astype(np.int64)
    own, other = left_out(keys.index.vectors[rows], keys.procedures[rows])
    if not len(own):
        return prior
    count = len(own)
    return (count * balance(own, other) + PRIOR * prior) / (count + PRIOR)


def by_probes(embedder: Embedder) -> float:
    """The threshold that suits the probe requests."""
    vectors = embedder.embed([text for kind in PROBES for text in kind])
    own, other = left_out(vectors, np.repeat(np.arange(len(PROBES)), [len(kind) for kind in PROBES]))
    return balance(own, other)


def left_out(vectors: Float32Array, kinds: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Similarities of each text, left out of its kind, with its own kind and with the nearest other one.

    Args:
        vectors: float32 [texts, dimensions], unit norm.
        kinds: int64 [texts]; a kind of one text is left out of both, for it has nothing to be found by.
    """
    order = np.argsort(kinds, kind="stable")
    vectors, kinds = vectors[order], kinds[order]
    names, starts, counts = np.unique(kinds, return_index=True, return_counts=True)
    place = np.repeat(np.arange(len(names)), counts)
    asked = np.flatnonzero(counts[place] > 1)
    if not len(asked) or len(names) < 2:
        return np.empty(0), np.empty(0)
    if len(asked) > ASKED:
        asked = asked[np.linspace(0, len(asked) - 1, ASKED).astype(np.int64)]
    sums = np.add.reduceat(vectors, starts, axis=0)
    cosines = (vectors[asked] @ vectors.T).astype(np.float64)
    cosines[np.arange(len(asked)), asked] = -1
    nearest = np.maximum.reduceat(cosines, starts, axis=1)
    common = (vectors[asked] @ _unit(sums).T).astype(np.float64)
    rest = _unit(sums[place[asked]] - vectors[asked])
    common[np.arange(len(asked)), place[asked]] = (rest * vectors[asked]).sum(1)
    similarity = (1 - MEAN_SHARE) * nearest + MEAN_SHARE * common
    own = similarity[np.arange(len(asked)), place[asked]].copy()
    similarity[np.arange(len(asked)), place[asked]] = -1
    return own, similarity.max(1)


def balance(own: Sequence[float] | NDArray[np.float64], other: Sequence[float] | NDArray[np.float64]) -> float:
    """The threshold at which what should be recalled and what should not are equally often treated rightly."""
    found, kept = np.sort(own), np.sort(other)
    candidates = np.unique(np.concatenate([found, kept]))
    recalled = 1 - np.searchsorted(found, candidates, "left") / len(found)
    abstained = np.searchsorted(kept, candidates, "left") / len(kept)
    worse = np.minimum(recalled, abstained)
    best = candidates[worse >= worse.max() - 1e-9]
    return float((best[0] + best[-1]) / 2)


def _unit(vectors: Float32Array) -> Float32Array:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)
