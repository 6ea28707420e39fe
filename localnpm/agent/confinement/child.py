"""The helper process that a command starts in: `main` reads a plan, confines itself, runs the command and keeps watch.

    helper ── (namespaces only: the first process of the new ones) ── keeper ── the command's shell

A fresh interpreter, so that nothing of the program's memory, threads or files is in it. What it has to say goes as one
line of JSON to the status pipe: `{"error": ...}` if the command was not started, else `{"status": ..., "reason": ...}`.
The control pipe, its standard input, brings the plan; its end means that the command must end.
"""

import contextlib
import json
import os
import resource
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from localnpm.agent.confinement import access, keeper, landlock, mounts, seccomp, syscalls
from localnpm.agent.confinement.values import Limits, Plan

_NOT_STARTED = 125
_SPARE_PROCESSES = 4
_OPEN_FILES = 1024
_STACK = 8 << 20
# The keeper, and the user, come first.
_NICE = 5


def main(status_pipe: int) -> None:
    """Carry out the plan that comes in on standard input, one line. Never returns."""
    plan = Plan.from_json(_read_line(0))
    control = os.dup(0)
    os.set_inheritable(status_pipe, False)
    _report_failure(status_pipe, lambda: _start(plan, control, status_pipe))
    os._exit(0)


def _read_line(descriptor: int) -> str:
    text = b""
    while not text.endswith(b"\n"):
        piece = os.read(descriptor, 1 << 16)
        if not piece:
            os._exit(_NOT_STARTED)
        text += piece
    return text.decode()


def _report_failure(status_pipe: int, act: Callable[[], None]) -> None:
    """Do it; if the system refuses, say so to the one who waits, and end this process."""
    try:
        act()
    except OSError as error:
        _say(status_pipe, {"error": error.strerror or str(error)})
        os._exit(_NOT_STARTED)


def _start(plan: Plan, control: int, status_pipe: int) -> None:
    # The kernel short of memory shall end the command rather than the program.
    Path("/proc/self/oom_score_adj").write_text("500")
    if plan.mechanism == "landlock":
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
        try:
            _keep(plan, control, status_pipe)
        finally:
            keeper.end_descendants()
        return
    mounts.enter_namespaces()
    first = os.fork()
    if first == 0:
        _report_failure(status_pipe, lambda: _run_first(plan, control, status_pipe))
        os._exit(0)
    os.waitpid(first, 0)


def _run_first(plan: Plan, control: int, status_pipe: int) -> None:
    syscalls.die_with_parent(signal.SIGKILL)
    mounts.enter_root(plan)
    _keep(plan, control, status_pipe)


def _keep(plan: Plan, control: int, status_pipe: int) -> None:
    # Not to be traced, and its open pipes not to be reached through /proc.
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    pid = os.fork()
    if pid == 0:
        _report_failure(status_pipe, lambda: _become_command(plan))
    ending = keeper.keep(pid, control, plan.limits)
    _say(status_pipe, {"status": ending.status, "reason": ending.reason})


def _say(status_pipe: int, words: dict[str, int | str | None]) -> None:
    # Whoever started this may have been killed meanwhile.
    with contextlib.suppress(BrokenPipeError):
        os.write(status_pipe, json.dumps(words).encode() + b"\n")


def _become_command(plan: Plan) -> None:
    syscalls.die_with_parent(signal.SIGKILL)
    os.setsid()
    os.nice(_NICE)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.chdir(plan.workspace)
    _set_limits(plan.limits, _own_threads() if plan.mechanism == "landlock" else 0)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    version = landlock.abi()
    if version:
        landlock.restrict(_grants(plan))
    syscalls.drop_capabilities()
    alone = plan.mechanism == "namespaces"
    seccomp.install(
        seccomp.refusals(
            metadata=not alone,
            signals=not alone and version < landlock.ABI_SCOPES,
            truncate=not alone and version < landlock.ABI_TRUNCATE,
        )
    )
    for number in signal.valid_signals():
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    os.execve("/bin/sh", ["sh", "-c", plan.command], plan.environment)


def _grants(plan: Plan) -> Sequence[tuple[str, int]]:
    alone = plan.mechanism == "namespaces"
    temporary = mounts.TEMPORARY if alone else f"{plan.private}/tmp"
    return [
        *((path, landlock.READ) for path in (*plan.readable, "/proc")),
        *((f"/dev/{name}", landlock.DEVICE) for name in access.DEVICES),
        *((path, landlock.CHANGE) for path in (plan.workspace, temporary)),
        # In a root of its own there is nothing to list but what was granted.
        *([("/dev/shm", landlock.CHANGE), ("/", landlock.READ_DIR)] if alone else ()),
    ]


def _own_threads() -> int:
    """Threads of this user everywhere, which the kernel counts together with the command's."""
    total = 0
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == os.getuid():
                total += sum(1 for _ in Path(entry.path, "task").iterdir())
    return total


def _set_limits(limits: Limits, others: int) -> None:
    wanted = {
        resource.RLIMIT_CPU: (limits.processor_seconds, limits.processor_seconds + 1),
        resource.RLIMIT_DATA: (limits.memory_bytes,) * 2,
        resource.RLIMIT_FSIZE: (limits.file_bytes,) * 2,
        resource.RLIMIT_NPROC: (limits.processes + others + _SPARE_PROCESSES,) * 2,
        resource.RLIMIT_NOFILE: (_OPEN_FILES,) * 2,
        resource.RLIMIT_STACK: (_STACK,) * 2,
        resource.RLIMIT_CORE: (0, 0),
    }
    for kind, (soft, hard) in wanted.items():
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(kind, (soft, hard))
