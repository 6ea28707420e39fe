"""Speeds side by side in one run: this package's loop, a bare llama.cpp loop and llama-cpp-python's, and prompt reuse.

Repetitions are interleaved and the ratio is taken within each round, so that other programs on the machine slow all
alike; reported is the median of the rounds' ratios. Not covered: quality, and machines other than this one.
"""

import platform
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from localnpm.agent.prompts import Surroundings, system_text
from localnpm.agent.schemas import SCHEMAS
from localnpm.config import EngineSettings
from localnpm.engine.chat import ChatFormat
from localnpm.engine.messages import Message, ToolSchema
from localnpm.engine.model import Model
from localnpm.engine.plan import Machine
from localnpm.evals.loops import BareLoop, Loop, OurLoop, PackageLoop, long_prompt
from localnpm.evals.random_gguf import QWEN_HALF_BILLION, Shape, write_random_model
from localnpm.home import bundled_model

TARGET = 0.97
"""Share of the bare loop's speed that this package's loop must reach."""

_TURNS = (40, 20, 160, 10, 80, 320, 20, 40)


@dataclass(frozen=True)
class Speed:
    """One loop on one model, with or without a control vector. Ratios are medians over rounds: ours / this loop's."""

    model: str
    loop: str
    steered: bool
    threads: int
    tokens_per_second: float
    ours_to_this: float
    lowest_ratio: float
    highest_ratio: float


@dataclass(frozen=True)
class TurnTime:
    """Reading one turn's prompt within a conversation. `new_tokens` are those not in the cache."""

    model: str
    turn: int
    prompt_tokens: int
    new_tokens: int
    seconds: float


@dataclass(frozen=True)
class Overhead:
    """Tokens of a prompt before the user's first word."""

    what: str
    tokens: int


@dataclass(frozen=True)
class Report:
    """What `run` measured."""

    machine: str
    rounds: int
    speeds: tuple[Speed, ...]
    turns: tuple[TurnTime, ...]
    overheads: tuple[Overhead, ...]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        return asdict(self)

    def print(self, console: Console | None = None) -> None:
        """Print tables."""
        console = console or Console()
        rounds = f"{self.rounds} interleaved rounds, of the bundled model {self.rounds * BUNDLED_ROUNDS}"
        speeds = Table(box=box.SIMPLE, title=f"Generation, median of {rounds}")
        for heading in ("model", "vector", "loop", "threads", "tokens/s", "ours / this", "range"):
            speeds.add_column(heading, justify="left" if heading in ("model", "vector", "loop") else "right")
        for speed in self.speeds:
            speeds.add_row(
                *(speed.model, "yes" if speed.steered else "no", speed.loop, str(speed.threads)),
                *(
                    f"{speed.tokens_per_second:.1f}",
                    f"{speed.ours_to_this:.3f}",
                    f"{speed.lowest_ratio:.2f}-{speed.highest_ratio:.2f}",
                ),
            )
        console.print(speeds)
        turns = Table(box=box.SIMPLE, title="Time to the first token, turn by turn of one conversation")
        for heading in ("model", "turn", "prompt tokens", "new tokens", "ms", "ms a new token"):
            turns.add_column(heading, justify="left" if heading == "model" else "right")
        for turn in self.turns:
            milliseconds = 1000 * turn.seconds
            turns.add_row(
                *(turn.model, str(turn.turn), str(turn.prompt_tokens), str(turn.new_tokens)),
                *(f"{milliseconds:.0f}", f"{milliseconds / max(1, turn.new_tokens):.2f}"),
            )
        console.print(turns)
        if self.overheads:
            overheads = Table(box=box.SIMPLE, title="Prompt tokens before the user's first word")
            overheads.add_column("prompt")
            overheads.add_column("tokens", justify="right")
            for overhead in self.overheads:
                overheads.add_row(overhead.what, str(overhead.tokens))
            console.print(overheads)


BUNDLED_ROUNDS = 5


