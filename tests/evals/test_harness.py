"""Evaluations through the real agent: the same figures again, resumed or not; no scored task ever in a memory."""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from localnpm.agent.scripted import ScriptedModel, answer, call
from localnpm.config import Settings
from localnpm.engine.messages import ToolCall
from localnpm.errors import ConfigError
from localnpm.evals.conditions import Given, chosen
from localnpm.evals.environment import Environment
from localnpm.evals.episode import Player
from localnpm.evals.habits.runs import expert_run
from localnpm.evals.habits_bench import KINDS, HabitsScenario, HabitsTasks
from localnpm.evals.harness import Plan, memories, run
from localnpm.evals.results import Results
from localnpm.home import bundled_model
from localnpm.memory.database import Database

SMALL = HabitsTasks(seed=5, users=2, kinds=("log_expense", "remove_file"), tasks=1, practices=2)

MakePlan = Callable[..., Plan]


@pytest.fixture
def plan() -> MakePlan:
    """A small plan with the bundled model, on one thread."""

    def make(*conditions: str, environment: HabitsTasks = SMALL) -> Plan:
        settings = Settings()
        settings = replace(settings, engine=replace(settings.engine, threads=1))
        return Plan(environment, conditions, bundled_model(), settings, seed=5)

    return make


def figures(results: Results) -> list[object]:
    """What a seed fixes."""
    return [(row.task, row.condition, row.success, row.steps, row.tokens, row.recalled) for row in results.rows()]


def play_expert(scenario: HabitsScenario) -> bool:
    """The expert's calls, made by a scripted model through the real agent."""
    done = expert_run(scenario.task, scenario.profile)
    turns = [call(step.tool, **step.arguments) for step in done.steps]
    player = Player(SMALL, ScriptedModel(*turns, answer(done.answer)), Settings(), 0)
    row = player.play(scenario, "none", Given())
    player.close()
    assert row.steps == len(done.steps)
    return row.success


def test_the_expert_succeeds_in_every_task_through_the_real_agent() -> None:
    tasks = HabitsTasks(seed=2, users=1)
    practice = [scenario for kind in KINDS for scenario in tasks.practice(0, kind)[:1]]
    assert all(play_expert(scenario) for scenario in [*tasks.scored(0), *practice])


def test_tools_answer_as_the_workspace_does_byte_for_byte() -> None:
    for scenario in SMALL.scored(0):
        workspace = scenario.task.workspace()
        tools = scenario.open().toolbox()
        calls = [(step.tool, step.arguments) for step in expert_run(scenario.task, scenario.profile).steps]
        calls += [
            ("read_file", {}),
            ("no_such_tool", {"path": "a"}),
            ("read_file", {"path": 3}),
            ("find_files", {"pattern": "*"}),
        ]
        for tool, arguments in calls:
            prepared = tools.prepare(ToolCall(tool, arguments))
            assert tools.perform(prepared, None) == workspace.call(tool, arguments)


def test_practice_and_scored_tasks_are_drawn_for_the_same_users_from_other_words() -> None:
    for user in range(SMALL.users):
        scored = {scenario.request for scenario in SMALL.scored(user)}
        practised = [scenario for kind in SMALL.kinds for scenario in SMALL.practice(user, kind)]
        assert not scored & {scenario.request for scenario in practised}
        assert {id(scenario.profile) for scenario in practised} == {id(scored.profile) for scored in SMALL.scored(user)}


def test_an_environment_of_file_tasks_is_one() -> None:
    environment: Environment = SMALL
    assert environment.kinds == ("log_expense", "remove_file")


def test_expert_pairs_are_right_and_wrong_runs_of_the_same_requests() -> None:
    for right, wrong in SMALL.expert_pairs(0, "log_expense"):
        assert right.request == wrong.request
        assert right.answer
        assert right.steps != wrong.steps


def test_a_condition_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="telepathy is no condition"):
        chosen("none,telepathy")


def test_a_seed_gives_the_same_success_steps_and_tokens(plan: MakePlan, tmp_path: Path) -> None:
    first = run(plan("none"), tmp_path / "a.jsonl", processes=1)
    second = run(plan("none"), tmp_path / "b.jsonl", processes=1)
    assert figures(first) == figures(second)
    assert len(first.rows()) == 4


