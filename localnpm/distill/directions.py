"""Directions in the residual stream: from differences of activations, or by measuring what moves a choice.

Three ways. `mean`: the mean difference success minus failure. `principal`: NPM's first principal component of the
*uncentred* differences, its sign that of most pairs (centring would remove the shift that is sought). `gradient`: the
direction in which the margin of the wanted over the likelier token rises fastest at the deciding positions, estimated
from forward passes alone, so that it works for every model that can be steered: a small vector is added at one
position, and the change of the margin is read off, along the axes of a random orthonormal basis.

Not covered: the positions and pairs themselves (contrast.py), strength and layers (calibrate.py).
"""

from collections.abc import Callable, Sequence

import numpy as np

from localnpm.distill.contrast import Site
from localnpm.engine.arrays import Float32Array
from localnpm.engine.cancel import Cancel
from localnpm.engine.model import Model
from localnpm.engine.steering import ControlVector, Steering, SteeringPart

PROBE = 0.2
"""Coefficient of the vectors that the margin's slope is measured with."""

Progress = Callable[[int, int], None]


def unit(rows: Float32Array) -> Float32Array:
    """Each row (last axis) at length 1; zero rows stay zero."""
    lengths = np.linalg.norm(rows.astype(np.float64), axis=-1, keepdims=True)
    scaled: Float32Array = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled


def rows_at(directions: Float32Array, norms: Float32Array, coefficient: float, layers: tuple[int, int]) -> Float32Array:
    """Unit direction x norm x c / sqrt(layers in the range) in each layer of the range, zeros elsewhere.

    Args:
        directions: float32 [n_layer - 1, n_embd], of any length; row i belongs to block i + 1.
        norms: float32 [n_layer - 1].
    """
    first, last = layers
    rows = np.zeros(directions.shape, np.float32)
    share = coefficient / np.sqrt(last - first + 1)
    rows[first - 1 : last] = unit(directions[first - 1 : last]) * norms[first - 1 : last, None] * np.float32(share)
    return rows


def steering_of(rows: Float32Array, name: str = "direction") -> Steering:
    """Rows as they are, on generated tokens."""
    return Steering((SteeringPart(ControlVector(name, rows)),))


def mean_difference(differences: Float32Array, weights: Sequence[float] | None = None) -> Float32Array:
    """float32 [pairs, n_layer, n_embd] -> unit rows [n_layer, n_embd] of the weighted mean."""
    return unit(np.average(differences.astype(np.float64), axis=0, weights=weights).astype(np.float32))


def principal_component(differences: Float32Array, weights: Sequence[float] | None = None) -> Float32Array:
    """First principal component of the uncentred differences in each layer (NPM), its sign that of most pairs.

    float32 [pairs, n_layer, n_embd] -> unit rows [n_layer, n_embd].
    """
    share = np.sqrt(np.asarray(weights if weights is not None else np.ones(len(differences)), np.float64))
    found = np.zeros(differences.shape[1:], np.float32)
    for layer in range(differences.shape[1]):
        pairs = differences[:, layer].astype(np.float64)
        component = np.linalg.svd(pairs * share[:, None], full_matrices=False)[2][0]
        votes = float(np.sign(pairs @ component) @ share**2)
        found[layer] = component if votes >= 0 else -component
    return found


def random_directions(shape: tuple[int, int], rng: np.random.Generator) -> Float32Array:
    """float32 [n_layer - 1, n_embd]: one direction, drawn uniformly, in every layer, as a measured one is."""
    return np.tile(unit(rng.normal(size=shape[1]).astype(np.float32)), (shape[0], 1))


def site_slopes(
    model: Model,
    sites: Sequence[Site],
    norms: Float32Array,
    layers: tuple[int, int],
    *,
    probes: int,
    rng: np.random.Generator,
    cancel: Cancel | None = None,
    progress: Progress | None = None,
) -> Float32Array:
    """How each site's margin, log p(wanted) - log p(instead), changes along each axis of the residual stream.

    One vector is added to all of `layers` at the site's position alone: what it costs is one token's decode, the
    tokens before it are read once. The two halves of the sites (`halves`) have bases of their own, each gone through
    before it is drawn anew, so that they are independent estimates.

    Args:
        norms: float32 [n_layer - 1], median norm of the residual stream after block i + 1.
        probes: vectors tried in all, shared out evenly.

    Returns:
        float32 [sites, n_embd]: estimates whose sum over sites is the direction; each alone is noisy.
    """
    width = model.info.n_embd
    slopes = np.zeros((len(sites), width), np.float64)
    each = max(1, probes // max(1, len(sites)))
    bases = [_Basis(width, rng), _Basis(width, rng)]
    half = halves(sites)
    for index, site in enumerate(sites):
        text = site.tokens[: site.position + 1]
        plain = model.logits(text, [site.position])[0]
        margin = float(plain[site.wanted] - plain[site.instead])
        for _ in range(each):
            if cancel is not None and cancel.is_set():
                return slopes.astype(np.float32)
            axis = bases[half[index]].next()
            rows = rows_at(np.tile(axis, (len(norms), 1)), norms, PROBE, layers)
            row = model.logits(text, [site.position], steering=steering_of(rows))[0]
            moved = float(row[site.wanted] - row[site.instead]) - margin
            slopes[index] += site.weight * moved * axis
        if progress is not None:
            progress(index + 1, len(sites))
    return slopes.astype(np.float32)


def halves(sites: Sequence[Site]) -> list[int]:
    """0 or 1 for each site. A run's sites stay together: by turns they would part the sorts of decisions instead."""
    order = {run: place for place, run in enumerate(sorted({site.run for site in sites}))}
    return [order[site.run] % 2 for site in sites]


def split_half(slopes: Float32Array, half: Sequence[int]) -> float:
    """Cosine of the directions that two halves of the rows give, [n, n_embd]; 0 where one half is empty."""
    first, second = (slopes[np.asarray(half) == which].sum(axis=0) for which in (0, 1))
    return float(unit(first) @ unit(second))


class _Basis:
    """Unit vectors, orthogonal to one another until there are as many as dimensions; then a new such set."""

    def __init__(self, width: int, rng: np.random.Generator) -> None:
        self._width = width
        self._rng = rng
        self._axes: list[Float32Array] = []

    def next(self) -> Float32Array:
        if not self._axes:
            # A whole basis of a wide model is larger than what is ever tried of it.
            count = min(self._width, 512)
            drawn = np.linalg.qr(self._rng.normal(size=(self._width, count)))[0].T
            self._axes = [axis.astype(np.float32) for axis in drawn]
        return self._axes.pop()
