"""The terminal app's first paint and its typing, beside bare Textual apps, each in a process and a terminal of its own.

First paint: from the start of the process until the first screen is drawn, `localnpm` and an app with one word on it in
turn. Typing: from a key until its letter is drawn, in the composer while the model answers, and in a bare Input with
nothing else to do; their rounds take turns too. A third one is measured to tell what is the app's and what is the
machine's: a bare Input whose process generates with the same model in a thread. Not covered: how long a terminal takes
to show what it is sent.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from localnpm.evals import terminals
from localnpm.home import bundled_model
from localnpm.tui.status import Status

PAINT_TARGET = 1.5
"""Times an empty app's first paint that the app's may take."""
TYPING_TARGET = 2.0
"""Times the 95th percentile of a bare Input that the composer's may take while the model answers."""

PAUSE = 0.1
"""Seconds from key to key: quick typing."""
KEYS_A_ROUND = 40
"""A sentence."""
REQUESTS = 24
"""Pasted and sent in one go, so that the model answers for as long as a round takes."""
SENTINEL = "Ω"
"""Typed behind the requests: when it is drawn, all of them have been taken."""

_LETTERS = [
    chr(code) for low, high in ((0x0410, 0x0450), (0x03B1, 0x03C2), (0x10D0, 0x10F1)) for code in range(low, high)
]
"""Letters that no answer has, one cell wide each: what is seen is the key's echo."""


@dataclass(frozen=True)
class Paint:
    """Seconds to the first paint, by the clock, the median and the fastest, and of computing, the median.

    `ratio` is that of the clock's medians, `fastest_ratio` of the fastest, `cpu_ratio` of the computing, which other
    work on the machine hardly changes.
    """

    app: float
    empty: float
    ratio: float
    app_fastest: float
    empty_fastest: float
    fastest_ratio: float
    app_cpu: float
    empty_cpu: float
    cpu_ratio: float


@dataclass(frozen=True)
class Typing:
    """Milliseconds from key to echo; `ratio` is that of the 95th percentiles, the app's to the bare Input's.

    `busy_median` and `busy_p95` are of a bare Input beside the same model, which generates in a thread of its process.
    """

    model: str
    keys: int
    bare_median: float
    bare_p95: float
    busy_median: float
    busy_p95: float
    app_median: float
    app_p95: float
    app_longest: float
    ratio: float


@dataclass(frozen=True)
class AppReport:
    """What `run` measured."""

    rounds: int
    paint: Paint
    typing: tuple[Typing, ...]

    def as_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)

    def print(self, console: Console | None = None) -> None:
        """As tables."""
        console = console or Console()
        paint = Table(box=box.SIMPLE, title=f"First paint, medians of {self.rounds} starts in turn")
        for heading in ("", "seconds", "fastest", "of computing"):
            paint.add_column(heading, justify="right" if heading else "left")
        one = self.paint
        for name, numbers in (
            ("localnpm", (one.app, one.app_fastest, one.app_cpu)),
            ("an empty Textual app", (one.empty, one.empty_fastest, one.empty_cpu)),
            (f"ratio (at most {PAINT_TARGET:g})", (one.ratio, one.fastest_ratio, one.cpu_ratio)),
        ):
            paint.add_row(name, *(f"{number:.2f}" for number in numbers))
        console.print(paint)
        typing = Table(
            box=box.SIMPLE,
            title="From key to echo, ms (median, 95th percentile): a bare Input alone, one whose process generates, "
            "the composer while the model answers",
        )
        last = f"p95 to the first (at most {TYPING_TARGET:g})"
        for heading in ("model", "keys", "alone", "p95", "generating", "p95", "app", "p95", "longest", last):
            typing.add_column(heading, justify="left" if heading == "model" else "right")
        for told in self.typing:
            bare = [told.bare_median, told.bare_p95, told.busy_median, told.busy_p95]
            shown = [*bare, told.app_median, told.app_p95, told.app_longest]
            typing.add_row(told.model, str(told.keys), *(f"{number:.1f}" for number in shown), f"{told.ratio:.2f}")
        console.print(typing)


