"""Streaming text: characters stay whole, and stop texts never show, wherever the pieces are cut."""

from hypothesis import given
from hypothesis import strategies as st

from localnpm.engine.text import TextStream

TEXTS = st.text(alphabet="ab<|>é日🙂\n", max_size=40)
STOPS = st.lists(st.text(alphabet="ab<|>é", min_size=1, max_size=6), max_size=3)


def cut(data: bytes, borders: list[int]) -> list[bytes]:
    """`data` in pieces with these borders."""
    places = sorted({border % (len(data) + 1) for border in borders})
    return [data[first:end] for first, end in zip([0, *places], [*places, len(data)], strict=True)]


def stream(pieces: list[bytes], stop: list[str]) -> tuple[list[str], bool]:
    """What a stream gives out for these pieces, and whether it stopped."""
    text_stream = TextStream(stop)
    given_out = []
    for piece in pieces:
        given_out.append(text_stream.feed(piece))
        if text_stream.stopped:
            return given_out, True
    given_out.append(text_stream.finish())
    return given_out, text_stream.stopped


def expected(text: str, stop: list[str]) -> str:
    """`text` up to its first stop text."""
    places = [place for place in (text.find(one) for one in stop) if place >= 0]
    return text[: min(places)] if places else text


@given(TEXTS, st.lists(st.integers(0, 200), max_size=8))
def test_pieces_join_to_the_text_whatever_their_borders(text: str, borders: list[int]) -> None:
    given_out, _ = stream(cut(text.encode(), borders), [])
    assert "".join(given_out) == text


@given(TEXTS, STOPS)
def test_byte_by_byte_the_first_stop_text_to_be_complete_ends_the_text(text: str, stop: list[str]) -> None:
    given_out, stopped = stream([bytes([byte]) for byte in text.encode()], stop)
    shown = "".join(given_out)
    ends = [text.find(one) + len(one) for one in stop if one in text]
    assert stopped == bool(ends)
    assert text.startswith(shown)
    assert not any(one in shown for one in stop)
    if ends:
        assert shown == expected(text[: min(ends)], stop)


@given(TEXTS, STOPS)
def test_in_one_piece_the_text_ends_at_its_first_stop_text(text: str, stop: list[str]) -> None:
    given_out, _ = stream([text.encode()], stop)
    assert "".join(given_out) == expected(text, stop)


def test_only_what_may_become_a_stop_text_is_held_back() -> None:
    text_stream = TextStream(["<|end|>"])
    assert [text_stream.feed(piece) for piece in (b"abc<", b"|e", b"x", b"<|")] == ["abc", "", "<|ex", ""]
    assert text_stream.finish() == "<|"


def test_an_incomplete_character_at_the_end_is_replaced() -> None:
    text_stream = TextStream()
    assert text_stream.feed("é".encode()[:1]) == ""
    assert text_stream.finish() == "\ufffd"


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert TextStream().feed(b"a\xffb") == "a\ufffdb"
