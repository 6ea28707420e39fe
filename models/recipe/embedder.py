"""The second half of the bundled embedder: one vector a token, averaged, trained from scratch on worded requests.

    python embedder.py --out SECOND --steps 3500                          # trains, saves a sentence-transformers folder
    python embedder_families.py --out FIRST                               # the first half
    python embedder_join.py FIRST SECOND --share 0.4 --out ../embedder    # the bundled one
    python embedder_score.py ../embedder                                  # scores it beside TF-IDF

For finding stored tasks of the same kind, in other words and with other names. Trained by one contrast (InfoNCE): two
requests of a kind against requests of other kinds, of which many share its action or its object, so that both stay in
the vector. Tokens are dropped at random, or a few would carry everything. Any other sentence-transformers model can be
set in its place.
"""

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedder_requests import FAMILY_KINDS, TALK, Kind, Requests, parts
from localnpm.evals.household import Goal

DIMENSIONS, VOCAB = 256, 8192
TEMPERATURE = 0.05
UNKNOWN = 1
"""The id of [UNK]."""
DROPPED = 0.15
"""Share of a text's tokens that a step leaves out."""
FAMILY_TEXTS, GOALS, WORDED_KINDS, WORDED_TEXTS = 1000, 2500, 8000, 8
"""Texts of each family, goals of the household, pairs of action and object, and texts of each."""
HOUSEHOLD, WORDED = 24, 24
"""In one step: kinds of the household; actions, and objects, with four kinds each."""

Text = NDArray[np.int64]
"""Token ids."""


