"""Running a shell command confined: `probe` says what this machine offers, `run` runs one command.

A command sees the system's programs, its workspace and a temporary folder of its own, and writes to the last two only.
It has no network, no sockets to other programs, no standard input, an environment of a few harmless variables, no way
to more privileges, and limits on time, memory, processes, output and file size. All that it started ends with it, and
when localnpm itself is killed. It is held by one of:

    namespaces   Linux 5.12 with user namespaces for everyone: a root folder, a process tree and an empty network of its
                 own; Landlock on top where the kernel has it; a seccomp filter
    landlock     Linux 5.13 with Landlock, not as root: Landlock's rules, a stricter seccomp filter, and a keeper that
                 adopts orphans

Where none is possible the command is refused; that is so on every other system, macOS among them. The parts are in
`localnpm.agent.confinement`.

Not covered:

* Holes in the kernel, and side channels: the kernel is shared, and processor, disk and clock are too.
* What a command leaves *in* the workspace for later: a build script, a Git hook, an editor's task that the user runs
  outside the jail. Files that are hard links to places outside are changed there too.
* The disk: one file's size is limited, the sum of many is not.
* Reading: programs and their settings under /usr, /opt and the folders of the search path, whatever is kept there.
* With `landlock` alone: the names and arguments of other processes are seen in /proc; times can be set of any file of
  the user's that may be read; changes of mode and owner are refused inside the workspace too (`chmod`, `git init`;
  `cp -p` and `sed -i` complain and go on), shared memory is missing, and before Linux 6.12 a command cannot send
  signals, not even to its own processes; a workspace with secrets or localnpm's home in it is refused.
* Memory is watched, not reserved: many processes that grow at once can pass the limit for some hundredths of a second.
  Running as root, the number of processes is watched likewise instead of being refused by the kernel.
* What localnpm itself leaves when it is killed: the command's temporary folder stays.
"""

import functools
import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from localnpm.agent.confinement import access, landlock, mounts, seccomp, syscalls
from localnpm.agent.confinement.helper import carry_out
from localnpm.agent.confinement.values import (
    Cancellable,
    CommandResult,
    Finding,
    JailReport,
    Limits,
    Mechanism,
    Plan,
)
from localnpm.errors import JailError, WorkspaceError

__all__ = [
    "DEFAULT_LIMITS",
    "Cancellable",
    "CommandResult",
    "Finding",
    "JailReport",
    "Limits",
    "Mechanism",
    "probe",
    "run",
]

DEFAULT_LIMITS = Limits()

_NO_WORKSPACE = ("/proc", "/dev", "/sys")
_SECCOMP_FIX = "needs a kernel with CONFIG_SECCOMP_FILTER, on x86-64 or 64-bit ARM"
_LANDLOCK_FIX = "needs Linux 5.13 with landlock in its list of security modules (kernel parameter lsm=)"
_NAMESPACES_FIX = (
    "let every user make user namespaces: kernel.unprivileged_userns_clone=1, on Ubuntu "
    "kernel.apparmor_restrict_unprivileged_userns=0, in a container its own seccomp profile"
)
_LINUX_FIX = "run localnpm on Linux, in a virtual machine for instance, to have it run commands"
_NOT_ROOT = "run localnpm as another user"


@functools.cache
def probe() -> JailReport:
    """What this machine offers, found by confining a command that does nothing; asked once in a process."""
    if not sys.platform.startswith("linux"):
        return JailReport((_find("linux", f"there is no jail for commands on {sys.platform}", "", _LINUX_FIX),), None)
    filters = "" if seccomp.supported() else f"no filter for system calls on {syscalls.machine()}"
    spaces = filters or _refusal("namespaces")
    version = landlock.abi()
    rules = filters or (_refusal("landlock") if version else "the kernel has none, or it is switched off")
    root = version and os.getuid() == 0
    findings = (
        _find("seccomp", filters, "filter for system calls", _SECCOMP_FIX),
        _find("namespaces", spaces, "users, mounts, processes and network of its own", _NAMESPACES_FIX),
        _find("landlock", rules, f"version {version}", _NOT_ROOT if root else _LANDLOCK_FIX),
    )
    usable: tuple[Mechanism, ...] = ("namespaces", "landlock")
    there = {finding.name for finding in findings if finding.available}
    return JailReport(findings, next((name for name in usable if name in there), None))


def _find(name: str, refusal: str, detail: str, fix: str) -> Finding:
    return Finding(name, not refusal, refusal or detail, fix if refusal else "")


