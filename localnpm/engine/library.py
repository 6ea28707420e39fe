"""The one place that loads llama.cpp, and what every other file of the engine needs to call it.

Covers: environment that must stand before the library is loaded, its log, the abort callback, the CPU trap below.
Not covered: GPU back ends; what llama.cpp finds by itself is used.

AMX: where `/proc/cpuinfo` lists `amx_tile`, a llama.cpp built by GCC 12 dies at the first batch of a quantized model
(llama.cpp issue 20824), because its tile configuration is read from memory that was never written. Loading without
"extra buffer types" avoids that code, and with it all repacking of weights, so it is done on such CPUs only.
"""

import ctypes
import functools
import importlib
from collections import deque
from pathlib import Path
from typing import Any

_WARN = 3
_CONTINUED = 5
_log: deque[str] = deque(maxlen=40)
_kept = False


def _remember(level: int, text: bytes | None, _user: int | None) -> None:
    global _kept
    if level != _CONTINUED:
        _kept = level >= _WARN
    if _kept and text:
        line = text.decode("utf-8", "replace")
        if level == _CONTINUED and _log:
            _log[-1] += line
        else:
            _log.append(line)


@functools.cache
def llama() -> Any:
    """The `llama_cpp.llama_cpp` module, loaded and initialized at the first call.

    How its threads wait for each other is set in the package's `__init__`, before OpenMP is loaded.
    """
    module = importlib.import_module("llama_cpp.llama_cpp")
    callback = module.llama_log_callback(_remember)
    _keep.append(callback)
    module.llama_log_set(callback, None)
    module.llama_backend_init()
    return module


_keep: list[Any] = []
"""Objects that C code points to and Python must not collect."""


@functools.cache
def abort_when_one() -> Any:
    """An abort callback that reads a digit and takes no lock: libc's `atoi` (cancel.py says why)."""
    return llama().ggml_abort_callback(("atoi", ctypes.CDLL(None)))


@functools.cache
def logits_address() -> Any:
    """`llama_get_logits_ith` that returns a plain address (0 for none) instead of a ctypes pointer object."""
    function = llama()._lib["llama_get_logits_ith"]
    function.argtypes = [ctypes.c_void_p, ctypes.c_int32]
    function.restype = ctypes.c_void_p
    return function


@functools.cache
def tensor_get() -> Any:
    """`ggml_backend_tensor_get(tensor, destination, offset, size)`, which the Python package does not wrap."""
    function = llama()._lib["ggml_backend_tensor_get"]
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
    function.restype = None
    return function


def forget_log() -> None:
    """Start collecting warnings and errors afresh."""
    _log.clear()


def log_lines() -> tuple[str, ...]:
    """What llama.cpp has warned of or complained about since `forget_log`, without its function names."""
    return tuple(line.strip().split(": ", 1)[-1] for line in _log if line.strip())


@functools.cache
def has_amx(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this CPU has AMX tiles, by the kernel's list of its flags."""
    try:
        return "amx_tile" in cpuinfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
