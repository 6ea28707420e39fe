"""What vectors cost, side by side in one run: reading activations against plain reading, and synthesis within a task.

The part of `localnpm bench` on learning: activations of many trajectories computed for the cache, alternating with
plain prompt reading of the same tokens, and recall with a vector made on the spot from what is cached of 8 neighbours
of one kind, alternating with the task itself. Not covered: the cost of a pass (its calibration is bounded by what it
looks at), steered against plain generation (bench.py), and how good vectors are.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from localnpm.config import EngineSettings, LearningSettings, MemorySettings, Settings
from localnpm.distill.distilled import Synthesized
from localnpm.distill.quick_vectors import cache_activations, cache_slopes, synthesize
from localnpm.distill.replay import Replay, replay, without_memory
from localnpm.engine.llama_chat import LlamaChat
from localnpm.errors import SteeringError
from localnpm.evals.habits.episodes import make
from localnpm.evals.habits.profile import other_variant
from localnpm.evals.habits.runs import expert_run
from localnpm.evals.habits.transcript import system_prompt, tool_call
from localnpm.home import bundled_embedder, bundled_model
from localnpm.learning.steering import Vectors
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.embedding import open_embedder
from localnpm.memory.recall import Recall
from localnpm.memory.records import Trajectory

READING_TARGET = 0.8
"""Share of plain reading's speed that reading activations must reach."""
TASK_TARGET = 0.05
"""Share of a task's seconds that a vector made on the spot may take."""
NEIGHBOURS = 8
KIND = "remove_file"
SETTINGS = LearningSettings()


@dataclass(frozen=True)
class VectorCost:
    """What was measured.

    Attributes:
        trajectories, tokens: how many were read.
        activations_per_second, plain_per_second: tokens, medians over trajectories.
        ratio: median over trajectories of activations' speed by plain reading's.
        bytes_each: of a trajectory's cached rows.
        neighbours: how many slopes of successes the vector on the spot was made from.
        synthesis_seconds: median of recalling them and making it.
        task_seconds: median of reading and generating one such trajectory's turns.
    """

    trajectories: int
    tokens: int
    activations_per_second: float
    plain_per_second: float
    ratio: float
    bytes_each: int
    neighbours: int
    synthesis_seconds: float
    task_seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON."""
        return {**asdict(self), "synthesis_share": self.synthesis_share}

    def print(self, console: Console | None = None) -> None:
        """Print a table."""
        table = Table(box=box.SIMPLE, title=f"Vectors, over {self.trajectories} trajectories of {self.tokens:,} tokens")
        table.add_column("what")
        table.add_column("measured", justify="right")
        table.add_column("wanted", justify="right")
        table.add_row("reading, tokens/s", f"{self.plain_per_second:.0f}", "")
        table.add_row("reading with activations, tokens/s", f"{self.activations_per_second:.0f}", "")
        table.add_row("activations / plain", f"{self.ratio:.2f}", f"at least {READING_TARGET}")
        table.add_row("bytes cached for a trajectory", f"{self.bytes_each:,}", "")
        table.add_row("recall and a vector on the spot, ms", f"{1000 * self.synthesis_seconds:.1f}", "")
        table.add_row("of a task's time", f"{self.synthesis_share:.1%}", f"at most {TASK_TARGET:.0%}")
        (console or Console()).print(table)

    @property
    def synthesis_share(self) -> float:
        """Of a task's seconds."""
        return self.synthesis_seconds / self.task_seconds if self.task_seconds else 0.0


def run(settings: EngineSettings = EngineSettings(), *, trajectories: int = 100) -> VectorCost:
    """Measure the bundled model.

    Raises:
        ModelError: it cannot be loaded.
    """
    with LlamaChat.open(bundled_model(), settings) as chat:
        return measure(chat, trajectories=trajectories)


