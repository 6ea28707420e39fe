"""The chat templates of real models, where they lie beside the checkout: each renders, and its calls are read back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localnpm.agent.schemas import SCHEMAS
from localnpm.engine.chat import ChatFormat
from localnpm.engine.messages import Message, ToolCall, ToolSchema

TEMPLATES = Path(__file__).parents[3] / "shared" / "chat-templates"

FORMS = {
    "HuggingFaceTB-SmolLM3-3B": "hermes",
    "LFM2.5-Instruct": "lfm",
    "Mistral-Small-3.2-24B-Instruct-2506": "mistral-named",
    "NousResearch-Hermes-3-Llama-3.1-8B-tool_use": "hermes",
    "Qwen-Qwen2.5-7B-Instruct": "hermes",
    "Qwen-Qwen3-0.6B": "hermes",
    "Qwen3-Coder": "xml-qwen3-coder",
    "Qwen3.5-4B": "xml-qwen3-coder",
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B": "deepseek",
    "google-gemma-2-2b-it": "hermes",
    "google-gemma-4-31B-it": "gemma",
    "ibm-granite-granite-4.0": "hermes",
    "meta-llama-Llama-3.1-8B-Instruct": "llama3-json",
    "meta-llama-Llama-3.2-3B-Instruct": "llama3-json",
    "microsoft-Phi-3.5-mini-instruct": "hermes",
    "mistralai-Mistral-Nemo-Instruct-2407": "mistral",
    "openai-gpt-oss-120b": "harmony",
    "openbmb-MiniCPM5-1B": "xml-minicpm",
}
TOLD_IN_WORDS = {
    "HuggingFaceTB-SmolLM3-3B",
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B",
    "google-gemma-2-2b-it",
    "microsoft-Phi-3.5-mini-instruct",
}

TOOL = ToolSchema(
    "save_note",
    "Save a note.",
    {
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Where to."},
            "content": {"type": "string"},
            "copies": {"type": "integer"},
            "weight": {"type": "number"},
            "pinned": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "more": {"type": "object"},
        },
        "required": ["path", "content"],
    },
)
CALL = ToolCall(
    "save_note",
    {
        "path": 'it\'s "here".md',
        "content": "# Größe ✓\n<b>a & b</b> {x} [y], \\n 'z'\n\n",
        "copies": 3,
        "weight": -1.5,
        "pinned": True,
        "tags": ["a, b", 'c"d'],
        "more": {"k": {"z": [1, 2, None]}, "A": "q"},
    },
)
ASKED = [Message("system", "SYSTEM-TEXT"), Message("user", "REQUEST-TEXT")]


@pytest.fixture(scope="module", params=sorted(FORMS))
def named(request: pytest.FixtureRequest) -> Iterator[tuple[str, ChatFormat]]:
    """A template's name and the format made of it."""
    path = TEMPLATES / f"{request.param}.jinja"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    chat = ChatFormat.for_model(path.read_text(encoding="utf-8"), bos="<s>", eos="</s>")
    yield str(request.param), chat
    chat.close()


@pytest.fixture(scope="module")
def chat(named: tuple[str, ChatFormat]) -> ChatFormat:
    """The format alone."""
    return named[1]


