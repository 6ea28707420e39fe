"""Programs in terminals of their own, for the benchmark of the app: `localnpm` itself, and bare Textual apps.

Not covered: what they are measured for (bench_app.py).
"""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from localnpm.home import Home
from localnpm.memory.database import Database

ROWS, COLUMNS = 24, 80
PATIENCE = 60.0
"""Seconds after which something that does not happen is an error."""

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
BUSY = """
import sys, threading
from pathlib import Path
from textual.app import App
from textual.widgets import Input, Static
class Busy(App):
    def compose(self):
        yield Input(placeholder="painted")
        yield Static("loading")
    def on_mount(self):
        threading.Thread(target=self.generate, daemon=True).start()
    def generate(self):
        from localnpm.engine.model import Model
        from localnpm.engine.sampling import Sampling
        model = Model.open(Path(sys.argv[1]))
        self.call_from_thread(self.query_one(Static).update, "generating")
        for seed in range(1 << 20):
            sampling = Sampling(temperature=1.0, seed=seed)
            for piece in model.generate(model.tokenize("Once"), sampling=sampling, max_tokens=400):
                pass
Busy().run()
"""
"""Its argument is the model's file."""


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


@contextmanager
def app(folder: Path, model: Path | None) -> Iterator[Terminal]:
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
def python(folder: Path, program: str, *arguments: str) -> Iterator[Terminal]:
    terminal = Terminal([sys.executable, "-c", program, *arguments], folder, {})
    try:
        yield terminal
    finally:
        terminal.close()
