"""The grammar of tool calls is one that llama.cpp reads; right calls pass it, wrong ones do not."""

from collections.abc import Iterator

import pytest

from localnpm.engine.calls.forms import FORMS, Form
from localnpm.engine.chat import ChatFormat
from localnpm.engine.grammar import LazyGrammar, call_grammar
from localnpm.engine.guard import GrammarGuard
from localnpm.engine.messages import Message, ToolCall, ToolSchema
from localnpm.engine.model import Model

TOOLS = [
    ToolSchema(
        "edit-file",
        "Edit.",
        {
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "count": {"type": "integer"},
                "mode": {"enum": ["fast", "slow"]},
                "tags": {"type": "array", "items": {"type": "string"}},
                "really": {"type": "boolean"},
            },
            "required": ["path", "count"],
        },
    ),
    ToolSchema("read", "Read.", {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}),
    ToolSchema("now", "Tell the time.", {"type": "object", "properties": {}}),
]
SYSTEM = (
    "You are localnpm, a personal agent. You work on the files in the user's workspace with tools, one call at a time, "
    "then answer."
)
JSON_FORMS = [form for form in FORMS if form.name in ("hermes", "llama3-json", "mistral", "mistral-named")]
RIGHT = [
    ToolCall("edit-file", {"path": 'a "b"\\\n\té ✓ 🙂.md', "count": -3}),
    ToolCall("edit-file", {"path": "", "count": 0, "mode": "slow", "tags": ["x", "y"], "really": True}),
    ToolCall("edit-file", {"path": "a", "count": 1, "really": False}),
    ToolCall("read", {"path": "a"}),
    ToolCall("now", {}),
]
WRONG = [
    ToolCall("delete", {"path": "a"}),
    ToolCall("read", {}),
    ToolCall("read", {"file": "a"}),
    ToolCall("read", {"path": 5}),
    ToolCall("read", {"path": "a", "more": "b"}),
    ToolCall("edit-file", {"path": "a", "count": 1.5}),
    ToolCall("edit-file", {"path": "a", "count": "1"}),
    ToolCall("edit-file", {"path": "a", "count": 1, "mode": "other"}),
    ToolCall("edit-file", {"path": "a", "count": 1, "tags": "x"}),
    ToolCall("now", {"zone": "UTC"}),
]


class Checker:
    """Follows texts with a grammar, as generation does, but from the first character on."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._vocabulary = model.vocabulary

    def accepts(self, grammar: LazyGrammar, text: str) -> bool:
        """Whether the whole text, and the end of the turn after it, fit the grammar."""
        guard = GrammarGuard(LazyGrammar(grammar.gbnf, ()), self._vocabulary)
        try:
            for token in [*self._model.tokenize(text, special=False), self._vocabulary.eos]:
                if not guard.allows(token):
                    return False
                guard.accept(token)
            return True
        finally:
            guard.close()


@pytest.fixture(scope="module")
def checker(bundled: Model) -> Iterator[Checker]:
    """With the bundled model's vocabulary."""
    yield Checker(bundled)


def grammar_of(form: str) -> LazyGrammar:
    grammar = call_grammar(form, TOOLS)
    assert grammar is not None
    return grammar


@pytest.mark.parametrize("form", JSON_FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize("call", RIGHT, ids=str)
def test_a_right_call_passes(checker: Checker, form: Form, call: ToolCall) -> None:
    assert checker.accepts(grammar_of(form.name), form.write(call))


@pytest.mark.parametrize("form", JSON_FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize("call", WRONG, ids=str)
def test_a_wrong_call_does_not_pass(checker: Checker, form: Form, call: ToolCall) -> None:
    assert not checker.accepts(grammar_of(form.name), form.write(call))


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name":"read","arguments":{"path":"a"}}</tool_call>',
        '<tool_call>\n{\n  "name": "read",\n  "arguments": {\n    "path": "a"\n  }\n}\n</tool_call>',
    ],
)
def test_white_space_is_free(checker: Checker, text: str) -> None:
    assert checker.accepts(grammar_of("hermes"), text)


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>\n{"name": "read", "arguments": {"path": "a\nb"}}\n</tool_call>',
        '<tool_call>\n{"name": "read", "arguments": {"path": "a\\x"}}\n</tool_call>',
        '<tool_call>\n{"name": "read", "arguments": {"path": "a"}\n</tool_call>',
        '<tool_call>\n{"name": "read", "arguments": {"path": "a"}}}\n</tool_call>',
        '<tool_call>\n{"name": "read", "arguments": {"path": "a"}}',
    ],
)
def test_what_json_cannot_read_does_not_pass(checker: Checker, text: str) -> None:
    assert not checker.accepts(grammar_of("hermes"), text)


@pytest.mark.parametrize(
    "text",
    [
        '[TOOL_CALLS][{"name": "read", "arguments": {"path": "a"}, "id": "a1b2c3d4e"}]',
        '[TOOL_CALLS][{"name": "now", "arguments": {}}, {"name": "read", "arguments": {"path": "a"}}]',
    ],
)
def test_mistrals_lists_and_ids_pass(checker: Checker, text: str) -> None:
    assert checker.accepts(grammar_of("mistral"), text)


def test_mistrals_call_id_passes(checker: Checker) -> None:
    assert checker.accepts(grammar_of("mistral-named"), '[TOOL_CALLS]read[CALL_ID]a1b2c3d4e[ARGS]{"path": "a"}')


def test_llamas_python_tag_passes(checker: Checker) -> None:
    assert checker.accepts(grammar_of("llama3-json"), '<|python_tag|>{"name": "read", "parameters": {"path": "a"}}')


@pytest.mark.parametrize("form", JSON_FORMS, ids=lambda form: form.name)
def test_every_call_has_a_trigger(form: Form) -> None:
    grammar = grammar_of(form.name)
    assert all(form.write(call).startswith(grammar.triggers) for call in RIGHT)


def test_json_in_an_answer_of_llama_triggers_nothing() -> None:
    assert not any(trigger in '{"name": "Ada", "age": 36}' for trigger in grammar_of("llama3-json").triggers)


@pytest.mark.parametrize("form", ["xml-qwen3-coder", "xml-minicpm", "harmony", "gemma", "deepseek", "lfm", "phi"])
def test_other_forms_have_no_grammar(form: str) -> None:
    assert call_grammar(form, TOOLS) is None


def test_without_tools_there_is_no_grammar() -> None:
    assert call_grammar("hermes", []) is None


def test_a_model_held_to_a_grammar_calls_a_tool_that_it_would_not_have_called(bundled: Model) -> None:
    info = bundled.info
    chat = ChatFormat.for_model(info.chat_template, bos=bundled.bos, eos=bundled.eos, protocol=info.protocol)
    prompt = chat.render([Message("system", SYSTEM), Message("user", 'Add "buy milk" to my todo list')], TOOLS)
    tokens = bundled.tokenize(prompt)
    names = []
    for grammar in (None, chat.grammar(TOOLS[1:2])):
        written = "".join(bundled.generate(tokens, max_tokens=100, stop=chat.stop, grammar=grammar))
        names.append([call.name for call in chat.parse(written).calls])
    chat.close()
    assert names == [["list_directory"], ["read"]]
