"""The bundled model's byte-level BPE: Qwen2's pre-tokenizer, merges that never join a word to what stands before it.

    python tokenizer.py --documents 20000 --seed 7 --vocab 4096 --out tokenizer-4k.json

Special tokens are single ids. Merges are learnt inside runs of letters and inside runs of other characters, never
across: a word has the same tokens after a space, a quote or a slash, so that copying it from the request into a path
is copying tokens. That costs 30% more tokens. With merged spaces, an early checkpoint wrote `*lastern*` for "the
eastern greenhouse config".
"""

import argparse
import json
import multiprocessing
import os
import random
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIALS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
)
"""In the order of their ids, from 0."""

CONTROL = frozenset(SPECIALS[:3])
"""Never printed; the tool tags stay visible in generated text."""

END_OF_TEXT, IM_START, IM_END = 0, 1, 2
UNUSED = "<|unused_"
"""How the tokens begin that only fill the vocabulary up."""
VOCAB = 4096
LONGEST_TOKEN = 24

# Written exactly as llama.cpp writes its `qwen2` pre-tokenizer: no inline (?i:...), which would also fold ſ to s. There
# is no normaliser, for llama.cpp has none.
QWEN2 = (
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LEARNING = r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def load(path: str | Path) -> Tokenizer:
    """Reads a tokenizer.json."""
    return Tokenizer.from_file(str(path))


def tokenizer_json(tokens: Sequence[str], merges: Sequence[str]) -> dict[str, Any]:
    """The content of a tokenizer.json, from what a GGUF file has of it: tokens by id, and merges as pairs of words."""
    ids = {token: index for index, token in enumerate(tokens)}
    # What training adds to fill the vocabulary up is no part of the BPE.
    added = [token for token in tokens if token in SPECIALS or token.startswith(UNUSED)]
    pairs = [(left, right) for left, right in (merge.split(" ") for merge in merges)]
    bpe = models.BPE({token: index for token, index in ids.items() if not token.startswith(UNUSED)}, pairs)
    tokenizer = Tokenizer(bpe)
    tokenizer.pre_tokenizer = _split_at(QWEN2)
    tokenizer.decoder = decoders.ByteLevel()
    data: dict[str, Any] = json.loads(tokenizer.to_str())
    data["added_tokens"] = [
        {
            "id": ids[token],
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": token in CONTROL,
        }
        for token in added
    ]
    return data


def text_of(segments: Sequence[tuple[str, bool]]) -> str:
    """A document's whole text."""
    return "".join(text for text, _ in segments)


def train(texts: Iterable[str], out: Path, vocab: int = VOCAB) -> tuple[Tokenizer, int]:
    """Learns merges from documents and writes tokenizer.json; returns it and how many of its ids are unused fillers."""
    tokenizer = Tokenizer(models.BPE(unk_token=None, fuse_unk=False, byte_fallback=False))
    tokenizer.pre_tokenizer = _split_at(LEARNING)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=list(SPECIALS),
        min_frequency=2,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=LONGEST_TOKEN,
    )
    # Split at the tags, so that no merge is ever learnt across or inside one.
    tags = re.compile("|".join(re.escape(special) for special in SPECIALS))
    tokenizer.train_from_iterator((part for text in texts for part in tags.split(text) if part), trainer)
    tokenizer.pre_tokenizer = _split_at(QWEN2)
    unused = max(0, vocab - tokenizer.get_vocab_size())
    tokenizer.add_tokens([AddedToken(f"{UNUSED}{i}|>", special=False, normalized=False) for i in range(unused)])
    data = json.loads(tokenizer.to_str())
    for added in data["added_tokens"]:
        added["special"] = added["content"] in CONTROL
        added["normalized"] = False
    partial = out.with_name(out.name + ".tmp")
    partial.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    partial.replace(out)
    tokenizer = load(out)
    if tokenizer.get_vocab_size() != vocab:
        raise ValueError(f"{out}: {tokenizer.get_vocab_size()} tokens instead of {vocab}")
    return tokenizer, unused


def _split_at(regex: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(regex), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ]
    )


def _texts(job: tuple[int, int]) -> list[str]:
    # The corpus takes a while to import, and only the workers need it.
    from mixture import Mixture

    documents, seed = job
    rng, mixture = random.Random(seed), Mixture(split="bootstrap")
    return [text_of(mixture.segments(rng)) for _ in range(documents)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the tokenizer on documents of the mixture.")
    parser.add_argument("--documents", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("tokenizer.json"))
    parser.add_argument("--vocab", type=int, default=VOCAB)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    start = time.perf_counter()
    jobs = options.workers * 4
    per_job = max(1, options.documents // jobs)
    with multiprocessing.get_context("fork").Pool(options.workers) as pool:
        parts = pool.imap(_texts, [(per_job, options.seed * 1000003 + job) for job in range(jobs)])
        texts = [text for part in parts for text in part]
    tokenizer, unused = train(texts, options.out, options.vocab)
    sample = texts[:500]
    tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(sample))
    print(
        f"{options.out}: {len(texts)} documents, {sum(map(len, texts)) / 1e6:.1f}M characters; {options.vocab} tokens "
        f"({unused} unused), {sum(map(len, sample)) / tokens:.2f} characters a token, {tokens / len(sample):.0f} "
        f"tokens a document, {time.perf_counter() - start:.1f} s"
    )


if __name__ == "__main__":
    main()
