"""What was typed and not sent when the app ended, however it ended: kept in a file of the home, given back once."""

import os
from pathlib import Path

from localnpm.home import Home

NAME = "draft.txt"


def keep(home: Home, text: str) -> bool:
    """Keep a text for the next time, readable by its owner only; an empty one leaves what is kept. False: it failed."""
    if not text.strip():
        return True
    try:
        home.root.mkdir(parents=True, mode=0o700, exist_ok=True)
        file = os.open(_path(home), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(file, "w", encoding="utf-8", errors="surrogatepass", newline="") as opened:  # noqa: PTH123 - a descriptor
            opened.write(text)
    except OSError:
        return False
    return True


def take(home: Home) -> str:
    """The text that was kept, which is then kept no longer; empty where there is none."""
    path = _path(home)
    try:
        text = path.read_bytes().decode("utf-8", errors="surrogatepass")
        path.unlink()
    except (OSError, UnicodeDecodeError):
        return ""
    return text


def _path(home: Home) -> Path:
    return home.root / NAME
