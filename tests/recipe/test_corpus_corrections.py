"""Repairs: the smallest calls that turn one set of files into another."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_corrections import complaint, repair
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.phrases import plain_reasons, wide_reasons
from localnpm.evals.habits.workspace import Workspace


def test_equal_files_need_no_repair() -> None:
    assert repair({"a": "x\n"}, {"a": "x\n"}) == []


@pytest.mark.parametrize(
    ("have", "goal", "calls"),
    [
        ({"a": "x\n"}, {"b": "x\n"}, [("move_file", {"source": "a", "destination": "b"})]),
        ({"a": "x\n"}, {}, [("delete_file", {"path": "a"})]),
        ({}, {"a": "x\n"}, [("write_file", {"path": "a", "content": "x\n"})]),
        ({"a": "x\n"}, {"a": "x\n", "b": "x\n"}, [("copy_file", {"source": "a", "destination": "b"})]),
        ({"a": "x\n"}, {"a": "x\ny\n"}, [("append_file", {"path": "a", "content": "y"})]),
        (
            {"a": "x\ny\nz\n"},
            {"a": "x\nw\nz\n"},
            [("edit_file", {"path": "a", "old_text": "y", "new_text": "w"})],
        ),
        (
            {"a": "x\nyy\nz\n"},
            {"a": "x\nz\n"},
            [("edit_file", {"path": "a", "old_text": "yy\n", "new_text": ""})],
        ),
        ({"a": "x"}, {"a": "y"}, [("write_file", {"path": "a", "content": "y"})]),
    ],
)
def test_a_repair_is_the_smallest_call(
    have: dict[str, str], goal: dict[str, str], calls: list[tuple[str, dict[str, str]]]
) -> None:
    assert repair(have, goal) == calls


FILES = st.dictionaries(
    st.sampled_from(["a.txt", "b.txt", "d/c.txt"]),
    st.lists(st.sampled_from(["x", "y", "zz"]), max_size=4).map(lambda lines: "".join(f"{line}\n" for line in lines)),
)


@given(FILES, FILES)
def test_a_repair_leads_to_the_goal(have: dict[str, str], goal: dict[str, str]) -> None:
    workspace = Workspace(have)
    for tool, arguments in repair(have, goal):
        assert not workspace.call(tool, arguments).startswith("Error")
    assert {path: text.rstrip() for path, text in workspace.files.items()} == {
        path: text.rstrip() for path, text in goal.items()
    }


def test_a_complaint_states_the_wanted_variant() -> None:
    names = Names(random.Random(1))
    wordings = [*plain_reasons("correction")["backup", "bak"], *wide_reasons("correction")["backup", "bak"]]
    for _ in range(100):
        said = complaint(names, "backup", "bak").lower()
        assert any(wording.lower() in said for wording in wordings)
        assert said[-1] in ".?"
