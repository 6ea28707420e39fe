"""What every notation of tool calls needs: where JSON ends, what a JSON value says, how XML text becomes a typed value.

Lenient: models write raw newlines in strings, a brace too many, arguments as a string of JSON. What cannot be read is
`Unreadable` with a reason for the model, never an exception.
"""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localnpm.engine.messages import ToolCall, ToolSchema

_JSON_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\]]', re.DOTALL)
_DECODER = json.JSONDecoder(strict=False)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Unreadable:
    """A call that could not be read; `reason` goes back to the model."""

    reason: str


ReadCall = ToolCall | Unreadable


def json_end(text: str, start: int = 0) -> int | None:
    """Return the index after the object or array that begins at or after `start`; None while it is not complete.

    Looks at brackets and strings only, so that a value that json refuses still has an end.
    """
    depth = 0
    for token in _JSON_TOKEN.finditer(text, start):
        character = token.group()[0]
        if character == '"' and len(token.group()) == 1:
            return None
        if character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
            if depth <= 0:
                return token.end()
    return None


def decode(text: str, start: int = 0) -> tuple[Any, int]:
    """Decode the JSON value at `start` (white space skipped); return it and the index after it.

    Raises:
        ValueError: what is there is not JSON.
    """
    while start < len(text) and text[start].isspace():
        start += 1
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return _without_surrogates(value), end


def read_json_calls(text: str) -> list[ReadCall]:
    """Read one call, a list of calls, or several one after the other; what follows them is ignored."""
    calls: list[ReadCall] = []
    position = _next_value(text, 0)
    while position is not None:
        try:
            value, end = decode(text, position)
        except ValueError as error:
            calls.append(Unreadable(f"not valid JSON: {_short(error)}"))
            break
        calls.extend(call_from_json(item) for item in (value if isinstance(value, list) else [value]))
        position = _next_value(text, end)
    return calls or [Unreadable("no JSON object in it")]


def call_from_json(value: Any) -> ReadCall:
    """Read `{"name": ..., "arguments": {...}}` and its relatives: `parameters`, OpenAI's nesting, arguments as text."""
    if not isinstance(value, dict):
        return Unreadable("a call is a JSON object with name and arguments")
    function = value.get("function")
    inner = {**value, **function} if isinstance(function, dict) else value
    name = inner.get("name", function if isinstance(function, str) else None)
    if not isinstance(name, str) or not name.strip():
        return Unreadable("no name")
    arguments = read_arguments(inner.get("arguments", inner.get("parameters")))
    if isinstance(arguments, Unreadable):
        return arguments
    identifier = inner.get("id", inner.get("call_id", ""))
    return ToolCall(name.strip(), arguments, identifier if isinstance(identifier, str) else "")


def read_arguments(value: Any) -> Mapping[str, Any] | Unreadable:
    """Return the arguments as an object, also when they are text that holds one; none at all is an empty object."""
    if isinstance(value, str):
        if not value.strip():
            return {}
        try:
            value, _ = decode(value)
        except ValueError as error:
            return Unreadable(f"arguments are not valid JSON: {_short(error)}")
    if value is None:
        return {}
    return value if isinstance(value, dict) else Unreadable("arguments are not a JSON object")


def is_json_call(value: Any) -> bool:
    """Tell a call from any other JSON that an answer may show: a name, and arguments."""
    call = call_from_json(value)
    if not isinstance(call, ToolCall):
        return False
    function = value.get("function")
    keys = value.keys() | (function.keys() if isinstance(function, dict) else set())
    return bool(keys & {"arguments", "parameters"})


def parameter_schema(tools: Sequence[ToolSchema], tool: str, parameter: str) -> Mapping[str, Any] | None:
    """Return the JSON schema of a tool's parameter; None when either is unknown."""
    for schema in tools:
        if schema.name == tool:
            properties = schema.parameters.get("properties", {})
            return properties.get(parameter) if isinstance(properties, Mapping) else None
    return None


def typed(text: str, schema: Mapping[str, Any] | None) -> Any:
    """Give text from an XML call the type that its schema names.

    A string stays as it is, letter for letter. What does not fit its type stays text too: the tool says so itself.
    Without a schema, JSON that is not a string is taken for what it says.
    """
    types = {"number", "boolean", "null", "array", "object"} if schema is None else _types(schema)
    bare = text.strip()
    if "null" in types and bare in ("null", "None"):
        return None
    if "string" in types or not types:
        return text
    if "boolean" in types and bare.lower() in ("true", "false"):
        return bare.lower() == "true"
    try:
        value, end = decode(bare)
        if bare[end:].strip():
            return text
    except ValueError:
        value = _python_literal(bare)
    expected: tuple[type, ...] = ()
    for name, kinds in {"integer": (int,), "number": (int, float), "array": (list,), "object": (dict,)}.items():
        expected += kinds if name in types else ()
    return value if isinstance(value, expected) and not isinstance(value, bool) else text


def _types(schema: Mapping[str, Any]) -> set[str]:
    named = schema.get("type", ())
    types = {named} if isinstance(named, str) else set(named)
    for key in ("anyOf", "oneOf"):
        for branch in schema.get(key, ()):
            types |= _types(branch)
    if "enum" in schema and not types:
        types = {"string"} if all(isinstance(value, str) for value in schema["enum"]) else {"number", "boolean", "null"}
    return types


def _python_literal(text: str) -> Any:
    """Lists and objects as Python prints them, which some templates do."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _next_value(text: str, start: int) -> int | None:
    """Where the next object or array begins, if only separators lie before it."""
    found = re.compile(r"[\s;,}\]]*(?=[{\[])" if start else r"[^{\[]*(?=[{\[])").match(text, start)
    return found.end() if found else None


def _short(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    return str(error)


def _without_surrogates(value: Any) -> Any:
    """Replace half surrogate pairs (`\\ud83d` alone), which no file can hold."""
    if isinstance(value, str):
        return (
            value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _SURROGATE.search(value) else value
        )
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value
