"""The text household as an environment: drawn rooms, one tool `act`; a game is won when its goal is reached and told.

A user here is a memory: nobody has habits, so failures get no reasons. Not covered: the public games themselves.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from localnpm.agent.tools import Toolbox
from localnpm.config import AgentSettings
from localnpm.engine.messages import ToolCall, ToolSchema
from localnpm.evals.environment import Complaint, Judgement, draw_of
from localnpm.evals.eval_bench import CallTools
from localnpm.evals.household import (
    CARELESS,
    SYSTEM,
    Careful,
    Goal,
    House,
    Room,
    TaskType,
    example,
    first_message,
    goal_text,
    play,
    sample_room,
    script,
)
from localnpm.evals.oracle import Told, told
from localnpm.memory.records import Trajectory

COMMANDS = 30
TURN_TOKENS = 120
EXPERT_PAIRS = 12
KINDS = tuple(task_type.value for task_type in TaskType)

ACT = ToolSchema(
    "act",
    "Do one command in the household, such as `go to shelf 1` or `take mug 1 from shelf 1`.",
    {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
)


class HouseholdWorld:
    """One game."""

    def __init__(self, room: Room, goal: Goal) -> None:
        self._room = room
        self._goal = goal
        self.house = House(room, goal)

    def toolbox(self) -> Toolbox:
        """See `World.toolbox`: `act`, with the engine's observations."""
        return CallTools((ACT,), self._act)

    def restore(self) -> None:
        """See `World.restore`."""
        self.house = House(self._room, self._goal)

    def judge(self, answer: str) -> Judgement:
        """See `World.judge`."""
        if not self.house.won():
            return Judgement(False, "the goal was not reached")
        return Judgement(bool(answer.strip()), "ok" if answer.strip() else "no answer")

    def complaint(self, answer: str, draw: random.Random) -> Complaint:
        """See `World.complaint`: nobody has a habit here that could be named."""
        return Complaint()

    def _act(self, call: ToolCall) -> str:
        if call.name != ACT.name:
            return f"Error: unknown tool: {call.name}"
        command = call.arguments.get("command")
        return self.house.step(command) if isinstance(command, str) else "Error: missing argument: command"


@dataclass(frozen=True)
class HouseholdScenario:
    """One game of one memory."""

    user: int
    kind: str
    number: int
    room: Room
    goal: Goal
    request: str
    script: str
    example: str

    @property
    def labels(self) -> Mapping[str, str]:
        """See `Scenario.labels`."""
        return {}

    def open(self) -> HouseholdWorld:
        """See `Scenario.open`."""
        return HouseholdWorld(self.room, self.goal)

    def oracle(self, *, wrong: bool = False) -> tuple[str, str]:
        """See `Scenario.oracle`; wrong is the procedure of the next kind of task."""
        if not wrong:
            return self.script, self.example
        other = TaskType(KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)])
        return script(draw_of("wrong", self.request).random, other), ""


@dataclass(frozen=True)
class HouseholdTasks:
    """The environment: `tasks` scored games and `practices` to practise on for each memory and kind of task."""

    seed: int = 11
    users: int = 4
    kinds: tuple[str, ...] = KINDS
    tasks: int = 2
    practices: int = 6

    name = "household"
    opening = SYSTEM
    limits = AgentSettings(steps=COMMANDS, tokens=TURN_TOKENS * (COMMANDS + 1), seconds=300)

    def practice(self, user: int, kind: str) -> Sequence[HouseholdScenario]:
        """See `Environment.practice`."""
        return _games(self.seed, user, kind, "practice", self.practices)

    def scored(self, user: int) -> Sequence[HouseholdScenario]:
        """See `Environment.scored`."""
        return [game for kind in self.kinds for game in _games(self.seed, user, kind, "scored", self.tasks)]

    def expert_pairs(self, user: int, kind: str) -> Sequence[tuple[Trajectory, Trajectory]]:
        """See `Environment.expert_pairs`: a careful player and a careless one in the same rooms."""
        draw = draw_of("expert", self.seed, user, kind)
        runs: list[Told] = []
        for game in _games(self.seed, user, kind, "expert", EXPERT_PAIRS):
            for policy in (Careful, CARELESS[draw.randrange(len(CARELESS))]):
                steps, answer = play(policy(game.request, draw), House(game.room, game.goal), COMMANDS)
                calls = tuple((ACT.name, {"command": step.command}, step.observation) for step in steps)
                runs.append(Told(game.request, calls, answer or ""))
        trajectories = told(self.opening, runs)
        return list(zip(trajectories[::2], trajectories[1::2], strict=True))


@cache
def _games(seed: int, user: int, kind: str, part: str, count: int) -> Sequence[HouseholdScenario]:
    found = []
    for number in range(count):
        draw = draw_of(part, seed, user, kind, number)
        task_type = TaskType(kind)
        room, goal = sample_room(draw, task_type)
        request = first_message(House(room, goal), goal_text(draw, goal))
        found.append(
            HouseholdScenario(
                user, kind, number, room, goal, request, script(draw.random, task_type), example(draw, task_type)
            )
        )
    return found
