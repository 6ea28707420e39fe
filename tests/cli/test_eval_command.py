"""`localnpm eval` on the bundled model, small: one JSON object, a run that goes on, a comparison, clear refusals."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

SMALL = ("--users", "1", "--kinds", "log_expense,list_kind", "--tasks", "1", "--processes", "1")


def test_habits_prints_one_json_object_with_the_conditions_by_name(localnpm: Run, tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    ended = localnpm("eval", "habits", *SMALL, "--conditions", "oracle-script,none", "--out", str(out), "--json")
    assert ended.code == 0, ended.err
    report = json.loads(ended.out)
    assert list(report["conditions"]) == ["none", "oracle-script"]
    assert all(values["n"] == 2 for values in report["conditions"].values())
    assert report["finished"]
    assert [json.loads(line)["type"] for line in out.read_text().splitlines()].count("episode") == 4


def test_a_finished_file_is_told_again_and_compared(localnpm: Run, tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    first = localnpm("eval", "habits", *SMALL, "--conditions", "none", "--out", str(out), "--json")
    before = out.read_text()
    again = localnpm("eval", "habits", *SMALL, "--conditions", "none", "--out", str(out), "--json")
    assert json.loads(again.out)["conditions"] == json.loads(first.out)["conditions"]
    assert out.read_text() == before
    compared = localnpm("eval", "compare", str(out), str(out), "--json")
    assert json.loads(compared.out)["conditions"]["none"]["difference"] == 0


@pytest.mark.slow
def test_lives_with_scripts_alone_learn_in_passes_and_are_drawn(localnpm: Run, tmp_path: Path) -> None:
    out, drawn = tmp_path / "l.jsonl", tmp_path / "l.svg"
    ended = localnpm(
        *("eval", "learning", "--users", "1", "--kinds", "add_todo,journal", "--rounds", "3", "--memory", "script"),
        *("-o", "learning.every=3", "--processes", "1", "--json", "--out", str(out), "--svg", str(drawn)),
    )
    assert ended.code == 0, ended.err
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert {line["status"] for line in lines if line["type"] == "pass"} == {"published"}
    firsts = [line for line in lines if line["type"] == "practice" and not line["retry"]]
    assert [line["policy"] for line in firsts] == ["none"] * 6 + ["adjustment"] * 6
    assert "<svg" in drawn.read_text()


def test_household_counts_games_that_are_won_and_told(localnpm: Run, tmp_path: Path) -> None:
    ended = localnpm(
        *("eval", "household", "--users", "1", "--kinds", "look_at_obj_in_light", "--tasks", "1", "--json"),
        *("--conditions", "none", "--processes", "1", "--out", str(tmp_path / "h.jsonl")),
    )
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["conditions"]["none"]["n"] == 1


def test_a_condition_or_a_kind_that_is_none_is_refused(localnpm: Run) -> None:
    ended = localnpm("eval", "habits", "--conditions", "telepathy")
    assert ended.code == 2
    assert "telepathy is no condition; there are none, random" in ended.err
    ended = localnpm("eval", "habits", "--kinds", "cooking")
    assert ended.code == 2
    assert "cooking is no kind of these tasks" in ended.err


def test_a_file_that_is_no_run_is_refused(localnpm: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("hello\n")
    ended = localnpm("eval", "compare", str(tmp_path / "a.jsonl"), str(tmp_path / "a.jsonl"))
    assert ended.code == 2
    assert "not the results of an evaluation" in ended.err


def test_a_run_in_the_home_takes_the_place_of_the_finished_one(localnpm: Run, home: Path) -> None:
    arguments = ("eval", "habits", *SMALL[:-2], "--processes", "1", "--conditions", "none", "--json")
    first = json.loads(localnpm(*arguments).out)
    second = json.loads(localnpm(*arguments).out)
    assert first["conditions"]["none"]["success"] == second["conditions"]["none"]["success"]
    assert len(list((home / "evals").iterdir())) == 1
