"""Puts a conversation so that a model's chat template prints all of it: the fallbacks for what the template cannot do.

No system role: the system text heads the first user message. No tool calls or results: they become assistant and
user text in Hermes form (calls in the model's own, where it has one). `tools` ignored: their description joins the
system text. One call a message at most, roles that must alternate, ids of nine characters: put so. probe.py finds
out what is needed.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from localnpm.engine.calls.forms import Form
from localnpm.engine.messages import Message, ToolCall, ToolSchema
from localnpm.engine.probe import Abilities

_IDENTIFIER = re.compile("[A-Za-z0-9]{9}")  # what Mistral's templates insist on, and no other minds


def put(
    messages: Sequence[Message], tools: Sequence[ToolSchema], can: Abilities, *, describe: bool
) -> list[dict[str, Any]]:
    """Return the messages in OpenAI form, put for a template with these abilities.

    Args:
        messages: the conversation.
        tools: what the model may call; used only when they must be described in words.
        can: the template's abilities.
        describe: whether a model whose template ignores tools needs them described.
    """
    put_so = _with_identifiers(messages)
    if describe and tools and not can.tools:
        put_so = _add_to_system(put_so, description(tools, can.form))
    if not can.several:
        put_so = _one_call_each(put_so)
    if not can.calls:
        put_so = [_call_as_text(message, can.form) for message in put_so]
    if not can.results:
        put_so = _results_as_text(put_so)
    if not can.system:
        put_so = _system_to_user(put_so)
    if not can.repeats:
        put_so = _alternating(put_so)
    return [_openai(message, can) for message in put_so]


def brief(tools: Sequence[ToolSchema]) -> list[ToolSchema]:
    """Leave out what the arguments' descriptions say: their names and the tool's description say most of it."""
    return [replace(tool, parameters=_undescribed(tool.parameters)) for tool in tools]


def _undescribed(parameters: Mapping[str, Any]) -> dict[str, Any]:
    properties = {
        name: {key: value for key, value in schema.items() if key != "description"}
        for name, schema in parameters.get("properties", {}).items()
    }
    return {**parameters, "properties": properties}


def description(tools: Sequence[ToolSchema], form: Form) -> str:
    """Describe the tools and how to call them, as Hermes' prompts do, in few tokens."""
    lines = "\n".join(
        json.dumps(
            {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
            ensure_ascii=False,
        )
        for tool in tools
    )
    example = form.write(ToolCall("tool_name", {"argument": "value"}))
    return (
        "# Tools\n\nYou can call these tools; each line is one, with the JSON schema of its arguments:\n"
        f"<tools>\n{lines}\n</tools>\n\n"
        f"To call one, end your turn with its name and arguments, exactly so:\n{example}\n"
        "You then get the result within <tool_response></tool_response>. "
        "With nothing more to call, answer in plain text."
    )


def _openai(message: Message, can: Abilities) -> dict[str, Any]:
    put_so = message.as_openai(arguments_as_text=can.arguments_as_text)
    if message.tool_calls and not can.text_beside:
        put_so["content"] = None if can.no_content else ""
    elif message.tool_calls and can.no_content and not message.content:
        put_so["content"] = None
    return put_so


def _with_identifiers(messages: Sequence[Message]) -> list[Message]:
    """Give each call an id that every template takes, and each result its call's id and name."""
    put_so: list[Message] = []
    unanswered: list[tuple[str, ToolCall]] = []
    count = 0
    for message in messages:
        if message.role != "tool":
            unanswered = []  # of an attempt that was broken off
        if message.tool_calls:
            calls = []
            for call in message.tool_calls:
                new = replace(call, id=call.id if _IDENTIFIER.fullmatch(call.id) else f"call{count:05d}")
                unanswered.append((call.id, new))
                calls.append(new)
                count += 1
            put_so.append(replace(message, tool_calls=tuple(calls)))
        elif message.role == "tool" and unanswered:
            place = next((i for i, (old, _) in enumerate(unanswered) if old and old == message.tool_call_id), 0)
            _, answered = unanswered.pop(place)
            put_so.append(replace(message, tool_call_id=answered.id, name=message.name or answered.name))
        else:
            put_so.append(message)
    return put_so


def _add_to_system(messages: Sequence[Message], text: str) -> list[Message]:
    if messages and messages[0].role == "system":
        return [replace(messages[0], content=f"{messages[0].content}\n\n{text}"), *messages[1:]]
    return [Message("system", text), *messages]


def _one_call_each(messages: Sequence[Message]) -> list[Message]:
    """Split a message with several calls into one message a call, each followed by its result."""
    put_so: list[Message] = []
    waiting = list(messages)
    while waiting:
        message = waiting.pop(0)
        if len(message.tool_calls) < 2:
            put_so.append(message)
            continue
        for number, call in enumerate(message.tool_calls):
            put_so.append(replace(message, content="" if number else message.content, tool_calls=(call,)))
            answer = next((other for other in waiting if other.role == "tool" and other.tool_call_id == call.id), None)
            if answer is not None:
                waiting.remove(answer)
                put_so.append(answer)
    return put_so


def _call_as_text(message: Message, form: Form) -> Message:
    if not message.tool_calls:
        return message
    calls = "\n".join(map(form.write, message.tool_calls))
    return replace(message, content=f"{message.content}\n{calls}" if message.content else calls, tool_calls=())


def _results_as_text(messages: Sequence[Message]) -> list[Message]:
    """Make results user messages, those of one turn together."""
    put_so: list[Message] = []
    for place, message in enumerate(messages):
        if message.role != "tool":
            put_so.append(message)
            continue
        text = f"<tool_response>\n{message.content}\n</tool_response>"
        if messages[place - 1].role == "tool" and put_so:
            put_so[-1] = Message("user", f"{put_so[-1].content}\n{text}")
        else:
            put_so.append(Message("user", text))
    return put_so


def _system_to_user(messages: Sequence[Message]) -> list[Message]:
    system = "\n\n".join(message.content for message in messages if message.role == "system" and message.content)
    others = [message for message in messages if message.role != "system"]
    first = next((place for place, message in enumerate(others) if message.role == "user"), None)
    if not system or first is None:
        return others if first is not None else [Message("user", system), *others]
    return [
        *others[:first],
        replace(others[first], content=f"{system}\n\n{others[first].content}"),
        *others[first + 1 :],
    ]


def _alternating(messages: Sequence[Message]) -> list[Message]:
    """Join neighbours of one role; where a user's message follows a result, the assistant said nothing between."""
    put_so: list[Message] = []
    for message in messages:
        before = put_so[-1] if put_so else None
        if before is None or message.role not in ("user", "assistant") or message.tool_calls:
            put_so.append(message)
        elif before.role == message.role and not before.tool_calls:
            put_so[-1] = replace(before, content=f"{before.content}\n\n{message.content}")
        elif before.role == "tool" and message.role == "user":
            put_so += [Message("assistant"), message]
        else:
            put_so.append(message)
    return put_so
