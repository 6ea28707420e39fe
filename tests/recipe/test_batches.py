"""Packing documents into rows: nothing is lost, and batches say where documents start."""

import random
from pathlib import Path

import numpy as np
import pytest

from batches import Packer, Row, collate, held_out_batches, read_documents
from encoder import EncodedDocument
from shards import write_shard
from tokenizer import END_OF_TEXT

CONTEXT = 64


def documents(number: int, seed: int = 1, longest: int = 50) -> list[EncodedDocument]:
    import array

    rng = random.Random(seed)
    made = []
    for _ in range(number):
        length = rng.randint(2, longest)
        ids = array.array("H", [rng.randint(7, 4000) for _ in range(length - 1)] + [END_OF_TEXT])
        made.append((ids, bytearray(rng.randint(0, 1) for _ in range(length))))
    return made


def pack(number: int) -> list[Row]:
    packer = Packer(CONTEXT, open_rows=4)
    rows: list[Row] = []
    for ids, mask in documents(number):
        rows += packer.add(np.array(ids, np.uint16), np.frombuffer(bytes(mask), np.uint8))
    return rows + packer.flush()


def test_every_document_is_in_a_row_whole() -> None:
    packed = []
    for tokens, _, starts in pack(60):
        for start, end in zip(starts, [*starts[1:], CONTEXT], strict=True):
            packed.append(tuple(tokens[start:end].tolist()))
    assert all(tuple(ids) in packed for ids, _ in documents(60))


def test_the_padding_is_never_to_be_written() -> None:
    for tokens, mask, starts in pack(60):
        if len(set(tokens[starts[-1] :].tolist())) == 1:
            assert not mask[starts[-1] :].any()


def test_a_batch_has_a_fixed_number_of_boundaries() -> None:
    batch = collate(pack(60)[:4], CONTEXT, 64)
    assert batch.boundaries.shape == (64,)
    assert batch.boundaries[-1] == 4 * CONTEXT


def test_too_many_documents_are_joined_but_never_across_rows() -> None:
    boundaries = collate(pack(200)[:4], CONTEXT, 8).boundaries.tolist()
    assert set(range(0, 4 * CONTEXT, CONTEXT)) <= set(boundaries)


def test_joined_rows_attend_further() -> None:
    rows = pack(60)[:4]
    assert collate(rows, CONTEXT, 64, join=True).mean_attended > collate(rows, CONTEXT, 64).mean_attended


def test_a_shard_is_read_back_document_by_document(tmp_path: Path) -> None:
    written = documents(30)
    write_shard(tmp_path / "s0", written)
    tokens, mask, starts, lengths = read_documents(tmp_path / "s0", CONTEXT)
    read = [
        (tokens[start : start + length].tolist(), mask[start : start + length].tolist())
        for start, length in zip(starts, lengths, strict=True)
    ]
    assert read == [(list(ids), list(bits)) for ids, bits in written]


@pytest.mark.parametrize("number", [1, 40])
def test_held_out_batches_are_full_even_of_a_tiny_corpus(tmp_path: Path, number: int) -> None:
    write_shard(tmp_path / "val", documents(number))
    assert held_out_batches(tmp_path, CONTEXT, 2, 64, at_most=1)[0].tokens.shape == (2, CONTEXT)
