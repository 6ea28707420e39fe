"""Conditions by name: which there are, their variants in recall key and number of procedures, their order."""

import pytest

from localnpm.errors import ConfigError
from localnpm.evals.conditions import Condition, chosen, is_learned, needs_memory, needs_vectors, varied


def test_a_learned_condition_may_name_its_key_and_its_number_of_procedures() -> None:
    assert Condition.of("script/avefact") == Condition("script", "avefact")
    assert Condition.of("both/k3") == Condition("both", "", 3)
    assert Condition.of("trajectory/random/k2") == Condition("trajectory", "random", 2)


@pytest.mark.parametrize(
    "name",
    ["none/k2", "auto/k2", "oracle-script/avefact", "script/k0", "script/k2/k3", "script/fast", "random/query", ""],
)
def test_other_variants_are_no_conditions(name: str) -> None:
    assert Condition.of(name) is None
    with pytest.raises(ConfigError, match="is no condition"):
        chosen(f"none,{name or ','}" if name else ",")


def test_each_learned_condition_is_taken_once_for_each_key() -> None:
    found = varied(("none", "script", "both", "auto", "oracle-script"), keys=("random", "query"))
    assert found == ("none", "script/query", "script/random", "both/query", "both/random", "auto", "oracle-script")


def test_each_learned_condition_is_taken_once_for_each_number() -> None:
    assert varied(("none", "script", "random"), counts=(2, 1)) == ("none", "random", "script/k1", "script/k2")


def test_keys_and_numbers_are_crossed() -> None:
    found = varied(("script",), keys=("query", "avefact"), counts=(1, 2))
    assert found == ("script/query/k1", "script/query/k2", "script/avefact/k1", "script/avefact/k2")


def test_variants_need_the_memory_that_their_base_needs() -> None:
    assert is_learned("script/k2")
    assert needs_memory(("none", "auto"))
    assert not needs_memory(("none", "oracle-script"))


def test_vectors_are_learned_only_for_conditions_that_may_use_them() -> None:
    assert needs_vectors(("none", "both/k2"))
    assert needs_vectors(("auto",))
    assert not needs_vectors(("none", "script", "oracle-vector"))
