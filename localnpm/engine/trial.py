"""Open an unknown model file in another process first, so that one that crashes llama.cpp does not take us with it.

llama.cpp checks much of a file, but some values (a negative epsilon, an odd rope width, no heads) end the process in an
assertion or a division by zero. A file is tried once: read, and one token decoded. Not covered: code run through a
flaw in llama.cpp; a file from nobody you trust is better not opened at all.

Run as `python -m localnpm.engine.trial FILE`, it is the other process.
"""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from localnpm.errors import LocalnpmError, ModelError

_SECONDS = 60.0
_SECONDS_A_BYTE = 1 / 20_000_000


def try_file(path: Path, cache: Path) -> None:
    """Try a file in another process, unless this one (by path, size and time) has passed before.

    Args:
        cache: folder that keeps what has passed.

    Raises:
        ModelError: llama.cpp crashed on it, or hung.
    """
    status = path.stat()
    identity = f"{path.absolute()}\n{status.st_size}\n{status.st_mtime_ns}"
    passed = cache / "tried" / hashlib.sha256(os.fsencode(identity)).hexdigest()[:32]
    if passed.exists():
        return
    environment = {**os.environ, "GGML_NO_BACKTRACE": "1"}
    limit = _SECONDS + status.st_size * _SECONDS_A_BYTE
    try:
        done = subprocess.run(
            [sys.executable, "-m", "localnpm.engine.trial", str(path.absolute())],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelError(
            f"{path.name} was not read within {limit:.0f} s: it is damaged, or on a very slow disk. Copy it to this "
            "machine's own disk, or get it again."
        ) from None
    if done.returncode < 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        why = ": ".join([signal.Signals(-done.returncode).name, *lines[-1:]])
        raise ModelError(
            f"{path.name} crashes llama.cpp ({why}): it is damaged, or made to do harm. Get it again from a source "
            "that you trust."
        )
    if done.returncode == 0:
        _note(passed)


def _note(passed: Path) -> None:
    """Best effort: where it cannot be written, the file is tried again next time."""
    try:
        passed.parent.mkdir(parents=True, exist_ok=True)
        passed.touch()
    except OSError:
        return


def main(path: Path) -> int:
    """The other process: 0 if the model opens and decodes a token, 1 if it says why not."""
    from localnpm.config import EngineSettings
    from localnpm.engine.model import Model

    try:
        with Model.open(path, EngineSettings(context=256)) as model:
            list(model.generate([0], max_tokens=1))
    except LocalnpmError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
