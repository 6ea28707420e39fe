"""Procedures as folders that other agents read: exporting them, and importing such folders.

NAME/SKILL.md (skill_file.py), NAME/example.md with the example, and on request NAME/NAME.gguf, the control vector.
What is imported stays disabled until the user has looked at it; vectors are imported by `localnpm vector import`.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from localnpm.errors import LocalnpmError
from localnpm.memory.database import Database
from localnpm.memory.procedure_names import slug, valid
from localnpm.memory.procedure_records import Draft, Procedure
from localnpm.memory.procedures import Procedures
from localnpm.memory.skill_file import LONGEST_DESCRIPTION, LONGEST_FILE, Skill, decoded, read, write
from localnpm.memory.vector_store import VectorStore

SKILL = "SKILL.md"
EXAMPLE = "example.md"
MOST_SKILLS = 1000
UNSEEN = "imported: look at it with `localnpm memory show`, then enable it"


def export_skills(
    database: Database, procedures: Sequence[Procedure], folder: Path, *, vectors: bool = False, replace: bool = False
) -> tuple[Path, ...]:
    """Write a folder for each procedure under `folder`, which is made; returns them.

    Args:
        vectors: also the live control vectors, `NAME.gguf`, with the model's fingerprint where there are several.
        replace: write over files of an earlier export.

    Raises:
        LocalnpmError: a procedure says nothing, a folder is there already, or it cannot be written.
    """
    store = Procedures(database)
    written = []
    for procedure in procedures:
        files = _files(database, store, procedure, vectors)
        name = procedure.name if valid(procedure.name) else slug(procedure.name)
        written.append(_write_folder(folder / name, files, replace))
    return tuple(written)


def import_skills(database: Database, folder: Path) -> tuple[Procedure, ...]:
    """Store the skill in a folder, or each of those in its subfolders, as disabled procedures.

    Raises:
        LocalnpmError: there is none, or one cannot be read; nothing is stored then.
    """
    found = [_read_folder(place) for place in _places(folder)]
    store = Procedures(database)
    with database.transaction():
        return tuple(
            store.add(
                skill.title,
                [(text, None) for text in skill.requests or (skill.title, skill.description)],
                Draft(skill.script, example, "imported"),
                name=skill.name,
                status="disabled",
                status_reason=UNSEEN,
                origin="imported",
            )
            for skill, example in found
        )


def as_skill(store: Procedures, procedure: Procedure) -> tuple[Skill, str]:
    """A procedure as it travels, and its example.

    Raises:
        LocalnpmError: no version of it says anything.
    """
    version = store.newest(procedure.id)
    if version is None:
        raise LocalnpmError(f"{procedure.name} cannot be exported: no version of it says anything.")
    requests = store.keys(procedure.id)
    like = f" For requests like: {'; '.join(requests[:3])}" if requests else ""
    fields = (
        ("localnpm-version", str(version.number)),
        ("localnpm-source", version.source),
        ("localnpm-status", version.status if procedure.status == "active" else procedure.status),
        ("localnpm-created", f"{version.created_at:%Y-%m-%d}"),
    )
    # Brackets are bounded in the front matter; here round ones do as well.
    told = f"{procedure.title}.{like}".translate(str.maketrans("[]{}", "()()"))
    description = " ".join(told.split())[:LONGEST_DESCRIPTION]
    name = procedure.name if valid(procedure.name) else slug(procedure.name)
    return Skill(name, procedure.title, description, version.script, requests, fields), version.example


def _files(database: Database, store: Procedures, procedure: Procedure, vectors: bool) -> dict[str, bytes]:
    skill, example = as_skill(store, procedure)
    files = {SKILL: write(skill).encode()}
    if example:
        files[EXAMPLE] = f"{example}\n".encode()
    if vectors:
        kept = VectorStore(database)
        live = [vector for vector in kept.all() if vector.procedure_id == procedure.id]
        for vector in live:
            of_model = f"-{vector.model_fingerprint[:8]}" if len(live) > 1 else ""
            files[f"{skill.name}{of_model}.gguf"] = kept.gguf(vector.id)
    return files


def _write_folder(place: Path, files: dict[str, bytes], replace: bool) -> Path:
    if place.is_symlink() or (place.exists() and not (replace and place.is_dir())):
        raise LocalnpmError(f"{place} is there already. Choose another folder, or replace it with --force.")
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            part = place / f".{name}.part"
            part.write_bytes(data)
            part.replace(place / name)
        if replace and EXAMPLE not in files:
            (place / EXAMPLE).unlink(missing_ok=True)
    except OSError as error:
        raise LocalnpmError(f"{place} cannot be written: {error.strerror}. Choose another folder.") from error
    return place


def _places(folder: Path) -> list[Path]:
    """The folders with a skill: the one given, or those in it."""
    try:
        if os.path.lexists(folder / SKILL):
            return [folder]
        found = sorted(entry for entry in folder.iterdir() if os.path.lexists(entry / SKILL))
    except OSError as error:
        raise LocalnpmError(f"{folder} cannot be read: {error.strerror}.") from error
    if not found:
        raise LocalnpmError(f"{folder} has no {SKILL}, and no folder in it has one. Nothing was changed.")
    if len(found) > MOST_SKILLS:
        raise LocalnpmError(f"{folder} has {len(found)} skills, over {MOST_SKILLS}. Import fewer at once.")
    return found


def _read_folder(place: Path) -> tuple[Skill, str]:
    if place.is_symlink():
        raise LocalnpmError(f"{place} cannot be imported: it is a link. Give the folder itself. Nothing was changed.")
    skill = read(_read_file(place / SKILL), str(place / SKILL))
    beside = place / EXAMPLE
    # Of others' folders, a file of that name need not be what we take it for.
    ours = bool(skill.metadata) and os.path.lexists(beside)
    example = decoded(_read_file(beside), str(beside)).strip("\n") if ours else ""
    if not skill.script and not example:
        raise LocalnpmError(f"{place / SKILL} cannot be imported: it has no text below its title. Nothing was changed.")
    return skill, example


def _read_file(path: Path) -> bytes:
    """An ordinary file's bytes, at most one more than is allowed; pipes, devices and links are not opened through."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise LocalnpmError(f"{path} cannot be imported: it is not an ordinary file. Nothing was changed.")
            return file.read(LONGEST_FILE + 1)
    except OSError as error:
        raise LocalnpmError(f"{path} cannot be imported: {error.strerror}. Nothing was changed.") from error