def test_a_run_that_was_cut_goes_on_to_the_same_end(plan: MakePlan, tmp_path: Path) -> None:
    whole = run(plan("none", "oracle-script"), tmp_path / "whole.jsonl", processes=1)
    text = (tmp_path / "whole.jsonl").read_text()
    (tmp_path / "cut.jsonl").write_text(text[: len(text) * 2 // 3])
    told: list[int] = []
    resumed = run(
        plan("none", "oracle-script"),
        tmp_path / "cut.jsonl",
        processes=1,
        tell=lambda done, total, said: told.append(done),
    )
    assert figures(resumed) == figures(whole)
    assert 0 < told[0] < 8
    assert resumed.finished


def test_a_file_of_other_settings_is_not_gone_on_with(plan: MakePlan, tmp_path: Path) -> None:
    run(plan("none", environment=replace(SMALL, users=1)), tmp_path / "a.jsonl", processes=1)
    with pytest.raises(ConfigError, match="another parameters"):
        run(plan("none"), tmp_path / "a.jsonl", processes=1)


@pytest.mark.slow
def test_two_processes_find_what_one_does(plan: MakePlan, tmp_path: Path) -> None:
    alone = run(plan("none"), tmp_path / "a.jsonl", processes=1)
    together = run(plan("none"), tmp_path / "b.jsonl", processes=2)
    assert figures(alone) == figures(together)


def test_parts_of_a_run_make_the_whole(plan: MakePlan, tmp_path: Path) -> None:
    whole = run(plan("none"), tmp_path / "whole.jsonl", processes=1)
    path = tmp_path / "parts.jsonl"
    first = run(plan("none"), path, processes=1, part=(2, 2))
    assert {row.user for row in first.rows()} == {1}
    assert not first.finished
    both = run(plan("none"), path, processes=1, part=(1, 2))
    assert both.finished
    assert figures(both) == figures(whole)


@pytest.mark.slow
def test_recall_keys_counts_and_the_free_choice_use_one_memory(plan: MakePlan, tmp_path: Path) -> None:
    environment = replace(SMALL, users=1)
    names = ("none", "script/query", "script/avefact", "script/k2", "auto")
    results = run(plan(*names, environment=environment), tmp_path / "a.jsonl", processes=1)
    rows = results.rows()
    assert {row.condition for row in rows} == set(names)
    assert len(results.passes()) == 1
    assert {row.labels.get("channel") for row in rows if row.condition == "auto"} <= {
        "none",
        "script",
        "vector",
        "both",
    }


@pytest.mark.slow
def test_what_another_model_has_learned_is_carried_over(plan: MakePlan, tmp_path: Path) -> None:
    environment = replace(SMALL, users=1, kinds=("log_expense",))
    own = run(plan("script", environment=environment), tmp_path / "own.jsonl", processes=1)
    carried = replace(plan("script", environment=environment), learned_by=bundled_model())
    results = run(carried, tmp_path / "carried.jsonl", processes=1)
    assert results.finished
    assert [line["tokens"] for line in results.practice()] == [line["tokens"] for line in own.practice()]
    assert [row.script for row in results.rows()] == [row.script for row in own.rows()]
    assert results.header["identity"] != own.header["identity"]


@pytest.mark.slow
def test_scored_tasks_never_reach_a_memory_and_practice_does(plan: MakePlan, tmp_path: Path) -> None:
    environment = replace(SMALL, users=1, kinds=("log_expense",), tasks=2)
    path = tmp_path / "a.jsonl"
    results = run(plan("none", "script", environment=environment), path, processes=1, keep_memory=True)
    memory = memories(path) / "user-000" / "learned-scripts.db"
    content = b"".join(file.read_bytes() for file in memory.parent.iterdir() if file.is_file())
    for scenario in environment.scored(0):
        assert scenario.request.encode() not in content
    for scenario in environment.practice(0, "log_expense"):
        assert scenario.request.encode() in content
    with Database.open(memory) as database:
        practised = {line["attempt"] for line in results.practice()}
        assert {row["id"] for row in database.query("SELECT id FROM attempts")} == practised
        assert {row["attempt_id"] for row in database.query("SELECT attempt_id FROM uses")} <= practised


@pytest.mark.slow
def test_practice_that_was_cut_between_two_kinds_learns_the_same(plan: MakePlan, tmp_path: Path) -> None:
    environment = replace(SMALL, users=1, practices=1)
    whole = run(plan("script", environment=environment), tmp_path / "whole.jsonl", processes=1)
    cut = tmp_path / "cut.jsonl"
    lines = (tmp_path / "whole.jsonl").read_text().splitlines(keepends=True)
    first_kind = [line for line in lines if json.loads(line).get("kind", "log_expense") == "log_expense"]
    kept = [line for line in first_kind if json.loads(line)["type"] in ("header", "practice")]
    one_kind = run(
        plan("script", environment=replace(environment, kinds=("log_expense",))),
        tmp_path / "one.jsonl",
        processes=1,
        keep_memory=True,
    )
    assert one_kind.finished
    cut.write_text("".join(kept))
    folder = memories(cut) / "user-000"
    folder.mkdir(parents=True)
    source = memories(tmp_path / "one.jsonl") / "user-000"
    shutil.copyfile(source / "after-01.db", folder / "after-01.db")
    resumed = run(plan("script", environment=environment), cut, processes=1)
    assert figures(resumed) == figures(whole)
    assert [line["success"] for line in resumed.practice()] == [line["success"] for line in whole.practice()]


def test_random_draws_do_not_depend_on_the_order_of_kinds() -> None:
    names = list(KINDS)
    random.Random(1).shuffle(names)
    one = HabitsTasks(seed=3, users=1, kinds=KINDS).practice(0, "journal")
    other = HabitsTasks(seed=3, users=1, kinds=tuple(names)).practice(0, "journal")
    assert [scenario.request for scenario in one] == [scenario.request for scenario in other]
