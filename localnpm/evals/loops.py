"""Three ways to generate the same tokens greedily, timed alike: this package's loop, a bare one, llama-cpp-python's.

Each gives tokens a second after the prompt has been read. The bare loop is what ctypes allows at best: `llama_decode`
and `llama_sampler_sample`, no text, no stop, no cache. All three run the same model file with the same threads, batch,
context and attention, and the same control vector.
"""

import ctypes
import importlib
import time
from collections.abc import Sequence
from typing import Any, Protocol

from localnpm.engine import library
from localnpm.engine.arrays import Float32Array
from localnpm.engine.context import context_parameters
from localnpm.engine.model import Model
from localnpm.engine.steering import ControlVector, Steering, SteeringPart


class Loop(Protocol):
    """Something that generates."""

    name: str

    def speed(self, prompt: Sequence[int], count: int) -> float:
        """Tokens a second while generating `count` tokens after `prompt`."""

    def steer(self, directions: Float32Array | None) -> None:
        """Steer with `directions`, float32 [n_layer - 1, n_embd], from now on; None: no more."""

    def close(self) -> None:
        """Free what it holds."""


class OurLoop:
    """`Model.generate`, as everything in this package uses it."""

    name = "localnpm"

    def __init__(self, model: Model) -> None:
        self._model = model
        self._steering: Steering | None = None

    def speed(self, prompt: Sequence[int], count: int) -> float:
        self._model.forget_cache()
        generation = self._model.generate(prompt, max_tokens=count, steering=self._steering)
        for _ in generation:
            pass
        usage = generation.usage
        return usage.generated_tokens / usage.generate_seconds

    def steer(self, directions: Float32Array | None) -> None:
        self._steering = None
        if directions is not None:
            self._steering = Steering((SteeringPart(ControlVector("bench", directions)),))

    def close(self) -> None:
        """Nothing: the model is the caller's."""


class BareLoop:
    """`llama_decode` and a greedy `llama_sampler` on a context of its own."""

    name = "bare llama_decode"

    def __init__(self, model: Model) -> None:
        self._llama = llama = library.llama()
        self._context = llama.llama_init_from_model(model.pointer, context_parameters(model.plan, model.context))
        self._sampler = llama.llama_sampler_init_greedy()
        self._batch = model.plan.batch
        self._shape = (model.info.n_layer, model.info.n_embd)

    def speed(self, prompt: Sequence[int], count: int) -> float:
        llama, context, sampler = self._llama, self._context, self._sampler
        llama.llama_memory_clear(llama.llama_get_memory(context), False)
        for first in range(0, len(prompt), self._batch):
            part = prompt[first : first + self._batch]
            array = (llama.llama_token * len(part))(*part)
            llama.llama_decode(context, llama.llama_batch_get_one(array, len(part)))
        one = (llama.llama_token * 1)()
        batch = llama.llama_batch_get_one(one, 1)
        started = time.perf_counter()
        for _ in range(count - 1):
            one[0] = llama.llama_sampler_sample(sampler, context, -1)
            llama.llama_decode(context, batch)
        llama.llama_sampler_sample(sampler, context, -1)
        return count / (time.perf_counter() - started)

    def steer(self, directions: Float32Array | None) -> None:
        _set_vector(self._context, directions, *self._shape)

    def close(self) -> None:
        self._llama.llama_sampler_free(self._sampler)
        self._llama.llama_free(self._context)


class PackageLoop:
    """`llama_cpp.Llama` streaming a completion, as its users call it."""

    name = "llama_cpp.Llama"

    def __init__(self, model: Model) -> None:
        plan = model.plan
        self._shape = (model.info.n_layer, model.info.n_embd)
        self._llama = _open_package(model, plan.extra_buffers)

    def speed(self, prompt: Sequence[int], count: int) -> float:
        self._llama.reset()
        stream = self._llama.create_completion(list(prompt), max_tokens=count, temperature=0.0, stream=True)
        next(stream)
        started = time.perf_counter()
        for _ in stream:
            pass
        return (count - 1) / (time.perf_counter() - started)

    def steer(self, directions: Float32Array | None) -> None:
        _set_vector(self._llama.ctx, directions, *self._shape)

    def close(self) -> None:
        self._llama.close()


def _open_package(model: Model, extra_buffers: bool) -> Any:
    """A `Llama` with the model's own plan. It has no argument for extra buffers; the default is changed for it."""
    module = library.llama()
    defaults = module.llama_model_default_params

    def without_repacking() -> Any:
        params = defaults()
        params.use_extra_bufts = extra_buffers
        return params

    module.llama_model_default_params = without_repacking
    try:
        plan = model.plan
        return importlib.import_module("llama_cpp").Llama(
            str(model.path),
            n_ctx=model.context,
            n_batch=plan.batch,
            n_ubatch=plan.batch,
            n_threads=plan.threads,
            n_threads_batch=plan.batch_threads,
            n_gpu_layers=plan.gpu_layers,
            flash_attn=plan.flash_attention,
            verbose=False,
        )
    finally:
        module.llama_model_default_params = defaults


def _set_vector(context: Any, directions: Float32Array | None, n_layer: int, n_embd: int) -> None:
    llama = library.llama()
    if directions is None:
        llama.llama_set_adapter_cvec(context, None, 0, n_embd, 0, 0)
        return
    data = directions.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    llama.llama_set_adapter_cvec(context, data, directions.size, n_embd, 1, n_layer - 1)


def long_prompt(model: Model, length: int, count: int) -> list[int]:
    """A prompt of made-up tokens whose greedy continuation is at least `count` tokens long.

    Raises:
        RuntimeError: none of many was.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    for _ in range(200):
        prompt = [int(token) for token in rng.integers(300, min(model.info.n_vocab, 4000), length)]
        generation = model.generate(prompt, max_tokens=count)
        for _ in generation:
            pass
        if generation.stop_reason == "length":
            return prompt
    raise RuntimeError(f"no prompt led {model.path.name} to {count} tokens; generate fewer")
