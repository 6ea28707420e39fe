"""What a model has said of runs, kept from pass to pass, so that it is not asked the same again.

Values that go through JSON by digests of what was asked, in HOME/cache/asked.json. Forgetting removes the file, as what
lies here comes from attempts. A private memory keeps nothing on the disk.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from localnpm.memory.database import Database

MOST = 20_000
"""Answers that are kept, the latest to be given or used."""


class Asked:
    """Answers by questions. Open it before the log is read."""

    def __init__(self, database: Database) -> None:
        self._file = _file(database)
        self._held: dict[str, Any] = {}
        self._changed = False
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file.touch(mode=0o600)
            self._held = dict(json.loads(self._file.read_text("utf-8") or "{}"))
        except (OSError, ValueError, TypeError):
            # What cannot be read is asked again.
            self._held = {}

    def get(self, *question: Any) -> Any | None:
        """The answer that was kept, or None."""
        name = _digest(question)
        if name not in self._held:
            return None
        self._held[name] = answer = self._held.pop(name)
        return answer

    def put(self, answer: Any, *question: Any) -> None:
        """Keep an answer."""
        self._held[_digest(question)] = answer
        self._changed = True

    def save(self) -> None:
        """Write down what was added; nothing where the disk takes no more, or where something was forgotten since."""
        if self._file is None or not self._changed or not self._file.exists():
            return
        part = self._file.with_suffix(".part")
        try:
            part.touch(mode=0o600)
            part.write_text(json.dumps(dict(list(self._held.items())[-MOST:])), "utf-8")
            part.replace(self._file)
        except OSError:
            return
        self._changed = False


def clear(database: Database) -> None:
    """Drop what was kept beside this memory."""
    file = _file(database)
    if file is not None:
        file.unlink(missing_ok=True)
        file.with_suffix(".part").unlink(missing_ok=True)


def _file(database: Database) -> Path | None:
    return None if database.folder is None else database.folder / "cache" / "asked.json"


def _digest(question: tuple[Any, ...]) -> str:
    return hashlib.sha256(json.dumps(question).encode()).hexdigest()[:32]
