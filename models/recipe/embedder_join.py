"""Joins two static embedders into one of the same size: the tokens of the second, the cosines of both, weighted.

    python embedder_join.py FIRST SECOND --share 0.4 --out ../embedder

Each token's text is read with the first one's tokens, whose vectors are added: the mean over a text is then the first
one's mean, wherever the two split words alike. Both halves are turned to the directions along which their vectors are
longest, weighted by how often tokens occur in worded requests, and cut to half the dimensions.
"""

import argparse
import random
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedder_requests import FAMILY_KINDS, Requests, parts
from localnpm.memory.index import leading_directions

SAMPLE = 4000
"""Requests of each sort that the directions and the balance are taken from."""

Matrix = NDArray[np.float32]


def split_with(vocabulary: dict[str, int], token: str) -> list[int]:
    """The ids of a word piece in another vocabulary of word pieces, the longest first."""
    ids = []
    while token and token != "##":
        length = next((size for size in range(len(token), 0, -1) if token[:size] in vocabulary), 0)
        if not length or token[:length] == "##":
            break
        ids.append(vocabulary[token[:length]])
        token = "##" + token[length:] if token[length:] else ""
    return ids


def as_tokens_of(first: Any, second: Any) -> Matrix:
    """The first embedder's vectors for the second one's tokens: float32 [tokens of the second, dimensions]."""
    weights = first.embedding.weight.detach().float().numpy()
    vocabulary = first.tokenizer.get_vocab()
    found = np.zeros((second.tokenizer.get_vocab_size(), weights.shape[1]), np.float32)
    for token, row in second.tokenizer.get_vocab().items():
        ids = split_with(vocabulary, token)
        if ids:
            found[row] = weights[ids].sum(axis=0)
    return found


def text_ids(tokenizer: Any) -> list[list[int]]:
    """Token ids of worded requests: of families, and of actions with objects."""
    requests = Requests(random.Random(9))
    actions, objects = parts("actions", held_out=False), parts("objects", held_out=False)
    texts = [requests.of(requests.rng.choice(FAMILY_KINDS)) for _ in range(SAMPLE)]
    texts += [requests.worded(requests.rng.choice(actions), requests.rng.choice(objects)) for _ in range(SAMPLE)]
    return [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False) if encoding.ids]


def shortened(weights: Matrix, ids: list[list[int]], dimensions: int) -> Matrix:
    """The vectors along the directions in which texts lie, scaled to texts of unit norm on average."""
    texts = np.array([weights[each].mean(axis=0) for each in ids], np.float32)
    norms = np.linalg.norm(texts, axis=1, keepdims=True)
    basis = leading_directions(texts / np.where(norms > 0, norms, 1), dimensions)
    result: Matrix = weights @ basis / float(np.sqrt(np.square(norms).mean()))
    return result


def main() -> None:
    from sentence_transformers import SentenceTransformer

    parser = argparse.ArgumentParser(description="Joins two static embedders.")
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--share", type=float, default=0.4, help="of the first one's cosine in the joined one's")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    first, joined = (
        SentenceTransformer(str(folder), device="cpu", local_files_only=True).float()
        for folder in (options.first, options.second)
    )
    import torch

    second = joined[0]
    ids = text_ids(second.tokenizer)
    half = second.embedding.weight.shape[1] // 2
    parts_of = (as_tokens_of(first[0], second), second.embedding.weight.detach().numpy())
    shares = (options.share, 1 - options.share)
    table = np.hstack([share**0.5 * shortened(part, ids, half) for part, share in zip(parts_of, shares, strict=True)])
    with torch.no_grad():
        second.embedding.weight.copy_(torch.from_numpy(table / np.linalg.norm(table, axis=1).mean()))
    joined.half().save(str(options.out), safe_serialization=True)


if __name__ == "__main__":
    main()