def run(*, models: Sequence[Path | None] = (None,), starts: int = 7, rounds: int = 5) -> AppReport:
    """Measure, about a minute for each model.

    Args:
        models: GGUF files to type beside; None: the bundled one.
        starts: of each app, in turn.
        rounds: of typing, in turn, of `KEYS_A_ROUND` keys.
    """
    with tempfile.TemporaryDirectory(prefix="localnpm-bench-") as temporary:
        folder = Path(temporary)
        return AppReport(starts, _paint(folder, starts), tuple(_typing(folder, model, rounds) for model in models))


def random_model(cache: Path) -> Path | None:
    """The random model that the engine's part of the benchmark has left in this folder, if it has."""
    return next(iter(sorted(cache.glob("random-*.gguf"))), None)


def _paint(folder: Path, starts: int) -> Paint:
    apps: list[tuple[float, float]] = []
    empties: list[tuple[float, float]] = []
    painted = Status().words().split(" · ")[0].encode()
    for _ in range(starts):
        with terminals.app(folder, None) as app:
            apps.append((app.seconds_until(painted, app.began), app.computing()))
        with terminals.python(folder, terminals.EMPTY) as empty:
            empties.append((empty.seconds_until(b"painted", empty.began), empty.computing()))
    ours, theirs = (statistics.median(time for time, _ in times) for times in (apps, empties))
    our_best, their_best = (min(time for time, _ in times) for times in (apps, empties))
    ours_cpu, theirs_cpu = (statistics.median(cpu for _, cpu in times) for times in (apps, empties))
    return Paint(
        ours,
        theirs,
        ours / theirs,
        our_best,
        their_best,
        our_best / their_best,
        ours_cpu,
        theirs_cpu,
        ours_cpu / theirs_cpu,
    )


def _typing(folder: Path, model: Path | None, rounds: int) -> Typing:
    bare: list[float] = []
    ours: list[float] = []
    with terminals.python(folder, terminals.BARE) as alone:
        alone.seconds_until(b"ainted", alone.began)
        for _ in range(rounds):
            bare += _latencies(alone)
            # Each round in an app of its own: nothing is left to do from the one before.
            with terminals.app(folder, model) as app:
                app.seconds_until(b"ready", app.began)
                asked = len(app.output)
                for number in range(REQUESTS):
                    app.write(f'\x1b[200~Add "buy bread {number}" to my todo list\x1b[201~\r')
                app.write(SENTINEL)
                app.seconds_until(SENTINEL.encode(), time.perf_counter(), after=asked)
                app.write("\x15")
                app.seconds_until(b"generating", time.perf_counter(), after=asked)
                ours += _latencies(app, while_busy=True)
    beside: list[float] = []
    with terminals.python(folder, terminals.BUSY, str(model or bundled_model())) as busy:
        busy.seconds_until(b"generating", busy.began)
        for _ in range(rounds):
            beside += _latencies(busy)
    p95 = _percentile(bare, 95), _percentile(ours, 95)
    return Typing(
        model.stem if model else "bundled",
        len(ours),
        statistics.median(bare),
        p95[0],
        statistics.median(beside),
        _percentile(beside, 95),
        statistics.median(ours),
        p95[1],
        max(ours),
        p95[1] / p95[0],
    )


def _latencies(terminal: terminals.Terminal, *, while_busy: bool = False) -> list[float]:
    """Milliseconds from key to echo, each letter another one; with `while_busy`, those while the model answers."""
    times = []
    for letter in _LETTERS[:KEYS_A_ROUND]:
        terminal.drain()
        if while_busy and _has_answered(terminal):
            break
        before, began = len(terminal.output), time.perf_counter()
        terminal.write(letter)
        times.append(1000 * terminal.seconds_until(letter.encode(), began, after=before))
        while (left := began + PAUSE - time.perf_counter()) > 0:
            terminal.read(left)
    # Seen to be empty: a key that comes with the one that clears it may be cleared, too.
    cleared = len(terminal.output)
    terminal.write("\x15")
    if not while_busy:
        terminal.seconds_until(b"ainted", time.perf_counter(), after=cleared)
    return times


def _has_answered(app: terminals.Terminal) -> bool:
    """Whether it has drawn that it is ready after the last request that it drew as waiting."""
    return app.output.rfind(b"ready") > app.output.rfind(b"waiting")


def _percentile(times: Sequence[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]
