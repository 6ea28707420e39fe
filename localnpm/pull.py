"""Pulling a model: what is wanted, what it will take, and the download into HOME/models.

Bytes are gathered in HOME/models/.partial under the checksum that they must have in the end, so that a cut download
goes on where it stopped, even after the repository has changed. A file appears under its own name only when its SHA-256
is right.
Talking to the hub is hub.py's business.
"""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from localnpm import hub, units
from localnpm.catalogue import CATALOGUE, find_entry
from localnpm.errors import DownloadError
from localnpm.header import Header, part_names
from localnpm.home import Home
from localnpm.hub import RemoteFile

Progress = Callable[[str, int, int], None]
"""Called with what is going on (`download` or `check`), the bytes done and the bytes in all."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SPARE_BYTES = 100_000_000
"""Left free on the disk: a full one hurts more than this program."""


@dataclass(frozen=True)
class Plan:
    """What a pull will download, as the hub describes it now. `header` is that of the first file."""

    files: tuple[RemoteFile, ...]
    header: Header

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files)


def plan(wanted: str) -> Plan:
    """Ask the hub about a model. Uses the network; downloads a megabyte at most.

    Args:
        wanted: a name from the catalogue, or OWNER/REPOSITORY/FILE.gguf; of a split model any part.

    Raises:
        DownloadError: not a name or file, or whatever the hub or the network has against it.
        ModelError: the file is not a GGUF file.
    """
    repository, file = locate(wanted)
    folder, slash, name = file.rpartition("/")
    files = tuple(hub.describe(repository, folder + slash + part) for part in part_names(name))
    header = hub.peek(files[0])
    return Plan(files, header)


def locate(wanted: str) -> tuple[str, str]:
    """Repository and file of a name from the catalogue, a path in the hub or its web address.

    Raises:
        DownloadError: neither; a repository without a file is answered with the list of its files, asked of the hub.
    """
    entry = find_entry(wanted)
    if entry:
        return entry.repository, entry.file
    path = re.sub(r"^(https?://[^/]+/|hf://)", "", wanted).split("?")[0]
    path = re.sub(r"^([^/]+/[^/]+)/(resolve|blob)/[^/]+/", r"\1/", path)
    parts = path.split("/")
    good = all(NAME.fullmatch(part) for part in parts)
    if good and len(parts) == 2:
        found = hub.list_in_words(hub.gguf_files(path))
        raise DownloadError(f"{path} is a repository; name a file of it, as {path}/FILE.gguf: {found}")
    if not good or len(parts) < 2 or not path.lower().endswith(".gguf"):
        names = ", ".join(entry.name for entry in CATALOGUE)
        raise DownloadError(f"there is no {wanted!r} to pull: name OWNER/REPOSITORY/FILE.gguf, or one of {names}")
    return "/".join(parts[:2]), "/".join(parts[2:])


def target(home: Home, remote: RemoteFile) -> Path:
    """Where a file lies once it is pulled: HOME/models/OWNER/REPOSITORY/FILE."""
    return home.models.joinpath(*remote.repository.split("/"), *remote.file.split("/"))


def pull(plan: Plan, home: Home, progress: Progress) -> Path:
    """Download what is missing of a plan. Uses the network. Returns the (first) file.

    Raises:
        DownloadError: the disk is too small or full, the network fails, a checksum is wrong, another process pulls the
            same file, or the user interrupts. What has come is kept, unless its checksum is wrong.
    """
    try:
        partial = home.models / ".partial"
        partial.mkdir(parents=True, exist_ok=True)
        _check_space(plan, home, partial)
        for remote in plan.files:
            path = target(home, remote)
            if path.is_file() and path.stat().st_size == remote.size_bytes and _sha256(path, progress) == remote.sha256:
                continue
            _pull_file(remote, partial / f"{remote.sha256}.part", path, progress)
    except KeyboardInterrupt:
        raise DownloadError("interrupted; run the same command again: it goes on where it stopped") from None
    except OSError as error:
        raise DownloadError(
            f"{error.filename or home.models} cannot be written: {error.strerror or error}. "
            "Make room or mend it, then run the same command again: it goes on where it stopped."
        ) from None
    return target(home, plan.files[0])


def _check_space(plan: Plan, home: Home, partial: Path) -> None:
    missing = 0
    for remote in plan.files:
        if not target(home, remote).is_file():
            part = partial / f"{remote.sha256}.part"
            missing += remote.size_bytes - (part.stat().st_size if part.is_file() else 0)
    free = shutil.disk_usage(partial).free
    if missing and missing + SPARE_BYTES > free:
        raise DownloadError(
            f"{home.models} has {units.size(free)} free; the download takes {units.size(missing)} and leaves "
            f"{units.size(SPARE_BYTES)} unused. Make room, or move the home folder (--home, LOCALNPM_HOME)."
        )


def _pull_file(remote: RemoteFile, part: Path, path: Path, progress: Progress) -> None:
    with _locked(part) as file:
        if file.seek(0, os.SEEK_END) > remote.size_bytes:
            file.truncate(0)
        progress("download", file.seek(0, os.SEEK_END), remote.size_bytes)
        for done in hub.fetch(remote, file):
            progress("download", done, remote.size_bytes)
        file.flush()
        os.fsync(file.fileno())
        digest = _sha256(part, progress)
        if digest != remote.sha256:
            part.unlink()
            raise DownloadError(
                f"{remote.repository}/{remote.file} came with SHA-256 {digest}, the hub promised {remote.sha256}; "
                "it was deleted. Run the same command again; if it happens twice, something between you and the hub "
                "changes what it sends."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        part.replace(path)


@contextmanager
def _locked(part: Path) -> Iterator[IO[bytes]]:
    """The partial file, open for appending, held by this process alone."""
    with part.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DownloadError(f"another process is pulling this file now ({part}); wait for it") from None
        yield file


def _sha256(path: Path, progress: Progress) -> str:
    total, done, digest = path.stat().st_size, 0, hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            digest.update(chunk)
            done += len(chunk)
            progress("check", done, total)
    return digest.hexdigest()
