"""Fingerprints: the same for the same bytes, another for any other, and quick once known."""

import os
import time
from pathlib import Path

import pytest

from localnpm.engine.fingerprint import fingerprint
from localnpm.engine.model import Model
from localnpm.errors import ModelError
from localnpm.evals.random_gguf import Shape, write_random_model


def test_copies_have_the_same_fingerprint(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        write_random_model(tmp_path / name, Shape("llama"))
    assert fingerprint(tmp_path / "a.gguf") == fingerprint(tmp_path / "b.gguf")


def test_other_weights_have_another_fingerprint(tmp_path: Path) -> None:
    write_random_model(tmp_path / "a.gguf", Shape("llama"), seed=1)
    write_random_model(tmp_path / "b.gguf", Shape("llama"), seed=2)
    assert fingerprint(tmp_path / "a.gguf") != fingerprint(tmp_path / "b.gguf")


def test_another_quantization_has_another_fingerprint(tmp_path: Path) -> None:
    write_random_model(tmp_path / "a.gguf", Shape("llama"))
    write_random_model(tmp_path / "b.gguf", Shape("llama"), quantized=True)
    assert fingerprint(tmp_path / "a.gguf") != fingerprint(tmp_path / "b.gguf")


@pytest.mark.parametrize("place", [0.3, 0.6, 0.999])
def test_a_single_changed_byte_shows(tmp_path: Path, place: float) -> None:
    path = tmp_path / "a.gguf"
    write_random_model(path, Shape("llama"))
    cache = tmp_path / "cache"
    before = fingerprint(path, cache)
    with path.open("r+b") as file:
        file.seek(int(path.stat().st_size * place))
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert fingerprint(path, cache) != before


def test_a_known_file_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "large.gguf"
    with path.open("wb") as file:
        file.truncate(400_000_000)
    first = fingerprint(path, tmp_path / "cache")
    started = time.perf_counter()
    assert fingerprint(path, tmp_path / "cache") == first
    assert time.perf_counter() - started < 0.05


def test_a_damaged_cache_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    write_random_model(path, Shape("llama"))
    first = fingerprint(path, tmp_path / "cache")
    for known in (tmp_path / "cache" / "fingerprints").iterdir():
        known.write_text("{broken", encoding="utf-8")
    assert fingerprint(path, tmp_path / "cache") == first


def test_all_parts_of_a_split_file_count(tmp_path: Path) -> None:
    first, second = tmp_path / "m-00001-of-00002.gguf", tmp_path / "m-00002-of-00002.gguf"
    first.write_bytes(b"one")
    second.write_bytes(b"two")
    before = fingerprint(first)
    second.write_bytes(b"three")
    assert fingerprint(first) != before


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        fingerprint(tmp_path / "none.gguf")


def test_a_model_knows_its_files_fingerprint(bundled: Model) -> None:
    assert bundled.fingerprint == fingerprint(bundled.path)
