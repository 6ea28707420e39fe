"""What an unfinished pass has already worked out, so that the next one need not ask the model again.

A pass publishes in one transaction at its end; what it wrote until then lies here, in HOME/cache/distill, a file an
item, named by a digest of all that the item came from. Publishing clears the folder, and so does forgetting, as what
lies here comes from attempts. A private memory keeps nothing on the disk.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from localnpm.memory.database import Database

FOLDER = Path("cache") / "distill"


class Drafts:
    """Values that go through JSON, by what they came from."""

    def __init__(self, database: Database) -> None:
        self._folder = None if database.folder is None else database.folder / FOLDER
        self._held: dict[str, Any] = {}

    def get(self, *sources: Any) -> Any | None:
        """The value that was kept for these sources, or None. One that cannot be read is as good as none."""
        name = _digest(sources)
        if name not in self._held and self._folder is not None:
            try:
                self._held[name] = json.loads((self._folder / name).read_text("utf-8"))
            except (OSError, ValueError):
                return None
        return self._held.get(name)

    def put(self, value: Any, *sources: Any) -> None:
        """Keep a value. On a disk that takes no more it is kept for this process only."""
        name = _digest(sources)
        self._held[name] = value
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = self._folder / f"{name}.part"
            part.touch(mode=0o600)
            part.write_text(json.dumps(value), "utf-8")
            part.replace(self._folder / name)
        except OSError:
            return

    def clear(self) -> None:
        """Drop everything."""
        self._held.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _digest(sources: tuple[Any, ...]) -> str:
    return hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()
