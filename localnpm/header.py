"""The start of a GGUF file, read fast and with bounds: enough to list a folder of models without loading one.

The layout is the specification's (ggml, docs/gguf.md): magic, version, counts, key-value pairs, tensor descriptions.
Long arrays, the vocabulary above all, are stepped over; only their lengths are kept.

Not covered: the bytes (header_reader.py); whether llama.cpp knows the architecture, and the tensors' values, which
loading the model decides.
"""

import mmap
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

from localnpm.errors import ModelError
from localnpm.header_reader import Reader

MAGIC = b"GGUF"
SPLIT = re.compile(r"^(?P<stem>.+)-(?P<part>\d{5})-of-(?P<parts>\d{5})\.gguf$", re.IGNORECASE)
"""The name of one part of a split file; llama.cpp opens the first and finds the others beside it."""
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32
"""Bytes; the specification's, where `general.alignment` is absent."""
NOT_GENERATING = frozenset({
    "clip", "controlvector", "mmproj", "imatrix", "t5encoder", "gemma-embedding", "wavtokenizer-dec",
    "bert", "eurobert", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert", "nomic-bert", "nomic-bert-moe",
})  # fmt: skip
"""`general.architecture` of files that llama.cpp uses beside a language model, or for embeddings only."""


@dataclass(frozen=True)
class Header:
    """What a GGUF file says about itself. `metadata` holds scalars, texts and short numeric arrays, all as text.

    Of a split model this is the first part's; `size_bytes` is that of all parts that are there.
    """

    path: Path
    size_bytes: int
    tensor_count: int
    metadata: Mapping[str, str]
    lengths: Mapping[str, int]
    """Length of each array by its key."""

    @property
    def architecture(self) -> str:
        """llama.cpp's name of the architecture; empty if the file names none."""
        return self.metadata.get("general.architecture", "")

    @property
    def n_layer(self) -> int:
        """Number of blocks, 0 if unknown."""
        return self.number("block_count")

    @property
    def n_embd(self) -> int:
        """Width of the residual stream, 0 if unknown."""
        return self.number("embedding_length")

    @property
    def n_vocab(self) -> int:
        """Number of tokens in the vocabulary, 0 if unknown."""
        return self.lengths.get("tokenizer.ggml.tokens", 0) or self.number("vocab_size")

    @property
    def context_trained(self) -> int:
        """Tokens of context that the model was trained for, 0 if unknown."""
        return self.number("context_length")

    @property
    def quantization(self) -> str:
        """The name of the file's quantization, such as `Q4_K_M`; empty if the file does not say."""
        from gguf import LlamaFileType

        text = self.metadata.get("general.file_type", "")
        try:
            name = LlamaFileType(int(text)).name
        except ValueError:
            return ""
        return name.removeprefix("MOSTLY_").removeprefix("ALL_")

    @property
    def is_language_model(self) -> bool:
        """False for projectors, vocabularies, adapters, control vectors and encoders: none of them generates text."""
        kind = self.metadata.get("general.type", "model")
        filled = self.tensor_count > 0 or "split.count" in self.metadata
        return kind == "model" and filled and bool(self.architecture) and self.architecture not in NOT_GENERATING

    def number(self, key: str) -> int:
        """The value of `ARCHITECTURE.key` as a whole number; 0 if it is absent or is not one."""
        text = self.metadata.get(f"{self.architecture}.{key}", "")
        return int(text) if text.isdigit() else 0


def parse(data: bytes | mmap.mmap, path: Path, size_bytes: int, *, cut_short: bool = False) -> Header:
    """Read a header from the bytes that a file begins with.

    Args:
        path: named in errors and in the result.
        size_bytes: of the whole file.
        cut_short: `data` is only the first part; keep what is whole in it instead of complaining.

    Raises:
        ModelError: not a GGUF file, of a version that nobody writes any more, or broken.
    """
    return _parse(Reader(data), path, size_bytes, cut_short)


