"""Control vectors as GGUF bytes, out and in.

The layout is the one that llama.cpp's `--control-vector-scaled` and repeng read: `general.architecture` is
`controlvector`, then `controlvector.model_hint` and `controlvector.layer_count`, and one F32 tensor `direction.N` for
each 0-based block N from 1 on, which is added to that block's output. All that localnpm knows more of a vector stands
in metadata keys, which those programs pass over.

Not covered: what is believed of the bytes (gguf_foreign.py), and what the rows mean (vector_file.py).
"""

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from localnpm.distill.gguf_foreign import (
    ARCHITECTURE,
    COEFFICIENT,
    KEY,
    LARGEST,
    LAYERS,
    NORMS,
    PROVENANCE,
    UNIT,
    parse,
)
from localnpm.distill.vector_file import VectorFile, checked_range, compose, fitted, scaled, shifted
from localnpm.errors import ConfigError, SteeringError
from localnpm.units import size

__all__ = ["VectorFile", "compose", "export", "fitted", "read", "scaled", "shifted", "to_bytes"]


def read(source: Path | bytes, name: str = "", *, raw: bool = False) -> VectorFile:
    """Read a control-vector file, whoever wrote it; what it claims is believed only where the bytes bear it out.

    Args:
        source: a path, or the bytes as memory.db has them.
        name: for messages about bytes.
        raw: take the rows for what they are, whatever the file says of its unit.

    Raises:
        SteeringError: it cannot be read, or is not a control-vector file in every respect.
    """
    if isinstance(source, bytes):
        return parse(source, name or "the vector", raw=raw)
    return parse(_content(source), str(source), raw=raw)


def export(data: bytes, path: Path, *, force: bool = False) -> None:
    """Write a file whole or not at all.

    Raises:
        ConfigError: the file is there and `force` is not given, llama.cpp could not be told its name, or it cannot be
            written.
    """
    if re.search("[:,]", path.name):
        raise ConfigError(f"{path.name!r} has a colon or a comma, which llama.cpp reads as FILE:SCALE,...; rename it")
    temporary = path.with_name(f".localnpm-{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if force:
            temporary.replace(path)
        else:
            # Unlike a rename, a link fails where the name is taken, whoever took it when.
            path.hardlink_to(temporary)
    except FileExistsError:
        raise ConfigError(f"{path} is there already; --force overwrites it") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _content(path: Path) -> bytes:
    try:
        # Without O_NONBLOCK the opening of a named pipe would wait for a writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise SteeringError(f"{path} is no ordinary file; name a control vector's GGUF file")
            if found.st_size > LARGEST:
                raise SteeringError(
                    f"{path} has {size(found.st_size)}; the vectors of the largest models have a tenth of "
                    f"{size(LARGEST)}: this is no control vector"
                )
            return file.read(LARGEST)
    except FileNotFoundError:
        raise SteeringError(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SteeringError(f"{path} cannot be read: {reason}") from None


def to_bytes(file: VectorFile) -> bytes:
    """The file's bytes; equal values give equal bytes.

    Raises:
        SteeringError: values that are not finite, or shapes that do not belong together.
    """
    # Imported here: it takes longer than most commands.
    from gguf import GGUFWriter

    directions = np.ascontiguousarray(file.directions, np.float32)
    if directions.ndim != 2 or not directions.size or not np.isfinite(directions).all():
        raise SteeringError("a vector file needs finite directions, one row for each block from 1 on")
    checked_range(file.layers, (1, len(directions)), "the vector")
    with TemporaryDirectory(prefix="localnpm-vector-") as folder:
        path = Path(folder) / "vector.gguf"
        writer = GGUFWriter(path, ARCHITECTURE)
        writer.add_string(f"{ARCHITECTURE}.model_hint", _storable(file.model_hint))
        writer.add_uint32(f"{ARCHITECTURE}.layer_count", len(directions))
        writer.add_string(UNIT, file.unit)
        writer.add_float64(COEFFICIENT, file.coefficient)
        writer.add_array(LAYERS, list(file.layers))
        if file.norms is not None:
            if file.norms.shape != (len(directions),) or not np.isfinite(file.norms).all():
                raise SteeringError(f"{len(directions)} rows need as many finite norms")
            writer.add_array(NORMS, [float(norm) for norm in file.norms])
        for key in sorted(file.provenance):
            if not KEY.fullmatch(key):
                raise SteeringError(f"{key!r} cannot be a key of a vector's provenance")
            writer.add_string(PROVENANCE + key, _storable(file.provenance[key]))
        for index, row in enumerate(directions):
            writer.add_tensor(f"direction.{index + 1}", row)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
