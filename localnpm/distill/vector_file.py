"""What a control-vector file says, as a value, and the engine's vector at another strength or in fewer layers.

Two units. In a `localnpm` file, row N is a unit direction x the median norm of the residual stream after block N x
c / sqrt(layers in the range), zeros outside the range, so that scale 1 in llama.cpp does what localnpm does; other
coefficients and ranges are worked out from that. In a `raw` file (other programs') the rows are what they are.

Not covered: the bytes (gguf.py), and what a good direction or coefficient is (calibration).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from localnpm.engine.arrays import Float32Array
from localnpm.engine.steering import ControlVector
from localnpm.errors import SteeringError

Unit = Literal["localnpm", "raw"]

FINGERPRINT = "model_fingerprint"
"""The key of `provenance` that names the model file a vector belongs to."""


@dataclass(frozen=True, eq=False)
class VectorFile:
    """What a control-vector file says.

    Attributes:
        directions: float32 [n_layer - 1, n_embd], as the file holds them; row i is added to the output of block i + 1.
        model_hint: llama.cpp's name of the model's architecture.
        coefficient: c, the strength at which the rows are held; 1 in a raw file.
        layers: first and last 0-based block with a direction, both included.
        norms: float32 [n_layer - 1], median norm of the residual stream after block i + 1; None in a raw file.
        provenance: where it comes from, texts by key; keys are lower-case letters, digits, `_` and `.`.
    """

    directions: Float32Array
    model_hint: str
    unit: Unit
    coefficient: float
    layers: tuple[int, int]
    norms: Float32Array | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The model file that it was made for; empty if the file does not say."""
        return self.provenance.get(FINGERPRINT, "")

    @property
    def row_norms(self) -> NDArray[np.float64]:
        """float64 [n_layer - 1]: the Euclidean length of each row."""
        lengths: NDArray[np.float64] = np.sqrt(np.square(self.directions, dtype=np.float64).sum(axis=1))
        return lengths

    @property
    def shares(self) -> NDArray[np.float64] | None:
        """float64 [n_layer - 1]: each row's length as a share of the residual stream's; None without norms."""
        if self.norms is None:
            return None
        return self.row_norms / np.maximum(self.norms, np.finfo(np.float32).tiny)


def compose(
    directions: Float32Array,
    norms: Float32Array,
    coefficient: float,
    layers: tuple[int, int],
    *,
    model_hint: str,
    provenance: Mapping[str, str] | None = None,
) -> VectorFile:
    """A file in localnpm's unit, its rows at the coefficient c.

    Args:
        directions: [n_layer - 1, n_embd], of any length but zero within the range; only their directions count.
        norms: [n_layer - 1], median norm of the residual stream after block i + 1.
        layers: the range, first and last 0-based block, both included.

    Raises:
        SteeringError: a range that the model does not have, a coefficient of zero or one that is no number, a row
            within the range that points nowhere.
    """
    first, last = checked_range(layers, (1, len(directions)), "the vector")
    if not isfinite(coefficient) or not coefficient:
        raise SteeringError(f"a vector cannot be kept at the coefficient {coefficient:g}: its directions would be lost")
    rows = directions[first - 1 : last].astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    within = norms[first - 1 : last].astype(np.float64)[:, None]
    if not (np.isfinite(lengths).all() and (lengths > 0).all() and np.isfinite(within).all() and (within > 0).all()):
        raise SteeringError(f"layers {first}-{last} hold a direction or a norm that is zero or not a finite number")
    held = np.zeros(directions.shape, np.float32)
    held[first - 1 : last] = rows / lengths * within * (coefficient / sqrt(last - first + 1))
    return VectorFile(
        held, model_hint, "localnpm", float(coefficient), (first, last), norms.astype(np.float32), provenance or {}
    )


