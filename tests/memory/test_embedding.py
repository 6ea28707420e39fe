"""Embedders: the bundled one without PyTorch, and that it agrees with sentence-transformers."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.errors import ModelError
from localnpm.home import bundled_embedder
from localnpm.memory.embedding import Embedder, SentenceTransformersEmbedder, StaticEmbedder, open_embedder

TEXTS = [
    "Add milk to my shopping list",
    "add milk to my shopping list",
    "Rename all the 2024 photos by date, then put them into folders",
    "Größe ändern: naïve café",
    "\U0001f600\U0001f389 party \U0001f937\U0001f3fd\u200d\u2640\ufe0f",
    "把牛奶和面包加到购物清单",
    "",
    "   \n\t ",
    "file the invoice by month " * 193,
]


OPEN = open_embedder(bundled_embedder())


@pytest.fixture
def embedder() -> Embedder:
    """The bundled one."""
    return OPEN


def test_the_bundled_embedder_is_read_without_pytorch() -> None:
    code = (
        "import sys; from localnpm.home import bundled_embedder; from localnpm.memory.embedding import open_embedder\n"
        "open_embedder(bundled_embedder()).embed(['hello'])\n"
        "print(sorted({'torch', 'sentence_transformers', 'transformers'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "[]\n"


def test_vectors_are_float32_of_unit_norm(embedder: Embedder) -> None:
    vectors = embedder.embed(["Buy milk", "Sort the invoices"])
    assert (vectors.dtype, vectors.shape) == (np.float32, (2, embedder.dimensions))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_text_without_tokens_is_zeros_and_no_texts_are_no_rows(embedder: Embedder) -> None:
    assert not embedder.embed([""]).any()
    assert embedder.embed([]).shape == (0, embedder.dimensions)


def test_requests_of_one_kind_are_nearer_than_those_of_another(embedder: Embedder) -> None:
    add, alike, other = embedder.embed(
        ["Add milk to my todo list", "Put bread on my todo list", "Rename the photos by date"]
    )
    assert add @ alike > add @ other


@given(st.lists(st.text(st.characters(), max_size=40), max_size=5))
def test_any_text_has_a_vector_of_its_own_whatever_stands_beside_it(texts: list[str]) -> None:
    together = OPEN.embed(texts)
    assert np.isfinite(together).all()
    for row, text in zip(together, texts, strict=True):
        np.testing.assert_array_equal(row, OPEN.embed([text])[0])


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_bundled_embedder_agrees_with_sentence_transformers(embedder: Embedder) -> None:
    pytest.importorskip("sentence_transformers")
    reference = SentenceTransformersEmbedder(bundled_embedder(), "reference")
    assert reference.dimensions == embedder.dimensions
    np.testing.assert_allclose(embedder.embed(TEXTS), reference.embed(TEXTS), atol=1e-3)
    assert reference.embed([]).shape == (0, reference.dimensions)


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_folder_of_several_modules_is_opened_by_sentence_transformers(tmp_path: Path) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    modules = pytest.importorskip("sentence_transformers.sentence_transformer.modules")
    model = sentence_transformers.SentenceTransformer(str(bundled_embedder()), device="cpu", local_files_only=True)
    model.float()
    sentence_transformers.SentenceTransformer(modules=[model[0], modules.Normalize()]).save(str(tmp_path / "two"))
    opened = open_embedder(tmp_path / "two")
    assert isinstance(opened, SentenceTransformersEmbedder)
    assert opened.name.startswith("two-")
    np.testing.assert_allclose(opened.embed(TEXTS), OPEN.embed(TEXTS), atol=1e-3)


def test_the_name_changes_with_the_weights(tmp_path: Path, embedder: Embedder) -> None:
    copy = shutil.copytree(bundled_embedder(), tmp_path / "embedder")
    assert open_embedder(copy).name == embedder.name
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.chmod(0o600)
    weights.write_bytes(content)
    changed = open_embedder(copy)
    assert isinstance(changed, StaticEmbedder)
    assert changed.name != embedder.name


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def write(name: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).write_bytes(content)

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        shutil.rmtree,
        remove("modules.json"),
        remove("model.safetensors"),
        remove("tokenizer.json"),
        write("modules.json", b"{"),
        write("modules.json", json.dumps({"a": 1}).encode()),
        write("model.safetensors", b"rubbish"),
        write("tokenizer.json", b"{}"),
    ],
)
def test_a_folder_that_is_no_embedder_is_named(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    folder = Path(shutil.copytree(bundled_embedder(), tmp_path / "embedder"))
    folder.chmod(0o700)
    spoil(folder)
    with pytest.raises(ModelError, match=str(folder)):
        open_embedder(folder)
