"""The array of candidate tokens that llama.cpp's samplers work on, filled from logits without a Python loop."""

import ctypes
from typing import Any

import numpy as np

from localnpm.engine import library
from localnpm.engine.arrays import Float32Array

_TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Candidates:
    """Tokens with their logits, for `llama_sampler_apply`. Samplers reorder and shorten it; `fill` starts again."""

    def __init__(self, size: int) -> None:
        self._llama = library.llama()
        self._data = np.zeros(size, _TOKEN_DATA)
        self._ids = np.arange(size, dtype=np.int32)
        self._array = self._llama.llama_token_data_array()
        self._reference = ctypes.byref(self._array)
        self._pointer = self._data.ctypes.data_as(self._llama.llama_token_data_p)

    def fill(self, logits: Float32Array) -> None:
        """All tokens, unsorted, with these logits [size]."""
        self._data["id"] = self._ids
        self._data["logit"] = logits
        self._array.data = self._pointer
        self._array.size = len(self._data)
        self._array.selected = -1
        self._array.sorted = False

    def fill_one(self, token: int) -> None:
        """A single token with the logit 1."""
        self._data[0] = (token, 1.0, 0.0)
        self._array.data = self._pointer
        self._array.size = 1
        self._array.selected = -1
        self._array.sorted = False

    def apply(self, sampler: Any) -> None:
        """Let a sampler change the candidates."""
        self._llama.llama_sampler_apply(sampler, self._reference)

    @property
    def first_allowed(self) -> bool:
        """Whether the first candidate has not been ruled out."""
        return bool(self._data["logit"][0] > -np.inf)

    @property
    def logits(self) -> Float32Array:
        """The logits in token order, float32 [size]; only before a sampler that sorts."""
        return self._data["logit"]

    @property
    def selected(self) -> int:
        """The token that the last sampler chose; -1 if none."""
        at = int(self._array.selected)
        return int(self._array.data[at].id) if at >= 0 else -1
