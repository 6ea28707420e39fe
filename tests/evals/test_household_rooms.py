"""Rooms that are drawn, the tables they are drawn from, and goals in words."""

import random
from itertools import pairwise

import pytest

from localnpm.evals.household import Goal, Room, TaskType, goal_text, parse_goal, sample_room
from localnpm.evals.household.goals import APPLIANCE, FIXED, LAMPS, WORDINGS
from localnpm.evals.household.tables import TABLES_FILE, bundled_tables

TASK_TYPES = list(TaskType)
SEEDS = range(100)


@pytest.fixture(scope="module", params=TASK_TYPES)
def drawn(request: pytest.FixtureRequest) -> list[tuple[Room, Goal]]:
    return [sample_room(random.Random(seed), request.param) for seed in SEEDS]


def test_a_rooms_lists_are_in_the_engines_order(drawn: list[tuple[Room, Goal]]) -> None:
    for room, _ in drawn:
        for names in (room.receptacles, room.objects):
            split = [(name.split()[0], int(name.split()[1])) for name in names]
            assert all(a[0] < b[0] or (a[0] == b[0] and a[1] == b[1] + 1) for a, b in pairwise(split))


def test_objects_lie_only_where_such_objects_are_found(drawn: list[tuple[Room, Goal]]) -> None:
    rates = bundled_tables().rates
    for room, _ in drawn:
        for object_type, holders in zip(room.object_types, room.holders, strict=True):
            assert all(rates[object_type].get(room.receptacle_types[holder]) for holder in holders)


def test_a_room_has_what_its_goal_needs(drawn: list[tuple[Room, Goal]]) -> None:
    for room, goal in drawn:
        assert room.object_types.count(goal.object_type) >= goal.count
        place = room.object_types if goal.task_type is TaskType.LOOK else room.receptacle_types
        assert goal.receptacle_type in place
        assert goal.treatment is None or APPLIANCE[goal.treatment] in room.receptacle_types


def test_the_same_seed_draws_the_same_room() -> None:
    assert sample_room(random.Random(5)) == sample_room(random.Random(5))


def test_different_seeds_draw_different_rooms() -> None:
    rooms = [sample_room(random.Random(seed))[0] for seed in range(40)]
    assert all(rooms[0] != other for other in rooms[1:])


def test_every_goal_of_the_tables_can_be_put_into_its_room() -> None:
    tables = bundled_tables()
    for kind, goal in tables.goals:
        figures = tables.rooms[kind]
        objects = {row.type for row in figures.objects}
        receptacles = {row.type for row in figures.receptacles}
        assert goal.object_type in objects - FIXED
        if goal.task_type is TaskType.LOOK:
            assert goal.receptacle_type in objects & LAMPS
        else:
            assert goal.receptacle_type in receptacles
            assert (goal.receptacle_type, goal.object_type) in tables.holds


def test_the_tables_are_too_small_to_hold_games() -> None:
    assert TABLES_FILE.stat().st_size < 40_000


@pytest.mark.parametrize(
    ("task_type", "wording"), [(task_type, wording) for task_type in TaskType for wording in WORDINGS[task_type]]
)
def test_every_wording_is_read_back_as_its_goal(task_type: TaskType, wording: str) -> None:
    assert parse_goal(wording.format(o="mug", r="desklamp")) == Goal(task_type, "mug", "desklamp")


@pytest.mark.parametrize("task_type", TASK_TYPES)
def test_a_goal_survives_its_wording(task_type: TaskType) -> None:
    goal = Goal(task_type, "egg", "fridge")
    assert parse_goal(goal_text(random.Random(1), goal) + "\n") == goal


def test_another_sentence_is_no_goal() -> None:
    assert parse_goal("water the plants.") is None