def _refusal(mechanism: Mechanism) -> str:
    """Why a mechanism does not work here; empty if it does."""
    with tempfile.TemporaryDirectory(prefix="localnpm-") as folder:
        try:
            result = _run(":", Path(folder).resolve(), Limits(seconds=10), None, (), (), mechanism)
        except JailError as error:
            return str(error)
    return "" if result.exit_code == 0 else f"a command that does nothing ended with {result}"


def run(
    command: str,
    workspace: Path,
    limits: Limits = DEFAULT_LIMITS,
    cancel: Cancellable | None = None,
    *,
    hidden: Sequence[Path] = (),
    readable: Sequence[Path] = (),
    mechanism: Mechanism | None = None,
) -> CommandResult:
    """Run `/bin/sh -c command` in the workspace, confined, and wait for it and all that it starts.

    Args:
        command: what the shell reads.
        workspace: the one folder that the command may change; it is also its current folder.
        limits: past them everything is ended, see `CommandResult.ended_by`.
        cancel: looked at every 50 ms.
        hidden: never to be seen, also where it lies inside something that may be; localnpm's home at least.
        readable: to be readable besides the system's programs, a tool chain in the user's home for instance.
        mechanism: this one rather than the best that `probe` found.

    Raises:
        JailError: the command cannot be confined here, or holds a NUL character; nothing was run.
        WorkspaceError: the workspace is not a folder.
    """
    if "\0" in command:
        raise JailError("the command has a NUL character in it, which no shell can read; leave it out")
    if not workspace.is_dir():
        raise WorkspaceError(f"{workspace} is not a folder; choose another workspace")
    chosen = mechanism or probe().mechanism
    if chosen is None:
        raise JailError(f"commands cannot be confined on this machine, so none is run: {probe().why_not()}")
    return _run(command, workspace.resolve(), limits, cancel, hidden, readable, chosen)


def _run(
    command: str,
    workspace: Path,
    limits: Limits,
    cancel: Cancellable | None,
    hidden: Sequence[Path],
    readable: Sequence[Path],
    mechanism: Mechanism,
) -> CommandResult:
    if mechanism == "landlock" and os.getuid() == 0:
        raise JailError(
            "the kernel does not limit root's processes, so without user namespaces root's commands are not run; "
            + _NOT_ROOT
        )
    concealed = tuple(path.resolve() for path in hidden)
    homes = _user_homes()
    secrets = tuple(path.resolve() for home in homes for path in access.secrets(home))
    inside = tuple(path for path in (*concealed, *secrets) if path != workspace and access.holds(workspace, path))
    _check_workspace(workspace, concealed, inside, mechanism)
    path = access.search_path(os.environ, (*concealed, *secrets, *homes))
    granted = access.readable(path, homes, concealed, readable)
    with _private_folder() as private:
        temporary = mounts.TEMPORARY if mechanism == "namespaces" else f"{private}/tmp"
        plan = Plan(
            mechanism=mechanism,
            command=command,
            workspace=str(workspace),
            private=str(private),
            readable=tuple(map(str, granted)),
            hidden=tuple(str(path) for path in inside if path.exists()),
            environment=access.environment(os.environ, path, homes, temporary),
            limits=limits,
        )
        return carry_out(plan, cancel)


def _user_homes() -> tuple[Path, ...]:
    """The user's home folder, by the environment and by the system's list of users."""
    homes = [os.environ.get("HOME", "")]
    with suppress(KeyError):
        homes.append(pwd.getpwuid(os.getuid()).pw_dir)
    return tuple(Path(home).resolve() for home in dict.fromkeys(homes) if home.strip("/"))


def _check_workspace(workspace: Path, concealed: Sequence[Path], inside: Sequence[Path], mechanism: Mechanism) -> None:
    if workspace == Path("/") or any(access.holds(Path(place), workspace) for place in _NO_WORKSPACE):
        raise JailError(f"a command cannot be confined to {workspace}; choose a folder of your own as the workspace")
    if workspace in concealed:
        raise JailError(
            f"{workspace} holds what commands must not see (localnpm's home); choose another workspace or --home"
        )
    if inside and mechanism == "landlock":
        raise JailError(
            f"the workspace {workspace} holds {inside[0]}, which commands must not see, and without user namespaces it "
            "cannot be kept from them; choose a folder inside it as the workspace"
        )


@contextmanager
def _private_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="localnpm-")).resolve()
    try:
        (folder / "tmp" / "home").mkdir(parents=True)
        (folder / "root").mkdir()
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, also where the command took away its own right to do so."""
    for path, names, _ in os.walk(folder):
        for name in names:
            inner = Path(path) / name
            if not inner.is_symlink():
                inner.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
