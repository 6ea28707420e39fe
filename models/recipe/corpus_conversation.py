"""Documents as conversations: messages, which of them are trained on, and their ChatML text.

The forms are those of CONTRACT.md, section 1.
"""

from collections.abc import Sequence
from typing import NamedTuple

from localnpm.evals.habits.runs import Run
from localnpm.evals.habits.transcript import tool_call, tool_response


class Message(NamedTuple):
    """A turn. `trained`: whether the model learns to write it (only assistants' turns)."""

    role: str
    text: str
    trained: bool


Segment = tuple[str, bool]
"""A piece of a document's text, and whether the model learns to write it."""


class Conversation:
    """A document that grows turn by turn."""

    def __init__(self, system: str) -> None:
        self.messages = [Message("system", system, False)]

    def user(self, text: str) -> None:
        """The user says something."""
        self.messages.append(Message("user", text, False))

    def assistant(self, text: str) -> None:
        """The assistant says something."""
        self.messages.append(Message("assistant", text, True))

    def run(self, run: Run) -> None:
        """The assistant carries a task out: a turn for each call and its result, then the answer."""
        for step in run.steps:
            self.assistant(tool_call(step.tool, step.arguments))
            self.user(tool_response(step.result))
        self.assistant(run.answer)


def render(messages: Sequence[tuple[str, str, bool]]) -> list[Segment]:
    """ChatML segments; a trained one is a turn's text and <|im_end|>. Joined, they are the whole document."""
    segments = []
    context = ""
    for role, text, trained in messages:
        if role == "assistant" and trained:
            segments.append((f"{context}<|im_start|>assistant\n", False))
            segments.append((f"{text}<|im_end|>", True))
            context = "\n"
        else:
            context += f"<|im_start|>{role}\n{text}<|im_end|>\n"
    segments.append((f"{context}<|endoftext|>", False))
    return segments


def readable(messages: Sequence[tuple[str, str, bool]]) -> str:
    """The document for human eyes."""
    return "\n".join(f"--{role}--\n{text}" for role, text, _ in messages)
