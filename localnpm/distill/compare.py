"""How control vectors relate: cosines of their directions layer by layer, and their directions in the plane.

The analysis of Neural Procedural Memory (arXiv 2606.29824): vectors of like tasks point the same way, and lie together
in the plane of the two principal components. Here a point is one vector's unit direction at one layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localnpm.distill.plots import Plot, Series
from localnpm.distill.vector_file import VectorFile
from localnpm.errors import SteeringError


@dataclass(frozen=True, eq=False)
class Comparison:
    """Some vectors of one model, compared.

    Attributes:
        names: one for each vector.
        cosines: float64 [n_layer - 1, n, n]; row i is block i + 1; NaN where a vector has no direction there.
        points: float64 [n, n_layer - 1, 2], coordinates in the plane; NaN where a vector has no direction.
        explained: the share of the points' variance along each of the two axes.
    """

    names: tuple[str, ...]
    cosines: NDArray[np.float64]
    points: NDArray[np.float64]
    explained: tuple[float, float]

    @property
    def layers(self) -> list[int]:
        """The blocks at which at least two vectors have a direction."""
        pairs = np.triu_indices(len(self.names), 1)
        return [int(layer) + 1 for layer in np.flatnonzero(np.isfinite(self.cosines[:, *pairs]).any(axis=1))]

    def mean(self, first: int, second: int) -> float:
        """The mean cosine of two vectors over the layers that both steer; NaN where they share none."""
        cosines = self.cosines[:, first, second]
        known = cosines[np.isfinite(cosines)]
        return float(known.mean()) if len(known) else float("nan")

    def cosine_plot(self) -> Plot:
        """A line for each pair over the layers."""
        layers = self.layers
        rows = np.array(layers, int) - 1
        series = [
            Series(f"{self.names[a]} · {self.names[b]}", layers, self.cosines[rows, a, b].tolist())
            for a, b in combinations(range(len(self.names)), 2)
        ]
        return Plot("Cosine of directions, layer by layer", series, "layer", "cosine")

    def plane_plot(self) -> Plot:
        """A point for each vector and layer, in the plane of the two principal components."""
        series = [
            Series(name, points[:, 0].tolist(), points[:, 1].tolist())
            for name, points in zip(self.names, self.points, strict=True)
        ]
        across, up = (f"component {axis + 1} ({self.explained[axis]:.0%} of the variance)" for axis in (0, 1))
        return Plot("Directions in the plane of their principal components", series, across, up, "scatter")


def compare(named: Sequence[tuple[str, VectorFile]]) -> Comparison:
    """Compare two or more vectors of one model. A negative coefficient turns a file's directions round, and so here.

    Raises:
        SteeringError: fewer than two, or of different shapes.
    """
    if len(named) < 2:
        raise SteeringError("one vector alone cannot be compared; name two or more")
    shapes = {file.directions.shape for _, file in named}
    if len(shapes) > 1:
        listed = ", ".join(f"{name} {list(file.directions.shape)}" for name, file in named)
        raise SteeringError(f"vectors of different models cannot be compared: {listed}")
    units = np.stack([unit_rows(file) for _, file in named])
    cosines = np.clip(np.einsum("ald,bld->lab", units, units), -1.0, 1.0)
    points, explained = _plane(units)
    return Comparison(tuple(name for name, _ in named), cosines, points, explained)


def record(found: Comparison) -> dict[str, Any]:
    """A comparison as JSON has it; null where a vector has no direction."""
    pairs = [
        {
            "names": [found.names[a], found.names[b]],
            "mean": _known(found.mean(a, b)),
            "by_layer": [_known(value) for value in found.cosines[:, a, b]],
        }
        for a, b in combinations(range(len(found.names)), 2)
    ]
    points = {
        name: [[_known(value) for value in point] for point in rows]
        for name, rows in zip(found.names, found.points, strict=True)
    }
    return {"names": list(found.names), "pairs": pairs, "points": points, "explained": list(found.explained)}


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def unit_rows(file: VectorFile) -> NDArray[np.float64]:
    """float64 [n_layer - 1, n_embd]: each row at unit norm, NaN where it is zero."""
    lengths = file.row_norms[:, None]
    rows: NDArray[np.float64] = np.divide(
        file.directions, lengths, out=np.full(file.directions.shape, np.nan), where=lengths > 0
    )
    return rows


def _plane(units: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Coordinates [n, layers, 2] along the two principal components of all directions, and the shares they explain.

    A component's sign is free; it is fixed so that its largest entry is positive.
    """
    count, layers, width = units.shape
    flat = units.reshape(-1, width)
    known = np.isfinite(flat).all(axis=1)
    points = np.full((count * layers, 2), np.nan)
    if not known.any():
        return points.reshape(count, layers, 2), (0.0, 0.0)
    centred = flat[known] - flat[known].mean(axis=0)
    _, strengths, axes = np.linalg.svd(centred, full_matrices=False)
    axes = np.pad(axes[:2], ((0, 2 - len(axes[:2])), (0, 0)))
    signs = np.where(axes[np.arange(2), np.abs(axes).argmax(axis=1)] < 0, -1.0, 1.0)
    points[known] = centred @ (axes * signs[:, None]).T
    variances = np.pad(strengths[:2] ** 2, (0, max(0, 2 - len(strengths))))
    total = float((strengths**2).sum()) or 1.0
    return points.reshape(count, layers, 2), (float(variances[0]) / total, float(variances[1]) / total)
