"""Copies of the whole memory in HOME/backups: on request, and by routine before a pass changes what was learned.

Only routine copies are ever deleted here, the oldest first; those made on request or before a migration stay.
"""

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from localnpm.memory.database import Database

KEPT = 3
"""Routine backups that are kept where no setting says otherwise."""
EVERY = timedelta(days=1)
STAGING = "import-"
"""What the folder is called, before eight characters of chance, in which a memory is got ready to be imported."""
_NAME = re.compile(r"memory-(\d{8}T\d{6})(?:-\d+)?-(?P<kind>routine|asked|v\d+)\.db")


@dataclass(frozen=True)
class Backup:
    """One copy. `kind`: `routine`, `asked`, `migration` or, of a foreign name, `other`; the time is UTC."""

    path: Path
    kind: str
    made_at: datetime
    size_bytes: int


def backups(folder: Path) -> tuple[Backup, ...]:
    """The copies in a folder, newest first; none where there is no such folder."""
    found = []
    for path in folder.glob("*.db"):
        if path.is_file():
            named = _NAME.fullmatch(path.name)
            kind = named["kind"] if named else "other"
            about = path.stat()
            made = datetime.fromtimestamp(about.st_mtime, UTC)
            found.append(Backup(path, "migration" if kind.startswith("v") else kind, made, about.st_size))
    return tuple(sorted(found, key=lambda backup: (backup.made_at, backup.path.name), reverse=True))


def is_routine(path: Path) -> bool:
    """Whether a copy was made by routine, going by its name."""
    named = _NAME.fullmatch(path.name)
    return named is not None and named["kind"] == "routine"


def back_up(database: Database, to: Path | None = None) -> Path:
    """Copy the memory to a file, or to a new one in HOME/backups; returns where it is.

    Raises:
        MemoryFileError: it cannot be written.
        ValueError: a private memory, and no file named.
    """
    if to is None:
        if database.folder is None:
            raise ValueError("a private memory has no folder for backups")
        to = _unused(database.folder / "backups", "asked")
    database.backup(to)
    return to


def routine(database: Database, keep: int = KEPT) -> Path | None:
    """Copy the memory where the last copy of any kind is older than a day, and delete routine copies beyond `keep`.

    Returns:
        The new copy, or None where none was due.

    Raises:
        MemoryFileError: it cannot be written; no older copy is deleted then.
    """
    if database.folder is None or keep < 1:
        return None
    folder = database.folder / "backups"
    there = backups(folder)
    if there and datetime.now(UTC) - there[0].made_at < EVERY:
        return None
    made = _unused(folder, "routine")
    database.backup(made)
    older = [backup for backup in there if backup.kind == "routine"]
    for backup in older[keep - 1 :]:
        backup.path.unlink(missing_ok=True)
    return made


def sweep(home: Path) -> None:
    """Delete what a killed process has left of a copy half made: of a backup, or of a memory being imported."""
    for part in (home / "backups").glob("*.part"):
        part.unlink(missing_ok=True)
    for staged in home.glob(f"{STAGING}????????"):
        shutil.rmtree(staged, ignore_errors=True)


def _unused(folder: Path, kind: str) -> Path:
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    path = folder / f"memory-{stamp}-{kind}.db"
    number = 2
    while path.exists():
        path = folder / f"memory-{stamp}-{number}-{kind}.db"
        number += 1
    return path
