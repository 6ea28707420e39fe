"""One scored episode: a task in a new world, from an empty cache, logged where no memory ever looks."""

import time

from localnpm.agent.attempt import Terms
from localnpm.config import Settings
from localnpm.engine.turns import ChatModel
from localnpm.evals.conditions import Given
from localnpm.evals.environment import Environment, Scenario, seed_of
from localnpm.evals.eval_bench import EvalBench, result_of
from localnpm.evals.results import Row
from localnpm.memory.database import Database


class Player:
    """Plays scored tasks. Its log is private and its own: nothing of them can reach what was learned."""

    def __init__(self, environment: Environment, model: ChatModel, settings: Settings, seed: int) -> None:
        self._seed = seed
        self._database = Database.open(None)
        self._bench = EvalBench(model, self._database, settings, opening=environment.opening, limits=environment.limits)

    def play(self, scenario: Scenario, condition: str, given: Given) -> Row:
        """One task under one condition; the draw of tokens, where there is one, is the same for all conditions."""
        bench = self._bench
        world = scenario.open()
        session = bench.enter(world)
        seed = seed_of("scored", self._seed, scenario.user, scenario.kind, scenario.number)
        task = bench.task(
            scenario.request,
            session,
            Terms((given.script, *given.others), given.example, given.steering, sampling=bench.drawn(seed)),
        )
        start = time.perf_counter()
        result = result_of(bench.agent.run(task))
        seconds = time.perf_counter() - start
        judgement = world.judge(result.answer)
        return Row(
            condition,
            scenario.user,
            scenario.kind,
            scenario.number,
            judgement.success,
            judgement.why if result.status == "done" else f"{result.error} ({judgement.why})",
            result.steps,
            result.generated_tokens,
            result.prompt_tokens,
            round(seconds, 3),
            labels={**scenario.labels, **({"channel": given.channel} if given.channel else {})},
            recall=given.recall(scenario.kind),
            recalled=given.recalled,
            similarity=round(given.similarity, 4),
            steered=given.steering is not None,
            script="\n\n".join(filter(None, (given.script, *given.others))),
        )

    def close(self) -> None:
        """Throw the log away."""
        self._database.close()
