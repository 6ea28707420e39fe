"""Questions about paths that a user gave, answered without raising: what cannot be looked at is not there.

pathlib's own `is_file` raises where a folder on the way may not be entered, its `expanduser` for an unknown user.
"""

from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether an ordinary file is there, as far as this user may see."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder is there, as far as this user may see."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def expand(text: str) -> Path:
    """The path with `~` replaced, or as it stands where nobody has that name."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)
