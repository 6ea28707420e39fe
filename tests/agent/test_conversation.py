"""Results cut to what a context bears."""

from hypothesis import given
from hypothesis import strategies as st

from localnpm.agent.conversation import cut_result


def words(text):
    return len(text.split())


def test_a_short_result_is_left_alone():
    assert cut_result("a\nb\n", 4, words) == "a\nb\n"


def test_a_long_one_is_cut_at_a_lines_end():
    assert cut_result("a b\nc d\ne f", 4, words) == "a b\nc d\n[cut: 2 of 3 lines]"


def test_a_result_that_was_cut_before_keeps_its_total():
    assert cut_result("a b\nc d\ne f\n[cut: 3 of 900 lines]", 4, words) == "a b\nc d\n[cut: 2 of 900 lines]"


def test_a_single_line_that_is_too_long_is_cut_inside():
    head, said = cut_result("x" * 5000, 10, len).split("\n")
    assert (head, said) == ("x" * 10, "[cut: 0 of 1 lines]")


@given(st.text(alphabet="ab \n", max_size=300), st.integers(1, 50))
def test_what_is_kept_is_the_head_of_what_there_was_and_within_the_limit(text, limit):
    cut = cut_result(text, limit, len)
    head = cut.rpartition("\n[cut: ")[0] if cut != text else cut
    assert text.startswith(head)
    assert len(head) <= limit
