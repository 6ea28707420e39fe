"""Titles and names. A name is lower-case letters, digits and single hyphens, at most 64 characters.

So it is a folder's name, a word for llama.cpp's `FILE:SCALE,...`, and the Agent Skills layout's `name`.
"""

import re
import unicodedata
from collections.abc import Container

from localnpm.memory.database import storable

LONGEST = 64
TITLE_WIDTH = 120
PATTERN = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
RULE = f"lower-case letters, digits and single hyphens, at most {LONGEST} characters, and not digits alone"


def valid(name: str) -> bool:
    """Whether a name follows the rule. Digits alone would be taken for an id."""
    return len(name) <= LONGEST and PATTERN.fullmatch(name) is not None and not name.isdecimal()


def slug(text: str, *, otherwise: str = "procedure") -> str:
    """A name made of a text's words; `otherwise` where it has no letter that a name can hold."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall("[a-z0-9]+", plain.replace("'", ""))
    name = ""
    for word in words:
        longer = f"{name}-{word}" if name else word[:LONGEST]
        if len(longer) > LONGEST - 8:
            break
        name = longer
    name = name or "-".join(words)[: LONGEST - 8].strip("-") or otherwise
    return f"{otherwise}-{name}" if name.isdecimal() else name


def free(name: str, taken: Container[str]) -> str:
    """The name, or with a number after it where it is taken."""
    if name not in taken:
        return name
    number = 2
    while (numbered := f"{name[: LONGEST - 8].rstrip('-')}-{number}") in taken:
        number += 1
    return numbered


def one_title(text: str) -> str:
    """A title as it is stored: one line, at most TITLE_WIDTH characters."""
    line = " ".join(storable(text).split())
    return line if len(line) <= TITLE_WIDTH else line[: TITLE_WIDTH - 1] + "…"
