"""Between the log and the model: earlier attempts as messages, results cut to what a context bears."""

import re
from collections.abc import Callable, Iterable
from itertools import groupby

from localnpm.engine.messages import Message, ToolCall
from localnpm.memory.records import Trajectory

CUT = re.compile(r"\[cut: \d+ of (\d+) lines\]")


def past_messages(trajectories: Iterable[Trajectory], said: Callable[[str], str]) -> list[Message]:
    """A session so far: each attempt's request, its calls with their results, its answer. Thoughts are left out.

    `said` takes calls and thoughts out of a turn's exact text. An attempt that ended without an answer gets a line that
    says so, for templates that insist on turns taken in turn.
    """
    messages: list[Message] = []
    for trajectory in trajectories:
        messages.append(Message("user", trajectory.attempt.request))
        for _, group in groupby(trajectory.steps, key=lambda step: step.turn):
            steps = list(group)
            called = [step for step in steps if step.result is not None]
            if not called:
                continue
            calls = tuple(ToolCall(step.tool, step.arguments or {}) for step in called if step.tool is not None)
            messages.append(Message("assistant", said(steps[0].text) if calls else steps[0].text, tool_calls=calls))
            messages += [Message("tool", step.result or "", name=step.tool or "") for step in called]
        messages.append(Message("assistant", trajectory.attempt.answer or f"({trajectory.attempt.status})"))
    return messages


def invalid_call_messages(raw: str, error: str) -> list[Message]:
    """What the model said, and the error as a result, for a call that could not be read."""
    return [Message("assistant", raw), Message("tool", error)]


def cut_result(text: str, limit: int, count: Callable[[str], int]) -> str:
    """The head of a tool's result that has at most `limit` tokens, cut at a line's end, with a line that says so.

    A first line longer than the limit is cut inside.
    """
    # No token has more than some 40 characters in ordinary text; beyond that counting would be wasted.
    if len(text) <= limit or (len(text) < 40 * limit and count(text) <= limit):
        return text
    lines = text.split("\n")
    total = len(lines)
    if already := CUT.fullmatch(lines[-1]):
        total = int(already.group(1))
        del lines[-1]
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high + 1) // 2
        head = "\n".join(lines[:middle])
        if len(head) < 40 * limit and count(head) <= limit:
            low = middle
        else:
            high = middle - 1
    head = "\n".join(lines[:low]) if low else lines[0][:limit]
    return f"{head}\n[cut: {low} of {total} lines]"