def added(chat: ChatFormat, messages: list[Message], more: Message) -> str:
    """What one message more adds to a rendered conversation."""
    before = chat.render(messages, [TOOL], generation_prompt=False)
    after = chat.render([*messages, more], [TOOL], generation_prompt=False)
    same = next((place for place, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
    return after[same:]


def test_every_template_is_expected_here() -> None:
    if not TEMPLATES.exists():
        pytest.skip(f"{TEMPLATES} is not here")
    assert {path.stem for path in TEMPLATES.glob("*.jinja")} == set(FORMS)


def test_the_form_is_recognized(named: tuple[str, ChatFormat]) -> None:
    name, chat = named
    assert chat.form == FORMS[name]


def test_the_description_says_how_the_model_is_told_of_the_tools(named: tuple[str, ChatFormat]) -> None:
    name, chat = named
    assert ("in the system text" in chat.describe()) is (name in TOLD_IN_WORDS)


def test_a_call_is_read_back_as_the_template_writes_it(chat: ChatFormat) -> None:
    written = added(chat, ASKED, Message("assistant", tool_calls=(CALL,)))
    turn = chat.parse(written, [TOOL], prompt="")
    assert [(call.name, call.arguments) for call in turn.calls] == [(CALL.name, CALL.arguments)]


def test_a_call_without_arguments_is_read_back(chat: ChatFormat) -> None:
    written = added(chat, ASKED, Message("assistant", tool_calls=(ToolCall("save_note", {}),)))
    turn = chat.parse(written, [TOOL], prompt="")
    assert [(call.name, call.arguments) for call in turn.calls] == [("save_note", {})]


def test_all_of_a_conversation_with_calls_and_results_is_printed_in_order(chat: ChatFormat) -> None:
    one, two, three = (ToolCall("save_note", {"path": f"PATH{n}", "content": "x"}) for n in (1, 2, 3))
    prompt = chat.render(
        [
            *ASKED,
            Message("assistant", tool_calls=(one,)),
            Message("tool", "RESULT1"),
            Message("assistant", tool_calls=(two,)),
            Message("tool", "RESULT2"),
            Message("assistant", "ANSWER-TEXT"),
            Message("user", "NEXT-REQUEST"),
            Message("assistant", tool_calls=(three,)),
            Message("tool", "RESULT3"),
        ],
        [TOOL],
    )
    places = [
        prompt.find(text)
        for text in ("PATH1", "RESULT1", "PATH2", "RESULT2", "ANSWER-TEXT", "NEXT-REQUEST", "PATH3", "RESULT3")
    ]
    assert -1 not in places
    assert places == sorted(places)
    assert prompt.count("SYSTEM-TEXT") == prompt.count("REQUEST-TEXT") == 1


def test_the_tools_are_described(chat: ChatFormat) -> None:
    prompt = chat.render(ASKED, [TOOL])
    assert "save_note" in prompt
    assert "Save a note." in prompt
    assert "content" in prompt


def test_several_calls_in_one_message_are_each_printed_once_with_their_results(chat: ChatFormat) -> None:
    calls = tuple(ToolCall("save_note", {"path": f"PATH{n}", "content": "x"}, f"id{n}") for n in (1, 2))
    prompt = chat.render(
        [
            *ASKED,
            Message("assistant", "", calls),
            Message("tool", "RESULT1", tool_call_id="id1"),
            Message("tool", "RESULT2", tool_call_id="id2"),
        ],
        [TOOL],
    )
    assert [prompt.count(text) for text in ("PATH1", "PATH2", "RESULT1", "RESULT2")] == [1, 1, 1, 1]


def test_an_attempt_that_was_broken_off_does_not_stop_the_next(chat: ChatFormat) -> None:
    prompt = chat.render(
        [
            *ASKED,
            Message("user", "AGAIN"),
            Message("assistant", tool_calls=(CALL,)),
            Message("tool", "RESULT"),
            Message("user", "ONCE-MORE"),
        ],
        [TOOL],
    )
    assert all(text in prompt for text in ("REQUEST-TEXT", "AGAIN", "RESULT", "ONCE-MORE"))


def test_a_conversation_without_tools_is_rendered(chat: ChatFormat) -> None:
    assert "REQUEST-TEXT" in chat.render(ASKED, [])


def test_a_text_ends_the_turn(chat: ChatFormat) -> None:
    answer = added(chat, ASKED, Message("assistant", "ANSWER-TEXT"))
    assert any(answer.partition("ANSWER-TEXT")[2].strip().startswith(stop) for stop in chat.stop)


@pytest.mark.parametrize("named", ["Qwen3.5-4B", "deepseek-ai-DeepSeek-R1-Distill-Llama-8B"], indirect=True)
def test_a_thought_that_the_prompt_opens_is_not_taken_for_text(named: tuple[str, ChatFormat]) -> None:
    turn = named[1].parse("let me see\n</think>\n\nDone.", [TOOL])
    assert (turn.thought, turn.text) == ("let me see", "Done.")


def test_the_whole_prompt_before_the_request_stays_small(named: tuple[str, ChatFormat]) -> None:
    """1,500 tokens are the limit. JSON has four characters to a token, Gemma's and indented text rather more."""
    prompt = named[1].render(ASKED, list(SCHEMAS.values()))
    assert len(prompt.partition("REQUEST-TEXT")[0]) < 6_900
