"""What `localnpm eval` refuses before it loads a model, and what it tells a user without ALFWorld's games."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--part", "5/4", "is not N/M"),
        ("--part", "half", "is not N/M"),
        ("--key", "smell", "smell is no recall key; there are query, avefact, random"),
        ("--k", "1,many", "many is no number from 1 to 9"),
    ],
)
def test_an_option_that_cannot_be_read_is_refused_by_its_value(
    localnpm: Run, option: str, value: str, said: str
) -> None:
    ended = localnpm("eval", "habits", "--quick", option, value)
    assert ended.code == 2
    assert said in " ".join(ended.err.split())


def test_alfworld_without_games_says_which_variable_to_set(
    localnpm: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    ended = localnpm("eval", "alfworld", "--quick")
    assert ended.code == 2
    assert "alfworld-download" in ended.err
    assert "ALFWORLD_DATA" in ended.err
