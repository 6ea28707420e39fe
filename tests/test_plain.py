"""Text made harmless for a terminal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.plain import json_text, one_line, visible

ACTING = {*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("rm\rls", "rm\\x0dls"),
        ("\x9b2J", "\\x9b2J"),
        ("abc\u202ecod.exe", "abc\\u202ecod.exe"),
        ("\udcff", "\\udcff"),
        ("tab\tand\nnewline", "tab\tand\nnewline"),
        ("é 牛奶 😀 [bold]", "é 牛奶 😀 [bold]"),
    ],
)
def test_what_would_act_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters()))
def test_nothing_that_acts_is_left_and_all_else_is(text: str) -> None:
    shown = visible(text)
    assert not {ord(character) for character in shown} & ACTING
    shown.encode()
    if not {ord(character) for character in text} & ACTING and text.isprintable():
        assert shown == text


@given(st.text(st.characters()), st.integers(2, 50))
def test_one_line_is_one_line_of_that_length(text: str, length: int) -> None:
    line = one_line(text, length)
    assert len(line) <= length
    assert "\n" not in line


@given(st.dictionaries(st.text(st.characters()), st.text(st.characters())))
def test_json_is_harmless_and_gives_the_same_back(value: dict[str, str]) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert visible(text) == text
