"""The household's rules and texts: each command's answer, word for word as the engine gives it."""

import pytest

from localnpm.evals.household import HELP, NOTHING, Goal, House, Room, TaskType

RECEPTACLES = [
    "cabinet 2",
    "cabinet 1",
    "countertop 1",
    "fridge 1",
    "microwave 1",
    "sidetable 1",
    "sinkbasin 1",
    "stoveburner 1",
]
OBJECTS = ["apple 1", "desklamp 1", "knife 1", "mug 2", "mug 1", "pan 1", "sink 1"]
HEAT_APPLE = Goal(TaskType.HEAT, "apple", "cabinet")

TAKE_APPLE = ["go to fridge 1", "open fridge 1", "take apple 1 from fridge 1"]
HEAT = ["go to microwave 1", "heat apple 1 with microwave 1"]
CLEAN = ["go to sinkbasin 1", "clean apple 1 with sinkbasin 1"]
COOL = ["cool apple 1 with fridge 1"]
PUT_DOWN = ["go to countertop 1", "move apple 1 to countertop 1"]
SLICE = ["take knife 1 from countertop 1", "slice apple 1 with knife 1"]


@pytest.fixture
def house() -> House:
    """A kitchen; the countertop and the stoveburner are at one place."""
    room = Room(
        RECEPTACLES,
        [True, False, False, True, True, False, False, False],
        [0, 1, 2, 3, 4, 5, 6, 2],
        OBJECTS,
        [(3,), (5,), (2,), (0,), (2,), (7,), (6,)],
        inner={5: [2]},
    )
    return House(room, HEAT_APPLE)


def after(house: House, commands: list[str]) -> str:
    """The answer to the last command."""
    return [house.step(command) for command in commands][-1]


def test_the_intro_lists_all_receptacles(house: House) -> None:
    assert house.intro() == (
        "You are in the middle of a room. Looking quickly around you, you see a cabinet 2, a cabinet 1, "
        "a countertop 1, a fridge 1, a microwave 1, a sidetable 1, a sinkbasin 1, and a stoveburner 1."
    )


@pytest.mark.parametrize(
    ("commands", "text"),
    [
        (["look"], "You are in the middle of a room. Looking quickly around you, you see nothing."),
        (["inventory"], "You are not carrying anything."),
        (["help"], HELP),
        (["go to cabinet 2"], "You arrive at cabinet 2. The cabinet 2 is closed."),
        (["go to cabinet 2", "examine cabinet 2"], "The cabinet 2 is closed."),
        (
            ["go to cabinet 2", "open cabinet 2"],
            "You open the cabinet 2. The cabinet 2 is open. In it, you see a mug 2.",
        ),
        (["go to cabinet 2", "open cabinet 2", "close cabinet 2"], "You close the cabinet 2."),
        (["go to cabinet 1"], "You arrive at cabinet 1. On the cabinet 1, you see nothing."),
        (["go to cabinet 1", "look"], "You are facing the cabinet 1. Next to it, you see nothing."),
        (["go to countertop 1"], "You arrive at countertop 1. On the countertop 1, you see a knife 1, and a mug 1."),
        (
            ["go to countertop 1", "look"],
            "You are facing the countertop 1, and stoveburner 1. Next to it, you see nothing.",
        ),
        (["go to countertop 1", "examine stoveburner 1"], "On the stoveburner 1, you see a pan 1."),
        (["go to countertop 1", "examine pan 1"], "This is a normal pan 1. In it, you see a knife 1."),
        (TAKE_APPLE, "You pick up the apple 1 from the fridge 1."),
        ([*TAKE_APPLE, "inventory"], "You are carrying: a apple 1."),
        ([*TAKE_APPLE, *COOL], "You cool the apple 1 using the fridge 1."),
        ([*TAKE_APPLE, *COOL, "examine apple 1"], "This is a cold apple 1."),
        ([*TAKE_APPLE, *COOL, *CLEAN, "examine apple 1"], "This is a cool and clean apple 1."),
        ([*TAKE_APPLE, *HEAT, "examine apple 1"], "This is a hot apple 1."),
        ([*TAKE_APPLE, *CLEAN, *HEAT, "examine apple 1"], "This is a hot and clean apple 1."),
        ([*TAKE_APPLE, *PUT_DOWN], "You move the apple 1 to the countertop 1."),
        ([*TAKE_APPLE, *PUT_DOWN, *SLICE], "You sliced the apple 1 with the knife 1."),
        ([*TAKE_APPLE, *PUT_DOWN, *SLICE, "examine apple 1"], "This is a sliced apple 1."),
        ([*TAKE_APPLE, *COOL, *PUT_DOWN, *SLICE, "examine apple 1"], "This is a cool sliced apple 1."),
        (["go to sidetable 1", "use desklamp 1"], "You turn on the desklamp 1."),
        (["go to sidetable 1", "use desklamp 1", "examine desklamp 1"], "This desklamp 1 is on."),
        (
            ["go to countertop 1", "take knife 1 from countertop 1", "examine knife 1"],
            "There's nothing special about knife 1.",
        ),
    ],
)
def test_a_command_is_answered_in_the_engines_words(house: House, commands: list[str], text: str) -> None:
    assert after(house, commands) == text


@pytest.mark.parametrize(
    "commands",
    [
        ["open fridge 1"],
        ["go to moon 1"],
        ["go to cabinet 2", "go to cabinet 2"],
        ["go to countertop 1", "go to stoveburner 1"],
        ["go to cabinet 2", "take mug 2 from cabinet 2"],
        ["go to countertop 1", "examine apple 1"],
        ["go to sinkbasin 1", "take sink 1 from sinkbasin 1"],
        [*TAKE_APPLE, "heat apple 1 with fridge 1"],
        [*TAKE_APPLE, "go to cabinet 1", "move apple 1 to cabinet 1"],
        [*TAKE_APPLE, "go to countertop 1", "take knife 1 from countertop 1"],
        ["go to countertop 1", "use desklamp 1"],
        ["go"],
        ["look around"],
        ["dance"],
        [""],
    ],
)
def test_nothing_happens_at_what_cannot_be_done(house: House, commands: list[str]) -> None:
    assert after(house, commands) == NOTHING


def test_a_goal_is_reached_when_the_treated_object_is_in_its_place(house: House) -> None:
    after(house, [*TAKE_APPLE, *HEAT, *PUT_DOWN])
    assert house.reached(Goal(TaskType.HEAT, "apple", "countertop"))


def test_a_goal_is_not_reached_without_its_treatment(house: House) -> None:
    after(house, [*TAKE_APPLE, *PUT_DOWN])
    assert not house.reached(Goal(TaskType.HEAT, "apple", "countertop"))


def test_one_object_is_not_two(house: House) -> None:
    after(house, [*TAKE_APPLE, *PUT_DOWN])
    assert not house.reached(Goal(TaskType.TWO, "apple", "countertop"))


def test_an_object_is_looked_at_where_a_lit_lamp_is(house: House) -> None:
    after(house, ["go to countertop 1", "take knife 1 from countertop 1", "go to sidetable 1", "use desklamp 1"])
    assert house.reached(Goal(TaskType.LOOK, "knife", "desklamp"))


def test_heating_undoes_cooling(house: House) -> None:
    after(house, [*TAKE_APPLE, *COOL, *HEAT, *PUT_DOWN])
    assert not house.reached(Goal(TaskType.COOL, "apple", "countertop"))
