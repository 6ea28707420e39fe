"""What a control vector looks like, as plots: its strength by layer, and what calibration measured."""

from typing import TYPE_CHECKING

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
