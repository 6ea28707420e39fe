"""Python, the packages that localnpm stands on, and the files that came with it. Heavy packages are not imported."""

import hashlib
import importlib.util
import platform
import sqlite3
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from localnpm import __version__
from localnpm.doctor.finding import Finding, ok, problem, warning
from localnpm.home import PACKAGE, bundled

BUNDLED = {
    "apprentice-q8_0.gguf": "92294fce1154c7e555cc6f26dac7c12187575aaac4a354bc5b2c0b9272329331",
    "embedder/model.safetensors": "55490048cfab8ca03628163569643cdcb8212c9c8db19cb203c021fe98b2e5c4",
    "embedder/tokenizer.json": "519c9734de11ba6a965becb82bdd4c2672bf0cc4b1d4aa53392031044bae5bfa",
}
"""SHA-256 of the bundled model's and embedder's files."""
LLAMA_CPP = "0.3.36"
"""The release of llama-cpp-python whose low-level interface the engine is written for."""
PACKAGES = (
    "click", "gguf", "huggingface-hub", "jinja2", "numpy", "pathspec", "platformdirs", "psutil", "rich",
    "sqlite-utils", "tomlkit",
)  # fmt: skip
REINSTALL = "install localnpm again"


def examine() -> Iterator[Finding]:
    """Python, packages, PyTorch, bundled files."""
    yield ok("localnpm", f"{__version__}, imported from {PACKAGE}")
    yield python(sys.version_info[:2])
    yield from packages()
    yield sqlite()
    yield pytorch()
    yield sentence_transformers()
    yield from bundled_files(bundled())


def python(version: tuple[int, int]) -> Finding:
    """Whether this Python is one that localnpm is written for."""
    detail = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    if version < (3, 11):
        return problem("python", detail, "install Python 3.11 or newer")
    return ok("python", detail)


def packages() -> Iterator[Finding]:
    """Which packages are installed, by their metadata."""
    there = {name: _version(name) for name in PACKAGES}
    missing = [name for name, version in there.items() if not version]
    if missing:
        yield problem("packages", f"not installed: {', '.join(missing)}", REINSTALL)
    else:
        yield ok("packages", ", ".join(f"{name} {version}" for name, version in there.items()))
    llama = _version("llama-cpp-python")
    if not llama:
        yield problem("llama-cpp-python", "not installed", f"pip install llama-cpp-python=={LLAMA_CPP}")
    elif llama != LLAMA_CPP:
        yield warning(
            "llama-cpp-python",
            f"{llama}, but the engine calls the low-level interface of {LLAMA_CPP}; it changes from release to release",
            f"pip install llama-cpp-python=={LLAMA_CPP}",
        )
    else:
        yield ok("llama-cpp-python", llama)


def sqlite() -> Finding:
    """Whether this Python's SQLite can search texts."""
    detail = f"SQLite {sqlite3.sqlite_version}"
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
    except sqlite3.OperationalError:
        return problem("sqlite", f"{detail} without FTS5", "use a Python whose SQLite has FTS5, as python.org's has")
    finally:
        connection.close()
    return ok("sqlite", f"{detail} with full-text search")


def pytorch() -> Finding:
    """Whether PyTorch is there, and without CUDA; it is not imported."""
    version = _version("torch")
    if not version:
        return warning(
            "pytorch",
            "not installed; the bundled model and embedder do not need it, other sentence embedders do",
            "pip install torch --index-url https://download.pytorch.org/whl/cpu, if you want another embedder",
        )
    found = importlib.util.find_spec("torch")
    folders = [Path(folder) for folder in (found.submodule_search_locations or [])] if found else []
    if any((folder / "lib/libtorch_cuda.so").is_file() for folder in folders):
        return warning(
            "pytorch",
            f"{version} is a CUDA build, gigabytes that localnpm never uses",
            "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cpu",
        )
    return ok("pytorch", f"{version}, a build without CUDA")


def sentence_transformers() -> Finding:
    """Whether another embedder than the bundled one could be used; it is not imported."""
    version = _version("sentence-transformers")
    if not version or importlib.util.find_spec("sentence_transformers") is None:
        return warning(
            "sentence-transformers",
            "not installed; only the bundled embedder can be used",
            "pip install sentence-transformers",
        )
    return ok("sentence-transformers", version)


def bundled_files(folder: Path) -> Iterator[Finding]:
    """Whether the files that came with localnpm are there and are what was packed."""
    for name, expected in BUNDLED.items():
        path = folder / name
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            yield problem(f"bundled {name}", f"{path}: {error.strerror or error}", REINSTALL)
            continue
        if digest != expected:
            yield problem(f"bundled {name}", f"{path} is not the file that was packed: SHA-256 {digest}", REINSTALL)
        else:
            yield ok(f"bundled {name}", f"{path}, checksum right")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
