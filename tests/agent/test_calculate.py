"""The arithmetic of the `calculate` tool."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.agent.calculate import calculate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("10 / 4", "2.5"),
        ("1 / 3", "0.33"),
        ("2 - 3 - 4", "-5"),
        ("8 / 4 / 2", "1"),
        ("-2 * -3", "6"),
        ("--2", "2"),
        (".5 + 0.25", "0.75"),
        ("0.001 - 0.002", "0"),
        ("100", "100"),
        ("  1200.50  ", "1200.5"),
    ],
)
def test_a_value_has_at_most_two_decimals_and_no_trailing_zeros(expression: str, value: str) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["", "1 +", "* 2", "(1", "1)", "1 2", "2 ** 3", "1 / 0", "abs(1)", "1e5", "+1", "()", "1,5", "9" * 400, "1.", "x"],
)
def test_what_is_not_arithmetic_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        calculate(expression)


def test_brackets_may_be_nested_without_end() -> None:
    assert calculate("(" * 50_000 + "1" + ")" * 50_000) == "1"


@given(
    st.recursive(
        st.integers(0, 99).map(str), lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner)
    )
)
def test_values_agree_with_pythons_own(expression: str) -> None:
    assert calculate(expression) == str(eval(expression))
