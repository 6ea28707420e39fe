"""Control vectors as distillation hands them over, before they are stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localnpm.distill.vector_file import VectorFile
from localnpm.engine.steering import ControlVector
from localnpm.memory.procedure_records import VectorStatus


@dataclass(frozen=True, eq=False)
class DistilledVector:
    """A vector, ready to be stored. `calibration` is what was measured, as plain values for JSON."""

    file: VectorFile
    status: VectorStatus
    reason: str
    method: str
    pairs: int
    calibration: Mapping[str, Any] = field(default_factory=dict)
    lineage: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Synthesized:
    """A vector made on the spot, at the coefficient at which it is to be used, and the pairs that it came from."""

    vector: ControlVector
    coefficient: float
    pairs: int
