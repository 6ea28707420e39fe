"""The process that watches a command and ends everything it started.

It outlives the command, notices when the limits are passed or when localnpm is gone (the control pipe closes), and
leaves nothing running: in a process namespace because its own end is everyone's, otherwise because it adopts every
orphan below it and goes on until none is left.
"""

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from localnpm.agent.confinement.values import Limits

TICK = 0.025
_PAGE = os.sysconf("SC_PAGE_SIZE")
_RESIDENT_FIELD, _THREADS_FIELD, _PARENT_FIELD = 21, 17, 1


@dataclass(frozen=True)
class Ending:
    """How a command ended: by itself with a wait status, or by the keeper for a reason (`stop`: it was told to)."""

    status: int | None
    reason: str


@dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    threads: int
    resident_bytes: int


def _read(pid: int) -> _Process | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("latin-1")
    except OSError:
        return None
    # The second field is the program's name in parentheses, which may itself hold blanks and parentheses.
    fields = text.rpartition(")")[2].split()
    resident = int(fields[_RESIDENT_FIELD]) * _PAGE
    return _Process(pid, int(fields[_PARENT_FIELD]), int(fields[_THREADS_FIELD]), resident)


def _children(pid: int) -> list[int]:
    """The kernel's own list, which exists for every thread that forks."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def _everyone() -> Iterator[_Process]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and (process := _read(int(entry.name))):
            yield process


def descendants() -> list[_Process]:
    """All processes below this one, at this instant; zombies too."""
    me = os.getpid()
    if me == 1:
        return [process for process in _everyone() if process.pid != 1]
    if not Path(f"/proc/{me}/task/{me}/children").exists():
        return _search(me)
    found, parents = [], [me]
    while parents:
        with contextlib.suppress(OSError):
            children = _children(parents.pop())
            parents += children
            found += [process for child in children if (process := _read(child))]
    return found


def _search(pid: int) -> list[_Process]:
    """The same by the parents that all processes name, for kernels without lists of children."""
    below: dict[int, list[_Process]] = {}
    for process in _everyone():
        below.setdefault(process.parent, []).append(process)
    found, parents = [], [pid]
    while parents:
        new = below.pop(parents.pop(), [])
        found += new
        parents += [process.pid for process in new]
    return found


def _proportional_bytes(processes: list[_Process]) -> int:
    """Memory with shared pages counted once, where the kernel tells; else as if none were shared."""
    total = 0
    for process in processes:
        try:
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            total += process.resident_bytes
        else:
            total += sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
    return total


def _passed(limits: Limits) -> str:
    processes = descendants()
    if sum(process.threads for process in processes) > limits.processes:
        return "processes"
    if sum(process.resident_bytes for process in processes) > limits.memory_bytes and (
        _proportional_bytes(processes) > limits.memory_bytes
    ):
        return "memory"
    return ""


def _reap(pid: int) -> int | None:
    """Take in every process that has ended; the wait status of `pid` if it is among them."""
    status = None
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == pid:
                status = ended[1]
    return status


def keep(pid: int, control: int, limits: Limits) -> Ending:
    """Wait for a child of this process, enforcing the limits; `control` closing ends the wait."""
    deadline = time.monotonic() + limits.seconds
    handle = os.pidfd_open(pid)
    poll = select.poll()
    for descriptor in (handle, control):
        poll.register(descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll(TICK * 1000)}
        if (status := _reap(pid)) is not None:
            return Ending(status, "")
        if control in ready:
            return Ending(None, "stop")
        if time.monotonic() > deadline:
            return Ending(None, "time")
        if reason := _passed(limits):
            return Ending(None, reason)


def end_descendants() -> None:
    """Kill all below this process, which must be a subreaper, and return when none is left."""
    while True:
        for process in descendants():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)
