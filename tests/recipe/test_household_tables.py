"""Games read and counted into tables, with a game made up for it."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from household_games import game_files, read_game
from household_tables import as_text, build
from localnpm.evals.household.sampling import draw_room
from localnpm.evals.household.tables import Tables

PROBLEM = """(define (problem made_up) (:domain alfred)
(:init
        (receptacleType Cabinet_bar_1 CabinetType)
        (receptacleType Cabinet_bar_2 CabinetType)
        (receptacleType Fridge_bar_1 FridgeType)
        (receptacleType Sink_bar_1_bar_SinkBasin SinkBasinType)
        (objectType Apple_bar_1 AppleType)
        (objectType Mug_bar_1 MugType)
        (objectType Mug_bar_2 MugType)
        (receptacleAtLocation Cabinet_bar_1 loc_bar_1)
        (receptacleAtLocation Cabinet_bar_2 loc_bar_1)
        (receptacleAtLocation Fridge_bar_1 loc_bar_2)
        (receptacleAtLocation Sink_bar_1_bar_SinkBasin loc_bar_3)
        (openable Cabinet_bar_1)
        (openable Fridge_bar_1)
        (canContain CabinetType MugType)
        (canContain FridgeType AppleType)
        (inReceptacle Apple_bar_1 Fridge_bar_1)
        (inReceptacle Mug_bar_1 Cabinet_bar_1)
        (inReceptacle Mug_bar_2 Sink_bar_1_bar_SinkBasin)
        (objectAtLocation Apple_bar_1 loc_bar_2)
        (objectAtLocation Mug_bar_1 loc_bar_1)
        (objectAtLocation Mug_bar_2 loc_bar_3)
        (isCool Apple_bar_1)
)
(:goal (and)))"""


def write_game(folder: Path, scene: int, task: str = "put a clean mug in cabinet.") -> None:
    trial = folder / f"pick_clean_then_place_in_recep-Mug-None-Cabinet-{scene}" / "trial"
    trial.mkdir(parents=True)
    game = {"pddl_problem": PROBLEM, "grammar": f'x "Your task is to: {task}" y', "walkthrough": ["look"]}
    (trial / "game.tw-pddl").write_text(json.dumps(game), encoding="utf-8")


@pytest.fixture
def games(tmp_path: Path) -> Path:
    for scene in (1, 2, 3):
        write_game(tmp_path / "train", scene)
    return tmp_path / "train"


@pytest.fixture
def tables_file(games: Path, tmp_path: Path) -> Path:
    build(games, tmp_path / "tables.json")
    return tmp_path / "tables.json"


@pytest.fixture
def raw(tables_file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(tables_file.read_text(encoding="utf-8"))
    return content


def test_a_game_is_read_into_the_engines_names_and_places(games: Path) -> None:
    room = read_game(game_files(games)[0]).room
    assert room.receptacles == ["cabinet 2", "cabinet 1", "fridge 1", "sinkbasin 1"]
    assert room.openable == [True, False, True, False]
    assert room.locations == [0, 0, 1, 2]
    assert room.objects == ["apple 1", "mug 2", "mug 1"]
    assert room.holders == [(2,), (0,), (3,)]
    assert (room.cool, room.sinks) == ([0], {3})


def test_a_game_with_an_unknown_goal_is_refused(tmp_path: Path) -> None:
    write_game(tmp_path, 1, "water the plants.")
    with pytest.raises(ValueError, match=r"game\.tw-pddl"):
        read_game(game_files(tmp_path)[0])


def test_goals_and_objects_are_counted_by_kind_of_room(raw: dict[str, Any]) -> None:
    assert raw["goals"] == {"kitchen": {"pick_clean_then_place_in_recep": {"mug": {"cabinet": 3}}}}
    assert raw["objects"] == {"kitchen": {"apple": {"1": 3}, "mug": {"2": 3}}}


def test_rates_are_per_receptacle(raw: dict[str, Any]) -> None:
    assert raw["rate"] == {"apple": {"fridge": 1.0}, "mug": {"cabinet": 0.5, "sinkbasin": 1.0}}
    assert raw["cool"] == {"apple": 1.0}
    assert raw["closed"] == {"cabinet": 0.5, "fridge": 1.0, "sinkbasin": 0.0}
    assert raw["contain"] == {"cabinet": "mug", "fridge": "apple"}


def test_receptacles_are_counted_with_their_neighbours(raw: dict[str, Any]) -> None:
    assert raw["receptacles"]["kitchen"]["cabinet"] == {
        "count": {"2": 3},
        "near": {"cabinet": 0.029},
        "openable": {"all": 0.0, "else": 0.5},
    }


def test_rooms_can_be_drawn_from_what_was_counted(tables_file: Path) -> None:
    tables = Tables.read(tables_file)
    uniform = random.Random(2).random
    for _ in range(50):
        drawn = draw_room(tables, uniform, *tables.goals[0])
        assert drawn is not None
        assert "mug" in drawn[0].object_types
        assert {"cabinet", "sinkbasin"} <= set(drawn[0].receptacle_types)


def test_tables_are_written_as_json_with_sorted_keys() -> None:
    value = {
        "b": {f"k{i}": i / 7 for i in range(60)},
        "a": {"x": {f"{i}": {"y": "z" * i} for i in range(40)}},
        "c": "d",
    }
    text = as_text(value)
    assert json.loads(text) == value
    assert re.findall(r'^ "(\w)"', text, re.M) == ["a", "b", "c"]
