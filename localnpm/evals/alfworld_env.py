"""ALFWorld's public text games as an environment: the household's `act` and system text, ALFWorld's limit and verdict.

The scored games are shared out among memories, so that there are clusters enough for intervals. Memories practise in
drawn rooms of the household simulator or on a training split, never on scored games. Not covered: the engine itself
(alfworld_engine.py).
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from localnpm.agent.tools import Toolbox
from localnpm.config import AgentSettings
from localnpm.engine.messages import ToolCall
from localnpm.errors import ConfigError
from localnpm.evals import alfworld_engine as engine
from localnpm.evals.environment import Complaint, Judgement, Scenario, draw_of
from localnpm.evals.eval_bench import CallTools
from localnpm.evals.household import SYSTEM, TaskType, example, script
from localnpm.evals.household_env import ACT, KINDS, TURN_TOKENS, HouseholdTasks
from localnpm.memory.records import Trajectory

COMMANDS = 50
"""ALFWorld's own limit."""
SIMULATOR = "household"


class AlfworldWorld:
    """One game, opened at the first look at it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._game: engine.Game | None = None

    @property
    def game(self) -> engine.Game:
        """The game as it stands."""
        if self._game is None:
            self._game = engine.Game(self._path)
        return self._game

    def toolbox(self) -> Toolbox:
        """See `World.toolbox`: `act`, with the engine's observations."""
        return CallTools((ACT,), self._act)

    def restore(self) -> None:
        """See `World.restore`."""
        self._game = None

    def judge(self, answer: str) -> Judgement:
        """See `World.judge`: what the engine says, whether the agent has noticed or not."""
        return Judgement(True, "ok") if self.game.won else Judgement(False, "the goal was not reached")

    def complaint(self, answer: str, draw: random.Random) -> Complaint:
        """See `World.complaint`: nobody has a habit here that could be named."""
        return Complaint()

    def _act(self, call: ToolCall) -> str:
        if call.name != ACT.name:
            return f"Error: unknown tool: {call.name}"
        command = call.arguments.get("command")
        return self.game.step(command) if isinstance(command, str) else "Error: missing argument: command"


@dataclass(frozen=True)
class AlfworldScenario:
    """One game of one memory."""

    user: int
    kind: str
    number: int
    path: Path

    @cached_property
    def request(self) -> str:
        """See `Scenario.request`: the room and the task, in the engine's words."""
        return _first_message(self.path)

    @property
    def labels(self) -> Mapping[str, str]:
        """See `Scenario.labels`."""
        return {"game": "/".join(self.path.parts[-3:-1])}

    def open(self) -> AlfworldWorld:
        """See `Scenario.open`."""
        return AlfworldWorld(self.path)

    def oracle(self, *, wrong: bool = False) -> tuple[str, str]:
        """See `Scenario.oracle`; wrong is the procedure of the next kind of task."""
        draw = draw_of("alfworld", *self.path.parts[-3:-1])
        if wrong:
            return script(draw.random, TaskType(KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)])), ""
        return script(draw.random, TaskType(self.kind)), example(draw, TaskType(self.kind))


@dataclass(frozen=True)
class AlfworldTasks:
    """The environment: every game of `split` once, or the first `tasks` of each memory and kind.

    Attributes:
        practise_on: `household` for drawn rooms, or a split that is not scored.
    """

    seed: int = 11
    users: int = 4
    kinds: tuple[str, ...] = KINDS
    tasks: int = 1000
    practices: int = 6
    split: str = engine.SCORED
    practise_on: str = SIMULATOR

    name = "alfworld"
    opening = SYSTEM
    limits = AgentSettings(steps=COMMANDS, tokens=TURN_TOKENS * (COMMANDS + 1), seconds=600)

    def __post_init__(self) -> None:
        if self.practise_on == self.split:
            raise ConfigError(f"--practise-on {self.split}: these games are scored; practise on others")

    def practice(self, user: int, kind: str) -> Sequence[Scenario]:
        """See `Environment.practice`."""
        if self.practise_on == SIMULATOR:
            return self._simulator.practice(user, kind)
        return self._share(self.practise_on, user, kind, self.practices)

    def scored(self, user: int) -> Sequence[AlfworldScenario]:
        """See `Environment.scored`."""
        return [game for kind in self.kinds for game in self._share(self.split, user, kind, self.tasks)]

    def expert_pairs(self, user: int, kind: str) -> Sequence[tuple[Trajectory, Trajectory]]:
        """See `Environment.expert_pairs`: in drawn rooms."""
        return self._simulator.expert_pairs(user, kind)

    @property
    def _simulator(self) -> HouseholdTasks:
        return HouseholdTasks(self.seed, self.users, self.kinds, 0, self.practices)

    def _share(self, split: str, user: int, kind: str, most: int) -> list[AlfworldScenario]:
        """A memory's games of a kind, in an order drawn once for all."""
        paths = list(engine.games(split).get(kind, ()))
        draw_of("games", self.seed, split, kind).shuffle(paths)
        return [AlfworldScenario(user, kind, n, path) for n, path in enumerate(paths[user :: self.users][:most])]


@cache
def _first_message(path: Path) -> str:
    return engine.Game(path).first
