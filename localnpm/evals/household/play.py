"""Episodes: a policy playing a game, with slips if wanted.

An episode is a whole game in text: first message, steps, answer, and whether the goal was reached.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from localnpm.evals.household.goals import TaskType, goal_text
from localnpm.evals.household.house import House
from localnpm.evals.household.policies import Answer, Careful
from localnpm.evals.household.sampling import sample_room
from localnpm.evals.household.text import Step, compact, first_message

MAX_COMMANDS = 30


@dataclass(frozen=True)
class Episode:
    """One game from the first message to the answer."""

    task_type: TaskType
    first: str
    task: str
    """The goal in words."""
    steps: list[Step]
    answer: str | None
    """None: the limit came first."""
    won: bool

    @property
    def succeeded(self) -> bool:
        return self.won and self.answer is not None

    def compact(self) -> str:
        return compact(self.task, self.steps, self.answer or "")


def play(
    policy: Careful, house: House, limit: int, slips: Mapping[int, random.Random] | None = None
) -> tuple[list[Step], str | None]:
    """Plays until the policy answers (steps, answer) or has used up its commands (steps, None).

    At each step number in `slips` a random command takes the place of the policy's own.
    """
    steps: list[Step] = []
    while True:
        move = policy.next_move()
        if isinstance(move, Answer):
            return steps, move.text
        if len(steps) >= limit:
            return steps, None
        command, meant = move.command, True
        if slips and len(steps) in slips:
            command, meant = _slip(policy, slips[len(steps)], command), False
        observation = house.step(command)
        policy.observe(command, observation)
        steps.append(Step(command, observation, meant))


def play_episode(
    rng: random.Random,
    task_type: TaskType | None = None,
    policy: type[Careful] = Careful,
    limit: int = MAX_COMMANDS,
    slips: Mapping[int, random.Random] | None = None,
) -> Episode:
    """A policy in a new room."""
    room, goal = sample_room(rng, task_type)
    house = House(room, goal)
    task = goal_text(rng, goal)
    first = first_message(house, task)
    steps, answer = play(policy(first, rng), house, limit, slips)
    return Episode(goal.task_type, first, task, steps, answer, house.won())


def good_episode(
    rng: random.Random, task_type: TaskType | None = None, limit: int = MAX_COMMANDS, slips: bool = False
) -> Episode:
    """A careful episode that succeeds within the limit; with slips: one to three of them, put right afterwards."""
    while True:
        at = {int(rng.random() * 12): rng for _ in range(1 + int(rng.random() * 3))} if slips else None
        episode = play_episode(rng, task_type, Careful, limit, at)
        if episode.succeeded:
            return episode


def example(rng: random.Random, task_type: TaskType, limit: int = 12) -> str:
    """The compact trajectory of a short careful success in another room."""
    for _ in range(6):
        episode = play_episode(rng, task_type, Careful, limit)
        if episode.succeeded:
            return episode.compact()
    return good_episode(rng, task_type).compact()


def _slip(policy: Careful, rng: random.Random, meant: str) -> str:
    """Another command than the one that was meant, as a weak policy would give it."""
    uniform = rng.random
    choice = uniform()
    at = policy.at
    here = policy.inside.get(at) if at and at not in policy.closed else None
    if choice < 0.3 and policy.holding is None and here:
        return f"take {here[int(uniform() * len(here))]} from {at}"
    if choice < 0.4 and at:
        return f"examine {at}"
    if choice < 0.5 and policy.holding:
        return f"move {policy.holding} to {policy.receptacles[int(uniform() * len(policy.receptacles))]}"
    if choice < 0.6 and at:
        return f"open {at}" if at in policy.closed else f"close {at}"
    if choice < 0.7:
        return ("look", "inventory")[int(uniform() * 2)]
    if choice < 0.78:
        return f"{meant.rsplit(' ', 1)[0]} {1 + int(uniform() * 9)}"
    return f"go to {policy.receptacles[int(uniform() * len(policy.receptacles))]}"
