"""Which cached positions may be reused: those where tokens and steering agree."""

from hypothesis import given
from hypothesis import strategies as st

from localnpm.engine.cache import UNSTEERED, PrefixCache

TOKENS = st.lists(st.integers(0, 2), max_size=12)


def filled(tokens: list[int], key: str = UNSTEERED) -> PrefixCache:
    cache = PrefixCache()
    cache.extend(tokens, key)
    return cache


@given(TOKENS, TOKENS)
def test_unsteered_the_common_prefix_is_reusable(cached: list[int], wanted: list[int]) -> None:
    length = filled(cached).reusable(wanted)
    assert cached[:length] == wanted[:length]
    assert length == min(len(cached), len(wanted)) or cached[length] != wanted[length]


def test_a_steered_position_is_not_reusable_unsteered() -> None:
    cache = filled([1, 2])
    cache.append(3, "steered")
    assert cache.reusable([1, 2, 3]) == 2


def test_a_position_is_reusable_under_the_same_steering() -> None:
    cache = filled([1, 2])
    cache.append(3, "steered")
    assert cache.reusable([1, 2, 3], "steered", 2) == 3


def test_a_position_is_not_reusable_under_another_steering() -> None:
    assert filled([1, 2], "one").reusable([1, 2], "other", 0) == 0


def test_unsteered_positions_before_the_border_are_reusable() -> None:
    assert filled([1, 2, 3]).reusable([1, 2, 3], "steered", 2) == 2


def test_what_is_trimmed_is_forgotten() -> None:
    cache = filled([1, 2, 3])
    cache.trim(1)
    assert (len(cache), cache.tokens, cache.reusable([1, 2, 3])) == (1, (1,), 1)
