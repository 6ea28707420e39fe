"""What a control vector looks like, as plots: its strength by layer, and what calibration measured."""

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from localnpm.distill.plots import Bar, Bars, Plot, Series

if TYPE_CHECKING:
    from localnpm.distill.vector_file import VectorFile
    from localnpm.memory.procedure_records import StoredVector

FEW_LAYERS = 24
"""Up to so many, each layer gets a bar of its own."""


def norm_plot(file: "VectorFile", stored: "StoredVector | None" = None) -> Plot | Bars:
    """Each layer's row, as a share of the residual stream's norm where that is known."""
    # What was measured on this model goes before what a file says of another.
    measured = (stored.calibration if stored else {}).get("shares")
    shares = measured if measured is not None else file.shares
    values = [float(value) for value in (file.row_norms if shares is None else shares)]
    label = "norm" if shares is None else "share of the residual stream's norm"
    layers = range(1, len(values) + 1)
    if len(values) <= FEW_LAYERS:
        return Bars("Norm by layer", [Bar(f"layer {n}", v) for n, v in zip(layers, values, strict=True)], label)
    return Plot("Norm by layer", [Series("vector", list(layers), values)], "layer", label)


def margin_plot(stored: "StoredVector") -> Bars | None:
    """By how much it raises the margin in each held-out run, beside what random directions reach; None: not measured.

    Bars are nats; the last is the 95th percentile of random directions of equal norm, which must be exceeded.
    """
    gains, random = (_numbers(stored.calibration.get(key)) for key in ("margins", "random"))
    if not gains:
        return None
    bars = [Bar(f"held-out run {place}", gain) for place, gain in enumerate(gains, 1)]
    bars.append(Bar("mean", sum(gains) / len(gains)))
    if random:
        bars.append(Bar("random directions, 95%", float(np.percentile(random, 95))))
    return Bars("Margin in held-out runs", bars, "nats")


def strength_plot(stored: "StoredVector") -> Bars | None:
    """The KL of each strength that calibration has settled on, one a fold, and of the vector; None: not measured."""
    trials = stored.calibration.get("trials")
    bars = []
    for trial in trials if isinstance(trials, list) else ():
        kl, coefficient, layers = trial.get("kl"), trial.get("coefficient"), trial.get("layers")
        if number(kl) is not None and number(coefficient) is not None and layers:
            bars.append(Bar(f"c {coefficient:.3g}, layers {layers[0]}-{layers[-1]}", float(kl)))
    kl = number(stored.calibration.get("kl"))
    if kl is None:
        return None
    return Bars("KL from the model without it", [*bars, Bar(f"as it is, c {stored.coefficient:.3g}", kl)], "nats")


def number(value: Any) -> float | None:
    """A finite number, or None for whatever else a file may hold."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return float(value) if usable else None


def _numbers(values: Any) -> list[float]:
    found = [number(value) for value in values] if isinstance(values, list) else []
    return [value for value in found if value is not None]
