"""ALFWorld's games as an environment: which are scored, who gets them, what is missing. The engine only where it is."""

import importlib.util
import json
from pathlib import Path

import pytest

from localnpm.engine.messages import ToolCall
from localnpm.errors import ConfigError
from localnpm.evals import alfworld_engine as engine
from localnpm.evals.alfworld_env import KINDS, AlfworldScenario, AlfworldTasks
from localnpm.evals.environment import Environment
from localnpm.evals.household import Answer, Careful
from localnpm.evals.household_env import HouseholdTasks

GAMES = 5

needs_engine = pytest.mark.skipif(
    importlib.util.find_spec("alfworld") is None or importlib.util.find_spec("textworld") is None,
    reason="the alfworld extra is not installed",
)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as `alfworld-download` leaves it, with empty games."""
    for split in ("valid_seen", "train"):
        for kind in KINDS:
            for number in range(GAMES):
                game = tmp_path / "json_2.1.1" / split / f"{kind}-Mug-None-Shelf-{number}" / "trial_1" / "game.tw-pddl"
                game.parent.mkdir(parents=True)
                game.write_text(json.dumps({"split": split}))
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    return tmp_path / "json_2.1.1"


def test_every_game_is_scored_once_by_one_memory(data: Path) -> None:
    tasks = AlfworldTasks(users=3)
    paths = [scenario.path for user in range(3) for scenario in tasks.scored(user)]
    assert sorted(paths) == sorted((data / "valid_seen").glob("*/*/game.tw-pddl"))
    assert len({(s.user, s.kind, s.number) for user in range(3) for s in tasks.scored(user)}) == len(paths)


def test_tasks_limits_the_games_of_each_memory_and_kind(data: Path) -> None:
    assert len(AlfworldTasks(users=2, tasks=1).scored(1)) == len(KINDS)


def test_which_games_are_whose_depends_on_the_seed_alone(data: Path) -> None:
    def order(seed: int) -> list[Path]:
        return [scenario.path for scenario in AlfworldTasks(seed=seed).scored(0)]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_games_that_alfworld_leaves_out_are_left_out(data: Path) -> None:
    game = data / "valid_seen" / "pick_and_place_simple-Mug-None-Shelf-9" / "trial_movable" / "game.tw-pddl"
    game.parent.mkdir(parents=True)
    game.write_text("{}")
    assert game not in engine.games("valid_seen")["pick_and_place_simple"]


def test_memories_practise_in_drawn_rooms_as_the_household_does(data: Path) -> None:
    tasks = AlfworldTasks(seed=3, users=2, practices=2)
    drawn = HouseholdTasks(seed=3, users=2, practices=2)
    for user in range(2):
        for kind in KINDS:
            assert tasks.practice(user, kind) == drawn.practice(user, kind)


def test_memories_that_practise_on_a_split_get_other_games_than_the_scored(data: Path) -> None:
    tasks = AlfworldTasks(users=2, practices=2, practise_on="train")
    scored = {scenario.path for user in range(2) for scenario in tasks.scored(user)}
    practised = [game for user in range(2) for kind in KINDS for game in tasks.practice(user, kind)]
    assert len(practised) == 2 * 2 * len(KINDS)
    assert not scored & {game.path for game in practised if isinstance(game, AlfworldScenario)}


def test_practice_on_the_scored_games_is_refused(data: Path) -> None:
    with pytest.raises(ConfigError, match="these games are scored"):
        AlfworldTasks(practise_on="valid_seen")


def test_a_missing_folder_of_games_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"ALFWORLD_DATA names .*nowhere.*alfworld-download"):
        engine.check("valid_seen")


def test_a_split_without_games_is_refused(data: Path) -> None:
    with pytest.raises(ConfigError, match="valid_none: no games"):
        engine.check("valid_none")


@pytest.mark.skipif(importlib.util.find_spec("alfworld") is not None, reason="the alfworld extra is installed")
def test_a_missing_package_is_named_with_what_to_install(data: Path) -> None:
    with pytest.raises(ConfigError, match=r"pip install 'localnpm\[alfworld\]'"):
        engine.check("valid_seen")


def test_the_right_procedure_and_the_wrong_one_differ(data: Path) -> None:
    scenario = AlfworldTasks().scored(0)[0]
    right, example = scenario.oracle()
    wrong, none = scenario.oracle(wrong=True)
    assert right != wrong
    assert example.startswith("Task: ")
    assert none == ""


def test_alfworld_is_an_environment(data: Path) -> None:
    environment: Environment = AlfworldTasks()
    assert environment.limits.steps == 50


def test_another_tool_than_act_is_an_error_that_the_model_reads(data: Path) -> None:
    tools = AlfworldTasks().scored(0)[0].open().toolbox()
    assert tools.perform(tools.prepare(ToolCall("fly", {})), None) == "Error: unknown tool: fly"
    assert tools.perform(tools.prepare(ToolCall("act", {})), None) == "Error: missing argument: command"


@pytest.fixture(scope="module")
def real() -> AlfworldTasks:
    """The public games, where they and their engine are."""
    try:
        engine.check("valid_seen")
    except ConfigError as error:
        pytest.skip(str(error))
    return AlfworldTasks(users=1, tasks=1, kinds=("pick_and_place_simple", "look_at_obj_in_light"))


@needs_engine
@pytest.mark.slow
def test_the_careful_policy_wins_public_games_through_the_tool(real: AlfworldTasks) -> None:
    for scenario in real.scored(0):
        world = scenario.open()
        policy = Careful(scenario.request)
        tools = world.toolbox()
        while not isinstance(move := policy.next_move(), Answer):
            call = ToolCall("act", {"command": move.command})
            policy.observe(move.command, tools.perform(tools.prepare(call), None))
        assert world.judge(move.text).success


@needs_engine
@pytest.mark.slow
def test_a_game_that_is_restored_begins_again(real: AlfworldTasks) -> None:
    world = real.scored(0)[0].open()
    first, place = world.game.first, world.game.first.split("you see a ", 1)[1].split(",")[0]
    assert world.game.step(f"go to {place}") != "Nothing happens."
    world.restore()
    assert world.game.first == first
    assert not world.judge("").success
