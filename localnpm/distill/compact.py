"""A trajectory told in a few lines: what becomes an example in a prompt, and what scripts are written from.

The form is the one that the bundled model was trained on, byte for byte: `Task: ...`, a line a call with the head of
its result, `Answer: ...`. A call that could not be read has no tool to tell of and is left out.
Not covered: which trajectory is worth telling (build.py).
"""

import json

from localnpm.memory.records import Step, Trajectory

RESULT_WIDTH = 80
"""Characters shown of the first line of a result."""
LONGEST_TEXT = 2000
"""Characters shown of the request, of the answer, and of any one argument: whole files are no part of an example."""

_CUT = "…"
_encode = json.JSONEncoder(ensure_ascii=False).encode


def compact(trajectory: Trajectory) -> str:
    """The whole task, a line a call, in the order in which the calls were made.

    An attempt that came to no answer ends in an empty one.
    """
    calls = [_line(step) for step in trajectory.steps if step.tool is not None]
    answer = trajectory.answer or ""
    return "\n".join([f"Task: {_short(trajectory.request)}", *calls, f"Answer: {_short(answer)}"])


def way(trajectory: Trajectory) -> tuple[str, ...]:
    """The names of the tools called, in order."""
    return tuple(step.tool for step in trajectory.steps if step.tool is not None)


def _line(step: Step) -> str:
    shown = ", ".join(f"{name}={_argument(value)}" for name, value in (step.arguments or {}).items())
    result = step.result or ""
    return f"{step.tool}({shown}) -> {result.split(chr(10), 1)[0][:RESULT_WIDTH]}"


def _argument(value: object) -> str:
    """An argument as JSON: a long text cut inside its quotes, anything else that is long cut as it is written."""
    if isinstance(value, str):
        return _encode(_short(value))
    return _short(_encode(value))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + _CUT
