"""Paths in a workspace: their normal form, their parts, and the styles in which people write file names."""

from collections.abc import Iterator, Sequence


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


def normalized(path: str) -> str | None:
    """The path relative to the root, which is `""`; None for a path outside the workspace."""
    if not path or path == ".":
        return ""
    if path[0] in "/~\\" or (len(path) > 1 and path[1] == ":"):
        return None
    if "." not in path and "//" not in path and path[-1] != "/":
        return path
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def parents(path: str) -> Iterator[str]:
    """The folders above a path, the nearest first, without the root."""
    slash = path.rfind("/")
    while slash > 0:
        path = path[:slash]
        yield path
        slash = path.rfind("/")
