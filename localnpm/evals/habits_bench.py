"""The file tasks under hidden habits as an environment: users with fixed habits, workspaces in memory, exact verdicts.

Scored tasks are those of `habits.episodes` (held-out words, half of the requests in held-out wordings); practice has
training words for the same users. Not covered: what a model makes of them (harness.py).
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from localnpm.agent.prompts import FILES
from localnpm.agent.schemas import SCHEMAS
from localnpm.agent.tools import Toolbox
from localnpm.config import AgentSettings
from localnpm.engine.messages import ToolCall
from localnpm.evals.environment import Complaint, Judgement, Wording, draw_of, seed_of
from localnpm.evals.eval_bench import CallTools
from localnpm.evals.habits.episodes import MAX_STEPS, Episode, make
from localnpm.evals.habits.families import BY_NAME
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.profile import other_variant
from localnpm.evals.habits.runs import Run, expert_run
from localnpm.evals.habits.task import Task
from localnpm.evals.habits.workspace import SIGNATURES, Workspace
from localnpm.evals.oracle import Told, told
from localnpm.evals.simulated_user import complain, violated
from localnpm.memory.records import Trajectory

TURN_TOKENS = 220
"""The longest turn that a file task can need, as the recipe's scores allow it."""

KINDS = tuple(BY_NAME)


class HabitsWorld:
    """One task's workspace."""

    def __init__(self, task: Task, profile: Mapping[str, str], reasons_worded: Wording) -> None:
        self._task = task
        self._profile = profile
        self._worded = reasons_worded
        self.workspace = task.workspace()
        self.before = self.workspace.snapshot()

    def toolbox(self) -> Toolbox:
        """See `World.toolbox`: the workspace's results, byte for byte."""
        schemas = tuple(SCHEMAS[name] for name in SIGNATURES)
        return CallTools(schemas, lambda call: _call(self.workspace, call))

    def restore(self) -> None:
        """See `World.restore`."""
        self.workspace = self._task.workspace()

    def judge(self, answer: str) -> Judgement:
        """See `World.judge`: the end state must be exactly the one that the user's habits ask for."""
        success, why = self._task.check(self.before, self.workspace.snapshot(), answer, self._profile)
        return Judgement(success, why)

    def complaint(self, answer: str, draw: random.Random) -> Complaint:
        """See `World.complaint`: a sentence for each habit that was not kept."""
        habits = violated(self._task, self._profile, self.before, self.workspace.snapshot(), answer)
        return complain(habits, self._profile, draw, self._worded)


def _call(workspace: Workspace, call: ToolCall) -> str:
    return workspace.call(call.name, call.arguments)


@dataclass(frozen=True)
class HabitsScenario:
    """One file task of one user. `scripts` and `examples` are the right ones and then the wrong ones, where known."""

    task: Task
    profile: Mapping[str, str]
    user: int
    number: int
    reasons_worded: Wording
    scripts: tuple[str, str] = ("", "")
    examples: tuple[str, str] = ("", "")

    @property
    def kind(self) -> str:
        """The task's family."""
        return self.task.name

    @property
    def request(self) -> str:
        """See `Scenario.request`."""
        return self.task.request

    @property
    def labels(self) -> Mapping[str, str]:
        """See `Scenario.labels`: the wording of the request, and of the reasons that its user gives for this kind."""
        return {"worded": self.task.worded, "reasons": self.reasons_worded, "mode": self.task.mode}

    def open(self) -> HabitsWorld:
        """See `Scenario.open`."""
        return HabitsWorld(self.task, self.profile, self.reasons_worded)

    def oracle(self, *, wrong: bool = False) -> tuple[str, str]:
        """See `Scenario.oracle`; `wrong` shows other variants than the user's."""
        return self.scripts[wrong], self.examples[wrong]


@dataclass(frozen=True)
class HabitsTasks:
    """The environment: `tasks` scored ones and `practices` to practise on for each user and kind."""

    seed: int = 11
    users: int = 4
    kinds: tuple[str, ...] = KINDS
    tasks: int = 1
    practices: int = 6

    name = "habits"
    opening = FILES
    limits = AgentSettings(steps=MAX_STEPS, tokens=TURN_TOKENS * (MAX_STEPS + 1), seconds=120)

    def practice(self, user: int, kind: str) -> Sequence[HabitsScenario]:
        """See `Environment.practice`: training words, things that are there."""
        profile = self._profile(user)
        names = Names(draw_of("practice", self.seed, user, kind), "train")
        worded = self.reasons_worded(user, kind)
        return [
            HabitsScenario(BY_NAME[kind].make_solid(names), profile, user, number, worded)
            for number in range(self.practices)
        ]

    def scored(self, user: int) -> Sequence[HabitsScenario]:
        """See `Environment.scored`."""
        found, numbers = [], dict.fromkeys(self.kinds, 0)
        for episode in self._episodes():
            if episode.profile_id == user:
                number = numbers[episode.family]
                numbers[episode.family] += 1
                found.append(self._scenario(episode, number))
        return found

    def expert_pairs(self, user: int, kind: str) -> Sequence[tuple[Trajectory, Trajectory]]:
        """See `Environment.expert_pairs`: training words, other ones than those of practice."""
        profile = self._profile(user)
        draw = draw_of("expert", self.seed, user, kind)
        names = Names(draw, "train")
        runs: list[Told] = []
        for _ in range(EXPERT_PAIRS):
            task = BY_NAME[kind].make_solid(names)
            other = {**profile, **{h: other_variant(draw.random, h, profile[h]) for h in task.habits}}
            runs += [_told(task, expert_run(task, profile)), _told(task, expert_run(task, other))]
        trajectories = told(self.opening, runs)
        return list(zip(trajectories[::2], trajectories[1::2], strict=True))

    def reasons_worded(self, user: int, kind: str) -> Wording:
        """In which wordings the user gives reasons for tasks of this kind: half of the kinds have held-out ones."""
        return "new" if seed_of("reasons", self.seed, user, kind) % 2 else "known"

    def _profile(self, user: int) -> Mapping[str, str]:
        return next(episode.profile for episode in self._episodes() if episode.profile_id == user)

    def _scenario(self, episode: Episode, number: int) -> HabitsScenario:
        return HabitsScenario(
            episode.task,
            episode.profile,
            episode.profile_id,
            number,
            self.reasons_worded(episode.profile_id, episode.family),
            (episode.script or "", episode.wrong_script or ""),
            (episode.example or "", episode.wrong_example or ""),
        )

    def _episodes(self) -> Sequence[Episode]:
        return _episodes(self.seed, self.users, self.tasks, self.kinds)


EXPERT_PAIRS = 12
"""Pairs of expert runs for the upper reference of vectors."""


@cache
def _episodes(seed: int, users: int, tasks: int, kinds: tuple[str, ...]) -> Sequence[Episode]:
    """As the recipe's score.py draws them, so that its figures and these are of the same tasks."""
    return make(seed, users, tasks, families=kinds, missing=0.0)


def _told(task: Task, run: Run) -> Told:
    return Told(task.request, tuple((step.tool, step.arguments, step.result) for step in run.steps), run.answer)
