"""Directions by other programs: repeng in its own environment, llama.cpp's cvector-generator; read as import reads.

Neither is a dependency: repeng's Python is named by LOCALNPM_REPENG_PYTHON, the generator by
LOCALNPM_CVECTOR_GENERATOR, and what is not there is left out of the comparison.
"""

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from localnpm.distill import gguf
from localnpm.engine.arrays import Float32Array
from localnpm.engine.model import Model

REPENG_PYTHON = "LOCALNPM_REPENG_PYTHON"
GENERATOR = "LOCALNPM_CVECTOR_GENERATOR"
REPENG_METHODS = ("pca_diff", "pca_center", "umap")
GENERATOR_METHODS = ("pca", "mean")
GENERATOR_SHIFT = 1
"""It numbers what it measured after block N - 1 as N."""


@dataclass(frozen=True, eq=False)
class Made:
    """Directions float32 [n_layer - 1, n_embd], row i for block i + 1, and the seconds that they took."""

    directions: Float32Array
    seconds: float


def imported(path: Path, model: Model, shift: int = 0) -> Float32Array:
    """A control-vector file's rows as `localnpm vector import` takes them in.

    Raises:
        SteeringError: the file is no control vector of this model.
    """
    return gguf.fitted(gguf.shifted(gguf.read(path), shift), model.info.n_layer, model.info.n_embd).directions


class Repeng:
    """repeng in a process of its own, over the model that export_hf.py wrote."""

    def __init__(self, python: str, model: Path) -> None:
        script = Path(__file__).with_name("peers_repeng.py")
        self._process = subprocess.Popen(
            [python, "-W", "ignore", str(script), str(model)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.version: str = self._answer()["ready"]

    def make(self, pairs: Sequence[tuple[str, str]], method: str, out: Path, model: Model) -> Made:
        """A vector of one of `REPENG_METHODS`.

        Raises:
            RuntimeError: repeng could not make it; with its words.
        """
        positive, negative = zip(*pairs, strict=True)
        job = {"positive": positive, "negative": negative, "method": method, "out": str(out)}
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError("the process of repeng has ended; what it said is above") from None
        answer = self._answer()
        if "error" in answer:
            raise RuntimeError(f"repeng {method}: {answer['error']}")
        return Made(imported(out, model), answer["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of repeng has ended with {self._process.wait()}; what it said is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()


def by_generator(
    program: str, pairs: Sequence[tuple[str, str]], method: str, folder: Path, model: Model, path: Path
) -> Made:
    """cvector-generator's directions. Its seconds include loading the model, which it cannot keep.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    files = folder / "positive.txt", folder / "negative.txt"
    for file, prompts in zip(files, zip(*pairs, strict=True), strict=True):
        file.write_text("".join(escaped(prompt) + "\n" for prompt in prompts), encoding="utf-8")
    out = folder / f"generator-{method}.gguf"
    command = [program, "-m", str(path), "-o", str(out), "--method", method]
    command += ["--positive-file", str(files[0]), "--negative-file", str(files[1])]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Made(imported(out, model, GENERATOR_SHIFT), time.perf_counter() - started)


def escaped(prompt: str) -> str:
    """A prompt as a line of the generator's files; `localnpm vector train` reads them too."""
    return prompt.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


def programs() -> tuple[str, str]:
    """repeng's Python and the generator; empty for what is not there."""
    return os.environ.get(REPENG_PYTHON, ""), os.environ.get(GENERATOR, "")
