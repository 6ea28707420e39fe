"""A chat format puts messages as the template can take them, and the bundled model's turns byte for byte."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from localnpm.engine.chat import ChatFormat
from localnpm.engine.messages import Message, ToolCall, ToolSchema
from localnpm.engine.model import Model
from localnpm.errors import ModelError

TOOL = ToolSchema("read_file", "Read a text file.", {"type": "object", "properties": {"path": {"type": "string"}}})
CALL = ToolCall("read_file", {"path": "todo.md"})
STEP = [Message("assistant", tool_calls=(CALL,)), Message("tool", "buy milk\n")]
ASKED = [Message("system", "Be brief."), Message("user", "What is to do?")]

CHATML = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}"
ALTERNATING = """{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('roles must alternate') }}{% endif %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}"""

Make = Callable[..., ChatFormat]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes formats of templates, and closes them."""
    made: list[ChatFormat] = []

    def make_one(template: str | None, protocol: int = 0) -> ChatFormat:
        made.append(ChatFormat.for_model(template, bos="<s>", eos="</s>", protocol=protocol))
        return made[-1]

    yield make_one
    for chat in made:
        chat.close()


@pytest.fixture(scope="module")
def apprentice(bundled: Model) -> Iterator[ChatFormat]:
    """The bundled model's format."""
    info = bundled.info
    chat = ChatFormat.for_model(info.chat_template, bos=bundled.bos, eos=bundled.eos, protocol=info.protocol)
    yield chat
    chat.close()


def test_the_bundled_models_turns_are_rendered_byte_for_byte(apprentice: ChatFormat) -> None:
    messages = [
        Message("system", "You are localnpm."),
        Message("user", "What is here?"),
        Message("assistant", tool_calls=(ToolCall("list_directory", {"path": "."}),)),
        Message("tool", "[DIR] docs\n[FILE] todo.md"),
    ]
    assert apprentice.render(messages, [TOOL]) == (
        "<|im_start|>system\nYou are localnpm.<|im_end|>\n"
        "<|im_start|>user\nWhat is here?<|im_end|>\n"
        "<|im_start|>assistant\n"
        '<tool_call>\n{"name": "list_directory", "arguments": {"path": "."}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\n[DIR] docs\n[FILE] todo.md\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_the_bundled_models_results_are_not_trimmed(apprentice: ChatFormat) -> None:
    assert "<tool_response>\nbuy milk\n\n</tool_response>" in apprentice.render([*ASKED, *STEP], [TOOL])


def test_the_bundled_models_arguments_are_written_without_escapes(apprentice: ChatFormat) -> None:
    call = ToolCall("write_file", {"path": "é <&> 'x'.md", "content": '"q"\n'})
    prompt = apprentice.render([*ASKED, Message("assistant", tool_calls=(call,))], [TOOL])
    assert '"arguments": {"path": "é <&> \'x\'.md", "content": "\\"q\\"\\n"}}' in prompt


def test_the_bundled_model_is_not_told_of_the_tools(apprentice: ChatFormat) -> None:
    assert "read_file" not in apprentice.render(ASKED, [TOOL])
    assert "by itself" in apprentice.describe()


def test_a_bundled_turn_rendered_again_is_what_was_read(apprentice: ChatFormat) -> None:
    written = 'I look.\n<tool_call>\n{"name": "read_file", "arguments": {"path": "a \\"b\\".md"}}\n</tool_call>'
    turn = apprentice.parse(written, [TOOL])
    prompt = apprentice.render([*ASKED, Message("assistant", turn.text, turn.calls)], [TOOL], generation_prompt=False)
    assert prompt.endswith(f"<|im_start|>assistant\n{written}<|im_end|>\n")


def test_a_template_that_ignores_tools_gets_them_in_the_system_text(make: Make) -> None:
    system = make(CHATML).render(ASKED, [TOOL]).partition("</system>")[0]
    assert system.startswith("<system>Be brief.\n\n# Tools\n")
    assert '{"name": "read_file", "description": "Read a text file."' in system
    assert '<tool_call>\n{"name": ' in system


def test_tools_are_told_where_there_is_no_system_text(make: Make) -> None:
    assert make(CHATML).render(ASKED[1:], [TOOL]).startswith("<system># Tools\n")


def test_no_tools_are_told_where_there_are_none(make: Make) -> None:
    assert make(CHATML).render(ASKED, []) == "<system>Be brief.</system><user>What is to do?</user>"


def test_a_template_without_tools_gets_calls_and_results_as_text(make: Make) -> None:
    prompt = make(CHATML).render([*ASKED, *STEP], [])
    assert prompt.endswith(
        '<assistant><tool_call>\n{"name": "read_file", "arguments": {"path": "todo.md"}}\n</tool_call></assistant>'
        "<user><tool_response>\nbuy milk\n\n</tool_response></user>"
    )


def test_a_template_without_a_system_role_gets_its_text_before_the_first_request(make: Make) -> None:
    assert make(ALTERNATING).render(ASKED, []).strip() == "<user>Be brief.\n\nWhat is to do?</user>"


def test_messages_of_one_role_are_joined_where_roles_must_alternate(make: Make) -> None:
    prompt = make(ALTERNATING).render([*ASKED, Message("user", "Well?")], [])
    assert "Be brief.\n\nWhat is to do?\n\nWell?" in prompt


def test_results_of_one_turn_are_joined_where_roles_must_alternate(make: Make) -> None:
    both = Message("assistant", tool_calls=(CALL, CALL))
    prompt = make(ALTERNATING).render([*ASKED, both, Message("tool", "one"), Message("tool", "two")], [])
    assert prompt.count("<user>") == prompt.count("<assistant>") + 1


def test_arguments_are_text_where_an_object_is_refused(make: Make) -> None:
    template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}"
        "{% for c in m.tool_calls or [] %}<tool_call>{{ c.function.name + ' ' + c.function.arguments }}{% endfor %}"
        "{% endfor %}"
    )
    assert '<tool_call>read_file {"path": "todo.md"}' in make(template).render([*ASKED, *STEP], [])


