"""Calls are read in every form that a family of models writes, and what cannot be read is named."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localnpm.engine.calls.forms import FORMS, Form
from localnpm.engine.calls.literal import lfm_end, read_lfm
from localnpm.engine.chat import ChatFormat, ParsedTurn
from localnpm.engine.messages import ToolCall, ToolSchema

Parse = Callable[..., ParsedTurn]

TOOL = ToolSchema(
    "edit",
    "Edit.",
    {
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "count": {"type": "integer"},
            "share": {"type": "number"},
            "really": {"type": "boolean"},
            "lines": {"type": "array"},
            "more": {"type": "object"},
            "perhaps": {"type": ["string", "null"]},
            "either": {"anyOf": [{"type": "integer"}, {"type": "boolean"}]},
        },
    },
)
READ = ToolCall("read_file", {"path": "todo.md"})


@pytest.fixture(scope="module")
def parse() -> Iterator[Parse]:
    """Reads a turn of any model but gpt-oss."""
    chat = ChatFormat.for_model(None, bos="", eos="")
    yield chat.parse
    chat.close()


@pytest.fixture(scope="module")
def parse_harmony() -> Iterator[Parse]:
    """Reads a turn of gpt-oss."""
    template = (
        "{% for m in messages %}<|start|>{{ m.role }}<|channel|>final<|message|>{{ m.content }}<|end|>{% endfor %}"
    )
    chat = ChatFormat.for_model(template, bos="", eos="")
    yield chat.parse
    chat.close()


@pytest.mark.parametrize(
    "written",
    [
        '<tool_call>\n{"name": "read_file", "arguments": {"path": "todo.md"}}\n</tool_call>',
        '<tool_call>{"name": "read_file", "arguments": {"path": "todo.md"}}</tool_call>',
        '<tool_call>\n{"name": "read_file", "arguments": {"path": "todo.md"}}',
        '<tool_call>\n{"name": "read_file", "arguments": {"path": "todo.md"}}}\n</tool_call>',
        '<tool_call>\n{"arguments": "{\\"path\\": \\"todo.md\\"}", "name": "read_file"}\n</tool_call>',
        '{"name": "read_file", "parameters": {"path": "todo.md"}}',
        '{"type": "function", "function": "read_file", "parameters": {"path": "todo.md"}}',
        '{"type": "function", "function": {"name": "read_file", "parameters": {"path": "todo.md"}}}',
        '<|python_tag|>{"name": "read_file", "parameters": {"path": "todo.md"}}',
        '```json\n{"name": "read_file", "arguments": {"path": "todo.md"}}\n```',
        '```\n[{"name": "read_file", "arguments": {"path": "todo.md"}}]\n```',
        '[TOOL_CALLS][{"name": "read_file", "arguments": {"path": "todo.md"}}]',
        '[TOOL_CALLS] {"name": "read_file", "arguments": {"path": "todo.md"}}',
        '[TOOL_CALLS]read_file[ARGS]{"path": "todo.md"}',
        '<|tool_call|>[{"name": "read_file", "arguments": {"path": "todo.md"}}]<|/tool_call|>',
        "<tool_call>\n<function=read_file>\n<parameter=path>\ntodo.md\n</parameter>\n</function>\n</tool_call>",
        "<function=read_file>\n<parameter=path>\ntodo.md\n</parameter>\n</function>\n</tool_call>",
        '<function=read_file>{"path": "todo.md"}</function>',
        '<function name="read_file"><param name="path">todo.md</param></function>',
        '<function name="read_file"><param name="path"><![CDATA[todo.md]]></param></function>',
        '<|tool_call>call:read_file{path:<|"|>todo.md<|"|>}<tool_call|>',
        '<|tool_call>call:read_file{"path": "todo.md"}<tool_call|>',
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>read_file\n"
        '```json\n{"path": "todo.md"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>read_file<｜tool▁sep｜>{"path": "todo.md"}<｜tool▁call▁end｜>',
        '<|tool_call_start|>[read_file(path="todo.md")]<|tool_call_end|>',
        "<|tool_call_start|>[read_file(path='todo.md')]<|tool_call_end|>",
        '<|tool_call_start|>[{"name": "read_file", "arguments": {"path": "todo.md"}}]<|tool_call_end|>',
    ],
)
def test_a_call_is_read_in_each_notation(parse: Parse, written: str) -> None:
    assert parse("I look first.\n" + written) == ParsedTurn(text="I look first.", calls=(READ,))


@pytest.mark.parametrize(
    "written",
    [
        '<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{"path": "todo.md"}<|call|>',
        ' to=functions.read_file<|channel|>commentary json<|message|>{"path": "todo.md"}',
        '<|start|>assistant to=functions.read_file<|channel|>commentary json<|message|>{"path": "todo.md"}<|call|>',
    ],
)
def test_a_call_is_read_from_a_channel(parse_harmony: Parse, written: str) -> None:
    assert parse_harmony(written) == ParsedTurn(calls=(READ,))


def test_channels_are_told_apart(parse_harmony: Parse) -> None:
    turn = parse_harmony(
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary<|message|>I look.<|end|>"
        '<|start|>assistant<|channel|>commentary to=functions.read_file<|message|>{"path": "todo.md"}<|call|>'
    )
    assert turn == ParsedTurn(thought="Hm.", text="I look.", calls=(READ,))


def test_a_turn_of_gpt_oss_without_channels_is_text(parse_harmony: Parse) -> None:
    assert parse_harmony("today is fine") == ParsedTurn(text="today is fine")


def test_the_id_of_a_call_is_kept(parse: Parse) -> None:
    turn = parse('[TOOL_CALLS]read_file[CALL_ID]a1b2c3d4e[ARGS]{"path": "todo.md"}')
    assert [call.id for call in turn.calls] == ["a1b2c3d4e"]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=8,
)
JSON_FORMS = [form for form in FORMS if form.name not in ("xml-qwen3-coder", "xml-minicpm", "harmony", "gemma", "lfm")]


@pytest.mark.parametrize("form", JSON_FORMS, ids=lambda form: form.name)
@settings(deadline=None)
@given(arguments=st.dictionaries(st.from_regex("[a-z]{1,8}", fullmatch=True), values, max_size=4))
def test_json_arguments_come_back_as_they_were_written(parse: Parse, form: Form, arguments: dict[str, Any]) -> None:
    assert parse(form.write(ToolCall("edit", arguments))) == ParsedTurn(calls=(ToolCall("edit", arguments),))


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")).filter(
    lambda text: not any(end in text for end in ("</parameter>", "]]>", '<|"|>'))
)


@pytest.mark.parametrize(
    "form", [form for form in FORMS if form not in JSON_FORMS and form.name != "harmony"], ids=lambda form: form.name
)
@settings(deadline=None)
@given(path=texts, count=st.integers(), really=st.booleans(), lines=st.lists(texts, max_size=3))
def test_typed_arguments_come_back_as_they_were_written(
    parse: Parse, form: Form, path: str, count: int, really: bool, lines: list[str]
) -> None:
    call = ToolCall("edit", {"path": path, "count": count, "really": really, "lines": lines})
    assert parse(form.write(call), [TOOL]) == ParsedTurn(calls=(call,))


@pytest.mark.parametrize(
    ("parameter", "written", "meant"),
    [
        ("path", "5", "5"),
        ("path", "  two\n\nlines ", "  two\n\nlines "),
        ("path", "a </parameter> tag & more", "a </parameter> tag & more"),
        ("count", "5", 5),
        ("count", "five", "five"),
        ("share", "0.5", 0.5),
        ("share", "2", 2),
        ("really", "True", True),
        ("really", "false", False),
        ("lines", '["a", 1]', ["a", 1]),
        ("lines", "['a', None]", ["a", None]),
        ("more", '{"a": {"b": null}}', {"a": {"b": None}}),
        ("perhaps", "None", None),
        ("perhaps", "nothing", "nothing"),
        ("either", "7", 7),
        ("either", "true", True),
    ],
)
def test_text_in_xml_gets_the_type_of_its_schema(parse: Parse, parameter: str, written: str, meant: object) -> None:
    turn = parse(f"<function=edit>\n<parameter={parameter}>\n{written}\n</parameter>\n</function>", [TOOL])
    assert turn.calls[0].arguments == {parameter: meant}
    assert type(turn.calls[0].arguments[parameter]) is type(meant)


def test_a_file_that_speaks_of_calls_can_be_written(parse: Parse) -> None:
    content = "End with </tool_call>, </function> or\n<tool_call>\n{}\n"
    call = ToolCall("edit", {"path": content})
    written = f'<tool_call>\n{{"name": "edit", "arguments": {json.dumps(dict(call.arguments))}}}\n</tool_call>'
    assert parse(written) == ParsedTurn(calls=(call,))


def test_several_calls_come_in_order_with_the_text_around_them(parse: Parse) -> None:
    turn = parse(
        'First.\n<tool_call>\n{"name": "a", "arguments": {}}\n</tool_call>\n'
        'Then.\n<tool_call>\n{"name": "b"}\n</tool_call>'
    )
    assert [call.name for call in turn.calls] == ["a", "b"]
    assert turn.text == "First.\n\nThen."


@pytest.mark.parametrize(
    "written",
    [
        '[TOOL_CALLS][{"name": "a", "arguments": {}}, {"name": "b", "arguments": {}}]',
        "[TOOL_CALLS]a[ARGS]{}[TOOL_CALLS]b[ARGS]{}",
        '<|python_tag|>{"name": "a", "parameters": {}}; {"name": "b", "parameters": {}}',
        "<|tool_call_start|>[a(), b()]<|tool_call_end|>",
        "<|tool_call>call:a{}<tool_call|><|tool_call>call:b{}<tool_call|>",
        "<function=a>\n</function>\n<function=b>\n</function>",
        '{"name": "a", "arguments": {}}\n{"name": "b", "arguments": {}}',
        '<tool_call>\n{"name": "a", "arguments": {}}\n{"name": "b", "arguments": {}}\n</tool_call>',
    ],
)
def test_several_calls_are_read_in_each_notation(parse: Parse, written: str) -> None:
    turn = parse(written)
    assert [call.name for call in turn.calls] == ["a", "b"]
    assert turn.text == ""


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ('<tool_call>\n{"name": "edit", "arguments": {"path": }}\n</tool_call>', "not valid JSON: Expecting value"),
        ('<tool_call>\n{"name": "edit", "argum', "not valid JSON"),
        ('<tool_call>\n{"arguments": {}}\n</tool_call>', "no name"),
        ('<tool_call>\n{"name": "edit", "arguments": 5}\n</tool_call>', "arguments are not a JSON object"),
        ('<tool_call>\n{"name": "edit", "arguments": "{"}\n</tool_call>', "not valid JSON"),
        ("<tool_call>\nedit\n</tool_call>", "no JSON object"),
        ("<tool_call>\n<function=edit>\n<parameter=path>\na", "</function> is missing"),
        ("<function=>\n</function>", "no function name"),
        ("[TOOL_CALLS]", "no JSON object"),
        ("[TOOL_CALLS]edit[ARGS]{oops}", "not valid JSON"),
        ("<|tool_call>edit<tool_call|>", "no name after call:"),
        ('<|tool_call>call:edit{path:<|"|>a', "not complete"),
        ("<｜tool▁calls▁begin｜>", "no call"),
        ("<|tool_call_start|>[edit(", "not a list of calls"),
        ("<|tool_call_start|>[edit(open('x'))]<|tool_call_end|>", "name(argument=value)"),
        ("<|tool_call_start|>[edit(path=open('x'))]<|tool_call_end|>", "not plain values"),
        ('{"name": "edit", "arguments": {"path": "cut o', "not valid JSON"),
    ],
)
def test_what_cannot_be_read_is_named(parse: Parse, written: str, reason: str) -> None:
    turn = parse(written, [TOOL])
    assert turn.calls == ()
    assert len(turn.invalid) == 1
    assert reason in turn.invalid[0]


def test_a_call_with_its_quotes_out_of_order_does_not_hide_the_next(parse: Parse) -> None:
    turn = parse(
        '<tool_call>\n{"name": "edit", "arguments": {"path": "he said "no}}\n</tool_call>\n'
        '<tool_call>\n{"name": "read_file", "arguments": {"path": "todo.md"}}\n</tool_call>'
    )
    assert turn.calls == (READ,)
    assert len(turn.invalid) == 1


def test_raw_line_breaks_in_json_strings_are_taken_as_they_are(parse: Parse) -> None:
    turn = parse('<tool_call>\n{"name": "edit", "arguments": {"path": "a\nb\tc"}}\n</tool_call>')
    assert turn.calls == (ToolCall("edit", {"path": "a\nb\tc"}),)


def test_half_a_surrogate_pair_does_not_reach_a_file(parse: Parse) -> None:
    turn = parse('<tool_call>{"name": "edit", "arguments": {"path": "x\\ud83d", "lines": ["\\ude00"]}}</tool_call>')
    assert json.dumps(turn.calls[0].arguments["path"], ensure_ascii=False).encode()
    assert turn.calls[0].arguments["path"] == "x\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "answer",
    [
        '{"name": "Ada", "age": 36}',
        'The record:\n```json\n{"name": "Ada", "born": 1815}\n```\nThat is all.',
        "```python\n{}\n```",
        "[1, 2, 3]",
        "`code` and [a link](x)",
        "{not json",
        'Write {"name": "edit", "arguments": {}} yourself.',
        "",
    ],
)
def test_an_answer_that_shows_json_is_no_call(parse: Parse, answer: str) -> None:
    assert parse(answer) == ParsedTurn(text=answer)


@pytest.mark.parametrize(
    ("written", "thought", "text"),
    [
        ("<think>\nHm.\n</think>\n\nDone.", "Hm.", "Done."),
        ("[THINK]Hm.[/THINK]Done.", "Hm.", "Done."),
        ("<|channel>thought\nHm.\n<channel|>Done.", "Hm.", "Done."),
        ("<think>\n\n</think>\n\nDone.", "", "Done."),
        ("<think>Hm", "Hm", ""),
        ("Done.</think>", "", "Done."),
    ],
)
def test_thoughts_are_kept_apart(parse: Parse, written: str, thought: str, text: str) -> None:
    assert parse(written) == ParsedTurn(thought=thought, text=text)


def test_a_call_that_a_thought_only_mentions_is_not_made(parse: Parse) -> None:
    turn = parse('<think>I could write <tool_call>{"name": "a"}</tool_call>.</think>But no.')
    assert turn.calls == ()


def test_a_call_in_a_thought_that_was_never_closed_is_made(parse: Parse) -> None:
    turn = parse('<think>So:\n<tool_call>\n{"name": "read_file", "arguments": {"path": "todo.md"}}\n</tool_call>')
    assert turn.calls == (READ,)


def test_lfm_reads_a_marker_within_a_string_as_text() -> None:
    written = '<|tool_call_start|>[edit(path="a <|tool_call_end|> b")]<|tool_call_end|>'
    assert lfm_end(written) == len(written)
    assert read_lfm(written, ()) == [ToolCall("edit", {"path": "a <|tool_call_end|> b"})]


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_at_all_raises(parse: Parse, text: str) -> None:
    for opening in (
        "",
        "<tool_call>",
        "<function=a>",
        "[TOOL_CALLS]",
        "<|tool_call>call:a{",
        "<|tool_call_start|>",
        "```json\n{",
    ):
        assert isinstance(parse(opening + text, [TOOL]), ParsedTurn)
