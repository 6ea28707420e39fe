"""Acts that need no model: the expert, the expert for somebody else, one who guesses, one who is careless.

They show what the verifiers accept and refuse. Playing an act is `episodes.run_episode`.
"""

import random
from collections.abc import Callable, Sequence

from localnpm.evals.habits.episodes import Act, ChatMessage, Episode, other_variants, run_episode
from localnpm.evals.habits.profile import Profile
from localnpm.evals.habits.runs import careless_run
from localnpm.evals.habits.task import Habits, Policy
from localnpm.evals.habits.transcript import RESPONSE_CLOSE, RESPONSE_OPEN, tool_call


def policy_act(episode: Episode, profile: Habits) -> Act:
    """The expert with a given profile."""
    policy: Policy = episode.task.policy(Profile(random.Random(0).random, profile))
    started = False

    def act(messages: Sequence[ChatMessage]) -> str:
        nonlocal started
        try:
            if started:
                response = messages[-1]["content"]
                call = policy.send(response.removeprefix(RESPONSE_OPEN).removesuffix(RESPONSE_CLOSE))
            else:
                started = True
                call = next(policy)
        except StopIteration as end:
            return str(end.value)
        return tool_call(*call)

    return act


def expert(episode: Episode) -> Act:
    """The expert who knows the episode's profile."""
    return policy_act(episode, episode.profile)


def random_variant(episode: Episode, rng: random.Random) -> Act:
    """The expert with variants drawn from the prior: the best that a model without memory can do."""
    drawn = {habit: Profile(rng.random)[habit] for habit in episode.habits}
    return policy_act(episode, {**episode.profile, **drawn})


def wrong_variant(episode: Episode, rng: random.Random) -> Act:
    """The expert with another variant of each habit."""
    return policy_act(episode, other_variants(rng.random, episode.habits, episode.profile))


def careless_act(episode: Episode, rng: random.Random) -> Act:
    """Somebody who does not do what the answer says."""
    run = careless_run(episode.task, Profile(rng.random, episode.profile), episode.workspace())
    texts = [tool_call(step.tool, step.arguments) for step in run.steps] + [run.answer]
    return lambda messages: texts.pop(0)


def success_rates(episodes: Sequence[Episode], make_act: Callable[[Episode], Act]) -> dict[str, float]:
    """Family -> share of its episodes that end in success."""
    outcomes: dict[str, list[bool]] = {}
    for episode in episodes:
        result = run_episode(episode, make_act(episode))
        outcomes.setdefault(episode.family, []).append(result.success)
    return {family: sum(successes) / len(successes) for family, successes in outcomes.items()}
