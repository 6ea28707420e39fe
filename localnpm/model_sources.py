"""Where the GGUF files on this disk are: localnpm's own, and the caches of four other programs.

These are Ollama, LM Studio, Hugging Face's libraries and llama.cpp; only the folders that they document are looked at,
with the environment variables that move them. Files are found by name and, for Ollama, by manifest; nothing is opened
here but the manifests, and nothing is ever written.

Not covered: Windows paths, and Ollama models without a GGUF layer (safetensors, remote models).
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from localnpm.header import SPLIT
from localnpm.home import Home, bundled_model
from localnpm.paths import expand, is_file

OLLAMA_MODEL = "application/vnd.ollama.image.model"
BESIDE_A_MODEL = re.compile(r"(^|[-_.])mmproj([-_.]|$)", re.IGNORECASE)
"""Projectors for pictures lie beside the models that they belong to."""


@dataclass(frozen=True)
class Found:
    """A file that may be a model. Of a split model: its first part, and all parts that are there."""

    name: str
    source: str
    path: Path
    parts: tuple[Path, ...]
    parts_wanted: int = 1


def find(home: Home, environment: Mapping[str, str] | None = None) -> Iterator[Found]:
    """Every candidate, the bundled model first, then by source; one file reached on two ways is given once."""
    environment = os.environ if environment is None else environment
    seen: set[Path] = set()
    for found in _all(home, environment):
        real = found.path.resolve()
        if real not in seen:
            seen.add(real)
            yield found


def _all(home: Home, environment: Mapping[str, str]) -> Iterator[Found]:
    bundled = bundled_model()
    if bundled.is_file():
        yield Found("apprentice", "bundled", bundled, (bundled,))
    yield from in_folder(home.models, "localnpm")
    for folder in ollama_folders(environment):
        yield from in_ollama(folder)
    for source, folders in (
        ("lmstudio", lm_studio_folders(environment)),
        ("huggingface", [hugging_face_folder(environment)]),
        ("llama.cpp", llama_cpp_folders(environment)),
    ):
        for folder in folders:
            yield from in_folder(folder, source)


def _user_home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or Path.home())


def ollama_folders(environment: Mapping[str, str]) -> list[Path]:
    """OLLAMA_MODELS, else the user's folder; and that of Ollama's system service on Linux."""
    own = environment.get("OLLAMA_MODELS")
    folder = Path(own) if own else _user_home(environment) / ".ollama/models"
    return [folder, Path("/usr/share/ollama/.ollama/models")]


def lm_studio_folders(environment: Mapping[str, str]) -> list[Path]:
    """LM Studio's folder today, and that of its versions before 0.3."""
    home = _user_home(environment)
    return [home / ".lmstudio/models", home / ".cache/lm-studio/models"]


def hugging_face_folder(environment: Mapping[str, str]) -> Path:
    """The hub's cache: HF_HUB_CACHE, else HF_HOME/hub, else the cache folder."""
    if environment.get("HF_HUB_CACHE"):
        return expand(environment["HF_HUB_CACHE"])
    cache = Path(environment.get("XDG_CACHE_HOME") or _user_home(environment) / ".cache")
    return expand(environment.get("HF_HOME") or str(cache / "huggingface")) / "hub"


def llama_cpp_folders(environment: Mapping[str, str]) -> list[Path]:
    """llama.cpp's own downloads: LLAMA_CACHE, else the cache folder of Linux and that of macOS."""
    if environment.get("LLAMA_CACHE"):
        return [Path(environment["LLAMA_CACHE"])]
    home = _user_home(environment)
    cache = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    return [cache / "llama.cpp", home / "Library/Caches/llama.cpp"]


def in_folder(folder: Path, source: str) -> Iterator[Found]:
    """GGUF files anywhere below a folder, parts of one model as one, named by their files. Folders that may not be
    read are passed over."""
    for directory, names, files in os.walk(folder):
        names.sort()
        splits: dict[tuple[str, int], list[Path]] = {}
        for file in sorted(files):
            path = Path(directory) / file
            if not file.lower().endswith(".gguf") or BESIDE_A_MODEL.search(path.stem) or not is_file(path):
                continue
            split = SPLIT.match(file)
            if split:
                splits.setdefault((split["stem"], int(split["parts"])), []).append(path)
            else:
                yield Found(path.stem, source, path, (path,))
        for (stem, wanted), parts in splits.items():
            yield Found(stem, source, parts[0], tuple(parts), wanted)


def in_ollama(folder: Path) -> Iterator[Found]:
    """The models that Ollama's manifests name, as `name:tag`; a manifest that cannot be understood is passed over."""
    manifests = folder / "manifests"
    for directory, names, files in os.walk(manifests):
        names.sort()
        for file in sorted(files):
            manifest = Path(directory) / file
            blob = _ollama_blob(manifest, folder)
            if blob:
                yield Found(_ollama_name(manifest.relative_to(manifests).parts), "ollama", blob, (blob,))


def _ollama_name(parts: tuple[str, ...]) -> str:
    """registry.ollama.ai/library/NAME/TAG is called NAME:TAG there; any other registry or owner is part of the name."""
    *owner, name, tag = parts
    if owner[:1] == ["registry.ollama.ai"]:
        owner = owner[1:]
    if owner == ["library"]:
        owner = []
    return "/".join([*owner, name]) + ":" + tag


def _ollama_blob(manifest: Path, folder: Path) -> Path | None:
    try:
        layers = json.loads(manifest.read_text("utf-8"))["layers"]
        digests = [layer["digest"] for layer in layers if layer["mediaType"] == OLLAMA_MODEL]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not digests or not re.fullmatch(r"sha256:[0-9a-f]{64}", str(digests[0])):
        return None
    blob = folder / "blobs" / str(digests[0]).replace(":", "-")
    return blob if is_file(blob) and len(manifest.relative_to(folder / "manifests").parts) >= 2 else None