def run(
    settings: EngineSettings = EngineSettings(),
    *,
    cache: Path | None = None,
    shape: Shape = QWEN_HALF_BILLION,
    rounds: int = 7,
    count: int = 64,
) -> Report:
    """Measure the bundled model and a random one of `shape` in Q8_0, some minutes in all.

    Args:
        settings: as for any model; a context of 0 becomes 2,048 tokens.
        cache: folder for the random model's file (525 MB for the default shape), kept for the next run; None: a
            temporary one, removed afterwards.
        rounds: interleaved repetitions; five times as many for the bundled model, whose rounds are short.
        count: tokens generated in each.

    Raises:
        ModelError: a model cannot be loaded.
    """
    settings = _with_context(settings)
    speeds: list[Speed] = []
    turns: list[TurnTime] = []
    overheads: tuple[Overhead, ...] = ()
    with tempfile.TemporaryDirectory(prefix="localnpm-bench-") as temporary:
        random_file = (cache or Path(temporary)) / f"random-{shape.architecture}-{shape.n_layer}x{shape.n_embd}.gguf"
        if not random_file.exists():
            random_file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = random_file.with_suffix(".partial")
            write_random_model(unfinished, shape, quantized=True)
            unfinished.replace(random_file)
        for name, path in (("bundled", bundled_model()), (f"random {shape.architecture}", random_file)):
            with Model.open(path, settings) as model:
                times = rounds * BUNDLED_ROUNDS if path == bundled_model() else rounds
                speeds += compare_loops(model, name, rounds=times, count=count)
                turns += time_turns(model, name)
                if model.info.protocol:
                    overheads = _overheads(model)
    return Report(
        machine=f"{platform.machine()}, {Machine.detect(gpu=False, amx=False).cores} cores, {platform.system()}",
        rounds=rounds,
        speeds=tuple(speeds),
        turns=tuple(turns),
        overheads=overheads,
    )


def compare_loops(model: Model, name: str, *, rounds: int, count: int) -> list[Speed]:
    """Each loop's speed on a model, without and with a control vector."""
    prompt = long_prompt(model, 32, count)
    directions = np.full((model.info.n_layer - 1, model.info.n_embd), 1e-6, np.float32)
    loops: list[Loop] = [OurLoop(model), BareLoop(model), PackageLoop(model)]
    results = []
    try:
        for steered in (False, True):
            for loop in loops:
                loop.steer(directions if steered else None)
                loop.speed(prompt, 4)
            measured: list[list[float]] = [[] for _ in loops]
            for turn in range(rounds):
                for index in _order(len(loops), turn):
                    measured[index].append(loops[index].speed(prompt, count))
            results += [
                _summary(name, loop.name, steered, model.plan.threads, measured[0], times)
                for loop, times in zip(loops, measured, strict=True)
            ]
    finally:
        for loop in loops:
            loop.close()
    return results


def time_turns(model: Model, name: str, lengths: Sequence[int] = _TURNS) -> list[TurnTime]:
    """Time to the first token as a conversation grows by `lengths` tokens a turn and 8 generated ones."""
    rng = np.random.default_rng(1)
    model.forget_cache()
    prompt: list[int] = []
    times = []
    for turn, length in enumerate(lengths, 1):
        prompt += [int(token) for token in rng.integers(300, min(model.info.n_vocab, 4000), length)]
        generation = model.generate(prompt, max_tokens=8)
        for _ in generation:
            pass
        usage = generation.usage
        times.append(
            TurnTime(name, turn, len(prompt), usage.prompt_tokens - usage.cached_tokens, usage.prefill_seconds)
        )
        prompt += generation.tokens
    return times


def prompt_overhead(model: Model, chat: ChatFormat, tools: Sequence[ToolSchema], system: str) -> int:
    """Tokens of a first prompt up to the user's first word."""
    word = "Supercalifragilistic"
    text = chat.render([Message("system", system), Message("user", word)], tools)
    return len(model.prompt_tokens(text[: text.index(word)]))


def _overheads(model: Model) -> tuple[Overhead, ...]:
    """The bundled model's prompt, and what a larger one is told, both counted with the bundled vocabulary."""
    tools = tuple(SCHEMAS.values())
    own = ChatFormat.for_model(model.info.chat_template, bos=model.bos, eos=model.eos, protocol=model.info.protocol)
    larger = ChatFormat.for_model(None, bos="", eos="")
    surroundings = Surroundings(date.today(), f"{platform.system()} {platform.machine()}")
    try:
        return (
            Overhead("bundled model", prompt_overhead(model, own, tools, system_text())),
            Overhead(
                f"a larger model, every tool described (vocabulary of {model.info.n_vocab:,})",
                prompt_overhead(model, larger, tools, system_text(surroundings=surroundings)),
            ),
        )
    finally:
        own.close()
        larger.close()


def _with_context(settings: EngineSettings) -> EngineSettings:
    return settings if settings.context else replace(settings, context=2048)


def _order(length: int, turn: int) -> list[int]:
    """Each round begins with another loop."""
    return [(turn + index) % length for index in range(length)]


def _summary(model: str, loop: str, steered: bool, threads: int, ours: list[float], this: list[float]) -> Speed:
    ratios = [mine / other for mine, other in zip(ours, this, strict=True)]
    return Speed(
        model, loop, steered, threads, statistics.median(this), statistics.median(ratios), min(ratios), max(ratios)
    )
