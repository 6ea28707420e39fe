"""The texts around a task: system prompts, tool calls and results, and trajectories told in a few lines.

The forms are those of `models/recipe/CONTRACT.md`, sections 1 and 3.
"""

import json
from collections.abc import Iterable, Mapping

from localnpm.evals.habits.workspace import Step

SYSTEM = (
    "You are localnpm, a personal agent. You work on the files in the user's workspace with tools, "
    "one call at a time, then answer."
)

RESULT_WIDTH = 80
"""A compact trajectory shows this many characters of a result's first line."""

encode = json.JSONEncoder(ensure_ascii=False).encode


def tool_call(tool: str, arguments: Mapping[str, object]) -> str:
    """An assistant's turn that calls a tool."""
    return f"<tool_call>\n{encode({'name': tool, 'arguments': arguments})}\n</tool_call>"


RESPONSE_OPEN = "<tool_response>\n"
RESPONSE_CLOSE = "\n</tool_response>"


def tool_response(result: str) -> str:
    """The user's turn with a tool's result."""
    return f"{RESPONSE_OPEN}{result}{RESPONSE_CLOSE}"


def system_prompt(script: str | None = None, example: str | None = None) -> str:
    """The agent's system prompt with what memory has for the task."""
    prompt = SYSTEM
    if script:
        prompt += f"\n\n# Procedure\n{script}"
    if example:
        prompt += f"\n\n# Example\n{example}"
    return prompt


def compact_trajectory(request: str, steps: Iterable[Step], answer: str) -> str:
    """A whole task in one line a step."""
    lines = [f"Task: {request}"]
    for tool, arguments, result in steps:
        shown = ", ".join([f"{name}={encode(value)}" for name, value in arguments.items()])
        lines.append(f"{tool}({shown}) -> {result.split(chr(10), 1)[0][:RESULT_WIDTH]}")
    lines.append(f"Answer: {answer}")
    return "\n".join(lines)
