"""The texts that were sent, walked through; what was being typed is kept."""

from hypothesis import given
from hypothesis import strategies as st

from localnpm.tui.history import History


def test_back_goes_to_older_texts_and_stops_at_the_oldest():
    history = History(["one", "two"])
    assert [history.back("typing"), history.back("two"), history.back("one")] == ["two", "one", None]


def test_forward_ends_at_what_was_being_typed():
    history = History(["one", "two"])
    history.back("typing")
    history.back("two")
    assert [history.forward(), history.forward(), history.forward()] == ["two", "typing", None]


def test_sending_starts_anew_from_the_end():
    history = History(["one"])
    history.back("")
    history.add("two")
    assert history.back("") == "two"


def test_the_same_text_in_a_row_is_kept_once():
    history = History()
    history.add("one")
    history.add("one")
    assert [history.back(""), history.back("one")] == ["one", None]


def test_older_texts_are_put_before_those_of_this_run():
    history = History()
    history.add("new")
    history.load(["old"])
    assert [history.back(""), history.back("new")] == ["new", "old"]


@given(st.lists(st.text(min_size=1), max_size=6), st.text(), st.lists(st.booleans(), max_size=20))
def test_walking_never_loses_what_was_being_typed(texts, typing, steps):
    history = History(texts)
    shown = typing
    for back in steps:
        found = history.back(shown) if back else history.forward()
        shown = shown if found is None else found
    while (found := history.forward()) is not None:
        shown = found
    assert shown == typing