def scaled(
    file: VectorFile, coefficient: float | None = None, layers: tuple[int, int] | None = None, name: str = ""
) -> ControlVector:
    """The engine's vector: at the file's own strength and layers, bit for bit as it holds them, or at others.

    Args:
        coefficient: in localnpm's unit c; of a raw file, what its rows are multiplied by.
        layers: a range within the file's. In localnpm's unit a narrower range makes each of its layers stronger, so
            that c means the same.

    Raises:
        SteeringError: the range is not within the file's, or the coefficient is no finite number.
    """
    strength = file.coefficient if coefficient is None else coefficient
    if not isfinite(strength):
        raise SteeringError(f"the coefficient {strength:g} is not a finite number")
    first, last = checked_range(layers or file.layers, file.layers, f"the vector {name!r}" if name else "the vector")
    factor = strength
    if file.unit == "localnpm":
        held = file.layers[1] - file.layers[0] + 1
        factor = strength / file.coefficient * sqrt(held / (last - first + 1))
    rows = np.zeros(file.directions.shape, np.float32)
    kept = file.directions[first - 1 : last]
    with np.errstate(over="ignore", invalid="ignore"):
        rows[first - 1 : last] = kept if factor == 1 else (kept.astype(np.float64) * factor).astype(np.float32)
    if not np.isfinite(rows).all():
        raise SteeringError(f"at the coefficient {strength:g} the vector {name!r} overflows; take a smaller one")
    return ControlVector(name, rows)


def shifted(file: VectorFile, by: int) -> VectorFile:
    """A raw file with each direction moved to the block at which it was measured: direction N goes to block N - by.

    llama.cpp's cvector-generator needs `by` = 1: it numbers what it measured after block N - 1 as N. What would land
    at block 0, which cannot be steered, or beyond the last one is dropped.

    Raises:
        SteeringError: a file in localnpm's unit, which is never off, or nothing is left.
    """
    if not by:
        return file
    if file.unit == "localnpm":
        raise SteeringError("localnpm's own files name the block at which they were measured; import it unshifted")
    count = len(file.directions)
    rows = np.zeros_like(file.directions)
    if abs(by) < count:
        rows[max(0, -by) : count - max(0, by)] = file.directions[max(0, by) : count - max(0, -by)]
    told = {**file.provenance, "shifted": str(by)}
    return replace(file, directions=rows, layers=filled_layers(rows), provenance=told)


def fitted(file: VectorFile, n_layer: int, n_embd: int) -> VectorFile:
    """The file with zeros for the last layers that it leaves out, as llama.cpp takes it.

    Raises:
        SteeringError: it is of another width, or has directions for blocks that this model lacks.
    """
    rows, width = file.directions.shape
    if width != n_embd or rows > n_layer - 1:
        raise SteeringError(
            f"the vector has directions of {width:,} numbers for the layers 1-{rows}; this model's have {n_embd:,}, "
            f"for the layers 1-{n_layer - 1}: it was made for another model"
        )
    missing = n_layer - 1 - rows
    if not missing:
        return file
    norms = file.norms if file.norms is None else np.pad(file.norms, (0, missing))
    return replace(file, directions=np.pad(file.directions, ((0, missing), (0, 0))), norms=norms)


def filled_layers(directions: Float32Array) -> tuple[int, int]:
    """First and last block with a direction.

    Raises:
        SteeringError: all rows are zero.
    """
    filled = np.flatnonzero(directions.any(axis=1))
    if not len(filled):
        raise SteeringError("the vector holds only zeros: it steers nothing")
    return int(filled[0]) + 1, int(filled[-1]) + 1


def checked_range(layers: tuple[int, int], within: tuple[int, int], what: str) -> tuple[int, int]:
    """A range of layers that lies within another.

    Raises:
        SteeringError: it does not.
    """
    first, last = layers
    if not within[0] <= first <= last <= within[1]:
        raise SteeringError(f"layers {first}-{last} were asked for; {what} has the layers {within[0]}-{within[1]}")
    return first, last
