"""File names: their parts, and the styles in which people write them."""

from collections.abc import Sequence


def base_name(path: str) -> str:
    """`docs/a.txt` -> `a.txt`."""
    return path[path.rfind("/") + 1 :]


def folder_prefix(path: str) -> str:
    """`docs/a.txt` -> `docs/`; empty for a path at the top level."""
    return path[: path.rfind("/") + 1]


def split_extension(name: str) -> tuple[str, str]:
    """`a.txt` -> (`a`, `.txt`); a leading dot starts no extension."""
    dot = name.rfind(".")
    return (name[:dot], name[dot:]) if dot > 0 else (name, "")


def kebab(words: Sequence[str]) -> str:
    """`Garden fence` -> `garden-fence`."""
    return "-".join(words).lower()


def snake(words: Sequence[str]) -> str:
    """`Garden fence` -> `garden_fence`."""
    return "_".join(words).lower()


def pascal(words: Sequence[str]) -> str:
    """`garden fence` -> `GardenFence`."""
    return "".join(word[:1].upper() + word[1:].lower() for word in words)