def measure(chat: LlamaChat, *, trajectories: int = 100) -> VectorCost:
    """Read so many experts' runs both ways, alternating; then make vectors from the cache, and play tasks.

    Raises:
        SteeringError: this model's activations cannot be read.
    """
    with Database.open(None) as database:
        logged = [trajectory for trajectory, _ in _log(database, trajectories)]
        runs = [_whole(chat, one) for one in logged]
        ours: list[float] = []
        plain: list[float] = []
        for number, (trajectory, run) in enumerate(zip(logged, runs, strict=True)):

            def with_activations(one: Trajectory = trajectory) -> None:
                cache_activations(chat, [one], database, SETTINGS)

            def without(one: Replay = run) -> None:
                chat.model.forget_cache()
                chat.model.logits(one.tokens, [len(one.tokens) - 1])

            # Each first in every other round: what else runs on the machine slows both alike.
            pair: tuple[Callable[[], None], ...] = (with_activations, without)
            seconds = {step: _seconds(step) for step in (pair if number % 2 else pair[::-1])}
            ours.append(len(run.tokens) / seconds[with_activations])
            plain.append(len(run.tokens) / seconds[without])
        (size,) = database.query("SELECT sum(length(rows) + length(scales)) AS bytes FROM activations")
    neighbours, synthesis, tasks = _on_the_spot(chat)
    return VectorCost(
        trajectories=len(runs),
        tokens=sum(len(run.tokens) for run in runs),
        activations_per_second=statistics.median(ours),
        plain_per_second=statistics.median(plain),
        ratio=statistics.median(mine / other for mine, other in zip(ours, plain, strict=True)),
        bytes_each=int(size["bytes"] or 0) // max(1, len(runs)),
        neighbours=neighbours,
        synthesis_seconds=statistics.median(synthesis),
        task_seconds=statistics.median(tasks),
    )


def _on_the_spot(chat: LlamaChat) -> tuple[int, list[float], list[float]]:
    """How many successes a vector is made from; seconds of recalling them and making it, and of the tasks, by turns.

    Raises:
        SteeringError: no vector could be made.
    """
    with Database.open(None) as database:
        logged = [one for one, _ in _log(database, NEIGHBOURS, KIND)]
        cache_slopes(chat, logged, database, SETTINGS)
        recall = Recall(database, open_embedder(bundled_embedder()), MemorySettings())
        vectors = Vectors(database, chat, Settings(), recall)
        made: list[Synthesized | None] = []
        ours: list[float] = []
        tasks: list[float] = []
        # The first one opens the index.
        for one in (logged[0], *logged):

            def make(request: str = one.request) -> None:
                near = vectors.nearest(request)
                made.append(synthesize(chat, near, SETTINGS, database=database))

            ours.append(_seconds(make))
            tasks.append(_task(chat, _whole(chat, one)))
        if (last := made[-1]) is None:
            raise SteeringError("no vector was made on the spot: what is cached of the neighbours does not agree")
        return last.pairs, ours[1:], tasks[1:]


def _task(chat: LlamaChat, run: Replay) -> float:
    """Reading the prompts and generating as many tokens as the run has, turn by turn."""

    def play() -> None:
        chat.model.forget_cache()
        for first, end in run.spans:
            for _ in chat.model.generate(run.tokens[:first], max_tokens=end - first):
                pass

    return _seconds(play)


def _whole(chat: LlamaChat, trajectory: Trajectory) -> Replay:
    (run,) = replay(chat, trajectory, without_memory(trajectory.attempt.system))
    return run


def _seconds(what: Callable[[], object]) -> float:
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


def _log(database: Database, count: int, kind: str = "") -> list[tuple[Trajectory, bool]]:
    """Experts' runs of file tasks, right and wrong by turns, judged, in a private log; of one `kind` all are right."""
    log = AttemptLog(database)
    session = log.start_session("bench")
    if kind:
        episodes = make(0, 1, count, split="train", families=[kind], missing=0)
    else:
        episodes = make(0, 1, -(-count // 20), split="train", missing=0)[:count]
    found = []
    for number, episode in enumerate(episodes):
        right = bool(kind) or number % 2 == 0
        profile = dict(episode.profile)
        if not right:
            profile |= {habit: other_variant(lambda: 0.5, habit, profile[habit]) for habit in episode.habits}
        run = expert_run(episode.task, profile)
        attempt = log.start_attempt(
            session, episode.request, workspace="bench", model="expert", model_fingerprint="", system=system_prompt(),
            sampling={},
        )  # fmt: skip
        for turn, step in enumerate(run.steps):
            text = tool_call(step.tool, step.arguments)
            made = log.start_step(attempt, turn=turn, text=text, tool=step.tool, arguments=step.arguments)
            log.finish_step(made, step.result)
        log.start_step(attempt, turn=len(run.steps), text=run.answer)
        log.finish_attempt(attempt, "done", run.answer)
        log.add_verdict(attempt, "user", right)
        found.append((log.trajectory(attempt), right))
    return found
