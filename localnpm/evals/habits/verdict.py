"""What a verifier looks at: the files that should be there, and what an answer admits."""

import re
from collections.abc import Mapping
from typing import NamedTuple

_ADMITS_MISSING = re.compile(
    r"could not find|couldn't find|cannot find|can't find|no such|not here|there (is|are) no|does not exist"
    r"|not on the list|not in the"
)
_ADMITS_FAILURE = re.compile(r"could not|couldn't|cannot find|can't find")


class Verdict(NamedTuple):
    """Whether a task was done as its user likes it; the reason is `ok` or what is wrong."""

    success: bool
    reason: str


def files_problem(expected: Mapping[str, str], actual: Mapping[str, str]) -> str | None:
    """The first difference between the files; white space at the end of a file does not count."""
    for path, text in expected.items():
        if path not in actual:
            return f"file is missing: {path}"
        if actual[path].rstrip() != text.rstrip():
            return f"wrong content: {path}"
    for path in actual:
        if path not in expected:
            return f"file should not be there: {path}"
    return None


def admits_missing(answer: str) -> bool:
    """Whether the answer says that the thing asked for is not there."""
    return _ADMITS_MISSING.search(answer.lower()) is not None


def admits_failure(answer: str) -> bool:
    """Whether the answer says that the task was not done."""
    return _ADMITS_FAILURE.search(answer.lower()) is not None


def contains_number(text: str, number: str) -> bool:
    """Whether the number stands in the text, and not as a part of a longer one."""
    return re.search(r"(?<![\d.])" + re.escape(number) + r"(?!\d|\.\d)", text) is not None
