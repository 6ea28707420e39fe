"""What a conversation with a model is made of: messages, tool calls, tool descriptions. Plain values; no llama.cpp.

Covers the OpenAI form that chat templates read (`as_openai`). Rendering and parsing are chat.py's business.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True)
class ToolCall:
    """One call as the model asked for it. `id` is the model's own, where its format has one."""

    name: str
    arguments: Mapping[str, Any]
    id: str = ""

    def __str__(self) -> str:
        """`edit_file(path="a.md", ...)`, each argument as JSON, in the order given."""
        inside = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in self.arguments.items())
        return f"{self.name}({inside})"


@dataclass(frozen=True)
class Message:
    """One message. A `tool` message answers the call of its `tool_call_id`, or, without one, the oldest open call."""

    role: Role
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    name: str = ""

    def as_openai(self, *, arguments_as_text: bool = False) -> dict[str, Any]:
        """The message as chat templates expect it; `arguments_as_text` writes the arguments as a JSON string."""
        message: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.tool_calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {
                        "name": call.name,
                        "arguments": json.dumps(dict(call.arguments), ensure_ascii=False)
                        if arguments_as_text
                        else dict(call.arguments),
                    },
                }
                for call in self.tool_calls
            ]
        if self.role == "tool":
            message["tool_call_id"] = self.tool_call_id
            message["name"] = self.name
        return message


@dataclass(frozen=True)
class ToolSchema:
    """A tool as the model is told of it. `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]

    def as_openai(self) -> dict[str, Any]:
        """The description in the form that templates expect under `tools`."""
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": dict(self.parameters)},
        }
