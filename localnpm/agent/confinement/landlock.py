"""Landlock: the kernel's rules for files that a process puts on itself and its descendants (Linux 5.13).

Structures and access rights from the kernel's `linux/landlock.h`. What the running kernel does not know is left out;
`abi` says how much it knows, and who relies on more must ask.
Landlock does not govern changes of mode, owner, times and extended attributes, sockets with a path, and what processes
may see of each other in /proc; seccomp.py and mounts.py make up for it.
"""

import ctypes
import os
import stat
from collections.abc import Iterable

from localnpm.agent.confinement import syscalls

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_AND_MAKE = sum(1 << bit for bit in (4, 5, 7, 8, 9, 10, 12))
_MAKE_DEVICES = 1 << 6 | 1 << 11
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15

READ = EXECUTE | READ_FILE | READ_DIR
CHANGE = READ | WRITE_FILE | _REMOVE_AND_MAKE | _REFER | _TRUNCATE
DEVICE = READ_FILE | WRITE_FILE | _IOCTL_DEVICE

_ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_TCP_BIND_AND_CONNECT = 0b11
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
_VERSION_QUERY, _RULE_PATH_BENEATH = 1, 1

ABI_TRUNCATE, ABI_NETWORK, ABI_IOCTL, ABI_SCOPES = 3, 4, 5, 6


def abi() -> int:
    """The version of Landlock that the kernel speaks; 0 where it is absent or switched off."""
    try:
        return syscalls.call("landlock_create_ruleset", None, 0, _VERSION_QUERY)
    except OSError:
        return 0


def handled(version: int) -> int:
    """The access rights to files that a version governs."""
    rights = READ | WRITE_FILE | _REMOVE_AND_MAKE | _MAKE_DEVICES
    rights |= _REFER if version >= 2 else 0
    rights |= _TRUNCATE if version >= ABI_TRUNCATE else 0
    return rights | (_IOCTL_DEVICE if version >= ABI_IOCTL else 0)


def restrict(grants: Iterable[tuple[str, int]]) -> None:
    """Refuse this process and its descendants all files but those beneath the granted paths.

    A path that is missing or closed to this user is no grant. TCP, abstract sockets and signals to processes outside go
    too, where the kernel's version has rules for them. no_new_privs must be set.

    Raises:
        OSError: the kernel has no Landlock or refused the rules.
    """
    version = abi()
    words = [handled(version)]
    if version >= ABI_NETWORK:
        words.append(_TCP_BIND_AND_CONNECT)
    if version >= ABI_SCOPES:
        words.append(_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
    attributes = b"".join(word.to_bytes(8, "little") for word in words)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    ruleset = syscalls.call("landlock_create_ruleset", buffer, len(attributes), 0)
    try:
        for path, rights in grants:
            _grant(ruleset, path, rights & handled(version))
        syscalls.call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _grant(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            rights &= _ON_FILES
        rule = ctypes.create_string_buffer(rights.to_bytes(8, "little") + handle.to_bytes(4, "little"), 12)
        syscalls.call("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(handle)
