"""Files of paired prompts, as llama.cpp's cvector-generator takes them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.distill.prompt_pairs import read_pairs, read_prompts, unescape
from localnpm.errors import ConfigError


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (r"a\nb", "a\nb"),
        (r"a\tb\rc", "a\tb\rc"),
        (r"\\n stays", r"\n stays"),
        (r"\"it\'s\"", '"it\'s"'),
        (r"\x41\x0a", "A\n"),
        (r"caf\xc3\xa9", "café"),
        (r"\xff", "�"),
        (r"\q \x4 end\\", r"\q \x4 end" + "\\"),
        ("", ""),
    ],
)
def test_escapes_stand_for_what_a_line_cannot_hold(line: str, expected: str) -> None:
    assert unescape(line) == expected


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_with_its_backslashes_doubled_comes_back(text: str) -> None:
    assert unescape(text.replace("\\", "\\\\")) == text


def test_empty_lines_are_left_out_and_any_line_end_is_understood(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_bytes("one\r\n\r\ntwo\\nthree\n\n é".encode())
    assert read_prompts(tmp_path / "p.txt") == ("one", "two\nthree", " é")


def test_line_by_line_the_files_are_pairs(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("glad\nmerry\n")
    (tmp_path / "n.txt").write_text("sad\ngloomy")
    assert read_pairs(tmp_path / "p.txt", tmp_path / "n.txt") == (("glad", "merry"), ("sad", "gloomy"))


@pytest.mark.parametrize(
    ("positive", "negative", "why"),
    [("a\nb", "c", "2 prompts .* has 1"), ("\n\n", "c", "no prompt"), ("a\nb", "a\nb", "no difference to learn")],
)
def test_files_that_are_no_pairs_are_refused(positive: str, negative: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text(positive)
    (tmp_path / "n.txt").write_text(negative)
    with pytest.raises(ConfigError, match=why):
        read_pairs(tmp_path / "p.txt", tmp_path / "n.txt")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="no UTF-8 text"):
        read_prompts(tmp_path / "p.txt")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("gone", "pipe", "."):
        with pytest.raises(ConfigError, match="no file"):
            read_prompts(tmp_path / name)
