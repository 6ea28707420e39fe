"""Text from models, tools and files: shown as it is, whatever it holds, and harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.content import Content
from textual.widgets.markdown import MarkdownBlock, MarkdownFence

from localnpm.tui.literal import LINE_CHARACTERS, literal
from localnpm.tui.widgets.said import Said, harmless, parser

ACTING = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))]


@given(st.text())
def test_literal_text_holds_nothing_that_acts_on_a_terminal(text):
    assert not set(literal(text).plain) & (set(ACTING) - {"\n"})


@given(st.text(alphabet="[]/=@red bold#$\\'\"(){}", max_size=60))
def test_brackets_are_no_markup(text):
    assert literal(text).plain == text
    assert literal(text).spans == []


def test_an_ansi_sequence_is_written_out():
    assert literal("\x1b[31mred\x1b[0m").plain == "\\x1b[31mred\\x1b[0m"


def test_a_mark_that_turns_the_direction_is_written_out():
    assert literal("abc\u202egpj.exe").plain == "abc\\u202egpj.exe"


def test_a_very_long_line_is_cut_and_says_by_how_much():
    shown = literal("x" * 10_000).plain
    assert len(shown) < LINE_CHARACTERS + 60
    assert shown.endswith("… (8,000 more characters)")


def test_a_style_is_for_the_whole_text():
    assert literal("a\nb", "bold") == Content("a\nb").stylize("bold")


class Page(App[None]):
    """One `Said` widget, fed in pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.said = Said()

    def compose(self) -> ComposeResult:
        yield self.said


def words(said: Said) -> list[str]:
    """The blocks' texts, as they are drawn."""
    blocks = [block for block in said.query(MarkdownBlock) if isinstance(block, MarkdownFence) or not block.children]
    texts = [block.code if isinstance(block, MarkdownFence) else block._content.plain for block in blocks]
    return [text for text in texts if text]


async def told(*pieces: str, whole: str | None = None) -> list[str]:
    app = Page()
    async with app.run_test() as pilot:
        for piece in pieces:
            await app.said.say(piece)
            await pilot.pause()
        await app.said.end("".join(pieces) if whole is None else whole)
        await pilot.pause()
        return words(app.said)


SOURCES = [
    "plain words",
    "# Head\n\ntext with `code` and **bold**\n\n- one\n- two\n\n1. first\n2. second\n\nend",
    "```python\nprint('x')\n\n\nprint('y')\n```\n\nafter the fence",
    "a\n\n```\nunfinished fence",
    "> quoted\n> more\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nafter",
    "line one\nline two\n\n\n\nparagraph\u2028with separators\u2029in it\n\nlast",
    "setext\n===\n\ntext\n---\n\n***\n\nend.",
]


@pytest.mark.anyio
@pytest.mark.parametrize("source", SOURCES)
async def test_what_comes_in_pieces_ends_as_what_comes_whole(source):
    pieces = [source[start : start + 7] for start in range(0, len(source), 7)]
    assert await told(*pieces) == await told(source)


@pytest.mark.anyio
async def test_what_was_streamed_otherwise_than_the_answer_is_put_right():
    assert await told("half of", whole="half of what was said") == ["half of what was said"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "text",
    [
        "[click me](javascript:alert(1))",
        "[the docs](http://evil.example/docs)",
        "<script>alert(1)</script>",
        "<b>bold</b> and <img src=x>",
        "![picture](http://evil.example/x.png)",
        "<http://evil.example>",
        "[red]not markup[/red]",
        "&#x202e;gpj.exe &lt;b&gt;",
        "[label]: http://evil.example",
    ],
)
async def test_links_pictures_html_and_references_stay_the_text_they_are(text):
    assert await told(text) == [text]


@pytest.mark.anyio
async def test_a_line_of_ten_thousand_characters_is_there_whole():
    line = "word " * 2000
    assert await told(line) == [line.strip()]


@pytest.mark.anyio
async def test_control_characters_of_the_model_are_written_out():
    assert await told("\x1b[2J", "\x1b]0;spoof\x07", "\u202eabc") == ["\\x1b[2J\\x1b]0;spoof\\x07\\u202eabc"]


@given(st.text(alphabet="ab \n#*_`~>|-1.)[]<>&;:!x\\'\"", max_size=80))
def test_the_parser_makes_no_token_that_the_widget_would_leave_out(text):
    kinds = {token.type for token in parser().parse(harmless(text))}
    inline = {child.type for token in parser().parse(harmless(text)) for child in token.children or ()}
    assert not kinds & {"html_block"}
    assert not inline & {"html_inline", "link_open", "image"}
