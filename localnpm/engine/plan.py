"""How a model is run on this machine: every setting that was left to us, with the value chosen and the reason.

Pure: what the machine is comes in as `Machine`, so that each choice can be tested. Not covered: what happens while
the model runs; a laptop that gets busy later is not asked again.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from localnpm import units
from localnpm.config import EngineSettings
from localnpm.errors import ModelError
from localnpm.header import Header

KV_BYTES = {"f32": 4.0, "f16": 2.0, "q8_0": 34 / 32}
CONTEXTS = (16384, 8192, 4096, 2048)
_FIXED_BYTES = 100_000_000
"""Room for llama.cpp's compute buffers besides the attention scores."""
_THREAD_FLOPS = 12e9
"""A cautious guess at one thread's floating-point operations a second on quantized weights."""
_SMALL_FLOPS = 100_000_000
"""Below this, generating on two threads was measured slower than on one: 329 and 758 tokens a second for 13 million."""
_LONGEST_NODE_SECONDS = 0.12
"""A decode can be cancelled between two nodes of its graph; the largest is a feed-forward matrix."""
_LONGEST_BATCH_SECONDS = 4.0
"""Progress is shown after each batch."""


@dataclass(frozen=True)
class Machine:
    """What matters of this machine. Memory in bytes, within the control group's limit if there is one."""

    cores: int
    memory_total: int
    memory_free: int
    gpu: bool = False
    amx: bool = False

    @classmethod
    def detect(cls, *, gpu: bool, amx: bool) -> "Machine":
        """This machine as it is now."""
        memory = psutil.virtual_memory()
        limit = min([memory.total, *_control_group_limits()])
        return cls(_cores(), limit, min(memory.available, limit), gpu, amx)


