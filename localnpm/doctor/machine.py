"""The machine: processor, memory, the jail for commands, the terminal, the network."""

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from localnpm.doctor.finding import Finding, ok, warning
from localnpm.engine.plan import Machine
from localnpm.errors import LocalnpmError
from localnpm.units import size

SEEN = ("avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "amx_tile", "asimd", "asimddp", "i8mm", "sve")
"""Flags of x86 and ARM that decide how fast llama.cpp can be."""
LITTLE_MEMORY = 500_000_000


def examine() -> Iterator[Finding]:
    """Processor, memory, jail, terminal, network."""
    yield from processor(flags())
    yield memory()
    yield jail()
    # The terminal itself: the app puts something else in the place of stdout.
    out = sys.__stdout__
    yield from terminal(os.environ, (out and out.encoding) or "", bool(out and out.isatty()))
    yield network(os.environ)


def flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str] | None:
    """The processor's features by the names of Linux; None where the system has no such list."""
    try:
        lines = cpuinfo.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    named = [line.partition(":")[2] for line in lines if line.lower().startswith(("flags", "features"))]
    return frozenset(" ".join(named[:1]).split())


def processor(features: frozenset[str] | None) -> Iterator[Finding]:
    """Cores and features, and what is done about AMX."""
    physical, logical = psutil.cpu_count(logical=False), psutil.cpu_count()
    cores = f"{platform.machine()}, {physical or 'unknown'} physical and {logical or 'unknown'} logical cores"
    if features is None:
        yield ok("processor", f"{cores}; this system does not list its features")
        return
    here = [name for name in SEEN if name in features]
    detail = f"{cores}; {' '.join(here) or 'no vector extensions'}"
    if platform.machine() in ("x86_64", "AMD64") and "avx2" not in features:
        yield warning("processor", detail, "without AVX2 every model is several times slower; nothing can be done here")
    else:
        yield ok("processor", detail)
    if "amx_tile" in features:
        yield ok(
            "amx",
            "this processor has AMX, on which a llama.cpp built by GCC 12 crashes with quantized models; weights are "
            "loaded without repacking, which avoids it",
        )


def memory() -> Finding:
    """What is free, within the limit of the control group."""
    machine = Machine.detect(gpu=False, amx=False)
    detail = f"{size(machine.memory_free)} of {size(machine.memory_total)} free"
    if machine.memory_free < LITTLE_MEMORY:
        return warning("memory", detail, "close other programs before you use a larger model")
    return ok("memory", detail)


def jail() -> Finding:
    """How commands are confined here; the tools that change files do not need it."""
    from localnpm.agent.jail import probe

    try:
        report = probe()
    except (LocalnpmError, OSError) as error:
        return warning("jail", f"cannot be tried: {error}", "commands (--allow run) are refused; all else works")
    detail = "; ".join(f"{item.name}: {item.detail}" for item in report.findings)
    if report.mechanism is None:
        fixes = "; ".join(item.fix for item in report.findings if item.fix)
        return warning("jail", f"commands (--allow run) are refused here: {detail}", fixes)
    return ok("jail", f"commands are confined by {report.mechanism} ({detail})")


def terminal(environment: Mapping[str, str], encoding: str, is_terminal: bool) -> Iterator[Finding]:
    """Colour and characters."""
    kind = environment.get("TERM", "")
    if environment.get("NO_COLOR"):
        colour = "none, as NO_COLOR asks"
    elif not is_terminal:
        colour = "none: the output is not a terminal"
    elif kind in ("", "dumb"):
        colour = f"none: TERM is {kind!r}"
    else:
        many = environment.get("COLORTERM", "") in ("truecolor", "24bit")
        colour = "16 million" if many else "256" if "256" in kind else "16"
    yield ok("terminal colours", colour)
    if encoding.lower().replace("-", "") not in ("utf8", "utf8sig"):
        yield warning(
            "terminal characters",
            f"the output is encoded as {encoding or 'unknown'}; other letters than its own are lost",
            "set LANG=C.UTF-8 or PYTHONUTF8=1",
        )
    else:
        yield ok("terminal characters", encoding)


def network(environment: Mapping[str, str]) -> Finding:
    """What uses the network, and what it would ask."""
    hub = environment.get("HF_ENDPOINT") or "https://huggingface.co"
    offline = environment.get("HF_HUB_OFFLINE") or environment.get("TRANSFORMERS_OFFLINE")
    off = "; HF_HUB_OFFLINE forbids even that" if offline else ""
    return ok("network", f"used by `localnpm models pull` alone, which asks {hub}{off}")