def train_tokenizer(texts: Sequence[str], size: int = VOCAB) -> Any:
    """Lower-case word pieces, digits one by one."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=60))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(individual_digits=True)]
    )
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        special_tokens=["[PAD]", "[UNK]"],
        min_frequency=3,
        show_progress=False,
        initial_alphabet=[chr(code) for code in range(33, 127)],
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


class Corpus:
    """All training texts, by kind, and the word pieces learnt from them."""

    def __init__(self, seed: int, tokenizer: Any = None) -> None:
        requests = Requests(random.Random(seed))
        self.rng = requests.rng
        families = {kind: [requests.of(kind) for _ in range(FAMILY_TEXTS)] for kind in (*FAMILY_KINDS, *TALK)}
        goals: dict[Kind, dict[Goal, None]] = {}
        for _ in range(GOALS):
            goal = requests.goal()
            goals.setdefault((goal.task_type, goal.object_type), {})[goal] = None
        household = {
            kind: {goal.receptacle_type: [requests.household(goal) for _ in range(12)] for goal in found}
            for kind, found in goals.items()
        }
        actions, objects = parts("actions", held_out=False), parts("objects", held_out=False)
        chosen = {(self.rng.choice(actions), self.rng.choice(objects)) for _ in range(WORDED_KINDS)}
        worded = {kind: [requests.worded(*kind) for _ in range(WORDED_TEXTS)] for kind in sorted(chosen)}
        self.tokenizer = tokenizer or train_tokenizer(
            [text for texts in (*families.values(), *worded.values()) for text in texts]
            + [text for places in household.values() for texts in places.values() for text in texts]
        )
        self.families = [self._encode(texts) for texts in families.values()]
        self.household = [[self._encode(texts) for texts in places.values()] for places in household.values()]
        self.worded = {kind: self._encode(texts) for kind, texts in worded.items()}
        self._of_action, self._of_object = _grouped(self.worded, 0), _grouped(self.worded, 1)

    def _encode(self, texts: Sequence[str]) -> list[Text]:
        encodings = self.tokenizer.encode_batch(texts, add_special_tokens=False)
        return [np.array(encoding.ids or [UNKNOWN], np.int64) for encoding in encodings]

    def family_pairs(self) -> list[tuple[Text, Text]]:
        """Two texts of every family."""
        return [(self.rng.choice(texts), self.rng.choice(texts)) for texts in self.families]

    def household_pairs(self) -> list[tuple[Text, Text]]:
        """Two goals of each of some kinds, often with another place."""
        pairs = []
        for places in self.rng.sample(self.household, HOUSEHOLD):
            here = self.rng.choice(places)
            there = here if self.rng.random() < 0.6 else self.rng.choice(places)
            pairs.append((self.rng.choice(here), self.rng.choice(there)))
        return pairs

    def worded_pairs(self) -> list[tuple[Text, Text]]:
        """Two requests of each of some pairs of action and object, which share both with each other."""
        kinds: dict[Kind, None] = {}
        for groups in (self._of_action, self._of_object):
            for group in self.rng.sample(groups, WORDED):
                kinds |= dict.fromkeys(self.rng.sample(group, min(4, len(group))))
        return [(self.rng.choice(self.worded[kind]), self.rng.choice(self.worded[kind])) for kind in kinds]


def train(out: Path, steps: int, lr: float, threads: int, seed: int, start_from: Path | None, family_sets: int) -> None:
    """Train and save; `start_from` is a saved one to go on from."""
    import torch
    import torch.nn.functional as F  # noqa: N812  (PyTorch's own usage)
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    start = time.time()
    # Learning word pieces again would give others, for ties are broken at random.
    begun = SentenceTransformer(str(start_from), device="cpu", local_files_only=True) if start_from else None
    corpus = Corpus(seed, begun[0].tokenizer if begun else None)
    print(f"[{time.time() - start:.0f}] {len(corpus.worded)} pairs of action and object", flush=True)
    module = StaticEmbedding(corpus.tokenizer, embedding_dim=DIMENSIONS)
    weight = module.embedding.weight
    with torch.no_grad():
        if begun is None:
            weight.normal_(0, DIMENSIONS**-0.5)
        else:
            weight.copy_(begun[0].embedding.weight)
    drawing = np.random.default_rng(seed)
    optimizer = torch.optim.SparseAdam([weight], lr=lr)

    def encode(texts: list[Text]) -> torch.Tensor:
        lengths = np.array([len(text) for text in texts])
        starts = np.cumsum(lengths) - lengths
        kept = drawing.random(lengths.sum()) > DROPPED
        kept[starts] = True
        offsets = np.cumsum(np.add.reduceat(kept, starts)) - np.add.reduceat(kept, starts)
        flat = torch.from_numpy(np.concatenate(texts)[kept])
        return F.normalize(F.embedding_bag(flat, weight, torch.from_numpy(offsets), mode="mean", sparse=True), dim=-1)

    def contrast(pairs: list[tuple[Text, Text]]) -> torch.Tensor:
        scaled = encode([one for one, _ in pairs]) @ encode([other for _, other in pairs]).T / TEMPERATURE
        target = torch.arange(len(pairs))
        return (F.cross_entropy(scaled, target) + F.cross_entropy(scaled.T, target)) / 2

    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - step / steps)
        # Apart, for the families' kinds are some of what actions and objects make.
        loss = contrast(corpus.worded_pairs())
        for _ in range(family_sets):
            loss = loss + contrast(corpus.family_pairs() + corpus.household_pairs())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 200 == 0:
            print(f"[{time.time() - start:.0f}] step {step} loss {loss.item():.3f}", flush=True)
    with torch.no_grad():
        weight.div_(weight.norm(dim=-1).mean())
    SentenceTransformer(modules=[module], device="cpu").half().save(str(out), safe_serialization=True)
    print(f"{out}: {sum(path.stat().st_size for path in out.rglob('*') if path.is_file()):,} bytes")


def _grouped(kinds: dict[Kind, list[Text]], part: int) -> list[list[Kind]]:
    """The kinds by their action (0) or by their object (1), where there are several."""
    groups: dict[str, list[Kind]] = {}
    for kind in kinds:
        groups.setdefault(kind[part], []).append(kind)
    return [group for group in groups.values() if len(group) > 1]


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the bundled sentence embedder.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--families", type=int, default=3, help="sets of all families in one step")
    parser.add_argument("--start", type=Path, help="go on from a saved one")
    options = parser.parse_args()
    train(options.out, options.steps, options.lr, options.threads, options.seed, options.start, options.families)


if __name__ == "__main__":
    main()
