"""What the text before the cursor may become, and how a mentioned file stands in the text that is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.tui.commands import COMMANDS
from localnpm.tui.completion import MOST, choices, matching, mentions, quoted

FILES = ("todo.md", "notes/todo old.md", "notes/trip.md", "src/main.py", "a@b.txt")


def texts(before, files=FILES):
    return [choice.text for choice in choices(before, files)]


def test_a_slash_offers_commands_with_what_they_mean():
    offered = choices("/un", FILES)
    assert [choice.text for choice in offered] == ["/undo "]
    assert offered[0].note


def test_a_command_without_argument_gets_no_space():
    assert texts("/qui") == ["/quit"]


def test_no_more_are_offered_than_fit():
    assert len(choices("/", FILES)) == MOST
    assert len(COMMANDS) > MOST


@pytest.mark.parametrize("before", ["a /un", "/undo 3", "mail me@todo", "", "@todo.md "])
def test_elsewhere_nothing_is_offered(before):
    assert texts(before) == []


def test_an_at_sign_offers_files_whose_name_begins_so_first():
    assert texts("read @to") == ["todo.md ", '"notes/todo old.md" ']


def test_the_completion_takes_the_place_of_what_was_typed_with_its_at_sign():
    (choice,) = choices("read @mai", FILES)
    assert (choice.text, choice.length) == ("src/main.py ", len("@mai"))


def test_a_name_with_spaces_can_be_typed_in_quotes():
    assert texts('read @"todo ol') == ['"notes/todo old.md" ']


def test_letters_in_order_are_enough():
    assert matching("ntrp", FILES) == ["notes/trip.md"]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("read @todo.md now", "read todo.md now"),
        ("read @todo.md.", "read todo.md."),
        ("@src/main.py and @todo.md", "src/main.py and todo.md"),
        ('read @"notes/todo old.md"', 'read "notes/todo old.md"'),
        ("write to me@todo.md", "write to me@todo.md"),
        ("ask @alice", "ask @alice"),
        ("a line\n@todo.md", "a line\ntodo.md"),
    ],
)
def test_the_model_reads_a_mentioned_file_without_its_at_sign(typed, read):
    assert mentions(typed, FILES) == read


@given(st.text())
def test_a_text_that_mentions_no_file_is_sent_as_it_was_typed(text):
    assert mentions(text, ()) == text


@given(
    st.text(alphabet='abc .@"\\/\u00e9', max_size=20),
    st.lists(st.text(alphabet="abc ./\u00e9", min_size=1, max_size=8)),
)
def test_every_file_offered_is_one_of_the_workspace(typed, files):
    offered = {choice.text.strip() for choice in choices(f"@{typed}", files)}
    assert offered <= {quoted(path).strip() for path in files}
