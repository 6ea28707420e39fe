"""What is made of the lines: conditions with intervals, differences, harm, two runs compared, learning curves."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from localnpm.errors import ConfigError
from localnpm.evals import learning_curves
from localnpm.evals.presentation import bars, heading
from localnpm.evals.report import as_dict, compare, print_report, summarize
from localnpm.evals.results import Line, Results, Row

HEADER: Line = {
    "type": "header",
    "identity": {"environment": "habits", "seed": 1, "model": "0123456789abcdef"},
    "model": "tiny.gguf",
    "machine": "a machine",
}
KINDS = tuple(f"kind{number}" for number in range(6))

Make = Callable[..., Results]


def row(condition: str, user: int, kind: str, success: bool, **values: Any) -> Row:
    """A scored episode."""
    return Row(condition, user, kind, 0, success, "ok" if success else "wrong", 2, 50, 300, 0.5, **values)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Twelve tasks: none does the first kind of each user, the script all but that one."""
    rows = [row("none", user, kind, kind == "kind0") for user in range(2) for kind in KINDS]
    for user in range(2):
        for place, kind in enumerate(KINDS):
            recall = "wrong" if place == 0 else "right"
            rows.append(
                row("script", user, kind, place > 0, recall=recall, labels={"worded": ("new", "known")[place % 2]})
            )
    return Results(tmp_path / "a.jsonl", [HEADER, *(each.line() for each in rows)])


def printed(show: Callable[[Console], Any], width: int = 80) -> str:
    """What is printed on a screen of that width."""
    output = io.StringIO()
    show(Console(file=output, width=width))
    return output.getvalue()


def test_each_condition_has_its_success_and_its_difference_from_none(results: Results) -> None:
    none, script = summarize(results.rows())
    assert (none.condition, none.difference, none.success.n) == ("none", None, 12)
    assert script.success.mean == pytest.approx(10 / 12)
    assert script.difference is not None
    assert script.difference.mean == pytest.approx(8 / 12)
    assert script.success.clusters == 12


def test_harm_is_what_succeeds_without_and_fails_with(results: Results) -> None:
    assert summarize(results.rows())[1].harmed == (2, 2)


def test_the_json_has_the_conditions_by_name_with_success_interval_and_n(results: Results) -> None:
    report = json.loads(json.dumps(as_dict(results)))
    assert set(report["conditions"]) == {"none", "script"}
    assert report["conditions"]["none"]["success"] == pytest.approx(2 / 12, abs=1e-5)
    low, high = report["conditions"]["none"]["interval"]
    assert low <= 2 / 12 <= high
    assert report["conditions"]["none"]["n"] == 12
    assert report["conditions"]["script"]["recall"] == {"right": 10, "wrong": 2, "abstained": 0}
    assert report["differences"]["script"]["n"] == 12
    assert report["by"]["worded"]["script"]["known"]["n"] == 6
    assert report["header"]["machine"] == "a machine"


def test_the_free_choice_is_compared_with_the_best_fixed_channel(tmp_path: Path) -> None:
    rows = [row(name, user, "kind0", name != "none") for name in ("none", "script", "auto") for user in range(9)]
    found = as_dict(Results(tmp_path / "a.jsonl", [HEADER, *(each.line() for each in rows)]))["auto"]
    assert found["best_fixed"] == "script"
    assert found["less_best_fixed"] == 0
    assert found["n"] == 9


def test_variants_of_a_condition_stand_behind_each_other(tmp_path: Path) -> None:
    rows = [row(name, 0, "kind0", True) for name in ("both/k2", "script/random", "script/query", "none")]
    results = Results(tmp_path / "a.jsonl", [HEADER, *(each.line() for each in rows)])
    assert list(as_dict(results)["conditions"]) == ["none", "script/query", "script/random", "both/k2"]


def test_the_heading_names_model_machine_seed_and_versions(tmp_path: Path) -> None:
    header = {**HEADER, "versions": {"localnpm": "9.9", "numpy": "2.0"}}
    text = heading(Results(tmp_path / "a.jsonl", [header]))
    assert text.splitlines() == ["habits, seed 1; tiny.gguf (0123456789ab)", "a machine", "localnpm 9.9, numpy 2.0"]


