"""Token shards out of the corpus generator, by many processes at once.

    python shards.py --out DIR --seconds 1500 --workers 14     # until the time is over
    python shards.py --out DIR --tokens 300e6                  # or until so many tokens are there
    python shards.py --check 2000                              # borders, tags and speed of one core; writes nothing

A shard is NAME.tok (uint16) and NAME.msk (uint8, 1: the model learns to write this token); each document in it ends in
<|endoftext|>. Worker 0 first writes val.tok, from seeds that no other shard uses. A .tok appears only when its .msk is
complete, so that a trainer may read the folder while it grows. Reading is in `batches`.
"""

import argparse
import array
import json
import multiprocessing
import os
import random
import time
from collections.abc import Iterable
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import numpy as np

from batches import Packer
from encoder import EncodedDocument, Encoder, encode_document, encode_documents
from export import TOKENIZER
from mixture import Mixture
from tokenizer import END_OF_TEXT, SPECIALS, load, text_of

SEED_STRIDE = 1000003
BATCH = 128
"""Documents between two looks at the clock."""


def write_shard(path: Path, documents: Iterable[EncodedDocument]) -> int:
    """Writes path.msk, then path.tok; returns the number of tokens."""
    ids, masks = array.array("H"), bytearray()
    for document, mask in documents:
        ids.extend(document)
        masks.extend(mask)
    np.frombuffer(masks, np.uint8).tofile(path.with_name(path.name + ".msk"))
    partial = path.with_name(path.name + ".tok.tmp")
    np.frombuffer(ids, np.uint16).tofile(partial)
    partial.replace(path.with_name(path.name + ".tok"))
    return len(ids)


def work(worker: int, options: argparse.Namespace, written: "Synchronized[int]", stop_at: float) -> None:
    """One process: shards until the time is over or enough tokens are written by all together."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.nice(10)
    mixture, encode = Mixture(), Encoder(load(options.tokenizer))

    def collect(rng: random.Random, target: int) -> list[EncodedDocument]:
        documents: list[EncodedDocument] = []
        tokens = 0
        while tokens < target:
            new = encode_documents(encode, [mixture.segments(rng) for _ in range(BATCH)])
            documents += new
            tokens += sum(len(ids) for ids, _ in new)
            if time.time() > stop_at:
                break
        return documents

    if worker == 0 and options.val_tokens:
        tokens = write_shard(
            options.out / "val", collect(random.Random(f"held out {options.seed}"), options.val_tokens)
        )
        print(f"val: {tokens} tokens", flush=True)
    shard, seed = 0, (options.seed * 1000 + worker) * SEED_STRIDE
    while time.time() < stop_at and written.value < options.tokens:
        documents = collect(random.Random(seed + shard), options.shard if shard else options.first_shard)
        tokens = write_shard(options.out / f"s{shard:05d}_{worker:02d}", documents)
        shard += 1
        with written.get_lock():
            written.value += tokens


def build(options: argparse.Namespace) -> int:
    """Runs the workers and prints how far they are; 1 if one of them failed."""
    options.out.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("fork")
    written = context.Value("q", 0)
    start = last = time.time()
    processes = [
        context.Process(target=work, args=(worker, options, written, start + options.seconds))
        for worker in range(options.workers)
    ]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        time.sleep(0.5)
        if time.time() - last > 20:
            last = time.time()
            speed = written.value / (last - start) / 1e6
            print(f"data: {written.value / 1e6:.1f}M tokens, {speed:.2f}M/s, {last - start:.0f} s", flush=True)
    failed = sum(process.exitcode != 0 for process in processes)
    print(
        f"data: done, {written.value / 1e6:.1f}M tokens in {time.time() - start:.0f} s"
        + (f", {failed} workers FAILED" if failed else ""),
        flush=True,
    )
    return 1 if failed else 0


def check(number: int, seed: int, tokenizer_path: Path) -> int:
    """Generates and encodes documents, compares with the tokenizer's own encoding, prints figures; 1 if one differs."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    tokenizer, mixture, rng = load(tokenizer_path), Mixture(), random.Random(seed)
    start = time.perf_counter()
    documents = [mixture.segments(rng) for _ in range(number)]
    generated = time.perf_counter()
    encode = Encoder(tokenizer)
    encoded = [encode_document(encode, segments) for segments in documents]
    done = time.perf_counter()
    wrong = 0
    for segments, (ids, _) in zip(documents, encoded, strict=True):
        text = text_of(segments)
        whole = tokenizer.encode(text).ids
        if whole[-1] != END_OF_TEXT:
            whole.append(END_OF_TEXT)
        complete = all(part.endswith(SPECIALS[2]) for part, trained in segments if trained)
        wrong += whole != list(ids) or not complete or SPECIALS[0] in text[: -len(SPECIALS[0])]
    lengths = np.array([len(ids) for ids, _ in encoded])
    context = 4096
    packer = Packer(context)
    rows = 0
    for ids, mask in encoded:
        rows += len(packer.add(np.array(ids[:context], np.uint16), np.frombuffer(bytes(mask[:context]), np.uint8)))
    rows += len(packer.flush())
    tokens = int(lengths.sum())
    figures = {
        "documents": number,
        "wrong": wrong,
        "tokens": tokens,
        "mean": round(float(lengths.mean())),
        "median": int(np.median(lengths)),
        "p95": int(np.percentile(lengths, 95)),
        "longest": int(lengths.max()),
        "trained_share": round(sum(sum(mask) for _, mask in encoded) / tokens, 3),
        "row_filling": round(float(lengths.clip(max=context).sum() / (rows * context)), 4),
        "generated_tokens_per_s": round(tokens / (generated - start)),
        "encoded_tokens_per_s": round(tokens / (done - generated)),
        "one_core_tokens_per_s": round(tokens / (done - start)),
    }
    print(json.dumps(figures))
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Token shards out of the corpus generator.")
    parser.add_argument("--tokenizer", type=Path, default=TOKENIZER)
    parser.add_argument("--out", type=Path, default=Path("shards"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 4) - 2))
    parser.add_argument("--tokens", type=float, default=1e12)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--shard", type=int, default=2_000_000, help="tokens")
    parser.add_argument("--first-shard", type=int, default=400_000, help="tokens; small, so that training starts soon")
    parser.add_argument("--val-tokens", type=int, default=1_200_000)
    parser.add_argument("--check", type=int, default=0, metavar="DOCUMENTS")
    options = parser.parse_args()
    if options.check:
        return check(options.check, options.seed, options.tokenizer)
    return build(options)


if __name__ == "__main__":
    raise SystemExit(main())
