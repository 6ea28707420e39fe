"""Residual-stream capture: the hidden state after every block, `l_out-N`, at chosen positions of a text.

It runs on a context of its own over the same weights, because the callback it needs costs a Python call for each graph
node. The graph is stopped after the last block, so that no vocabulary-sized output is computed.

Not covered: architectures whose graphs do not name their blocks' outputs `l_out-N`; those are reported.
"""

import ctypes
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from localnpm.engine import library
from localnpm.engine.arrays import Float32Array, Int32Array
from localnpm.engine.context import Context
from localnpm.engine.steering import NO_STEERING, Steering
from localnpm.errors import ContextFullError, SteeringError

if TYPE_CHECKING:
    from localnpm.engine.model import Model

_BLOCK = re.compile(rb"l_out-(\d+)$")
_F32 = 0

Pool = Literal["mean", "last"]


class _Tensor(ctypes.Structure):
    """ggml_tensor as ggml.h of this llama.cpp lays it out."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("ne", ctypes.c_int64 * 4),
        ("nb", ctypes.c_size_t * 4),
        ("op", ctypes.c_int),
        ("op_params", ctypes.c_int32 * 16),
        ("flags", ctypes.c_int32),
        ("src", ctypes.c_void_p * 10),
        ("view_src", ctypes.c_void_p),
        ("view_offs", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
        ("name", ctypes.c_char * 64),
    )


_NAME = _Tensor.name.offset


def capture(
    model: "Model",
    tokens: Sequence[int],
    positions: Sequence[int] | None = None,
    pool: Pool | None = None,
    *,
    steering: Steering = NO_STEERING,
) -> Float32Array:
    """Hidden states after each block.

    Args:
        tokens: the whole text, read from its start.
        positions: rising indices into `tokens`; None: all of them.
        pool: `mean` over the positions, or the `last` of them; None: each.
        steering: applied from the first position on, or everywhere if its scope is `all`.

    Returns:
        float32 [n_layer, len(positions), n_embd], or [n_layer, 1, n_embd] if pooled. Row N is block N's output, after
        a control vector was added to it.

    Raises:
        ContextFullError: more tokens than the model's context holds.
        SteeringError: this architecture's graph does not show its blocks' outputs.
    """
    wanted = list(range(len(tokens))) if positions is None else list(positions)
    if not wanted or wanted != sorted(set(wanted)) or wanted[0] < 0 or wanted[-1] >= len(tokens):
        raise ValueError(f"positions must be rising indices into {len(tokens)} tokens, not {wanted[:8]}")
    if len(tokens) > model.context:
        raise ContextFullError(f"{len(tokens):,} tokens do not fit the context of {model.context:,}")
    if pool == "last":
        wanted = wanted[-1:]
    recorder = _Recorder(model.info.n_layer, model.info.n_embd, len(wanted), mean=pool == "mean")
    context = Context(
        model.pointer, model.plan, n_ctx=_rounded(len(tokens), model.context), eval_callback=recorder.callback
    )
    try:
        recorder.context = context
        for _ in context.batches(tokens, outputs=wanted, steering=steering):
            recorder.next_batch()
    finally:
        context.close()
    if not recorder.complete:
        raise SteeringError(
            f"the activations of a {model.info.architecture!r} model cannot be read: its graph in llama.cpp "
            "does not name its blocks' outputs. Control vectors cannot be learned for it; scripts work as ever."
        )
    return recorder.result()


class _Recorder:
    """The eval callback and what it has collected."""

    def __init__(self, n_layer: int, n_embd: int, count: int, *, mean: bool) -> None:
        self._rows = np.zeros((n_layer, 1 if mean else count, n_embd), np.float64 if mean else np.float32)
        self._seen = np.zeros(n_layer, np.int64)
        self._count = count
        self._mean = mean
        self._filled = 0
        self._get = library.tensor_get()
        self.context: Context | None = None
        self.callback = library.llama().ggml_backend_sched_eval_callback(self._on_node)

    @property
    def complete(self) -> bool:
        """Every block gave every wanted row."""
        return bool((self._seen == self._count).all())

    def next_batch(self) -> None:
        """A batch has been decoded."""
        assert self.context is not None
        self._filled += len(self.context.batch_outputs)

    def result(self) -> Float32Array:
        """float32 [n_layer, rows, n_embd]."""
        return (self._rows / self._count if self._mean else self._rows).astype(np.float32, copy=False)

    def _on_node(self, address: int, asking: bool, _user: int | None) -> bool:
        """ggml asks which nodes are wanted, then shows each wanted one; False then ends the graph."""
        match = _BLOCK.match(ctypes.string_at(address + _NAME))
        if asking:
            return match is not None and self.context is not None and len(self.context.batch_outputs) > 0
        if match is None or self.context is None:
            return True
        block = int(match[1])
        rows = self._read(address, self.context.batch_outputs, self.context.batch_size)
        if rows is None or block >= len(self._rows):
            return True
        if self._mean:
            self._rows[block, 0] += rows.sum(axis=0, dtype=np.float64)
        else:
            self._rows[block, self._filled : self._filled + len(rows)] = rows
        self._seen[block] += len(rows)
        return block < len(self._rows) - 1

    def _read(self, address: int, outputs: Int32Array, batch_size: int) -> Float32Array | None:
        tensor = _Tensor.from_address(address)
        width, height = tensor.ne[0], tensor.ne[1]
        whole = height in (batch_size, len(outputs)) and tensor.ne[2] == tensor.ne[3] == 1
        if tensor.type != _F32 or width != self._rows.shape[2] or not whole:
            return None
        rows = np.empty((height, width), np.float32)
        self._get(address, rows.ctypes.data, 0, rows.nbytes)
        return rows if height == len(outputs) else rows[outputs]


def _rounded(length: int, most: int) -> int:
    """A context size for so many tokens: few distinct ones, so that buffers are of like sizes."""
    return min(most, -(-length // 256) * 256)