def _parse(reader: Reader, path: Path, size_bytes: int, cut_short: bool) -> Header:
    if reader.data[:4] != MAGIC:
        raise ModelError(f"{path} is not a GGUF file: it begins with {bytes(reader.data[:4])!r}; {_WHAT_TO_DO}")
    metadata: dict[str, str] = {}
    lengths: dict[str, int] = {}
    tensors = 0
    try:
        reader.skip(4)
        version = reader.count("I")
        if version not in VERSIONS:
            raise ModelError(f"{path} is a GGUF file of version {version}; versions 2 and 3 can be read. {_WHAT_TO_DO}")
        tensors, pairs = reader.count(), reader.count()
        for _ in range(pairs):
            key, value, length = reader.pair()
            if length is not None:
                lengths[key] = length
            if value or length is None:
                metadata[key] = value
    except EOFError:
        if not cut_short:
            raise ModelError(f"{path} ends in the middle of its header: the download was cut. {_WHAT_TO_DO}") from None
    except ValueError as error:
        raise ModelError(f"{path} has a broken header ({error}). {_WHAT_TO_DO}") from None
    return Header(path, size_bytes, tensors, metadata, lengths)


_WHAT_TO_DO = "Get the file again, or choose another from `localnpm models list`."


def read_header(path: Path) -> Header:
    """The header of a GGUF file; about 0.1 s for a vocabulary of 150,000 tokens.

    Raises:
        ModelError: the file cannot be opened, is not a GGUF file, or is broken or cut.
    """
    return _with_file(path, complete=False)


def check_complete(path: Path) -> Header:
    """The header, after a check that all parts are there and the file is long enough for the tensors it describes.

    Raises:
        ModelError: as `read_header`, and for a file that is cut short.
    """
    return _with_file(path, complete=True)


def _with_file(path: Path, *, complete: bool) -> Header:
    try:
        with path.open("rb") as file:
            size_bytes = path.stat().st_size
            if not size_bytes:
                raise ModelError(f"{path} is empty. {_WHAT_TO_DO}")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                reader = Reader(data)
                header = _parse(reader, path, size_bytes, cut_short=False)
                if complete:
                    _check_tensors(reader, header)
                return replace(header, size_bytes=_size_of_parts(path, size_bytes, complete))
    except FileNotFoundError:
        raise ModelError(f"there is no file {path}; `localnpm models list` shows the models on this disk") from None
    except IsADirectoryError:
        raise ModelError(f"{path} is a folder; name the GGUF file in it") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from None


def part_names(name: str) -> list[str]:
    """The names of all parts of a split file, given any of them; of another file its own name."""
    split = SPLIT.match(name)
    if not split:
        return [name]
    return [f"{split['stem']}-{part:05d}-of-{split['parts']}.gguf" for part in range(1, int(split["parts"]) + 1)]


def _size_of_parts(path: Path, size_bytes: int, complete: bool) -> int:
    for other in part_names(path.name):
        part = path.with_name(other)
        if part.name != path.name and part.is_file():
            size_bytes += part.stat().st_size
        elif part.name != path.name and complete:
            raise ModelError(f"{path.name} is one part of a model, and {part} is missing; pull the model again")
    return size_bytes


def _check_tensors(reader: Reader, header: Header) -> None:
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    end = 0
    try:
        for _ in range(header.tensor_count):
            reader.text()
            shape = reader.take(f"{reader.count('I')}Q")
            block, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType(reader.count("I"))]
            end = max(end, reader.count() + prod(int(length) for length in shape) // block * block_bytes)
    except EOFError:
        raise ModelError(
            f"{header.path} ends in the middle of its list of tensors: the download was cut. {_WHAT_TO_DO}"
        ) from None
    except (ValueError, struct.error) as error:
        raise ModelError(f"{header.path} describes a tensor that cannot be read ({error}). {_WHAT_TO_DO}") from None
    stated = header.metadata.get("general.alignment", "")
    alignment = (int(stated) if stated.isdigit() else 0) or DEFAULT_ALIGNMENT
    wanted = -(-reader.at // alignment) * alignment + end
    if header.size_bytes < wanted:
        raise ModelError(
            f"{header.path} is cut: it has {header.size_bytes:,} of {wanted:,} bytes. "
            "Download it again; `localnpm models pull` goes on where it stopped."
        )
