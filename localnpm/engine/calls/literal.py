"""Calls that are neither JSON nor XML: Gemma 4's `call:name{key:<|"|>text<|"|>}` and LFM's `[name(key="text")]`.

Not covered: Python expressions. LFM's arguments are literals, read with `ast`; nothing is evaluated.
"""

import ast
import json
import re
from collections.abc import Sequence
from typing import Any

from localnpm.engine.calls.reading import ReadCall, Unreadable, read_json_calls
from localnpm.engine.messages import ToolCall, ToolSchema

GEMMA_OPENING, _GEMMA_END, _QUOTE = "<|tool_call>", "<tool_call|>", '<|"|>'
_GEMMA_TOKEN = re.compile(r'<\|"\|>.*?<\|"\|>|<\|"\|>|<tool_call\|>', re.DOTALL)
_GEMMA_CALL = re.compile(r"\s*call:\s*([\w.-]+)\s*")
_GEMMA_STRING = re.compile(r'\s*<\|"\|>(.*?)<\|"\|>', re.DOTALL)
_GEMMA_KEY = re.compile(r'\s*(?:<\|"\|>(.*?)<\|"\|>|"([^"]*)"|([^:{}\[\],]*?))\s*:', re.DOTALL)
_GEMMA_BARE = re.compile(r"[^,{}\[\]]*")


def gemma_end(text: str) -> int | None:
    """Return the index after the call; a closing tag inside a quoted string does not count."""
    for token in _GEMMA_TOKEN.finditer(text, len(GEMMA_OPENING)):
        if token.group() == _QUOTE:
            return None
        if token.group() == _GEMMA_END:
            return token.end()
    return None


def read_gemma(text: str, _: Sequence[ToolSchema]) -> list[ReadCall]:
    """Read the one call of a text."""
    name = _GEMMA_CALL.match(text, len(GEMMA_OPENING))
    if name is None:
        return [Unreadable("no name after call:")]
    try:
        arguments, _end = _gemma_value(text, name.end())
    except (ValueError, IndexError, RecursionError):
        return [Unreadable("arguments are not complete")]
    if not isinstance(arguments, dict):
        return [Unreadable("arguments are not an object")]
    return [ToolCall(name[1], arguments)]


def write_gemma(call: ToolCall) -> str:
    """Write a call as Gemma 4 does, its arguments sorted by name."""
    return f"{GEMMA_OPENING}call:{call.name}{_gemma_text(dict(call.arguments))}{_GEMMA_END}"


def _gemma_text(value: Any) -> str:
    if isinstance(value, str):
        return _QUOTE + value + _QUOTE
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_gemma_text(value[key])}" for key in sorted(value, key=str.lower)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_gemma_text, value)) + "]"
    return json.dumps(value)


def _gemma_value(text: str, position: int) -> tuple[Any, int]:
    """Read the value at `position`; return it and the index after it. ValueError or IndexError: it is not complete."""
    if string := _GEMMA_STRING.match(text, position):
        return string[1], string.end()
    while text[position].isspace():
        position += 1
    if text[position] == "{":
        return _gemma_object(text, position + 1)
    if text[position] == "[":
        return _gemma_list(text, position + 1)
    if text[position] == '"':
        value, end = json.JSONDecoder(strict=False).raw_decode(text, position)
        return value, end
    found = _GEMMA_BARE.match(text, position)
    bare = found[0].strip() if found else ""
    end = position + len(found[0]) if found else position
    if bare == "None":
        return None, end
    try:
        return json.loads(bare.lower() if bare in ("True", "False") else bare), end
    except ValueError:
        return bare, end


def _gemma_object(text: str, position: int) -> tuple[dict[str, Any], int]:
    values: dict[str, Any] = {}
    while text[position] != "}":
        key = _GEMMA_KEY.match(text, position)
        if key is None:
            raise ValueError("no key")
        name = next(group for group in key.groups() if group is not None)
        values[name], position = _gemma_value(text, key.end())
        position = _after_separator(text, position)
    return values, position + 1


def _gemma_list(text: str, position: int) -> tuple[list[Any], int]:
    values: list[Any] = []
    position = _after_separator(text, position)
    while text[position] != "]":
        value, position = _gemma_value(text, position)
        values.append(value)
        position = _after_separator(text, position)
    return values, position + 1


def _after_separator(text: str, position: int) -> int:
    while text[position].isspace() or text[position] == ",":
        position += 1
    return position


LFM_OPENING, _LFM_END = "<|tool_call_start|>", "<|tool_call_end|>"
_PYTHON_STRING = r"""'[^'\\]*+(?:\\.[^'\\]*+)*+'|"[^"\\]*+(?:\\.[^"\\]*+)*+\""""
_LFM_TOKEN = re.compile(_PYTHON_STRING + r"""|["']|<\|tool_call_end\|>""", re.DOTALL)
_STRING = re.compile(_PYTHON_STRING, re.DOTALL)


def lfm_end(text: str) -> int | None:
    """Return the index after the list of calls; a closing marker inside a string does not count."""
    for token in _LFM_TOKEN.finditer(text, len(LFM_OPENING)):
        if token.group() in "\"'":
            return None
        if token.group() == _LFM_END:
            return token.end()
    return None


def read_lfm(text: str, _: Sequence[ToolSchema]) -> list[ReadCall]:
    """Read `[name(key=literal), ...]`, or the JSON that these models write when asked for it."""
    inside = text.removeprefix(LFM_OPENING).strip().removesuffix(_LFM_END).strip()
    if re.match(r"\[?\s*\{", inside):
        return read_json_calls(inside)
    inside = _STRING.sub(lambda string: string[0].replace("\r", "\\r").replace("\n", "\\n"), inside)
    try:
        tree = ast.parse(inside, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return [Unreadable("not a list of calls like [name(argument=value)]")]
    return [_python_call(node) for node in (tree.elts if isinstance(tree, ast.List) else [tree])]


def write_lfm(call: ToolCall) -> str:
    """Write a call as LFM2.5 does."""
    inside = ", ".join(f"{key}={_python_text(value)}" for key, value in call.arguments.items())
    return f"{LFM_OPENING}[{call.name}({inside})]{_LFM_END}"


def _python_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _python_call(node: ast.expr) -> ReadCall:
    if not isinstance(node, ast.Call) or node.args:
        return Unreadable("a call is name(argument=value)")
    try:
        return ToolCall(ast.unparse(node.func), {word.arg or "": _python_value(word.value) for word in node.keywords})
    except (ValueError, RecursionError):
        return Unreadable("arguments are not plain values")


def _python_value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[node.id]
    return ast.literal_eval(node)
