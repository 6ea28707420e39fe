"""The terminal app's first paint and its typing, beside bare Textual apps, each in a process and a terminal of its own.

First paint: from the start of the process until the first screen is drawn, `localnpm` and an app with one word on it in
turn. Typing: from a key until its letter is drawn, in the composer while the model answers, and in a bare Input with
nothing else to do; their rounds take turns too. Not covered: how long a terminal takes to show what it is sent.
"""

import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from rich import box
from rich.console import Console
from rich.table import Table

from localnpm.home import Home
from localnpm.memory.database import Database
from localnpm.tui.status import Status

PAINT_TARGET = 1.5
"""Times an empty app's first paint that the app's may take."""
TYPING_TARGET = 2.0
"""Times the 95th percentile of a bare Input that the composer's may take while the model answers."""

ROWS, COLUMNS = 24, 80
PATIENCE = 60.0
"""Seconds after which something that does not happen is an error."""
PAUSE = 0.1
"""Seconds from key to key: quick typing."""
KEYS_A_ROUND = 20
REQUESTS = 12
"""Pasted and sent in one go, so that the model answers for as long as a round takes."""
SENTINEL = "Ω"
"""Typed behind the requests: when it is drawn, all of them have been taken."""

EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("painted")
Empty().run()
"""
BARE = """
from textual.app import App
from textual.widgets import Input
class Bare(App):
    def compose(self):
        yield Input(placeholder="painted")
Bare().run()
"""
_LETTERS = [
    chr(code) for low, high in ((0x0410, 0x0450), (0x03B1, 0x03C2), (0x10D0, 0x10F1)) for code in range(low, high)
]
"""Letters that no answer has, one cell wide each: what is seen is the key's echo."""


@dataclass(frozen=True)
class Paint:
    """Seconds to the first paint, by the clock and of computing, medians; `ratio` is that of the clock's medians."""

    app: float
    empty: float
    ratio: float
    app_cpu: float
    empty_cpu: float


@dataclass(frozen=True)
class Typing:
    """Milliseconds from key to echo; `ratio` is that of the 95th percentiles, the app's to the bare Input's."""

    model: str
    keys: int
    bare_median: float
    bare_p95: float
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
        for heading in ("", "seconds", "of computing"):
            paint.add_column(heading, justify="right" if heading else "left")
        paint.add_row("localnpm", f"{self.paint.app:.2f}", f"{self.paint.app_cpu:.2f}")
        paint.add_row("an empty Textual app", f"{self.paint.empty:.2f}", f"{self.paint.empty_cpu:.2f}")
        paint.add_row(f"ratio (at most {PAINT_TARGET:g})", f"{self.paint.ratio:.2f}", "")
        console.print(paint)
        typing = Table(
            box=box.SIMPLE, title="From key to echo, ms: the composer while the model answers, a bare Input alone"
        )
        for heading in ("model", "keys", "bare p50", "bare p95", "app p50", "app p95", "longest", "ratio of p95"):
            typing.add_column(heading, justify="left" if heading == "model" else "right")
        for one in self.typing:
            numbers = (one.bare_median, one.bare_p95, one.app_median, one.app_p95, one.app_longest)
            ratio = f"{one.ratio:.2f} (at most {TYPING_TARGET:g})"
            typing.add_row(one.model, str(one.keys), *(f"{number:.1f}" for number in numbers), ratio)
        console.print(typing)


