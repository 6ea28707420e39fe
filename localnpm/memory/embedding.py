"""Sentence embeddings behind one small protocol: the bundled static embedder, or any sentence-transformers folder.

A static embedder is a table, one vector a token, and the average over a text's tokens: it is read from its two files
with no need of PyTorch, which takes seconds to import. Everything else is opened by sentence-transformers, imported
then. Nothing is downloaded. Not covered: storing the vectors, and what they are compared for (recall).
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from localnpm.errors import ModelError
from localnpm.memory.database import storable

Float32Array = NDArray[np.float32]

# Of a larger file samples are read, so that opening an embedder of gigabytes does not wait for the disk.
WHOLE_BYTES = 1 << 23
SAMPLES = 64
SAMPLE_BYTES = 1 << 16


class Embedder(Protocol):
    """Turns texts into vectors whose dot product is their similarity."""

    @property
    def name(self) -> str:
        """The folder's name and a digest of its files: vectors of one name can be compared, others cannot."""

    @property
    def dimensions(self) -> int:
        """The length of a vector."""

    def embed(self, texts: Sequence[str]) -> Float32Array:
        """float32 [len(texts), dimensions], rows of unit norm; a text without a token is a row of zeros."""


def open_embedder(folder: Path) -> Embedder:
    """The embedder in a sentence-transformers folder.

    Raises:
        ModelError: the folder is missing, or not a sentence embedder.
    """
    modules = folder / "modules.json"
    try:
        types = [str(module["type"]) for module in json.loads(modules.read_text("utf-8"))]
        name = f"{folder.resolve().name}-{_digest(folder)}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unusable(folder, str(error)) from error
    if len(types) == 1 and types[0].endswith(".StaticEmbedding"):
        return StaticEmbedder(folder, name)
    return SentenceTransformersEmbedder(folder, name)


class StaticEmbedder:
    """The mean of the tokens' vectors, from tokenizer.json and model.safetensors.

    The latter holds `embedding.weight`, [tokens, dimensions], in any float type.
    """

    def __init__(self, folder: Path, name: str) -> None:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        try:
            self._weights: NDArray[Any] = load_file(folder / "model.safetensors")["embedding.weight"]
            self._tokenizer = Tokenizer.from_buffer((folder / "tokenizer.json").read_bytes())
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise _unusable(folder, str(error)) from error
        self._tokenizer.no_padding()
        self.name = name
        self.dimensions = int(self._weights.shape[1])

    def embed(self, texts: Sequence[str]) -> Float32Array:
        """See `Embedder.embed`."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        encodings = self._tokenizer.encode_batch([storable(text) for text in texts], add_special_tokens=False)
        for vector, encoding in zip(vectors, encodings, strict=True):
            if encoding.ids:
                vector[:] = self._weights[encoding.ids].mean(axis=0, dtype=np.float32)
        return _unit(vectors)


class SentenceTransformersEmbedder:
    """Any other sentence embedder, run by sentence-transformers on PyTorch, on the CPU."""

    def __init__(self, folder: Path, name: str) -> None:
        from sentence_transformers import SentenceTransformer

        try:
            self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError, ImportError, AttributeError, TypeError) as error:
            raise _unusable(folder, str(error)) from error
        self.name = name
        self.dimensions = int(self.embed([""]).shape[1])

    def embed(self, texts: Sequence[str]) -> Float32Array:
        """See `Embedder.embed`."""
        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        vectors = self._model.encode([storable(text) for text in texts], show_progress_bar=False, convert_to_numpy=True)
        return _unit(np.asarray(vectors, np.float32))


def _unit(vectors: Float32Array) -> Float32Array:
    """Rows scaled to unit norm; zeros stay."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)


def _digest(folder: Path) -> str:
    """Eight hex digits that change with the weights, the tokenizer or the configuration, in milliseconds."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in (".json", ".safetensors", ".bin", ".txt", ".model"):
            size = file.stat().st_size
            digest.update(f"{file.relative_to(folder)} {size}\n".encode())
            with file.open("rb") as opened:
                if size <= WHOLE_BYTES:
                    digest.update(opened.read())
                    continue
                for part in range(SAMPLES):
                    opened.seek((size - SAMPLE_BYTES) * part // (SAMPLES - 1))
                    digest.update(opened.read(SAMPLE_BYTES))
    return digest.hexdigest()[:8]


def _unusable(folder: Path, why: str) -> ModelError:
    return ModelError(
        f"{folder} cannot be used as a sentence embedder: {why}. Give a folder that sentence-transformers has saved "
        "(with modules.json in it)."
    )
