"""The bundled model, and trajectories as a log has them: experts' runs of file tasks for one user."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from localnpm.engine.llama_chat import LlamaChat
from localnpm.evals.habits.episodes import ChatMessage, Episode, make, run_episode
from localnpm.evals.habits.profile import other_variant
from localnpm.evals.habits.runs import expert_run
from localnpm.evals.habits.transcript import system_prompt
from localnpm.evals.oracle import Told, told
from localnpm.home import bundled_model
from localnpm.memory.records import Trajectory


@dataclass(frozen=True)
class Practice:
    """One user's tasks of one kind: experts' right and wrong runs of the same requests, the script, held-out tasks."""

    episodes: tuple[Episode, ...]
    right: tuple[Trajectory, ...]
    wrong: tuple[Trajectory, ...]
    script: str
    held_out: tuple[Episode, ...]


@pytest.fixture(scope="session")
def apprentice() -> Iterator[LlamaChat]:
    """The bundled model with its chat format, opened once."""
    with LlamaChat.open(bundled_model()) as chat:
        yield chat


def practised(family: str, count: int, *, seed: int = 31, held_out: int = 0) -> Practice:
    """`count` tasks with training words, done right and wrong, and `held_out` ones with others."""
    rng = random.Random(seed)
    scored = make(seed, 1, max(1, held_out), families=[family], missing=0)
    profile, script = scored[0].profile, scored[0].script
    episodes = make(seed + 1000, 1, count, split="train", families=[family], missing=0)
    other = {**profile, **{habit: other_variant(rng.random, habit, profile[habit]) for habit in scored[0].habits}}
    right = told(system_prompt(), [_run(episode, profile) for episode in episodes])
    wrong = told(system_prompt(), [_run(episode, other) for episode in episodes])
    return Practice(tuple(episodes), tuple(right), tuple(wrong), script or "", tuple(scored))


def _run(episode: Episode, profile: dict[str, str]) -> Told:
    run = expert_run(episode.task, profile)
    return Told(episode.request, tuple((step.tool, step.arguments, step.result) for step in run.steps), run.answer)


@pytest.fixture(scope="session")
def practice() -> Callable[..., Practice]:
    """`practised`, for tests."""
    return practised


@pytest.fixture
def successes_of(apprentice: LlamaChat) -> Callable[..., int]:
    """How many episodes the model does right, greedily, under a steering."""

    def count(episodes: Sequence[Episode], steering: Any = None) -> int:
        def act(messages: Sequence[ChatMessage]) -> str:
            text = "".join(f"<|im_start|>{one['role']}\n{one['content']}<|im_end|>\n" for one in messages)
            prompt = apprentice.model.tokenize(text + "<|im_start|>assistant\n")
            return "".join(apprentice.model.generate(prompt, max_tokens=200, steering=steering))

        return sum(run_episode(episode, act).success for episode in episodes)

    return count
