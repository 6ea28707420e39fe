"""One user's share of an evaluation as a stream of lines: references, then practice, then the learned conditions."""

from collections.abc import Iterator, Sequence

from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.steering import Steering, SteeringPart
from localnpm.evals.conditions import Given, is_learned
from localnpm.evals.environment import Scenario
from localnpm.evals.episode import Player
from localnpm.evals.job import Job
from localnpm.evals.results import Line
from localnpm.memory.embedding import Embedder


def play(job: Job, model: LlamaChat, embedder: Embedder) -> Iterator[Line]:
    """A user's scored tasks under all conditions: those without memory, then practice, then the learned ones."""
    player = Player(job.environment, model, job.settings, job.seed)
    scenarios = job.environment.scored(job.user)
    try:
        references = [name for name in job.conditions if not is_learned(name)]
        oracle = Oracle(job, model)
        for scenario in scenarios:
            for condition in references:
                if _left(job, [scenario], condition):
                    yield player.play(scenario, condition, oracle.given(scenario, condition)).line()
        wanted = [name for name in job.conditions if is_learned(name)]
        if any(_left(job, scenarios, condition) for condition in wanted):
            yield from _learned(job, model, embedder, player, wanted)
    finally:
        player.close()


def _learned(job: Job, model: LlamaChat, embedder: Embedder, player: Player, conditions: list[str]) -> Iterator[Line]:
    from localnpm.evals.learned import Memory
    from localnpm.evals.practice import learn, learn_by_another, learned
    from localnpm.memory.database import Database

    yield from learn(job, model, embedder) if job.learned_by is None else learn_by_another(job, model, embedder)
    with Database.open(learned(job)) as database:
        memory = Memory(job, database, model, embedder)
        # Task by task: what a world keeps of a game that it has opened serves all conditions.
        for scenario in job.environment.scored(job.user):
            for condition in conditions:
                if _left(job, [scenario], condition):
                    yield player.play(scenario, condition, memory.given(scenario, condition)).line()


def _left(job: Job, scenarios: Sequence[Scenario], condition: str) -> list[Scenario]:
    return [each for each in scenarios if (condition, each.kind, each.number) not in job.done]


class Oracle:
    """What somebody who knows the user would have given."""

    def __init__(self, job: Job, model: LlamaChat) -> None:
        self._job = job
        self._model = model
        self._vectors: dict[str, Steering | None] = {}

    def given(self, scenario: Scenario, condition: str) -> Given:
        """What the condition has for the task."""
        script, example = scenario.oracle(wrong=condition == "oracle-wrong-script")
        match condition:
            case "oracle-script" | "oracle-wrong-script":
                return Given(script=script)
            case "oracle-example":
                return Given(example=example)
            case "oracle-proceduralization":
                return Given(script=script, example=example)
            case "oracle-vector":
                return Given(steering=self._steering(scenario, script))
        return Given()

    def _steering(self, scenario: Scenario, script: str) -> Steering | None:
        """A vector from pairs of expert runs of the scenario's kind, whatever the health gate says of it."""
        from localnpm.distill import gguf
        from localnpm.distill.vectors import distil_vector

        if scenario.kind not in self._vectors:
            pairs = self._job.environment.expert_pairs(scenario.user, scenario.kind)
            made = distil_vector(
                self._model,
                [right for right, _ in pairs],
                [wrong for _, wrong in pairs],
                script,
                self._job.settings.learning,
                seed=self._job.seed,
            )
            steering = None if made is None else Steering((SteeringPart(gguf.scaled(made.file)),))
            self._vectors[scenario.kind] = steering
        return self._vectors[scenario.kind]
