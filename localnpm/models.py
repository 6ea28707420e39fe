"""The models on this disk: listing them, finding one by name or path, and the memory that one needs.

Which folders are searched is model_sources.py's business, pulling is pull.py's, loading the engine's.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from localnpm.config import EngineSettings
from localnpm.engine.plan import CONTEXTS, KV_BYTES, Machine, make_plan
from localnpm.errors import LocalnpmError, ModelError, NotFoundError
from localnpm.header import Header, check_complete, read_header
from localnpm.home import Home, bundled_model
from localnpm.model_sources import Found, find
from localnpm.paths import expand, is_file, is_folder

BUNDLED_NAMES = ("", "bundled", "apprentice", bundled_model().stem)
UBATCH = 512
"""llama.cpp's default physical batch, for which it reserves its compute buffers."""


class Shape(Protocol):
    """What the memory of a loaded model depends on: a `Header`, or the engine's `ModelInfo`."""

    @property
    def architecture(self) -> str: ...
    @property
    def n_layer(self) -> int: ...
    @property
    def n_embd(self) -> int: ...
    @property
    def n_vocab(self) -> int: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def metadata(self) -> "MetadataText": ...


class MetadataText(Protocol):
    """The part of `Mapping[str, str]` that is used here."""

    def get(self, key: str, default: str, /) -> str: ...


@dataclass(frozen=True)
class ModelFile:
    """A model on this disk. `problem` says why it cannot be used; then the header is missing."""

    name: str
    source: str
    path: Path
    size_bytes: int
    header: Header | None
    problem: str = ""


def list_models(home: Home) -> Iterator[ModelFile]:
    """Every language model found on this disk, the bundled one first, each under a name of its own.

    What is no language model is left out; what is damaged is listed with its problem.
    """
    taken: set[str] = set()
    for found in find(home):
        model = _examine(found)
        if model is None:
            continue
        model = replace(model, name=_free_name(model, taken))
        taken.add(model.name.lower())
        yield model


def _free_name(model: ModelFile, taken: set[str]) -> str:
    """The model's name, or with its source and a number where an earlier model has that name."""
    name, number = model.name, 1
    while name.lower() in taken:
        name = f"{model.name}@{model.source}" + (f"-{number}" if number > 1 else "")
        number += 1
    return name


def _examine(found: Found) -> ModelFile | None:
    try:
        size_bytes = sum(part.stat().st_size for part in found.parts)
        header = read_header(found.path)
    except ModelError as error:
        return ModelFile(found.name, found.source, found.path, size_bytes, None, str(error))
    except OSError as error:
        return ModelFile(found.name, found.source, found.path, 0, None, f"{found.path} cannot be read: {error}")
    if len(found.parts) < found.parts_wanted:
        problem = f"{len(found.parts)} of {found.parts_wanted} parts are there; pull it again to complete it"
        return ModelFile(found.name, found.source, found.path, size_bytes, None, problem)
    if not header.is_language_model:
        return None
    return ModelFile(found.name, found.source, found.path, size_bytes, replace(header, size_bytes=size_bytes))


def resolve(name_or_path: str, home: Home) -> Path:
    """The GGUF file that a name from `localnpm models list` or a path stands for; empty: the bundled model.

    A text that ends in .gguf or holds a path separator and is there as a file is a path; anything else is a name.

    Raises:
        ModelError: the path is not a file, or the bundled model is missing.
        NotFoundError: no model has that name; the message lists near ones.
    """
    if name_or_path.lower() in BUNDLED_NAMES:
        path = bundled_model()
        if not path.is_file():
            raise ModelError(f"the bundled model is missing: there is no file {path}; install localnpm again")
        return path
    path = expand(name_or_path)
    if is_file(path):
        return path.absolute()
    if is_folder(path) and _looks_like_path(name_or_path):
        raise ModelError(f"{path} is a folder; name the GGUF file in it")
    names: list[str] = []
    for model in list_models(home):
        names.append(model.name)
        if name_or_path.lower() in (model.name.lower(), model.path.name.lower()):
            return model.path
    if _looks_like_path(name_or_path):
        raise ModelError(f"{_why_no_file(path.absolute())}; `localnpm models list` shows the models on this disk")
    raise NotFoundError(f"there is no model {name_or_path!r}; {_suggest(name_or_path, names)}")


