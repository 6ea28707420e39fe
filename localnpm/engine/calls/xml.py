"""XML calls: `<function=name><parameter=key>value` (Qwen3-Coder), `<function name="..."><param name="...">` (MiniCPM5).

The text inside is not escaped XML: a value runs to the closing tag that is followed by the next argument or by the
function's end, so that a value may itself speak of such tags. Types come from the tool's schema.
"""

import json
import re
from collections.abc import Sequence
from html import unescape
from typing import Any

from localnpm.engine.calls.reading import ReadCall, Unreadable, parameter_schema, read_arguments, typed
from localnpm.engine.messages import ToolCall, ToolSchema

_FUNCTION = re.compile(r"""<function(?:=\s*|\s+name\s*=\s*)["']?([^"'>\s]*)["']?\s*>""")
_PARAMETER = re.compile(r"""\s*<(param|parameter)(?:=\s*|\s+name\s*=\s*)["']?([^"'>]*?)["']?\s*>""")
_CLOSED = re.compile(r"\s*</function>")
_CDATA = "<![CDATA["


def function_end(text: str, start: int = 0) -> int | None:
    """Return the index after the first `</function>` that closes a function; None while it has not come."""
    found = _FUNCTION.search(text, start)
    return None if found is None else _walk(text, found.end())[1]


def read_functions(text: str, tools: Sequence[ToolSchema]) -> list[ReadCall]:
    """Read every function of a text, one that is cut off included."""
    calls: list[ReadCall] = []
    found = _FUNCTION.search(text)
    while found is not None:
        name = found[1].strip()
        values, end = _walk(text, found.end())
        calls.append(_call(name, values, text[found.end() : end], tools, complete=end is not None))
        found = _FUNCTION.search(text, end) if end is not None else None
    return calls or [Unreadable("no function name")]


def write_coder(call: ToolCall) -> str:
    """Write a call as Qwen3-Coder does."""
    inside = "".join(f"<parameter={key}>\n{_as_text(value)}\n</parameter>\n" for key, value in call.arguments.items())
    return f"<tool_call>\n<function={call.name}>\n{inside}</function>\n</tool_call>"


def write_cpm(call: ToolCall) -> str:
    """Write a call as MiniCPM5 does: CDATA around what could be mistaken for markup."""
    inside = ""
    for key, value in call.arguments.items():
        text = _as_text(value)
        marked_up = any(character in text for character in "<&\n")
        inside += f'<param name="{key}">{_CDATA + text + "]]>" if marked_up else text}</param>'
    return f'<function name="{call.name}">{inside}</function>'


def _call(
    name: str, values: list[tuple[str, str]], body: str, tools: Sequence[ToolSchema], *, complete: bool
) -> ReadCall:
    if not name:
        return Unreadable("no function name")
    if not values and body.lstrip().startswith("{"):
        arguments = read_arguments(body)
        return arguments if isinstance(arguments, Unreadable) else ToolCall(name, arguments)
    if not complete:
        return Unreadable("</function> is missing")
    return ToolCall(name, {key: typed(value, parameter_schema(tools, name, key)) for key, value in values})


def _walk(text: str, position: int) -> tuple[list[tuple[str, str]], int | None]:
    """Collect the arguments after a function's tag, and the index after its end (None: it does not end here)."""
    values: list[tuple[str, str]] = []
    while parameter := _PARAMETER.match(text, position):
        tag, key = parameter[1], parameter[2].strip()
        in_data = text[parameter.end() :].lstrip().startswith(_CDATA) and tag == "param"
        closing = re.compile(rf"{']]>' if in_data else ''}\s*</{tag}>(?=\s*<(?:{tag}[=\s]|/function>))")
        found = closing.search(text, parameter.end())
        if found is None:
            return values, None
        values.append((key, _value(text[parameter.end() : found.start()], found[0], tag, in_data=in_data)))
        position = found.end()
    closed = _CLOSED.search(text, position)
    return values, None if closed is None else closed.end()


def _value(inside: str, closing: str, tag: str, *, in_data: bool) -> str:
    if in_data:
        return inside[inside.index(_CDATA) + len(_CDATA) :]
    inside += closing.removesuffix(f"</{tag}>")
    if tag == "param":
        return unescape(inside)
    return inside.removeprefix("\n").removesuffix("\n")


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
