"""llama.cpp and the model in use, tried in a process of their own: a crash there is a finding here."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from localnpm.config import EngineSettings, Settings
from localnpm.doctor.finding import Finding, ok, problem, warning
from localnpm.doctor.machine import flags
from localnpm.errors import LocalnpmError
from localnpm.home import PACKAGE, Home, bundled_model
from localnpm.models import resolve

SECONDS = 180
ANOTHER = "choose another with `localnpm models use`, or `localnpm models use bundled`"
REBUILD = "build it again on this machine: pip install --force-reinstall --no-binary llama-cpp-python llama-cpp-python"


def examine(home: Home, settings: Settings) -> Iterator[Finding]:
    """llama.cpp, then the model that the settings name, then each choice made for it."""
    try:
        path = resolve(settings.model, home)
    except LocalnpmError as error:
        yield problem("model setting", str(error), ANOTHER)
        # The rest is still worth knowing, of the model that is always there.
        path = bundled_model()
    else:
        yield ok("model setting", settings.model or "empty: the bundled model")
    said, ending = _probe(path, settings.engine)
    if "library" not in said:
        yield problem("llama.cpp", f"cannot be loaded: {ending}", REBUILD)
        return
    yield library(said["library"], flags())
    if "error" in said:
        yield problem("model", str(said["error"]), ANOTHER)
    elif "done" not in said:
        yield problem("model", f"{path} ends llama.cpp: {ending}", f"{ANOTHER}; {REBUILD}")
    else:
        yield ok("model", f"{path}: {said['done']}")
    if "chat" in said:
        yield ok("tool calls", str(said["chat"]))
    if "steering" in said:
        works, reason = said["steering"]
        fix = "scripts still teach this model; for control vectors take another architecture"
        yield ok("steering", f"works: {reason}") if works else warning("steering", str(reason), fix)
    for name, value, reason in said.get("choices", ()):
        yield ok(f"choice: {name}", f"{value}: {reason}")


def library(said: dict[str, Any], features: frozenset[str] | None) -> Finding:
    """Whether llama.cpp was built with what the processor can do.

    Args:
        said: `system`, llama.cpp's own list such as `AVX = 1 | AVX2 = 1`, and `gpu`.
        features: of the processor, None if unknown.
    """
    system = str(said["system"])
    detail = system.strip(" |") + ("; with a GPU back end" if said["gpu"] else "; without a GPU back end")
    unused = [name.upper() for name in ("avx", "avx2", "fma", "f16c") if name in (features or ())]
    unused = [name for name in unused if f"{name} = 1" not in system]
    if unused:
        return warning("llama.cpp", f"built without {', '.join(unused)}, which this processor has: {detail}", REBUILD)
    return ok("llama.cpp", detail)


def _probe(path: Path, settings: EngineSettings) -> tuple[dict[str, Any], str]:
    """What probe.py said, all lines in one, and in words how its process ended."""
    command = [sys.executable, "-m", "localnpm.doctor.probe", str(path), json.dumps(asdict(settings))]
    search = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            timeout=SECONDS,
            env=os.environ | {"PYTHONPATH": search, "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
        output, code, complaint = result.stdout, result.returncode, result.stderr
    except subprocess.TimeoutExpired as error:
        return _lines(error.stdout or b""), f"nothing after {SECONDS} seconds"
    except OSError as error:
        return {}, f"Python cannot be started again: {error}"
    last = complaint.decode("utf-8", "replace").strip().rpartition("\n")[2]
    if code < 0:
        return _lines(output), f"it crashed with {signal.Signals(-code).name}"
    return _lines(output), last or f"it ended with exit status {code}"


def _lines(output: bytes) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for line in output.splitlines():
        try:
            said |= json.loads(line)
        except (ValueError, TypeError):
            continue
    return said
