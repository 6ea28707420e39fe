"""What `.gitignore` files name, nested ones too, and `.git` itself: left out of listings and searches.

Covers gitignore(5) from the workspace root downwards. Not covered: `.git/info/exclude`, the user's global excludes, and
`.gitignore` files above the root.
"""

from dataclasses import dataclass

from pathspec import GitIgnoreSpec

GITIGNORE = ".gitignore"


@dataclass(frozen=True)
class Ignored:
    """The rules in force within one folder: those of its own `.gitignore` and of every folder above it."""

    layers: tuple[tuple[str, GitIgnoreSpec], ...] = ()

    def within(self, folder: str, text: str | None) -> "Ignored":
        """The rules within `folder` (empty for the root), whose own `.gitignore` holds `text`, or which has none."""
        if not text:
            return self
        return Ignored((*self.layers, (f"{folder}/" if folder else "", _spec(text))))

    def covers(self, path: str, *, directory: bool) -> bool:
        """Whether an entry of the folder is ignored; `path` is from the root. The deepest rule decides."""
        if path == ".git" or path.endswith("/.git"):
            return True
        for prefix, spec in reversed(self.layers):
            decided = spec.check_file(path[len(prefix) :] + ("/" if directory else "")).include
            if decided is not None:
                return decided
        return False


def _spec(text: str) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(text.splitlines())
    except ValueError:
        # git passes over a line that makes no sense and heeds the others.
        return GitIgnoreSpec.from_lines(line for line in text.splitlines() if _makes_sense(line))


def _makes_sense(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
