"""A turn that streams in is divided the same, however it is cut, and nothing waits longer than it must."""

from collections.abc import Callable
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localnpm.engine.calls.forms import FORMS
from localnpm.engine.calls.harmony import HarmonySplitter
from localnpm.engine.calls.splitter import THOUGHTS, Part, StreamSplitter, TurnSplitter
from localnpm.engine.messages import ToolCall

CALL = ToolCall("edit", {"path": 'a "b"\n</tool_call>', "count": 3, "lines": ["x", {"y": None}]})
MARKERS = [*THOUGHTS, *THOUGHTS.values(), "</tool_call>", "<tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "<function="]
CHANNELS = [
    "<|channel|>",
    "<|message|>",
    "<|start|>assistant",
    "<|end|>",
    "<|call|>",
    "analysis",
    "final",
    " to=functions.a",
]
JSON_LIKE = [
    '{"name": "Ada", "age": 3}',
    '```json\n{"a": 1}\n```',
    "```\n",
    '{"name": "edit", "arg',
    "[1]",
    '[{"name": "a"}]',
]

fragments = st.sampled_from(
    [form.write(CALL) for form in FORMS] + MARKERS + CHANNELS + JSON_LIKE + ["\n", "\n\n", "<", "[", "{", "`", "word "]
) | st.text(max_size=8)
turns = st.lists(fragments, max_size=8).map("".join)


def joined(parts: list[Part]) -> list[Part]:
    """Parts of one kind that follow each other, as one."""
    return [(kind, "".join(text for _, text in group)) for kind, group in groupby(parts, key=lambda part: part[0])]


def streamed(splitter: StreamSplitter, pieces: list[str]) -> list[Part]:
    parts = [part for piece in pieces for part in splitter.feed(piece)]
    return joined(parts + splitter.finish())


SPLITTERS: dict[str, Callable[[], StreamSplitter]] = {
    "markers": TurnSplitter,
    "in a thought": lambda: TurnSplitter(thought_end="</think>"),
    "channels": HarmonySplitter,
}


@pytest.mark.parametrize("make", SPLITTERS.values(), ids=SPLITTERS.keys())
@settings(deadline=None)
@given(turn=turns, data=st.data())
def test_where_a_turn_is_cut_does_not_matter(
    make: Callable[[], StreamSplitter], turn: str, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(turn)), max_size=12), label="cuts"))
    pieces = [turn[start:end] for start, end in pairwise([0, *cuts, len(turn)])]
    whole, cut = make(), make()
    assert streamed(cut, pieces) == streamed(whole, [turn])
    assert cut.segments == whole.segments


@pytest.mark.parametrize("make", SPLITTERS.values(), ids=SPLITTERS.keys())
@settings(deadline=None)
@given(turn=turns)
def test_a_turn_that_comes_letter_by_letter_is_divided_the_same(make: Callable[[], StreamSplitter], turn: str) -> None:
    assert streamed(make(), list(turn)) == streamed(make(), [turn])


@settings(deadline=None)
@given(turn=turns)
def test_nothing_is_invented_or_put_in_another_order(turn: str) -> None:
    splitter = TurnSplitter()
    position = 0
    for _, text in splitter.feed(turn) + splitter.finish():
        position = turn.index(text, position) + len(text)


def test_plain_text_is_given_out_at_once() -> None:
    splitter = TurnSplitter()
    assert splitter.feed("Done. 1 < 2") == [("text", "Done. 1 < 2")]


def test_what_may_become_a_marker_is_held_back() -> None:
    splitter = TurnSplitter()
    assert splitter.feed("Done <tool_") == [("text", "Done ")]


def test_what_did_not_become_a_marker_is_given_out() -> None:
    splitter = TurnSplitter()
    splitter.feed("Done <tool_")
    assert splitter.feed("box>") == [("text", "<tool_box>")]


def test_what_is_held_back_at_the_end_is_given_out() -> None:
    splitter = TurnSplitter()
    splitter.feed("a <thi")
    assert splitter.finish() == [("text", "<thi")]


def test_a_thought_streams() -> None:
    splitter = TurnSplitter()
    assert splitter.feed("<think>first ") == [("thought", "first ")]
    assert splitter.feed("second</think>then") == [("thought", "second"), ("text", "then")]


def test_a_call_streams() -> None:
    splitter = TurnSplitter()
    assert splitter.feed('<tool_call>\n{"name": "wr') == [("call", "<tool_call>"), ("call", '\n{"name": "wr')]


def test_json_in_an_answer_is_given_out_as_soon_as_it_cannot_be_a_call() -> None:
    splitter = TurnSplitter()
    assert splitter.feed('{"na') == []
    assert joined(splitter.feed('tion": 1')) == [("text", '{"nation": 1')]


def test_channels_stream() -> None:
    splitter = HarmonySplitter()
    assert splitter.feed("<|channel|>analysis<|message|>Hm") == [("thought", "Hm")]
    assert splitter.feed(".<|end|><|start|>assistant<|channel|>final<|mess") == [("thought", ".")]
    assert splitter.feed("age|>Done") == [("text", "Done")]


def test_a_message_that_ends_as_the_next_begins_is_divided_at_once() -> None:
    splitter = HarmonySplitter()
    parts = splitter.feed("<|channel|>analysis<|message|><|channel|>final<|message|>Done")
    assert parts == [("text", "Done")]
