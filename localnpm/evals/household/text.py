"""The texts around a household game, as the model sees them: system text, first message, tool calls, trajectories.

The household has one tool, `act`, with one argument, `command`. The forms are those of the file tasks
(`models/recipe/CONTRACT.md`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from localnpm.evals.household.house import House

SYSTEM = (
    "You are localnpm, a personal agent. You act in a household with the tool act, one command at a time, then answer."
)
TASK_MARK = "Your task is to: "
"""Stands before the goal, at the end of the first message."""

_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True)
class Step:
    """One command of an episode and what came of it."""

    command: str
    observation: str
    meant: bool
    """False: a slip put in at random, which nobody should learn from."""


def first_message(house: House, task: str) -> str:
    """What the agent is told at the start: the room, a blank line, the task."""
    return f"{house.intro()}\n\n{TASK_MARK}{task}"


def tool_call(command: str) -> str:
    return '<tool_call>\n{"name": "act", "arguments": {"command": ' + _encode(command) + "}}\n</tool_call>"


def tool_response(text: str) -> str:
    return f"<tool_response>\n{text}\n</tool_response>"


def compact(task: str, steps: Sequence[Step], answer: str) -> str:
    """The compact trajectory: task, a line a step with the observation's first line cut at 80 characters, answer."""
    lines = [f"act(command={_encode(step.command)}) -> {step.observation.split(chr(10), 1)[0][:80]}" for step in steps]
    return "\n".join([f"Task: {task}", *lines, f"Answer: {answer}"])


def system_prompt(procedure: str | None = None, example: str | None = None) -> str:
    """The system text, with what memory has for the task behind it."""
    text = SYSTEM
    if procedure:
        text += f"\n\n# Procedure\n{procedure}"
    if example:
        text += f"\n\n# Example\n{example}"
    return text
