"""Plays ALFWorld's games in the engine and in the simulator side by side, and compares every string.

    python household_compare.py FOLDER [--games 60]     FOLDER: games of any split; needs alfworld

In each game: the intro, then its walkthrough mixed with random admissible commands and with wrong ones. Whether it is
won is compared after each command, too.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from household_games import Game, game_files, read_game
from localnpm.evals.household import House
from localnpm.evals.household.text import TASK_MARK

WELCOME = "-= Welcome to TextWorld, ALFRED! =-\n\n"
WRONG_COMMANDS = (
    "go to moon 1",
    "take mug 1 from fridge 1",
    "open sofa 1",
    "use desklamp 1",
    "examine cabinet 1",
    "move mug 1 to shelf 1",
    "close fridge 1",
    "clean mug 1 with sinkbasin 1",
    "put mug 1 in/on shelf 1",
    "go to cabinet 1",
    "look around",
    "take",
    "go",
    "open drawer 1",
    "heat egg 1 with microwave 1",
    "cool egg 1 with fridge 1",
    "examine",
    "",
)
MORE_COMMANDS = 40
"""Beyond the walkthrough's."""


@dataclass(frozen=True)
class Observation:
    """What both said to one command; None: the start."""

    command: str | None
    engine: tuple[str, bool]
    """Text, and whether the game is won."""
    simulator: tuple[str, bool]

    @property
    def equal(self) -> bool:
        return self.engine == self.simulator


def start_engine(path: Path) -> tuple[Any, Any]:
    """The engine with a game loaded, and its first state."""
    import textworld
    from alfworld.agents.environment.alfred_tw_env import AlfredDemangler, AlfredInfos

    engine = textworld.start(
        str(path),
        request_infos=textworld.EnvInfos(won=True, admissible_commands=True),
        wrappers=[AlfredDemangler(shuffle=False), AlfredInfos],
    )
    return engine, engine.reset()


def choose_command(rng: random.Random, plan: list[str], admissible: list[str]) -> str:
    """The walkthrough's next command, a wrong one, or an admissible one; not mostly `go to`."""
    draw = rng.random()
    if draw < 0.45 and plan:
        return plan.pop(0)
    if draw < 0.52:
        return rng.choice(WRONG_COMMANDS)
    if draw < 0.75:
        return rng.choice([command for command in admissible if not command.startswith("go to")])
    return rng.choice(admissible)


def compare_game(path: Path, game: Game, rng: random.Random) -> Iterator[Observation]:
    """One game in both."""
    house = House(game.room, game.goal)
    engine, state = start_engine(path)
    yield Observation(None, (state.feedback, False), (f"{WELCOME}{house.intro()}\n\n{TASK_MARK}{game.task}", False))
    plan = list(game.walkthrough)
    for _ in range(len(plan) + MORE_COMMANDS):
        command = choose_command(rng, plan, list(state.admissible_commands))
        state, _, _ = engine.step(command)
        yield Observation(command, (state.feedback, bool(state.won)), (house.step(command), house.won()))
    engine.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares the household simulator with ALFWorld's engine.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--games", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    paths = game_files(options.folder)
    equal = total = after_win = 0
    verbs: Counter[str] = Counter()
    chosen = rng.sample(paths, min(options.games, len(paths)))
    for path in chosen:
        for seen in compare_game(path, read_game(path), rng):
            total += 1
            equal += seen.equal
            after_win += seen.engine[1]
            verbs[(seen.command or "").split(" ")[0]] += 1
            if not seen.equal:
                print(path, seen, sep="\n   ")
    print(
        f"{len(chosen)} games: {equal} of {total} observations equal; steps after a win: {after_win}; "
        f"commands {dict(verbs)}"
    )
    return 0 if equal == total else 1


if __name__ == "__main__":
    raise SystemExit(main())
