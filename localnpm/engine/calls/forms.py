"""The forms of tool calls by the families of models that write them: how each is recognized, written and stopped.

Which form a model has is told by its chat template. A template that shows no form gets Hermes': its description goes
into the system text (conversation.py). Reading is not divided so: splitter.py tries every notation on every model.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from localnpm.engine.calls.literal import write_gemma, write_lfm
from localnpm.engine.calls.xml import write_coder, write_cpm
from localnpm.engine.messages import ToolCall


@dataclass(frozen=True)
class Form:
    """How one family of models writes a call.

    Attributes:
        name: as `models show` prints it and grammar.py knows it.
        example: what a call looks like, on one line.
        signs: texts of which one stands in every template of the family.
        opening: the text that begins a turn's calls.
        write: a call's text.
        stop: texts that end a turn after a call, where the GGUF may not list them as such.
    """

    name: str
    example: str
    signs: tuple[str, ...]
    opening: str
    write: Callable[[ToolCall], str]
    stop: tuple[str, ...] = ()


def _json(call: ToolCall) -> str:
    return json.dumps(dict(call.arguments), ensure_ascii=False)


def _write_hermes(call: ToolCall) -> str:
    return f'<tool_call>\n{{"name": {json.dumps(call.name)}, "arguments": {_json(call)}}}\n</tool_call>'


def _write_llama(call: ToolCall) -> str:
    return f'{{"name": {json.dumps(call.name)}, "parameters": {_json(call)}}}'


def _write_list(call: ToolCall) -> str:
    return f'[{{"name": {json.dumps(call.name)}, "arguments": {_json(call)}}}]'


def _write_mistral(call: ToolCall) -> str:
    return "[TOOL_CALLS]" + _write_list(call)


def _write_mistral_named(call: ToolCall) -> str:
    return f"[TOOL_CALLS]{call.name}[ARGS]{_json(call)}"


def _write_phi(call: ToolCall) -> str:
    return f"<|tool_call|>{_write_list(call)}<|/tool_call|>"


def _write_harmony(call: ToolCall) -> str:
    return f"<|channel|>commentary to=functions.{call.name} <|constrain|>json<|message|>{_json(call)}"


def _write_deepseek(call: ToolCall) -> str:
    return (
        f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>{call.name}\n"
        f"```json\n{_json(call)}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
    )


HERMES = Form(
    "hermes",
    '<tool_call>{"name": …, "arguments": {…}}</tool_call>',
    ("<tool_call>",),
    "<tool_call>",
    _write_hermes,
)
HARMONY = Form(
    "harmony",
    "<|channel|>commentary to=functions.… <|message|>{…}<|call|>",
    ("<|channel|>",),
    " to=functions.",
    _write_harmony,
    ("<|call|>", "<|return|>"),
)
LLAMA = Form(
    "llama3-json",
    '{"name": …, "parameters": {…}}',
    ('"parameters": ', "<|python_tag|>"),
    '{"name": ',
    _write_llama,
    ("<|eom_id|>", "<|eot_id|>"),
)

# The first whose sign a template holds is its form: those whose signs other families' templates hold too come last.
FORMS = (
    HARMONY,
    Form(
        "gemma",
        '<|tool_call>call:…{key:<|"|>…<|"|>}<tool_call|>',
        ("<|tool_call>call:",),
        "<|tool_call>",
        write_gemma,
        ("<|tool_response>", "<turn|>"),
    ),
    Form(
        "deepseek",
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>…",
        ("<｜tool▁calls▁begin｜>",),
        "<｜tool▁calls▁begin｜>",
        _write_deepseek,
    ),
    Form(
        "xml-qwen3-coder",
        "<tool_call><function=…><parameter=…>…</parameter></function></tool_call>",
        ("<function=",),
        "<tool_call>",
        write_coder,
    ),
    Form(
        "xml-minicpm",
        '<function name="…"><param name="…">…</param></function>',
        ("<function name=",),
        "<function name=",
        write_cpm,
    ),
    Form("mistral-named", "[TOOL_CALLS]…[ARGS]{…}", ("[ARGS]",), "[TOOL_CALLS]", _write_mistral_named),
    Form(
        "mistral",
        '[TOOL_CALLS][{"name": …, "arguments": {…}}]',
        ("[TOOL_CALLS]",),
        "[TOOL_CALLS]",
        _write_mistral,
    ),
    Form(
        "lfm",
        "<|tool_call_start|>[…(key=…)]<|tool_call_end|>",
        ("<|tool_call_start|>", "<|tool_list_start|>", '"List of tools: ['),
        "<|tool_call_start|>",
        write_lfm,
    ),
    HERMES,
    Form(
        "phi",
        '<|tool_call|>[{"name": …, "arguments": {…}}]<|/tool_call|>',
        ("<|tool_call|>",),
        "<|tool_call|>",
        _write_phi,
    ),
    LLAMA,
)


def form_of(template: str) -> Form | None:
    """Return the form whose sign stands in a chat template; None if there is none."""
    return next((form for form in FORMS if any(sign in template for sign in form.signs)), None)