class Terminal:
    """A process on a terminal of its own, whose output is read here."""

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        self.output = b""
        self._file, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("LOCALNPM_", "TEXTUAL"))}
        plain |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | environment
        plain.pop("NO_COLOR", None)
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=plain, start_new_session=True
        )
        os.close(theirs)

    def read(self, seconds: float) -> bool:
        """Take what it writes within so many seconds; False where nothing came."""
        if not select.select([self._file], [], [], seconds)[0]:
            return False
        try:
            self.output += os.read(self._file, 1 << 16)
        except OSError:
            raise RuntimeError(f"it has ended; its last words: {self.output[-2000:]!r}") from None
        return True

    def write(self, text: str) -> None:
        """Type."""
        os.write(self._file, text.encode())

    def seconds_until(self, shown: bytes, began: float, *, after: int = 0) -> float:
        """Seconds from `began` until a text has been drawn, somewhere after so many bytes of the output."""
        while self.output.find(shown, after) < 0:
            if time.perf_counter() - began > PATIENCE:
                raise RuntimeError(f"{shown!r} was not drawn in {PATIENCE:g} s; last: {self.output[-2000:]!r}")
            self.read(0.5)
        return time.perf_counter() - began

    def drain(self) -> None:
        """Take what has come."""
        while self.read(0.0):
            pass

    def computing(self) -> float:
        """Seconds of processor time so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        os.close(self._file)


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
        with _app(folder, None) as app:
            apps.append((app.seconds_until(painted, app.began), app.computing()))
        with _python(folder, EMPTY) as empty:
            empties.append((empty.seconds_until(b"painted", empty.began), empty.computing()))
    ours, theirs = (statistics.median(time for time, _ in times) for times in (apps, empties))
    ours_cpu, theirs_cpu = (statistics.median(cpu for _, cpu in times) for times in (apps, empties))
    return Paint(ours, theirs, ours / theirs, ours_cpu, theirs_cpu)


def _typing(folder: Path, model: Path | None, rounds: int) -> Typing:
    bare: list[float] = []
    ours: list[float] = []
    with _app(folder, model) as app, _python(folder, BARE) as alone:
        alone.seconds_until(b"ainted", alone.began)
        app.seconds_until(b"ready", app.began)
        for _ in range(rounds):
            app.drain()
            bare += _latencies(alone)
            asked = len(app.output)
            for number in range(REQUESTS):
                app.write(f'\x1b[200~Add "buy bread {number}" to my todo list\x1b[201~\r')
            app.write(SENTINEL)
            app.seconds_until(SENTINEL.encode(), time.perf_counter(), after=asked)
            app.write("\x15")
            app.seconds_until(b"generating", time.perf_counter(), after=asked)
            ours += _latencies(app, while_busy=True)
            app.write("\x15/new\r")
            app.seconds_until(b"ready", time.perf_counter(), after=len(app.output))
    p95 = _percentile(bare, 95), _percentile(ours, 95)
    return Typing(
        model.stem if model else "bundled",
        len(ours),
        statistics.median(bare),
        p95[0],
        statistics.median(ours),
        p95[1],
        max(ours),
        p95[1] / p95[0],
    )


def _latencies(terminal: Terminal, *, while_busy: bool = False) -> list[float]:
    """Milliseconds from key to echo, each letter another one; with `while_busy`, those while the model answers."""
    times = []
    for letter in _LETTERS[:KEYS_A_ROUND]:
        terminal.drain()
        if while_busy and terminal.output.rfind(b"ready") > terminal.output.rfind(b"waiting"):
            break
        before, began = len(terminal.output), time.perf_counter()
        terminal.write(letter)
        times.append(1000 * terminal.seconds_until(letter.encode(), began, after=before))
        while (left := began + PAUSE - time.perf_counter()) > 0:
            terminal.read(left)
    terminal.write("\x15")
    return times


def _percentile(times: Sequence[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


@contextmanager
def _app(folder: Path, model: Path | None) -> Iterator[Terminal]:
    """`localnpm` in a workspace with a todo list, with a home that has been used before."""
    home, workspace = Home(folder / "home"), folder / "workspace"
    workspace.mkdir(exist_ok=True)
    (workspace / "todo.md").write_text("# Todo\n- [ ] water the plants\n", "utf-8")
    home.prepare()
    Database.open(home.memory).close()
    environment = {"LOCALNPM_HOME": str(home.root), "LOCALNPM_PERMISSIONS_MODE": "auto", "LOCALNPM_LEARNING_EVERY": "0"}
    if model is not None:
        environment["LOCALNPM_MODEL"] = str(model)
    terminal = Terminal([sys.executable, "-m", "localnpm"], workspace, environment)
    try:
        yield terminal
    finally:
        terminal.close()


@contextmanager
def _python(folder: Path, program: str) -> Iterator[Terminal]:
    terminal = Terminal([sys.executable, "-c", program], folder, {})
    try:
        yield terminal
    finally:
        terminal.close()
