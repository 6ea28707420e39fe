"""A llama.cpp context: decode tokens, keep what the key-value cache holds in step with it, steer, read logits.

Used by one thread at a time. Covers the traps of this llama.cpp: the control vector's buffer is always given whole and
only when it changes (the next decode then reserves its graph anew, 3 to 22 ms); an aborted decode leaves the cache at
the tokens known before; a cache that cannot be cut (recurrent models) is emptied instead.
"""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from localnpm.engine import library
from localnpm.engine.arrays import Float32Array, Int32Array
from localnpm.engine.cache import UNSTEERED, PrefixCache
from localnpm.engine.cancel import Cancel
from localnpm.engine.plan import Plan
from localnpm.engine.steering import NO_STEERING, Steering
from localnpm.errors import ModelError

_OUTPUT_BYTES = 64_000_000
"""Bounds llama.cpp's buffer for the logits of one decode, which holds a vocabulary for each output."""

_ABORTED = 2

Progress = Callable[[int, int], None]
"""Called with the tokens read so far and the tokens to read in all, cached ones not counted."""


class Cancelled(Exception):
    """A decode was aborted because its `Cancel` was set; the cache holds what was read before."""


def context_parameters(plan: Plan, n_ctx: int) -> Any:
    """llama.cpp's parameters for a context of `n_ctx` tokens run as planned."""
    llama = library.llama()
    params = llama.llama_context_default_params()
    params.n_ctx = n_ctx
    params.n_batch = params.n_ubatch = min(plan.batch, n_ctx)
    params.n_threads, params.n_threads_batch = plan.threads, plan.batch_threads
    params.type_k = params.type_v = getattr(llama, f"GGML_TYPE_{plan.kv_type.upper()}")
    flash = llama.LLAMA_FLASH_ATTN_TYPE_ENABLED if plan.flash_attention else llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.flash_attn_type = flash
    return params


