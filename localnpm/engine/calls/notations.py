"""The notations in which models write calls as JSON, between markers or bare. xml.py and literal.py hold the others.

A notation tells where a call ends while it streams in, and reads it. Every notation is tried on every model (its
opening texts are too odd to be met by chance), so that a model which strays from its own form is still understood.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from localnpm.engine.calls.reading import (
    ReadCall,
    Unreadable,
    decode,
    is_json_call,
    json_end,
    read_arguments,
    read_json_calls,
)
from localnpm.engine.calls.xml import function_end, read_functions
from localnpm.engine.messages import ToolCall, ToolSchema


@dataclass(frozen=True)
class Notation:
    """One way to write calls.

    Attributes:
        opening: the texts that begin a call.
        end: the index after a call that begins the given text; None while more must come. What it answers for a text
            holds for every longer one, so that it does not matter in which pieces a call arrives.
        read: the calls in such a text, complete or cut off.
    """

    opening: tuple[str, ...]
    end: Callable[[str], int | None]
    read: Callable[[str, Sequence[ToolSchema]], list[ReadCall]]


def until_end_of_turn(_: str) -> None:
    """Nothing but calls follows this opening text: the call ends with the turn."""
    return


_TAG, _TAG_END = "<tool_call>", "</tool_call>"


def _tagged_end(text: str) -> int | None:
    body = len(_TAG)
    first = text[body:].lstrip()[:1]
    if not first:
        return None
    inner = json_end(text, body) if first in "{[" else function_end(text, body) if first == "<" else body
    closed = -1 if inner is None else text.find(_TAG_END, inner)
    return None if closed < 0 else closed + len(_TAG_END)


def _read_tagged(text: str, tools: Sequence[ToolSchema]) -> list[ReadCall]:
    """Read each `<tool_call>` of a text; one whose quotes are out of order may have swallowed the next."""
    if _tagged_end(text) is None and _TAG in text[len(_TAG) :]:
        return [call for part in text.split(_TAG)[1:] for call in _read_tagged(_TAG + part, tools)]
    body = text[len(_TAG) :]
    if body.lstrip().startswith("<function"):
        return read_functions(body, tools)
    return read_json_calls(body.rsplit(_TAG_END, 1)[0] if body.rstrip().endswith(_TAG_END) else body)


def _read_after_marker(text: str, _: Sequence[ToolSchema]) -> list[ReadCall]:
    """Read `[MARK][{...}, {...}]`, or `[MARK]name[ARGS]{...}` once or more, with a `[CALL_ID]` or without."""
    calls: list[ReadCall] = []
    position = 0
    while opened := _MARK.match(text, position):
        named = _NAMED.match(text, opened.end())
        if not named:
            return calls + read_json_calls(text[opened.end() :])
        try:
            value, position = decode(text, named.end())
        except ValueError as error:
            return [*calls, Unreadable(f"arguments are not valid JSON: {error}")]
        arguments = read_arguments(value)
        calls.append(arguments if isinstance(arguments, Unreadable) else ToolCall(named[1], arguments, named[2] or ""))
    return calls or [Unreadable("no call after the marker")]


_MARK = re.compile(r"\s*(?:\[TOOL_CALLS\]|<\|tool_call\|>)\s*")
_NAMED = re.compile(r"([\w.-]+)\s*(?:\[CALL_ID\](\w*))?(?:\[ARGS\])?\s*(?=\{)")


def _read_python_tag(text: str, _: Sequence[ToolSchema]) -> list[ReadCall]:
    return read_json_calls(text.removeprefix("<|python_tag|>"))


def _read_deepseek(text: str, _: Sequence[ToolSchema]) -> list[ReadCall]:
    """Read `type<sep>name` and a fenced object, or as later versions write it `name<sep>{...}`, for each call."""
    calls: list[ReadCall] = []
    for entry in _DEEPSEEK_ENTRY.split(text)[1:]:
        before, found, after = entry.partition("<｜tool▁sep｜>")
        if not found:
            calls.append(Unreadable("no name"))
            continue
        name = before if after.lstrip().startswith("{") else after.partition("\n")[0]
        begin = after.find("{")
        arguments = read_arguments(after[begin:] if begin >= 0 else None)
        calls.append(arguments if isinstance(arguments, Unreadable) else ToolCall(name.strip(), arguments))
    return calls or [Unreadable("no call after the marker")]


_DEEPSEEK_ENTRY = re.compile("<｜tool▁call▁begin｜>")

TAGGED = Notation((_TAG,), _tagged_end, _read_tagged)
MARKED = Notation(("[TOOL_CALLS]", "<|tool_call|>"), until_end_of_turn, _read_after_marker)
PYTHON_TAG = Notation(("<|python_tag|>",), until_end_of_turn, _read_python_tag)
DEEPSEEK = Notation(("<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"), until_end_of_turn, _read_deepseek)
FUNCTION = Notation(("<function=", "<function name="), function_end, read_functions)


_LANGUAGES = ("", "json", "tool_call", "tool_code")
_FENCE_LINE = 20
_KEYS = ("name", "arguments", "parameters", "type", "function", "id")
_FIRST_KEY = re.compile(r'\s*(?:\[\s*)?\{\s*(?:"(\w*)("?))?')


def bare_end(text: str, *, last: bool) -> int | None:
    """Where the bare or fenced JSON call ends that may begin this text; 0 if it begins none, None if more must come.

    `last`: nothing more will come. Other JSON, such as an answer may show, is no call.
    """
    body = _inside_fence(text)
    if body is None:
        return 0 if last else None
    if body < 0 or not _may_be_call(text, body):
        return 0
    end = json_end(text, body)
    if end is None:
        cut_off = '"name"' in text and ('"arguments"' in text or '"parameters"' in text)
        return (len(text) if cut_off else 0) if last else None
    try:
        value, _ = decode(text[body:end])
    except ValueError:
        value = None
    if not all(is_json_call(item) for item in (value if isinstance(value, list) else [value])) or value == []:
        return 0
    if not text.startswith("```"):
        return end
    closing = text[end:].lstrip()
    if closing.startswith("```"):
        return text.index("```", end) + 3
    return None if "```".startswith(closing) and not last else end


def read_bare(text: str, _: Sequence[ToolSchema]) -> list[ReadCall]:
    """Read the calls of a text that `bare_end` took for one."""
    return read_json_calls(text)


def _inside_fence(text: str) -> int | None:
    """Where the JSON begins: after an opening fence, if there is one. -1: it is another fence; None: not yet known."""
    if not text.startswith("`"):
        return 0
    if not text.startswith("```"):
        return None if "```".startswith(text) else -1
    line_end = text.find("\n", 0, _FENCE_LINE)
    if line_end < 0:
        return None if len(text) < _FENCE_LINE else -1
    return line_end + 1 if text[3:line_end].strip() in _LANGUAGES else -1


def _may_be_call(text: str, body: int) -> bool:
    """Tell from its first key, as far as that has come, whether an object can be a call."""
    found = _FIRST_KEY.match(text, body)
    if not found:
        return "[".startswith(text[body:].strip()) or text[body:].strip() == ""
    key, closed = found[1], found[2]
    if key is None:
        return not text[found.end() :].strip()
    if closed:
        return key in _KEYS
    return found.end() == len(text) and any(name.startswith(key) for name in _KEYS)
