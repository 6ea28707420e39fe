"""What identifies a model file: a digest over all its bytes, metadata and every tensor.

Any change of weights, quantization or vocabulary shows. It reads the file once (about a second a gigabyte) and is then
kept by path, size and modification time. Not covered: a file changed in place with its size and time put back.
"""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from localnpm.errors import ModelError

_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
_DIGITS = 32

Identity = list[list[str | int]]
"""Path, size and modification time in nanoseconds of each part."""


def fingerprint(path: Path, cache: Path | None = None) -> str:
    """32 hex digits that name the file's content, all parts of a split file together.

    Args:
        cache: a folder for known digests, made when needed; None computes anew.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        parts = _parts(path)
        identity: Identity = [[str(part.absolute()), part.stat().st_size, part.stat().st_mtime_ns] for part in parts]
        place = cache / "fingerprints" / (_digest_of(json.dumps(identity)) + ".json") if cache else None
        known = _recall(place, identity) if place else None
        if known is not None:
            return known
        found = _digest_files(parts)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from None
    if place:
        _keep(place, identity, found)
    return found


def _parts(path: Path) -> Sequence[Path]:
    """The file, or all parts of a split one (`-00001-of-00003.gguf`)."""
    match = _SPLIT.search(path.name)
    if not match:
        return [path]
    stem, count = path.name[: match.start()], int(match[2])
    return [path.with_name(f"{stem}-{number:05}-of-{count:05}.gguf") for number in range(1, count + 1)]


def _digest_files(parts: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        with part.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:_DIGITS]


def _digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def _recall(place: Path, identity: Identity) -> str | None:
    try:
        kept = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict) or kept.get("files") != identity:
        return None
    found = kept.get("fingerprint")
    return found if isinstance(found, str) else None


def _keep(place: Path, identity: Identity, found: str) -> None:
    """Best effort: where the cache cannot be written, the digest is computed again next time."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps({"files": identity, "fingerprint": found}), encoding="utf-8")
        temporary.replace(place)
    except OSError:
        return
