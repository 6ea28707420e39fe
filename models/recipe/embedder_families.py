"""The first half of the bundled embedder: trained on the bundled model's own kinds of task alone.

    python embedder_families.py --out FIRST --minutes 4

It tells these kinds apart in wordings it has never seen, and little else: names, and with them most nouns, are nothing
to it. embedder_join.py joins it with the second half (embedder.py).
"""

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embedder import DIMENSIONS, TEMPERATURE, UNKNOWN, train_tokenizer
from embedder_requests import FAMILY_KINDS, TALK, Kind, Requests
from localnpm.evals.habits.families import BY_NAME
from localnpm.evals.household import TaskType, goal_text, sample_room

SAMPLE = 60_000
"""Requests that the word pieces are learnt from."""
KINDS: tuple[Kind, ...] = (*FAMILY_KINDS, *(("household", kind) for kind in TaskType), *TALK)


def worded(requests: Requests, kind: Kind) -> str:
    """A new request of a kind, in the families' and the simulator's own wordings."""
    source, what = kind
    if source == "habits":
        return BY_NAME[what].make(requests.names).request
    if source == "household":
        return goal_text(requests.rng, sample_room(requests.rng, TaskType(what))[1])
    return requests.of(kind)


def train(out: Path, minutes: float, lr: float, sets: int, threads: int) -> None:
    """Train and save; a step has `sets` times two requests of every kind."""
    import torch
    import torch.nn.functional as F  # noqa: N812  (PyTorch's own usage)
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    requests = Requests(random.Random(1))
    tokenizer = train_tokenizer([worded(requests, requests.rng.choice(KINDS)) for _ in range(SAMPLE)])
    module = StaticEmbedding(tokenizer, embedding_dim=DIMENSIONS)
    weight = module.embedding.weight
    with torch.no_grad():
        weight.normal_(0, DIMENSIONS**-0.5)
    optimizer = torch.optim.Adam([weight], lr=lr)

    def encode(texts: Sequence[str]) -> torch.Tensor:
        encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
        ids = [encoding.ids or [UNKNOWN] for encoding in encodings]
        offsets = np.cumsum([0] + [len(text) for text in ids[:-1]])
        flat = torch.tensor([token for text in ids for token in text])
        return F.normalize(F.embedding_bag(flat, weight, torch.tensor(offsets), mode="mean"), dim=-1)

    def contrast() -> torch.Tensor:
        one, other = (encode([worded(requests, kind) for kind in KINDS]) for _ in range(2))
        scaled, target = one @ other.T / TEMPERATURE, torch.arange(len(KINDS))
        return (F.cross_entropy(scaled, target) + F.cross_entropy(scaled.T, target)) / 2

    start = time.time()
    while (elapsed := time.time() - start) < minutes * 60:
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - elapsed / (minutes * 60))
        # Several small sets and not one large one, so that only other kinds are contrasted with.
        loss = torch.stack([contrast() for _ in range(sets)]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        weight.div_(weight.norm(dim=-1).mean())
    SentenceTransformer(modules=[module], device="cpu").half().save(str(out), safe_serialization=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the first half of the bundled sentence embedder.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sets", type=int, default=2)
    options = parser.parse_args()
    train(options.out, options.minutes, options.lr, options.sets, options.threads)


if __name__ == "__main__":
    main()
