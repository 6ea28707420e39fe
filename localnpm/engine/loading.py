"""Load a model's weights through llama.cpp, or say in a user's words why that failed."""

import os

from localnpm.engine import library
from localnpm.engine.plan import Plan
from localnpm.errors import ModelError
from localnpm.header import Header

_CHOOSE = "Choose another with `localnpm models list`."


def load_weights(header: Header, plan: Plan) -> int:
    """llama.cpp's model for a file whose header has been checked; the caller frees it.

    Raises:
        ModelError: not a language model, an architecture llama.cpp does not know, or weights it cannot load.
    """
    name = header.path.name
    if not header.is_language_model:
        raise ModelError(f"{name} holds no language model but {_kind(header)}. {_CHOOSE}")
    llama = library.llama()
    params = llama.llama_model_default_params()
    params.n_gpu_layers = plan.gpu_layers
    params.load_mode = llama.LLAMA_LOAD_MODE_MMAP if plan.mmap else llama.LLAMA_LOAD_MODE_NONE
    params.use_extra_bufts = plan.extra_buffers
    library.forget_log()
    pointer = llama.llama_model_load_from_file(os.fsencode(header.path), params)
    if not pointer:
        raise ModelError(_explain(header, library.log_lines()))
    if not llama.llama_model_has_decoder(pointer) or llama.llama_model_has_encoder(pointer):
        llama.llama_model_free(pointer)
        raise ModelError(f"{name} ({header.architecture}) cannot continue a text: it is an encoder. {_CHOOSE}")
    return int(pointer)


def _kind(header: Header) -> str:
    kind = header.metadata.get("general.type") or header.architecture
    return f"a {kind}" if kind and kind != "model" else "no weights"


def _explain(header: Header, lines: tuple[str, ...]) -> str:
    said = "; ".join(lines) or "no reason given"
    name = header.path.name
    if "unknown model architecture" in said:
        return (
            f"{name} has the architecture {header.architecture!r}, which this llama.cpp does not know. "
            "A newer release of llama-cpp-python may; else choose another with `localnpm models list`."
        )
    if "unable to allocate" in said or "failed to allocate" in said:
        return f"{name} does not fit into the memory that is free ({said}). Close other programs or take a smaller one."
    return f"llama.cpp cannot load {name}: {said}. Get the file again, or choose another with `localnpm models list`."
