"""Text from models, files and users, made harmless for a terminal: what would act is shown instead.

Escape sequences, control characters and marks that turn the writing direction become visible escapes such as `\\x1b`
and `\\u202e`. For every front end; markup of a screen library (rich, Textual) is theirs to switch off.
"""

import re
from typing import Any

# C0 but tab and newline, DEL, C1; embeddings, overrides and isolates of direction; lone surrogates.
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """The text with everything that would act on a terminal written out; newlines and tabs stay."""
    return _ACTING.sub(_escape, text)


def one_line(text: str, length: int) -> str:
    """The text on one line of at most `length` characters, harmless too."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= length else line[: length - 1] + "…"


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """JSON that is harmless for a terminal and still gives exactly the same value back."""
    import json

    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _ACTING.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
