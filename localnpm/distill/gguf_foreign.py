"""Control-vector files that others wrote: everything a file claims is checked against its bytes before it is used.

Counts, lengths and offsets are bounded by what a control vector of the largest models has, so that a file that
declares billions of elements costs nothing. The layout is GGUF's (ggml, docs/gguf.md), read by the program's own
reader; no other library sees a byte of the file.

Accepted beyond localnpm's own files: layers left out (zeros), a `layer_count` that is absent or wrong (the directions
count), F16 directions. Refused: what is no control vector in every respect; llama.cpp would add up two directions of
one layer and take `direction.1x`, this reader does not.
Not covered: whether the vector fits a model, and whether it does any good.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from localnpm.distill.vector_file import Unit, VectorFile, filled_layers
from localnpm.engine.arrays import Float32Array
from localnpm.errors import SteeringError
from localnpm.header import DEFAULT_ALIGNMENT, MAGIC, VERSIONS
from localnpm.header_reader import Reader
from localnpm.plain import one_line

ARCHITECTURE = "controlvector"
UNIT = "localnpm.unit"
COEFFICIENT = "localnpm.coefficient"
LAYERS = "localnpm.layers"
NORMS = "localnpm.norms"
PROVENANCE = "localnpm.provenance."
KEY = re.compile(r"[a-z0-9][a-z0-9_.]{0,63}")
"""What follows PROVENANCE in a key."""

LARGEST = 64 << 20
"""Bytes of a file, and of its directions with those left out; 126 layers of 16,384 numbers take 8 MB."""
HEADER = 1 << 20
"""Bytes that metadata and the list of tensors may take."""
MOST_PAIRS = 1024
MOST_LAYERS = 1024
WIDEST = 1 << 17
_DIRECTION = re.compile(r"direction\.([1-9][0-9]{0,3})")
_TYPES: Mapping[int, np.dtype[Any]] = {0: np.dtype("<f4"), 1: np.dtype("<f2")}
_TOLERANCE = 0.01


class _Tensor(NamedTuple):
    layer: int
    width: int
    kind: np.dtype[Any]
    offset: int

    @property
    def size(self) -> int:
        return self.width * self.kind.itemsize


def parse(data: bytes, name: str, *, raw: bool = False) -> VectorFile:
    """The file in these bytes.

    Args:
        name: names the file in errors.
        raw: take the rows for what they are, whatever the file says of its unit.

    Raises:
        SteeringError: it is broken, or is no control vector.
    """
    try:
        return _parse(data, raw)
    except EOFError:
        cut = "its description is longer than 1 MB" if len(data) > HEADER else "it ends in the middle of its header"
        raise _refusal(name, cut) from None
    except ValueError as error:
        raise _refusal(name, str(error)) from None


def _refusal(name: str, why: str) -> SteeringError:
    return SteeringError(f"{name} cannot be used as a control vector: {one_line(why, 300)}; get or make the file again")


def _parse(data: bytes, raw: bool) -> VectorFile:
    if data[:4] != MAGIC:
        raise ValueError(f"it is no GGUF file, for it begins with {data[:4]!r}" if data else "it is empty")
    reader = Reader(data[:HEADER])
    reader.skip(4)
    version = reader.count("I")
    if version not in VERSIONS:
        raise ValueError(f"it is GGUF of version {version}; versions 2 and 3 can be read")
    tensors, pairs = reader.count(), reader.count()
    if pairs > MOST_PAIRS or not 1 <= tensors <= MOST_LAYERS:
        raise ValueError(f"it declares {tensors:,} tensors and {pairs:,} metadata keys")
    metadata = _metadata(reader, pairs)
    architecture = metadata.get("general.architecture", ARCHITECTURE)
    if architecture != ARCHITECTURE:
        raise ValueError(f"it holds a {architecture!r}, not a {ARCHITECTURE!r}")
    described = [_tensor(reader) for _ in range(tensors)]
    start = _aligned(reader.at, metadata)
    _check_places(described, start, len(data), _alignment(metadata))
    return _vector(metadata, _directions(data, described, start), raw)


def _metadata(reader: Reader, pairs: int) -> Mapping[str, str]:
    metadata: dict[str, str] = {}
    for _ in range(pairs):
        key, value, _ = reader.pair()
        if key in metadata:
            raise ValueError(f"the metadata key {key!r} stands in it twice")
        metadata[key] = value
    return metadata


def _tensor(reader: Reader) -> _Tensor:
    name, dimensions = reader.text(), reader.count("I")
    numbered = _DIRECTION.fullmatch(name)
    if not numbered:
        raise ValueError(f"it has a tensor {name!r}; a control vector has direction.1, direction.2 and so on")
    if dimensions != 1:
        raise ValueError(f"{name} has {dimensions} dimensions; a direction has one")
    width, kind, offset = reader.count(), reader.count("I"), reader.count()
    if not 1 <= width <= WIDEST:
        raise ValueError(f"{name} declares {width:,} numbers")
    if kind not in _TYPES:
        raise ValueError(f"{name} is of type {kind}; F32 (0) and F16 (1) can be read")
    layer = int(numbered[1])
    if layer > MOST_LAYERS:
        raise ValueError(f"{name} is for a layer that no model has")
    return _Tensor(layer, width, _TYPES[kind], offset)


def _alignment(metadata: Mapping[str, str]) -> int:
    stated = metadata.get("general.alignment", str(DEFAULT_ALIGNMENT))
    alignment = int(stated) if re.fullmatch(r"[0-9]{1,5}", stated) else 0
    if alignment < 1 or alignment & (alignment - 1):
        raise ValueError(f"general.alignment is {stated!r}; a power of two up to 65536 is meant")
    return alignment


def _aligned(at: int, metadata: Mapping[str, str]) -> int:
    alignment = _alignment(metadata)
    return -(-at // alignment) * alignment


def _check_places(described: list[_Tensor], start: int, size: int, alignment: int) -> None:
    """Each tensor lies within the file, on its alignment, and shares no byte with another."""
    layers = {tensor.layer for tensor in described}
    if len(layers) < len(described):
        raise ValueError("two of its directions are for the same layer")
    widths = {tensor.width for tensor in described}
    if len(widths) > 1:
        raise ValueError(f"its directions have different lengths, {min(widths):,} and {max(widths):,} among them")
    if max(layers) * max(widths) * 4 > LARGEST:
        raise ValueError(f"it declares directions of {max(widths):,} numbers up to layer {max(layers)}")
    end = 0
    for tensor in sorted(described, key=lambda each: each.offset):
        if tensor.offset % alignment:
            raise ValueError(f"direction.{tensor.layer} begins at the odd place {tensor.offset:,}")
        if tensor.offset < end:
            raise ValueError(f"direction.{tensor.layer} overlaps another")
        end = tensor.offset + tensor.size
    if start + end > size:
        raise ValueError(f"it is cut: it has {size:,} of {start + end:,} bytes")


def _directions(data: bytes, described: list[_Tensor], start: int) -> Float32Array:
    rows = np.zeros((max(tensor.layer for tensor in described), described[0].width), np.float32)
    for tensor in described:
        row = np.frombuffer(data, tensor.kind, tensor.width, start + tensor.offset)
        if not np.isfinite(row).all():
            raise ValueError(f"direction.{tensor.layer} holds values that are not finite numbers")
        rows[tensor.layer - 1] = row
    return rows


def _vector(metadata: Mapping[str, str], rows: Float32Array, raw: bool) -> VectorFile:
    hint = metadata.get(f"{ARCHITECTURE}.model_hint", "")
    provenance = {key.removeprefix(PROVENANCE): value for key, value in metadata.items() if key.startswith(PROVENANCE)}
    unit: Unit = "localnpm" if metadata.get(UNIT) == "localnpm" and not raw else "raw"
    if unit == "raw":
        return VectorFile(rows, hint, unit, 1.0, filled_layers(rows), None, provenance)
    coefficient = _number(metadata.get(COEFFICIENT, ""), COEFFICIENT)
    with np.errstate(over="ignore"):
        norms = np.array(_numbers(metadata.get(NORMS, ""), NORMS)).astype(np.float32)
    layers = tuple(int(number) for number in _numbers(metadata.get(LAYERS, ""), LAYERS))
    if len(layers) != 2 or not 1 <= layers[0] <= layers[1] <= len(rows):
        raise ValueError(f"{LAYERS} is {layers}; it has the layers 1-{len(rows)}")
    if norms.shape != (len(rows),) or not np.isfinite(norms).all() or (norms < 0).any():
        raise ValueError(f"{NORMS} has {len(norms)} numbers for {len(rows)} layers, or some that are no lengths")
    file = VectorFile(rows, hint, unit, coefficient, (layers[0], layers[1]), norms, provenance)
    _check_unit(file)
    return file


def _check_unit(file: VectorFile) -> None:
    """The rows are as long as the metadata says, else another coefficient would be worked out from false figures."""
    assert file.norms is not None
    first, last = file.layers
    stated = np.zeros(len(file.norms))
    stated[first - 1 : last] = (
        file.norms[first - 1 : last].astype(np.float64) * abs(file.coefficient) / np.sqrt(last - first + 1)
    )
    off = np.abs(file.row_norms - stated) > _TOLERANCE * stated
    if not file.coefficient or off.any():
        layer = int(np.flatnonzero(off)[0]) + 1 if off.any() else first
        raise ValueError(
            f"direction.{layer} is not as long as its norms, coefficient and layers say; if it came from elsewhere, "
            "import it with --unit raw"
        )


def _number(text: str, key: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{key} is {text!r}, which is no number") from None
    if not np.isfinite(number):
        raise ValueError(f"{key} is {text!r}, which is no finite number")
    return number


def _numbers(text: str, key: str) -> list[float]:
    if not (text.startswith("[") and text.endswith("]")):
        raise ValueError(f"{key} is {text!r}, which is no list of numbers")
    return [_number(part, key) for part in text[1:-1].split(",") if part.strip()]