def test_each_condition_has_a_bar_with_its_interval(results: Results) -> None:
    drawn = bars(summarize(results.rows()), "success")
    assert [bar.label for bar in drawn.bars] == ["none", "script"]
    assert all(bar.low is not None and bar.low <= bar.value <= (bar.high or 0) for bar in drawn.bars)


def test_the_tables_fit_eighty_columns_uncut(results: Results) -> None:
    text = printed(lambda console: print_report(results, console))
    assert "…" not in text
    assert "proceduralization" not in text
    assert "0.833 [" in text
    assert "10/2/0" in text


def test_a_quick_run_claims_nothing(results: Results) -> None:
    assert "nothing can be claimed" in printed(lambda console: print_report(results, console, claims=False))


def test_two_runs_are_compared_over_the_tasks_that_both_have(results: Results, tmp_path: Path) -> None:
    other = Results(tmp_path / "b.jsonl", [HEADER, *(row("script", 0, kind, True).line() for kind in KINDS)])
    found: dict[str, Any] = {}
    text = printed(lambda console: found.update(compare(results, other, console)))
    assert found["script"]["n"] == 6
    assert found["script"]["difference"] == pytest.approx(1 / 6, abs=1e-5)
    assert "none" not in found
    assert "script" in text


def test_an_episode_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    results = Results.begin(tmp_path / "a.jsonl", {"identity": {}})
    original = row("none", 3, "journal", True, labels={"worded": "new"})
    results.add(original.line())
    assert Results.read(tmp_path / "a.jsonl").rows() == [original]


def test_a_line_that_a_kill_has_cut_is_left_out(tmp_path: Path) -> None:
    results = Results.begin(tmp_path / "a.jsonl", {"identity": {}})
    results.add(row("none", 3, "journal", True).line())
    with results.path.open("a") as file:
        file.write('{"type": "episode", "condi')
    again = Results.begin(results.path, {"identity": {}})
    again.add(row("none", 4, "journal", True).line())
    assert [each.user for each in Results.read(results.path).rows()] == [3, 4]


@pytest.mark.parametrize("content", ["", "hello\n", '{"type": "episode"}\n', "[1]\n{}\n"])
def test_other_files_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(ConfigError, match="not the results of an evaluation"):
        Results.read(tmp_path / "a.jsonl")


def lived(policy: str, user: int, place: int, success: bool) -> Line:
    """The first attempt at a task of a learning curve with two kinds."""
    kinds = ("add_todo", "journal")
    return {
        "type": "practice", "retry": False, "policy": policy, "user": user, "place": place, "turn": place // 2,
        "kind": kinds[place % 2], "number": place // 2, "success": success,
    }  # fmt: skip


@pytest.fixture
def lives(tmp_path: Path) -> Results:
    """Eight users, twelve tasks each: with memory all goes well from the fifth on, without it never."""
    lines = [lived("adjustment", user, place, place >= 4) for user in range(8) for place in range(12)]
    lines += [lived("none", user, place, False) for user in range(8) for place in range(12)]
    return Results(tmp_path / "lives.jsonl", [HEADER, *lines])


def test_a_curve_is_success_by_the_number_of_tasks_done(lives: Results) -> None:
    none, curve = learning_curves.curves(lives)
    assert (none.policy, none.gain.mean) == ("none", 0)
    assert [estimate.mean for estimate in curve.success] == [0, 0, 1, 1, 1, 1]
    assert (curve.first.mean, curve.last.mean, curve.gain.mean, curve.gain.clusters) == (0, 1, 1, 8)
    assert learning_curves.less_none(lives, "adjustment").mean == 1


def test_curves_are_drawn_in_the_terminal_and_as_json(lives: Results) -> None:
    text = printed(lambda console: learning_curves.print_report(lives, console), width=100)
    assert "adjustment" in text
    assert "+1.000 [+1.00, +1.00] *" in text
    report = json.loads(json.dumps(learning_curves.as_dict(lives)))
    assert report["policies"]["adjustment"]["gain"]["interval"] == [1.0, 1.0]
