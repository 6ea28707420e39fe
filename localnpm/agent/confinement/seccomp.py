"""A seccomp filter: the system calls that a confined command cannot make. Linux on x86-64 and 64-bit ARM.

Sockets go whole, those with a path too: what listens on them (a desktop's message bus, a container daemon) would do
outside what the command cannot do inside. A connected pair within the command is all that is left.
The program is classic BPF over `struct seccomp_data` of the kernel's `linux/seccomp.h`.
"""

import ctypes
import errno
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from localnpm.agent.confinement import syscalls

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
_FILTER_MODE = 2

_NEW_NAMESPACES = 0x7E020000
_AF_UNIX = 1
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_FS_IOC_SETFLAGS, _FS_IOC_FSSETXATTR = 0x40086602, 0x401C5820


@dataclass(frozen=True)
class Refusal:
    """A system call that fails with `error`, always or, given `test`, for some values of one half of one argument."""

    name: str
    error: int = errno.EPERM
    argument: int = 0
    test: Literal["", "equal", "not equal", "any bit"] = ""
    value: int = 0
    half: Literal["low", "high"] = "low"


_NETWORK = (
    Refusal("socket", errno.EACCES),
    Refusal("socketpair", errno.EACCES, 0, "not equal", _AF_UNIX),
    # io_uring opens and connects sockets without these calls; programs take its absence for an older kernel's.
    *(Refusal(name, errno.ENOSYS) for name in ("io_uring_setup", "io_uring_enter", "io_uring_register")),
)

_OTHER_PROCESSES = (
    *(Refusal(name) for name in ("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "process_madvise")),
    *(Refusal(name) for name in ("process_mrelease", "kcmp", "migrate_pages", "move_pages")),
    Refusal("prlimit64", errno.EPERM, 0, "not equal", 0),
    *(Refusal(name, errno.ENOSYS) for name in ("shmget", "semget", "msgget", "mq_open")),
    *(Refusal("ioctl", errno.EPERM, 1, "equal", command) for command in (_TIOCSTI, _TIOCLINUX)),
)

# Kernel memory, keys, and ways to a wider view: most need privileges, all have been ways out.
_SYSTEM = (
    *(Refusal(name) for name in ("add_key", "request_key", "keyctl", "bpf", "perf_event_open", "userfaultfd")),
    *(Refusal(name) for name in ("mount", "umount2", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount")),
    *(Refusal(name) for name in ("fspick", "mount_setattr", "pivot_root", "chroot", "unshare", "setns")),
    *(Refusal(name) for name in ("open_by_handle_at", "name_to_handle_at", "fanotify_init", "lookup_dcookie")),
    *(Refusal(name) for name in ("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load")),
    *(Refusal(name) for name in ("reboot", "swapon", "swapoff", "settimeofday", "clock_settime", "clock_adjtime")),
    *(Refusal(name) for name in ("adjtimex", "sethostname", "setdomainname", "acct", "quotactl", "quotactl_fd")),
    *(Refusal(name) for name in ("syslog", "vhangup", "iopl", "ioperm", "modify_ldt")),
    Refusal("clone", errno.EPERM, 0, "any bit", _NEW_NAMESPACES),
    # Its flags lie in memory, where no filter sees them; C libraries fall back to clone.
    Refusal("clone3", errno.ENOSYS),
    # Memory that belongs to no process and no file, which no limit counts.
    *(Refusal(name, errno.ENOSYS) for name in ("memfd_create", "memfd_secret")),
)

# These reach the user's own files anywhere, by path or, where they may be read, open. Setting the times of an open file
# must stay: `touch` does it.
_METADATA = (
    *(Refusal(name) for name in ("chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat", "utime", "utimes")),
    *(Refusal(name) for name in ("futimesat", "setxattr", "lsetxattr", "removexattr", "lremovexattr")),
    *(Refusal(name) for name in ("fchmod", "fchown", "fsetxattr", "fremovexattr")),
    *(Refusal("ioctl", errno.EPERM, 1, "equal", command) for command in (_FS_IOC_SETFLAGS, _FS_IOC_FSSETXATTR)),
    Refusal("utimensat", errno.EPERM, 1, "not equal", 0, "low"),
    Refusal("utimensat", errno.EPERM, 1, "not equal", 0, "high"),
)

_SIGNALS = tuple(
    Refusal(name) for name in ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")
)

_TRUNCATE = (Refusal("truncate"),)


def refusals(*, metadata: bool, signals: bool, truncate: bool) -> tuple[Refusal, ...]:
    """What is refused: always the network, other processes and the system; the rest where nothing else confines it."""
    return (
        *_NETWORK, *_OTHER_PROCESSES, *_SYSTEM,
        *(_METADATA if metadata else ()), *(_SIGNALS if signals else ()), *(_TRUNCATE if truncate else ()),
    )  # fmt: skip


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _refuse(refusal: Refusal, number: int) -> Iterator[bytes]:
    deny = _instruction(_RETURN, _ERRNO | refusal.error)
    if not refusal.test:
        yield _instruction(_EQUAL, number, 0, 1)
        yield deny
        return
    yield _instruction(_EQUAL, number, 0, 4)
    yield _instruction(_LOAD, _ARGUMENTS + 8 * refusal.argument + (4 if refusal.half == "high" else 0))
    jump = _ANY_BIT if refusal.test == "any bit" else _EQUAL
    spared = (1, 0) if refusal.test == "not equal" else (0, 1)
    yield _instruction(jump, refusal.value, *spared)
    yield deny
    yield _instruction(_LOAD, _NUMBER)


def program(refused: tuple[Refusal, ...], machine: str) -> bytes:
    """The BPF program, 8 bytes an instruction. Calls newer than the filter knows do not exist for the command.

    Raises:
        KeyError: the machine is not one of the two.
    """
    numbers = syscalls.NUMBERS[machine]
    parts = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_EQUAL, _ARCHITECTURES[machine], 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
        _instruction(_AT_LEAST, _X32_BIT, 0, 1),
        _instruction(_RETURN, _KILL),
        _instruction(_AT_LEAST, numbers["mseal"] + 1, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    for refusal in refused:
        if refusal.name in numbers:
            parts += _refuse(refusal, numbers[refusal.name])
    return b"".join(parts) + _instruction(_RETURN, _ALLOW)


def supported() -> bool:
    """Whether the kernel has seccomp filters and this machine's numbers are known."""
    try:
        syscalls.prctl(syscalls.PR_GET_SECCOMP)
    except OSError:
        return False
    return syscalls.machine() in syscalls.NUMBERS


def install(refused: tuple[Refusal, ...]) -> None:
    """Put the filter on this process and all it will start. no_new_privs must be set.

    Raises:
        OSError: the kernel refused it.
    """
    code = program(refused, syscalls.machine())
    instructions = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(instructions))
    syscalls.prctl(syscalls.PR_SET_SECCOMP, _FILTER_MODE, ctypes.create_string_buffer(header, len(header)))
