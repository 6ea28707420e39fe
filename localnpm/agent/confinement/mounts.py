"""Namespaces, and a root folder that has only what a command may see. Linux 5.12, without privileges.

A user namespace gives the right to make the others: mounts, processes (what is left of them ends with the first),
network (empty, not even a loopback), System V memory and host name. The new root is a small memory file system on
which the granted paths are mounted, so that everything else is not there at all.
Not covered: a mount that others make under a granted path later is seen if the system shares mounts that way.
"""

import os
from pathlib import Path

from localnpm.agent.confinement import access, syscalls
from localnpm.agent.confinement.values import Plan

_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
_CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
_NEW = _CLONE_NEWNS | _CLONE_NEWUTS | _CLONE_NEWIPC | _CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWNET

_READ_ONLY = syscalls.MOUNT_ATTR_RDONLY | syscalls.MOUNT_ATTR_NOSUID | syscalls.MOUNT_ATTR_NODEV
_WRITABLE = syscalls.MOUNT_ATTR_NOSUID | syscalls.MOUNT_ATTR_NODEV
_PLAIN = syscalls.MS_NOSUID | syscalls.MS_NODEV

TEMPORARY = "/tmp"


def enter_namespaces() -> None:
    """Move this process into new namespaces; the next one it forks is the first of its process namespace.

    The user is the same inside as outside, and no other user exists there.

    Raises:
        OSError: the system does not allow it.
    """
    user, group = os.getuid(), os.getgid()
    syscalls.call("unshare", _NEW)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path(f"/proc/self/{name}").write_text(text)


def enter_root(plan: Plan) -> None:
    """Build the new root and make it this process's; to be called by the first process of the process namespace.

    Raises:
        OSError: a mount was refused.
    """
    root = f"{plan.private}/root"
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("tmpfs", root, "tmpfs", _PLAIN, "size=16m,mode=755")
    # First, since the workspace and what may be read can lie inside the outer folder of that name.
    Path(root + TEMPORARY).mkdir()
    _bind(f"{plan.private}/tmp", root + TEMPORARY, _WRITABLE)
    for path in plan.readable:
        _show(root, path, _READ_ONLY)
    _make_devices(f"{root}/dev")
    Path(f"{root}/proc").mkdir()
    syscalls.mount("proc", f"{root}/proc", "proc", _PLAIN | syscalls.MS_NOEXEC | syscalls.MS_RDONLY)
    _show(root, plan.workspace, _WRITABLE)
    for path in plan.hidden:
        _hide(root + path, Path(path).is_dir())
    syscalls.replace_root(root)
    syscalls.restrict_mount("/", syscalls.MOUNT_ATTR_RDONLY, recursive=False)


def _bind(source: str, target: str, attributes: int) -> None:
    syscalls.mount(source, target, None, syscalls.MS_BIND | syscalls.MS_REC)
    syscalls.restrict_mount(target, attributes)


def _show(root: str, path: str, attributes: int) -> None:
    """Put a path of the old root at the same place in the new one; a symlink as a symlink."""
    target = Path(root + path)
    if target.is_symlink():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if Path(path).is_symlink():
        target.symlink_to(Path(path).readlink())
        return
    if Path(path).is_dir():
        target.mkdir(exist_ok=True)
    elif not target.exists():
        target.touch()
    _bind(path, str(target), attributes)


def _hide(target: str, is_folder: bool) -> None:
    if is_folder:
        syscalls.mount("tmpfs", target, "tmpfs", _PLAIN | syscalls.MS_RDONLY, "size=4k,mode=555")
    else:
        syscalls.mount("/dev/null", target, None, syscalls.MS_BIND)


def _make_devices(folder: str) -> None:
    Path(folder).mkdir()
    for name in access.DEVICES:
        Path(f"{folder}/{name}").touch()
        syscalls.mount(f"/dev/{name}", f"{folder}/{name}", None, syscalls.MS_BIND)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        Path(f"{folder}/{name}").symlink_to(f"/proc/self/{target}" if name != "fd" else target)
    Path(f"{folder}/shm").mkdir()
    syscalls.mount("tmpfs", f"{folder}/shm", "tmpfs", _PLAIN | syscalls.MS_NOEXEC, "size=64m,mode=1777")
