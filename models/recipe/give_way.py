"""Pauses a process while anything else on the machine is busy, and lets it go on when all is quiet (Linux).

    python give_way.py PID PAUSED      # ends with the process; leaves it alone while the file PAUSED exists

Idle priority alone is not enough: two threads that wait for each other still slow another two-thread program several
times. Busy is processor time used by all, less that of the process's own session.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.5
"""Seconds between two looks."""
BUSY = 0.3
"""Cores used by others from which the process is stopped."""
QUIET = 0.15
"""Cores used by others up to which all counts as quiet."""
QUIET_SECONDS = 6.0

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Yielding:
    """Decides from what others use whether the process should run."""

    stopped: bool = False
    quiet_for: float = 0.0

    def update(self, others: float, seconds: float) -> signal.Signals | None:
        """The signal to send now, if any; `others`: cores used by others over the last `seconds`."""
        self.quiet_for = self.quiet_for + seconds if others < QUIET else 0.0
        if not self.stopped and others > BUSY:
            self.stopped = True
            return signal.SIGSTOP
        if self.stopped and self.quiet_for > QUIET_SECONDS:
            self.stopped = False
            return signal.SIGCONT
        return None


def used_by_all(stat: str) -> float:
    """Processor seconds since the machine started, without idle, I/O wait and stolen time; of /proc/stat."""
    user, nice, system, _, _, irq, softirq = map(int, stat.split("\n", 1)[0].split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS


def used_by_session(session: int) -> float:
    """Processor seconds that the living processes of a session have used."""
    ticks = 0
    for fields in _processes():
        if int(fields[3]) == session:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def _processes() -> Iterator[list[str]]:
    """The fields of each /proc/PID/stat behind the command's name."""
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, IndexError):  # it ended meanwhile
                yield (folder / "stat").read_text().rsplit(")", 1)[1].split()


def watch(pid: int, held: Path) -> None:
    """Stops and continues the process until it ends; only looks on while the file `held` exists."""
    session = os.getsid(pid)
    state = Yielding()
    now, everyone, own = _measure(session)
    while True:
        time.sleep(INTERVAL)
        before, everyone_before, own_before = now, everyone, own
        now, everyone, own = _measure(session)
        seconds = now - before
        others = ((everyone - everyone_before) - (own - own_before)) / seconds
        try:
            os.kill(pid, 0)
            if held.exists():
                continue
            wanted = state.update(others, seconds)
            if wanted:
                os.kill(pid, wanted)
        except ProcessLookupError:
            return


def _measure(session: int) -> tuple[float, float, float]:
    return time.monotonic(), used_by_all((PROC / "stat").read_text()), used_by_session(session)


if __name__ == "__main__":
    watch(int(sys.argv[1]), Path(sys.argv[2]))
