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


class Drafts:
    """Values that go through JSON, by what they came from. Open it before the log is read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._folder = _folder(database)
        self._held: dict[str, Any] = {}
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError:
                self._folder = None

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
        """Keep a value; for this process only, where the disk takes no more or the folder was cleared meanwhile."""
        name = _digest(sources)
        self._held[name] = value
        if self._folder is None:
            return
        # The folder is not made again: who cleared it may have forgotten what this value comes from.
        part = self._folder / f"{name}.part"
        try:
            part.touch(mode=0o600)
            part.write_text(json.dumps(value), "utf-8")
            part.replace(self._folder / name)
        except OSError:
            return

    def clear(self) -> None:
        """Drop everything."""
        self._held.clear()
        clear(self._database)


def clear(database: Database) -> None:
    """Drop what passes of any process have kept beside this memory."""
    folder = _folder(database)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _folder(database: Database) -> Path | None:
    return None if database.folder is None else database.folder / "cache" / "distill"


def _digest(sources: tuple[Any, ...]) -> str:
    return hashlib.sha256(json.dumps(sources, sort_keys=True).encode()).hexdigest()
