"""The home folder: whether it can be written, every path in it with its size, and whether memory.db is sound."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from localnpm.doctor.finding import Finding, ok, problem, warning
from localnpm.errors import LocalnpmError
from localnpm.home import Home
from localnpm.paths import is_folder
from localnpm.units import size

LITTLE_SPACE = 500_000_000


def examine(home: Home) -> Iterator[Finding]:
    """The home folder, what lies in it, the memory, processes."""
    yield writable(home)
    yield from paths(home)
    yield memory(home)
    yield processes(home)


def writable(home: Home) -> Finding:
    """Whether the home folder can be made and written, tried by writing, and the space on its disk."""
    fix = "make it writable for you, or choose another folder with --home or LOCALNPM_HOME"
    there = home.root
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not is_folder(there):
        return problem("home", f"{there} is not a folder", fix)
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        return problem("home", f"{home.root} cannot be written: {error.strerror or error}", fix)
    detail = f"{home.root}{'' if there == home.root else ' (made when first needed)'}, {size(free)} free on its disk"
    if free < LITTLE_SPACE:
        return warning("home", detail, "make room, or choose a folder on another disk with --home or LOCALNPM_HOME")
    return ok("home", detail)


def paths(home: Home) -> Iterator[Finding]:
    """Every path that localnpm uses, with the bytes in it."""
    for name, path in (
        ("settings file", home.config), ("memory", home.memory), ("backups", home.backups), ("undo", home.undo),
        ("pulled models", home.models), ("logs", home.logs), ("cache", home.cache), ("processes", home.run),
    ):  # fmt: skip
        try:
            files, total = _weigh(path)
        except OSError as error:
            fix = "make it readable for you"
            yield problem(f"path: {name}", f"{path} cannot be read: {error.strerror or error}", fix)
            continue
        if not files:
            yield ok(f"path: {name}", f"{path}, nothing yet")
        else:
            yield ok(f"path: {name}", f"{path}, {size(total)}" + (f" in {files} files" if path.is_dir() else ""))


def _weigh(path: Path) -> tuple[int, int]:
    """Files and bytes at a path; a database's log beside it counts as its own."""
    if path.is_dir():
        found: list[Path] = []
        for directory, _, names in os.walk(path, onerror=_raise):
            found += [Path(directory) / name for name in names]
    else:
        found = [one for suffix in ("", "-wal", "-shm") if (one := path.with_name(path.name + suffix)).is_file()]
    sizes = [file.lstat().st_size for file in found if os.path.lexists(file)]
    return len(sizes), sum(sizes)


def _raise(error: OSError) -> None:
    raise error


def memory(home: Home) -> Finding:
    """Whether memory.db can be opened and is sound. It is not made here."""
    if not os.path.lexists(home.memory):
        return ok("memory.db", "not made yet; the first attempt makes it")
    from localnpm.memory.database import Database

    try:
        with Database.open(home.memory) as database:
            faults = database.check()
            attempts = database.query("SELECT count(*) FROM attempts")[0][0]
    except (LocalnpmError, OSError) as error:
        return problem("memory.db", str(error), "the message says how to go on; nothing has been changed")
    if faults:
        listed = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
        return problem("memory.db", f"{home.memory} is damaged: {listed}", restore(home))
    return ok("memory.db", f"sound, {attempts} attempts")


def restore(home: Home) -> str:
    """What to type to go back to a backup."""
    from localnpm.memory.faults import restore_advice

    return restore_advice(home.memory)


def processes(home: Home) -> Finding:
    """Which processes of localnpm live, and files that ended ones left behind."""
    from localnpm.memory.process import alive

    try:
        names = [file.name for file in home.run.iterdir()]
    except FileNotFoundError:
        names = []
    except OSError as error:
        return problem("processes", f"{home.run} cannot be read: {error.strerror}", "make it readable for you")
    living = [name for name in names if alive(home.run, name)]
    stale = len(names) - len(living)
    detail = f"{len(living)} other processes of localnpm use this home"
    if stale:
        detail += f"; {stale} lock files of ended ones, which the next run clears away"
    return ok("processes", detail)