class Context:
    """One sequence of tokens being decoded.

    Attributes:
        size: tokens that fit.
        cache: which tokens are in the key-value cache, and under which steering.
        batch_size, batch_outputs: tokens in the batch that is being decoded, and which of them give outputs.
    """

    def __init__(self, model: int, plan: Plan, *, n_ctx: int = 0, eval_callback: Any = None) -> None:
        """Make a context of `n_ctx` tokens (0: as planned); `eval_callback` sees every graph node (activations.py).

        Raises:
            ModelError: llama.cpp could not allocate it.
        """
        self._llama = llama = library.llama()
        self._n_vocab = int(llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model)))
        params = context_parameters(plan, n_ctx or plan.context)
        self.batch = int(params.n_batch)
        self._outputs = params.n_outputs_max = max(1, min(_OUTPUT_BYTES // (4 * self._n_vocab), self.batch))
        if eval_callback is not None:
            params.cb_eval = eval_callback
        library.forget_log()
        self._pointer: int | None = llama.llama_init_from_model(model, params)
        if not self._pointer:
            raise ModelError(
                f"llama.cpp could not make a context of {params.n_ctx:,} tokens "
                f"({'; '.join(library.log_lines()) or 'no reason given'}). Try a smaller one, as with --ctx 2048."
            )
        self.size = int(llama.llama_n_ctx(self._pointer))
        self.cache = PrefixCache()
        self.batch_size = 0
        self.batch_outputs: Int32Array = np.zeros(0, np.int32)
        self._memory = llama.llama_get_memory(self._pointer)
        self._shape = (int(llama.llama_model_n_layer(model)), int(llama.llama_model_n_embd(model)))
        self._steered = UNSTEERED
        self._calm = Cancel()
        self._listen(self._calm)
        self._rows: dict[int, Float32Array] = {}
        self._logits_address = library.logits_address()
        self._one_token = (llama.llama_token * 1)()
        self._one = llama.llama_batch_get_one(self._one_token, 1)

    def close(self) -> None:
        """Free the context's memory. A closed context cannot be used again."""
        if self._pointer:
            self._llama.llama_free(self._pointer)
            self._pointer = None

    def read(
        self,
        tokens: Sequence[int],
        *,
        outputs: Sequence[int],
        steering: Steering = NO_STEERING,
        steered_from: int | None = None,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> Iterator[tuple[int, Float32Array]]:
        """Decode `tokens` from position 0, reusing what the cache holds of them, and yield logits.

        Args:
            outputs: rising positions whose logits are wanted; these are always decoded, never reused.
            steered_from: first steered position; by the steering's scope the first output's, or 0.
            progress: called before the first batch and after each.

        Yields:
            (position, float32 [n_vocab]): logits of the token after `position`. A row is valid until the next one.

        Raises:
            Cancelled: `cancel` was set. Nothing is lost: the cache holds the batches that were finished.
            ModelError: llama.cpp failed.
        """
        for at, _ in self.batches(
            tokens, outputs=outputs, steering=steering, steered_from=steered_from, cancel=cancel, progress=progress
        ):
            for index in self.batch_outputs:
                yield at + int(index), self.logits(int(index))

    def batches(
        self,
        tokens: Sequence[int],
        *,
        outputs: Sequence[int],
        steering: Steering = NO_STEERING,
        steered_from: int | None = None,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
    ) -> Iterator[tuple[int, int]]:
        """As `read`, but yields the (first, end) of each batch when it is decoded."""
        if steered_from is None:
            steered_from = 0 if steering.scope == "all" else min(outputs, default=len(tokens))
        key = steering.key
        start = min(self.cache.reusable(tokens, key, steered_from), min(outputs, default=len(tokens)))
        start = self._cut(start)
        total = len(tokens) - start
        if progress:
            progress(0, total)
        wanted = np.zeros(len(tokens), np.int8)
        wanted[list(outputs)] = 1
        array = np.asarray(tokens, np.int32)
        border = min(steered_from, len(tokens)) if key else len(tokens)
        at = start
        while at < len(tokens):
            end = min(at + self.batch, border if at < border else len(tokens))
            over = np.flatnonzero(wanted[at:end])[self._outputs :]
            end = at + int(over[0]) if len(over) else end
            steered = bool(key) and at >= border
            self.steer(steering if steered else NO_STEERING)
            self._decode(array[at:end], wanted[at:end], cancel)
            self.cache.extend(tokens[at:end], key if steered else UNSTEERED)
            if progress:
                progress(end - start, total)
            yield at, end
            at = end

    def step(self, token: int, cancel: Cancel | None = None) -> Float32Array:
        """Decode one more token under the steering in force; its logits, float32 [n_vocab], valid until the next call.

        Raises:
            Cancelled, ModelError: as `read`.
        """
        self._one_token[0] = token
        self._check(self._llama.llama_decode(self._pointer, self._one), cancel)
        self.cache.append(token, self._steered)
        return self.logits(-1)

    def forget(self) -> None:
        """Empty the cache."""
        self._cut(0)

    def listen(self, cancel: Cancel | None) -> None:
        """Let `cancel` abort the steps that follow; None: nothing does."""
        self._listen(cancel or self._calm)

    def steer(self, steering: Steering) -> None:
        """Set the control vector for the decodes that follow, if it is not in force already.

        Raises:
            SteeringError: its shape is another model's.
        """
        key = steering.key
        if key == self._steered:
            return
        n_layer, n_embd = self._shape
        if key:
            buffer = steering.buffer(n_layer, n_embd)
            data = buffer.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
            failed = self._llama.llama_set_adapter_cvec(self._pointer, data, buffer.size, n_embd, 1, n_layer - 1)
        else:
            failed = self._llama.llama_set_adapter_cvec(self._pointer, None, 0, n_embd, 0, 0)
        if failed:
            raise ModelError("llama.cpp did not take the control vector; steer less or run without it")
        self._steered = key

    def logits(self, index: int) -> Float32Array:
        """Logits of the last decode's batch position `index` (-1: the last): a view, float32 [n_vocab]."""
        address = self._logits_address(self._pointer, index)
        if not address:
            raise ModelError(f"llama.cpp gave no logits for position {index} of the batch")
        row = self._rows.get(address)
        if row is None:
            if len(self._rows) > 4 * self._outputs:
                self._rows.clear()
            row = np.ctypeslib.as_array((ctypes.c_float * self._n_vocab).from_address(address))
            self._rows[address] = row
        return row

    def _decode(self, tokens: Any, wanted: Any, cancel: Cancel | None) -> None:
        llama = self._llama
        batch = llama.llama_batch_get_one(tokens.ctypes.data_as(llama.llama_token_p), len(tokens))
        batch.logits = wanted.ctypes.data_as(ctypes.POINTER(ctypes.c_int8))
        self.batch_size, self.batch_outputs = len(tokens), np.flatnonzero(wanted).astype(np.int32)
        self.listen(cancel)
        try:
            self._check(llama.llama_decode(self._pointer, batch), cancel)
        finally:
            self.listen(None)

    def _check(self, status: int, cancel: Cancel | None) -> None:
        if status == 0:
            return
        self._cut(len(self.cache))
        if status == _ABORTED and cancel is not None:
            raise Cancelled
        reason = "; ".join(library.log_lines()) or f"status {status}"
        raise ModelError(f"llama.cpp could not decode after {len(self.cache):,} tokens ({reason})")

    def _cut(self, length: int) -> int:
        """Keep the first `length` positions; returns how many are left (0 where a cache cannot be cut)."""
        if not self._llama.llama_memory_seq_rm(self._memory, 0, length, -1):
            length = 0
            self._llama.llama_memory_clear(self._memory, True)
        self.cache.trim(length)
        return length

    def _listen(self, cancel: Cancel) -> None:
        self._llama.llama_set_abort_callback(self._pointer, library.abort_when_one(), cancel.address)
        self._listening = cancel
