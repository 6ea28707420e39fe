"""The bundled sentence embedder: one vector a token, averaged, trained from scratch on worded requests.

    python embedder.py --out ../embedder --minutes 4     # trains, saves a sentence-transformers folder, scores it
    python embedder.py --out ../embedder --score         # scores a saved one beside TF-IDF and beside both fused

For finding stored tasks of the same kind, in other words and with other names. It is no general English embedder; any
other sentence-transformers model can be set in its place. Trained by one contrast (InfoNCE): two requests of a kind
against requests of all other kinds. So little of a request's content is left in its vector: which of two tasks of one
kind is nearer is the business of the lexical half of recall. Scoring needs scikit-learn.
"""

import argparse
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus_talk import SMALL_TALK, off_topic_question
from localnpm.evals.habits.families import BY_NAME, FAMILIES
from localnpm.evals.habits.names import Names, Split
from localnpm.evals.household import TaskType, goal_text, sample_room

DIMENSIONS, VOCAB = 256, 8192
SAMPLE = 60_000
"""Requests that the word pieces are learnt from."""
TEMPERATURE = 0.05
UNKNOWN = 1
"""The id of [UNK]."""
RANK_OFFSET = 60
"""Reciprocal rank fusion's constant."""

TASK_KINDS = tuple(family.name for family in FAMILIES)
HOUSEHOLD_KINDS = tuple(TaskType)
KINDS: tuple[str, ...] = (*TASK_KINDS, *HOUSEHOLD_KINDS, "talk", "question")


class Requests:
    """Worded requests of every kind."""

    def __init__(self, rng: random.Random, split: Split = "train") -> None:
        self.rng = rng
        self.names = Names(rng, split)

    def of(self, kind: str) -> str:
        """A new request of a kind."""
        if kind == "question":
            return off_topic_question(self.names)
        if kind == "talk":
            return self.rng.choice(self.rng.choice(SMALL_TALK).user)
        if kind in HOUSEHOLD_KINDS:
            return goal_text(self.rng, sample_room(self.rng, TaskType(kind))[1])
        return BY_NAME[kind].make(self.names).request


def train_tokenizer(texts: Sequence[str]) -> Any:
    """Lower-case word pieces, digits one by one."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=60))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(individual_digits=True)]
    )
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCAB,
        special_tokens=["[PAD]", "[UNK]"],
        min_frequency=3,
        show_progress=False,
        initial_alphabet=[chr(code) for code in range(33, 127)],
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def train(out: Path, minutes: float, lr: float, sets: int, threads: int) -> None:
    """Trains and saves; a step has `sets` times two requests of every kind."""
    import torch
    import torch.nn.functional as F  # noqa: N812  (PyTorch's own usage)
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    requests = Requests(random.Random(1))
    tokenizer = train_tokenizer([requests.of(requests.rng.choice(KINDS)) for _ in range(SAMPLE)])
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
        similar = encode([requests.of(kind) for kind in KINDS]) @ encode([requests.of(kind) for kind in KINDS]).T
        target = torch.arange(len(KINDS))
        scaled = similar / TEMPERATURE
        return (F.cross_entropy(scaled, target) + F.cross_entropy(scaled.T, target)) / 2

    start, step = time.time(), 0
    while (elapsed := time.time() - start) < minutes * 60:
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - elapsed / (minutes * 60))
        # Several small sets and not one large one, so that only other kinds are contrasted with.
        loss = torch.stack([contrast() for _ in range(sets)]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % 200 == 0:
            print(f"[{elapsed:.0f}] step {step} loss {loss.item():.3f}", flush=True)
    with torch.no_grad():
        weight.div_(weight.norm(dim=-1).mean())
    SentenceTransformer(modules=[module], device="cpu").half().save(str(out), safe_serialization=True)
    print(f"{out}: {sum(path.stat().st_size for path in out.rglob('*') if path.is_file()):,} bytes")


def score(out: Path) -> dict[str, dict[str, float | None]]:
    """How often the nearest of 12 stored requests a kind has the kind of the held-out one that is asked for.

    Also the similarities to abstain between: of the nearest to a request, and of the nearest to an off-topic question.
    """
    from sentence_transformers import SentenceTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer

    model = SentenceTransformer(str(out), device="cpu", local_files_only=True)

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return model.encode(list(texts), normalize_embeddings=True).astype(np.float32)

    rng = random.Random(77)
    known, held_out = Requests(rng, "train"), Requests(rng, "eval")
    stored = [(known.of(kind), kind) for kind in TASK_KINDS for _ in range(12)]
    asked = [BY_NAME[kind].make(held_out.names) for kind in TASK_KINDS for _ in range(20)]
    stored_texts, asked_texts = [text for text, _ in stored], [task.request for task in asked]
    stored_vectors = embed(stored_texts)
    vectorizer = TfidfVectorizer(sublinear_tf=True, token_pattern=r"[A-Za-z]+").fit(stored_texts)
    by_meaning = embed(asked_texts) @ stored_vectors.T
    by_words = (vectorizer.transform(asked_texts) @ vectorizer.transform(stored_texts).T).toarray()

    def reciprocal_rank(similarity: NDArray[Any]) -> NDArray[Any]:
        return 1 / (RANK_OFFSET + (-similarity).argsort(1).argsort(1))

    fused = reciprocal_rank(by_meaning) + reciprocal_rank(by_words)
    new = np.array([task.worded == "new" for task in asked])
    figures: dict[str, dict[str, float | None]] = {}
    for name, similarity in (("embedder", by_meaning), ("TF-IDF", by_words), ("fused", fused)):
        nearest = [stored[index][1] for index in similarity.argmax(1)]
        right = np.array([kind == task.name for kind, task in zip(nearest, asked, strict=True)])
        figures[name] = {
            "all": round(float(right.mean()), 3),
            "known wording": round(float(right[~new].mean()), 3),
            "new wording": round(float(right[new].mean()), 3) if new.any() else None,
        }
    off_topic = embed([known.of("question") for _ in range(200)]) @ stored_vectors.T
    figures["similarity"] = {
        "nearest, 5th percentile": round(float(np.percentile(by_meaning.max(1), 5)), 3),
        "off-topic, 95th percentile": round(float(np.percentile(off_topic.max(1), 95)), 3),
    }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains and scores the bundled sentence embedder.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--score", action="store_true", help="score a saved one only")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sets", type=int, default=2)
    options = parser.parse_args()
    if not options.score:
        train(options.out, options.minutes, options.lr, options.sets, options.threads)
    print(json.dumps(score(options.out), indent=1))


if __name__ == "__main__":
    main()