def _why_no_file(path: Path) -> str:
    try:
        path.stat()
    except PermissionError:
        return f"{path} may not be read by this user"
    except (OSError, ValueError):
        return f"there is no file {path}"
    return f"{path} is no ordinary file"


def _looks_like_path(text: str) -> bool:
    return text.lower().endswith(".gguf") or text.startswith((".", "/", "~"))


def _suggest(wanted: str, names: list[str]) -> str:
    by_lower = {name.lower(): name for name in names}
    near = [name for lower, name in by_lower.items() if wanted.lower() in lower]
    near += [by_lower[lower] for lower in difflib.get_close_matches(wanted.lower(), by_lower, n=5, cutoff=0.5)]
    listed = list(dict.fromkeys(near))[:5]
    if listed:
        return f"near ones are {', '.join(listed)} (`localnpm models list` shows all)"
    return "`localnpm models list` shows those on this disk, `localnpm models pull` gets others"


def chosen(setting: str, home: Home) -> Path | None:
    """The file that the setting `model` names, or None where it names nothing that is there."""
    try:
        return resolve(setting, home)
    except LocalnpmError:
        return None


def use(name_or_path: str, home: Home) -> Path:
    """Use a model from now on: write it into the settings file; returns the file.

    Raises:
        ModelError: there is no such model, or it is no language model.
        ConfigError: the settings file cannot be written.
    """
    from localnpm.config_file import set_value

    path = resolve(name_or_path, home)
    if not check_complete(path).is_language_model:
        raise ModelError(f"{path} holds no language model; `localnpm models list` shows those on this disk")
    is_path = expand(name_or_path).absolute() == path
    set_value(home, "model", "" if path == bundled_model() else str(path) if is_path else name_or_path)
    return path


@dataclass(frozen=True)
class Fit:
    """What a model would take on a machine. `tight`: it fits, if other programs make room. Memory in bytes."""

    context: int
    needed: int
    free: int
    total: int
    verdict: Literal["fits", "tight", "too large"]


def fit(header: Header, settings: EngineSettings, machine: Machine) -> Fit:
    """How a model that has not been loaded would fit, with the context that the engine would choose for it."""
    try:
        plan = make_plan(header, settings, machine)
        context, kv_type = plan.context, plan.kv_type
    except ModelError:
        context = settings.context or min(header.context_trained or CONTEXTS[-1], CONTEXTS[-1])
        kv_type = "f16" if settings.kv_type == "auto" else settings.kv_type
    needed = memory_needed(header, context, kv_type)
    verdict: Literal["fits", "tight", "too large"] = "too large"
    if needed <= machine.memory_total:
        verdict = "fits" if needed <= machine.memory_free else "tight"
    return Fit(context, needed, machine.memory_free, machine.memory_total, verdict)


def memory_needed(shape: Shape, context: int, kv_type: str = "auto") -> int:
    """An estimate of the bytes that a model takes when loaded: weights, keys and values, compute buffer.

    llama.cpp's own tables come on top: 29 MB for the bundled model, measured once; no larger one has been measured.
    Blocks with a sliding window or a recurrent state take less than is reckoned here. The compute buffer is dominated
    by the logits of one physical batch (llama.cpp reserves [UBATCH, n_vocab] float32).
    """
    per_layer = _head_counts(shape)
    key = _number(shape, "attention.key_length") or _head_size(shape)
    value = _number(shape, "attention.value_length") or _head_size(shape)
    elements = sum(heads * (key + value) for heads in per_layer) * context
    compute = UBATCH * (shape.n_vocab + 8 * shape.n_embd) * 4
    return int(shape.size_bytes + elements * KV_BYTES["f16" if kv_type == "auto" else kv_type] + compute)


def _number(shape: Shape, key: str) -> int:
    text = shape.metadata.get(f"{shape.architecture}.{key}", "")
    return int(text) if text.isdigit() else 0


def _head_size(shape: Shape) -> int:
    heads = _number(shape, "attention.head_count")
    return shape.n_embd // heads if heads else 0


def _head_counts(shape: Shape) -> list[int]:
    """Key-value heads of each block; a model may state one number for all or a list."""
    text = shape.metadata.get(f"{shape.architecture}.attention.head_count_kv", "")
    if text.startswith("["):
        return [int(part) for part in text[1:-1].split(",") if part.strip().isdigit()]
    heads = int(text) if text.isdigit() else _number(shape, "attention.head_count")
    return [heads] * shape.n_layer