def test_a_template_that_prints_a_call_twice_is_given_it_as_text(make: Make) -> None:
    template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}"
        "{% for c in m.tool_calls or [] %}<tool_call>{{ c.function | tojson }}{{ c.function | tojson }}{% endfor %}"
        "{% endfor %}"
    )
    assert make(template).render([*ASKED, *STEP], []).count("todo.md") == 1


def test_results_answer_the_oldest_call_where_ids_are_empty(make: Make) -> None:
    template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ m.tool_call_id }}"
        "{% for c in m.tool_calls or [] %}<tool_call>{{ c.id }} {{ c.function.arguments.values() | list }}{% endfor %}"
        "{% endfor %}"
    )
    calls = (ToolCall("a", {"x": "first"}), ToolCall("b", {"x": "second"}))
    messages = [*ASKED, Message("assistant", tool_calls=calls), Message("tool", "one"), Message("tool", "two")]
    assert (
        make(template)
        .render(messages, [])
        .endswith("<tool_call>call00000 ['first']<tool_call>call00001 ['second']<tool>onecall00000<tool>twocall00001")
    )


def test_a_model_without_a_template_speaks_chatml(make: Make) -> None:
    assert make(None).render(ASKED, []) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is to do?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert make(None).stop == ("<|im_end|>",)


def test_a_template_learns_the_date(make: Make) -> None:
    chat = make("{{ strftime_now('%Y-%m-%d') }} {{ date_string }} {{ messages[0].content }}")
    prompt = chat.render(ASKED, [], now=datetime(2026, 11, 21))
    assert prompt.startswith("2026-11-21 21 Nov 2026 ")


def test_a_broken_template_is_named_when_the_model_is_opened(make: Make) -> None:
    with pytest.raises(ModelError, match="cannot be compiled"):
        make("{% for %}")


def test_a_template_that_takes_nothing_is_named_when_the_model_is_opened(make: Make) -> None:
    with pytest.raises(ModelError, match=r"does not take a user's message: never"):
        make("{{ raise_exception('never') }}")


def test_a_conversation_that_the_template_refuses_is_a_clear_error(make: Make) -> None:
    chat = make(
        "{% for m in messages %}{{ m.content }}"
        "{% if 'x' in m.content %}{{ raise_exception('no x') }}{% endif %}{% endfor %}"
    )
    with pytest.raises(ModelError, match="refuses the conversation: no x"):
        chat.render([Message("user", "x")], [])


def test_talking_about_chats_loads_no_model_library() -> None:
    program = "import sys, localnpm.engine.chat; print('llama_cpp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_result_does_not_answer_a_call_of_an_attempt_that_was_broken_off(make: Make) -> None:
    template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ m.tool_call_id }}"
        "{% for c in m.tool_calls or [] %}<tool_call>{{ c.id }} {{ c.function.arguments.values() | list }}{% endfor %}"
        "{% endfor %}"
    )
    messages = [*ASKED, STEP[0], Message("user", "Again."), *STEP]
    assert make(template).render(messages, []).endswith("<tool_call>call00001 ['todo.md']<tool>buy milk\ncall00001")