@dataclass(frozen=True)
class Choice:
    """One value in force, and why it is this one."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """The values a model is loaded with. `threads` generate, `batch_threads` read prompts; `gpu_layers` -1: all."""

    threads: int
    batch_threads: int
    context: int
    gpu_layers: int
    mmap: bool
    kv_type: str
    flash_attention: bool
    batch: int
    extra_buffers: bool
    choices: tuple[Choice, ...]


def make_plan(header: Header, settings: EngineSettings, machine: Machine) -> Plan:
    """Choose what `settings` leaves open.

    Raises:
        ModelError: the model and the context asked for can never fit this machine's memory.
    """
    kv_type = Choice("kv_type", settings.kv_type, "as set")
    if settings.kv_type == "auto":
        kv_type = Choice("kv_type", "f16", "exact enough; q8_0 halves the cache's memory for a little accuracy")
    flash = Choice(
        "flash attention",
        "no",
        "its sums depend on how many tokens are read at once, so a reused prompt "
        "would answer differently from a fresh one",
    )
    if kv_type.value == "q8_0":
        _check_heads(header)
        flash = Choice("flash attention", "yes", "a quantized cache needs it")
    threads = Choice("threads", str(settings.threads), "as set")
    batch_threads = settings.threads or machine.cores
    if not settings.threads:
        threads = Choice("threads", str(machine.cores), "one for each physical core that this process may use")
        if _token_flops(header) < _SMALL_FLOPS:
            threads = Choice(
                "threads",
                "1",
                f"a model this small generates faster on one thread than on several that wait for each other; "
                f"prompts are read on {machine.cores}",
            )
    gpu = _choose_gpu(settings, machine)
    context = _choose_context(header, settings, machine, kv_bytes(header, kv_type.value))
    batch = _choose_batch(header, settings, batch_threads, int(context.value))
    mmap = Choice("mmap", "yes" if settings.mmap else "no", "mapped, so that it loads at once and shares memory")
    if not settings.mmap:
        mmap = Choice("mmap", "no", "as set: the file is read whole")
    scores = 4 * (header.number("attention.head_count") or 32) * int(context.value) * int(batch.value)
    memory = _check_memory(header, machine, int(context.value), kv_bytes(header, kv_type.value), scores)
    extra = Choice("weight repacking", "yes", "rows are laid out for this CPU where llama.cpp has a faster kernel")
    if machine.amx:
        extra = Choice("weight repacking", "no", "this CPU has AMX, where a llama.cpp built by GCC 12 can crash")
    return Plan(
        threads=int(threads.value),
        batch_threads=batch_threads,
        context=int(context.value),
        gpu_layers=int(gpu.value),
        mmap=settings.mmap,
        kv_type=kv_type.value,
        flash_attention=flash.value == "yes",
        batch=int(batch.value),
        extra_buffers=not machine.amx,
        choices=(threads, context, batch, kv_type, flash, gpu, mmap, extra, memory),
    )


def kv_bytes(header: Header, kv_type: str) -> int:
    """Bytes of keys and values for one token of context; an upper bound where blocks differ."""
    heads = header.number("attention.head_count") or 1
    kv_heads = header.number("attention.head_count_kv") or heads
    size = header.n_embd // heads
    width = kv_heads * (
        (header.number("attention.key_length") or size) + (header.number("attention.value_length") or size)
    )
    return int(header.n_layer * width * KV_BYTES[kv_type])


def _choose_context(header: Header, settings: EngineSettings, machine: Machine, token_bytes: int) -> Choice:
    trained = header.context_trained or CONTEXTS[-1]
    if settings.context:
        beyond = f"; beyond the {trained:,} it was trained for, quality falls" if settings.context > trained else ""
        return Choice("context", str(settings.context), "as set" + beyond)
    room = max(0, machine.memory_free - header.size_bytes) // 4
    for size in CONTEXTS:
        if size <= trained and size * token_bytes <= room:
            if size == trained:
                return Choice("context", str(size), "what the model was trained for")
            return Choice(
                "context",
                str(size),
                f"of the {trained:,} it was trained for, what takes at most a quarter of the memory left "
                f"({units.size(size * token_bytes)}) and reads in bearable time",
            )
    size = min(trained, CONTEXTS[-1])
    why = "what the model was trained for" if size == trained else "the least that is useful; memory is short"
    return Choice("context", str(size), why)


def _choose_batch(header: Header, settings: EngineSettings, threads: int, context: int) -> Choice:
    if settings.batch:
        return Choice("batch", str(min(settings.batch, context)), "as set")
    wide, widest = header.n_embd, max(header.number("feed_forward_length"), header.n_embd, 1)
    node, token = 2 * wide * widest, _token_flops(header)
    speed = threads * _THREAD_FLOPS
    size = 512
    while size > 32 and (size * node > _LONGEST_NODE_SECONDS * speed or size * token > _LONGEST_BATCH_SECONDS * speed):
        size //= 2
    return Choice(
        "batch", str(min(size, context)), "tokens read at once; small enough to cancel within 250 ms and show progress"
    )


def _token_flops(header: Header) -> int:
    """Roughly the floating-point operations of one token in the blocks."""
    wide, widest = header.n_embd, max(header.number("feed_forward_length"), header.n_embd)
    return header.n_layer * (6 * wide * widest + 6 * wide * wide)


def _choose_gpu(settings: EngineSettings, machine: Machine) -> Choice:
    if not machine.gpu:
        return Choice("gpu_layers", "0", "this llama.cpp was built without a GPU back end")
    if settings.gpu_layers >= 0:
        return Choice("gpu_layers", str(settings.gpu_layers), "as set")
    return Choice("gpu_layers", "-1", "all blocks on the GPU that llama.cpp found")


def _check_memory(header: Header, machine: Machine, context: int, token_bytes: int, scores: int) -> Choice:
    cache = context * token_bytes
    needed = header.size_bytes + cache + scores + _FIXED_BYTES
    parts = f"{units.size(header.size_bytes)} of weights and {units.size(cache)} for {context:,} tokens of context"
    if needed > machine.memory_total and not machine.gpu:
        raise ModelError(
            f"{header.path.name} is too large for this machine: it needs about {units.size(needed)} ({parts}), and "
            f"there are {units.size(machine.memory_total)} of memory. Take a smaller model or quantization, or a "
            "smaller context (--ctx 2048)."
        )
    value = units.size(needed)
    if needed > machine.memory_free and not machine.gpu:
        return Choice(
            "memory", value, f"{parts}; only {units.size(machine.memory_free)} are free now, so it will be slow"
        )
    return Choice("memory", value, f"{parts}; {units.size(machine.memory_free)} are free")


def _check_heads(header: Header) -> None:
    size = header.number("attention.key_length") or header.n_embd // (header.number("attention.head_count") or 1)
    if size % 32:
        raise ModelError(
            f"kv_type q8_0 does not fit {header.path.name}: its attention heads are {size} wide, which is no multiple "
            "of 32. Set kv_type to auto or f16."
        )


def _cores() -> int:
    """Physical cores, no more than this process may use by affinity and control group."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([psutil.cpu_count(logical=False) or usable, usable, *_control_group_cpus()]))


def _control_group_limits() -> Iterator[int]:
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(path).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            yield int(text)


def _control_group_cpus() -> Iterator[int]:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return
    if quota.isdigit() and int(quota):
        yield max(1, int(quota) // int(period))
