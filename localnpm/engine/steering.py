"""Control vectors and how several are composed into the one buffer that llama.cpp takes.

Layer numbers follow repeng and llama.cpp's loader: `direction.N` is added to the output of 0-based block N. Block 0
cannot be steered. Calibration, files and what a good direction is are `distill`'s business.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from localnpm.engine.arrays import Float32Array
from localnpm.engine.cache import UNSTEERED
from localnpm.errors import SteeringError

Scope = Literal["generation", "all"]


@dataclass(frozen=True, eq=False)
class ControlVector:
    """Directions in the residual stream of one model.

    Attributes:
        name: for messages.
        directions: float32 [n_layer - 1, n_embd]; row i is added to the output of block i + 1.
    """

    name: str
    directions: Float32Array


class SteeringPart(NamedTuple):
    """One vector's share: `coefficient * directions`, in blocks `layers` (first and last, both included) or all."""

    vector: ControlVector
    coefficient: float = 1.0
    layers: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Steering:
    """Control vectors added together.

    Attributes:
        parts: vectors of one model; empty steers nothing.
        scope: `generation` steers the prompt's last token and all that follow, so that the prompt's keys and values
            stay those of the unsteered model; `all` steers every token.
    """

    parts: tuple[SteeringPart, ...] = ()
    scope: Scope = "generation"

    def buffer(self, n_layer: int, n_embd: int) -> Float32Array:
        """The sum of the parts: float32 [n_layer - 1, n_embd], row i for block i + 1.

        Raises:
            SteeringError: a vector has another shape, a value that is not finite, or layers the model does not have.
        """
        shape = (n_layer - 1, n_embd)
        if self.parts and self._sum.shape != shape:
            raise SteeringError(
                f"control vector {self._name!r} has the shape {list(self._sum.shape)}, this model needs "
                f"{list(shape)}: it was made for another model"
            )
        return self._sum if self.parts else np.zeros(shape, np.float32)

    @property
    def _name(self) -> str:
        return self.parts[0][0].name

    @cached_property
    def _sum(self) -> Float32Array:
        total = np.zeros(self.parts[0][0].directions.shape, np.float32)
        for vector, coefficient, layers in self.parts:
            directions = np.asarray(vector.directions, np.float32)
            if directions.shape != total.shape or directions.ndim != 2:
                raise SteeringError(
                    f"control vector {vector.name!r} has the shape {list(directions.shape)}, but "
                    f"{self._name!r} has {list(total.shape)}: they are of different models"
                )
            blocks = len(total)
            first, last = layers or (1, blocks)
            if not 1 <= first <= last <= blocks:
                raise SteeringError(f"layers {first}-{last} cannot be steered; this model has the layers 1-{blocks}")
            total[first - 1 : last] += np.float32(coefficient) * directions[first - 1 : last]
        if not np.isfinite(total).all():
            raise SteeringError(f"control vector {self._name!r} holds values that are not finite numbers")
        return np.ascontiguousarray(total)

    @cached_property
    def key(self) -> str:
        """Names the sum: equal for equal buffers; empty where nothing is added."""
        if not self.parts or not self._sum.any():
            return UNSTEERED
        # Adding +0.0 turns -0.0 into 0.0, which steers alike and must be named alike.
        return hashlib.sha256((self._sum + np.float32(0)).tobytes()).hexdigest()


NO_STEERING = Steering()
