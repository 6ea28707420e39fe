"""System calls that Python has no function for, by number through the C library. Linux on x86-64 and 64-bit ARM.

Numbers from the kernel's `asm/unistd_64.h` and `asm-generic/unistd.h`; from 424 on both machines share them.
Only those that this package calls or filters are listed.
"""

import ctypes
import os

_SHARED = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "clone3": 435, "pidfd_getfd": 438,
    "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443, "landlock_create_ruleset": 444,
    "landlock_add_rule": 445, "landlock_restrict_self": 446, "memfd_secret": 447, "process_mrelease": 448,
    "fchmodat2": 452, "mseal": 462,
}  # fmt: skip

_X86_64 = {
    "ioctl": 16, "shmget": 29, "socket": 41, "socketpair": 53, "clone": 56, "kill": 62, "semget": 64, "msgget": 68,
    "truncate": 76, "chmod": 90, "fchmod": 91, "chown": 92, "fchown": 93, "lchown": 94, "ptrace": 101, "syslog": 103,
    "capset": 126, "rt_sigqueueinfo": 129, "utime": 132, "vhangup": 153, "modify_ldt": 154, "pivot_root": 155,
    "adjtimex": 159, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167,
    "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173,
    "init_module": 175, "delete_module": 176, "quotactl": 179, "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190,
    "removexattr": 197, "lremovexattr": 198, "fremovexattr": 199, "tkill": 200, "lookup_dcookie": 212,
    "clock_settime": 227, "tgkill": 234, "utimes": 235, "mq_open": 240, "kexec_load": 246, "add_key": 248,
    "request_key": 249, "keyctl": 250, "migrate_pages": 256, "fchownat": 260, "futimesat": 261, "fchmodat": 268,
    "unshare": 272, "move_pages": 279, "utimensat": 280, "rt_tgsigqueueinfo": 297, "perf_event_open": 298,
    "fanotify_init": 300, "prlimit64": 302, "name_to_handle_at": 303, "open_by_handle_at": 304, "clock_adjtime": 305,
    "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313,
    "memfd_create": 319, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323,
}  # fmt: skip

_AARCH64 = {
    "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16,
    "lookup_dcookie": 18, "ioctl": 29, "umount2": 39, "mount": 40, "pivot_root": 41, "truncate": 45, "chroot": 51,
    "fchmod": 52, "fchmodat": 53, "fchownat": 54, "fchown": 55, "vhangup": 58, "quotactl": 60, "utimensat": 88,
    "acct": 89, "capset": 91, "unshare": 97, "kexec_load": 104, "init_module": 105, "delete_module": 106,
    "clock_settime": 112, "syslog": 116, "ptrace": 117, "kill": 129, "tkill": 130, "tgkill": 131,
    "rt_sigqueueinfo": 138, "reboot": 142, "sethostname": 161, "setdomainname": 162, "settimeofday": 170,
    "adjtimex": 171, "mq_open": 180, "msgget": 186, "semget": 190, "shmget": 194, "socket": 198, "socketpair": 199,
    "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220, "swapon": 224, "swapoff": 225,
    "migrate_pages": 238, "move_pages": 239, "rt_tgsigqueueinfo": 240, "perf_event_open": 241, "prlimit64": 261,
    "fanotify_init": 262, "name_to_handle_at": 264, "open_by_handle_at": 265, "clock_adjtime": 266, "setns": 268,
    "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "memfd_create": 279,
    "bpf": 280, "userfaultfd": 282, "kexec_file_load": 294,
}  # fmt: skip

NUMBERS = {"x86_64": {**_X86_64, **_SHARED}, "aarch64": {**_AARCH64, **_SHARED}}

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_GET_SECCOMP, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 21, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 47

_AT_FDCWD, _AT_RECURSIVE, _MNT_DETACH = -100, 0x8000, 2
_PR_CAP_AMBIENT_CLEAR_ALL, _CAPABILITY_VERSION_3, _LAST_CAPABILITY = 4, 0x20080522, 63

_libc = ctypes.CDLL(None, use_errno=True)

Argument = int | str | bytes | ctypes.Array[ctypes.c_char] | None


def machine() -> str:
    """`x86_64`, `aarch64`, or a name that is not in NUMBERS."""
    return os.uname().machine


def _as_c(argument: Argument) -> ctypes.c_long | ctypes.c_char_p | ctypes.Array[ctypes.c_char]:
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    if isinstance(argument, ctypes.Array):
        return argument
    return ctypes.c_char_p(os.fsencode(argument) if isinstance(argument, str) else argument)


def call(name: str, *arguments: Argument) -> int:
    """A system call by name; its result.

    Raises:
        OSError: it failed, or this machine's number for it is not known (ENOSYS).
    """
    number = NUMBERS.get(machine(), {}).get(name)
    if number is None:
        raise OSError(38, f"{name} on {machine()}")
    result: int = _libc.syscall(ctypes.c_long(number), *(_as_c(argument) for argument in arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def prctl(option: int, *arguments: Argument) -> int:
    """prctl(2).

    Raises:
        OSError: it failed.
    """
    padded = [*arguments, 0, 0, 0, 0][:4]
    result: int = _libc.prctl(ctypes.c_int(option), *(_as_c(argument) for argument in padded))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl {option}: {os.strerror(code)}")
    return result


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2).

    Raises:
        OSError: it failed; the message has the target.
    """
    try:
        call("mount", source, target, kind, flags, options)
    except OSError as error:
        raise OSError(error.errno, f"mounting {target}: {os.strerror(error.errno or 0)}") from None


def restrict_mount(target: str, attributes: int, *, recursive: bool = True) -> None:
    """Add MOUNT_ATTR_* flags to a mount and, if recursive, to all under it (mount_setattr(2), Linux 5.12).

    Raises:
        OSError: it failed.
    """
    wanted = ctypes.create_string_buffer(attributes.to_bytes(8, "little") + bytes(24), 32)
    call("mount_setattr", _AT_FDCWD, target, _AT_RECURSIVE if recursive else 0, wanted, 32)


def replace_root(new_root: str) -> None:
    """Make a mounted folder the root of this mount namespace and drop the old root.

    Raises:
        OSError: it failed.
    """
    os.chdir(new_root)
    # With both arguments the same folder the old root lies on top of the new one, and is taken off at once.
    call("pivot_root", ".", ".")
    call("umount2", ".", _MNT_DETACH)
    os.chdir("/")


def die_with_parent(signal: int) -> None:
    """Have the kernel send a signal to this process when the thread that started it ends."""
    prctl(PR_SET_PDEATHSIG, signal)


def drop_capabilities() -> None:
    """Give up every capability, so that being root means no more than owning root's files.

    Raises:
        OSError: the kernel refused to empty the sets.
    """
    for capability in range(_LAST_CAPABILITY + 1):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            # EINVAL: past the kernel's last one. EPERM: there was none to give up, and no_new_privs keeps it so.
            break
    prctl(PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = ctypes.create_string_buffer(_CAPABILITY_VERSION_3.to_bytes(4, "little") + bytes(4), 8)
    call("capset", header, ctypes.create_string_buffer(bytes(24), 24))
