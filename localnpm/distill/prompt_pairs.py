"""Files of paired prompts, from which a user's own control vector is made.

The format is that of llama.cpp's cvector-generator: one prompt a line, empty lines left out, `\\n`, `\\r`, `\\t`,
`\\'`, `\\"`, `\\\\` and `\\xHH` for what a line cannot hold. Line i of the positive file and line i of the negative one
are a pair. Not covered: what is done with them.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from localnpm.engine.messages import Message
from localnpm.errors import ConfigError
from localnpm.units import size

if TYPE_CHECKING:
    from localnpm.engine.llama_chat import LlamaChat

LARGEST = 16 << 20
"""Bytes of one file."""
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|([nrt'\"\\]))", re.DOTALL)
_MEANING = {"n": "\n", "r": "\r", "t": "\t", "'": "'", '"': '"', "\\": "\\"}


def read_pairs(positive: Path, negative: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The prompts of both files.

    Raises:
        ConfigError: a file cannot be read, is empty, or they have different numbers of prompts.
    """
    first, second = read_prompts(positive), read_prompts(negative)
    if len(first) != len(second):
        raise ConfigError(
            f"{positive} has {len(first)} prompts and {negative} has {len(second)}; line by line they are pairs, "
            "so they need equally many"
        )
    if first == second:
        raise ConfigError(f"{positive} and {negative} hold the same prompts: there is no difference to learn")
    return first, second


def read_prompts(path: Path) -> tuple[str, ...]:
    """The prompts of one file, escapes resolved.

    Raises:
        ConfigError: it cannot be read, is no UTF-8 text, or holds no prompt.
    """
    try:
        if not path.is_file():
            raise ConfigError(f"there is no file {path}")
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"{path} has {size(path.stat().st_size)}; at most {size(LARGEST)} are read")
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is no UTF-8 text; one prompt a line is expected") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    prompts = tuple(unescape(line) for line in text.split("\n") if line)
    if not prompts:
        raise ConfigError(f"{path} holds no prompt; one a line is expected")
    return prompts


def in_chat(chat: "LlamaChat", prompts: Sequence[str]) -> tuple[str, ...]:
    """Each prompt as a user's request in the model's chat template, up to where the answer begins.

    Raises:
        ModelError: the template refuses it.
    """
    return tuple(chat.format.render([Message("user", prompt)], ()) for prompt in prompts)


def unescape(line: str) -> str:
    """A line with its escapes resolved; bytes given as `\\xHH` are UTF-8. Other backslashes stay as they are."""
    raw = _ESCAPE.sub(lambda found: chr(0xDC00 + int(found[1], 16)) if found[1] else _MEANING[found[2]], line)
    # What was given byte by byte is put together with the text around it, as llama.cpp's bytes are.
    return re.sub("[\udc00-\udcff]+", _decoded, raw)


def _decoded(found: re.Match[str]) -> str:
    return bytes(ord(letter) - 0xDC00 for letter in found[0]).decode("utf-8", "replace")
