"""Practice: tasks with training words, judged by the simulated user, from which the learner itself learns.

The first task of a kind is done greedily, the rest at temperature 1. A failure gets the user's reason and one retry.
Afterwards one pass over the log. What is learned lies in a memory of the user's own on disk, kept after each kind, so
that a run that was killed goes on there. A memory that another model has learned is made ready for the scored one as
the app does it: scripts stay, vectors are made again. Not covered: what is scored (episode.py).
"""

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from localnpm.agent.options import Options
from localnpm.distill.consolidate import run_pass
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.turns import ChatModel
from localnpm.errors import LocalnpmError
from localnpm.evals.conditions import needs_vectors
from localnpm.evals.environment import Complaint, Judgement, Scenario, World, draw_of, seed_of
from localnpm.evals.eval_bench import EvalBench, result_of
from localnpm.evals.job import Job
from localnpm.evals.results import Line
from localnpm.evals.simulated_user import Shuffled, mistaken
from localnpm.learning.learner import Learner
from localnpm.memory.database import Database
from localnpm.memory.embedding import Embedder
from localnpm.memory.procedure_records import Pass

LEARNED = "learned.db"
WITHOUT_VECTORS = "learned-scripts.db"
WORKING = "memory.db"


class Teacher:
    """The simulated user of one kind: judges what was done, truly or as the feedback asks for."""

    def __init__(self, job: Job, kind: str) -> None:
        self._draw = draw_of("teacher", job.seed, job.user, kind)
        self._reasons = job.feedback != "verdicts"
        self._wrong = job.wrong_verdicts
        self._shuffled = Shuffled(self._draw) if job.feedback == "shuffled" else None

    def judge(self, world: World, answer: str) -> tuple[Judgement, Judgement, Complaint]:
        """(what is true, what the user says, the reason for a failure)."""
        true = world.judge(answer)
        complaint = world.complaint(answer, self._draw) if not true.success and self._reasons else Complaint()
        told = mistaken(true, self._wrong, self._draw)
        if told.success:
            complaint = Complaint()
        if self._shuffled is not None:
            told, complaint = self._shuffled(told, complaint)
        return true, told, complaint


def learn(job: Job, model: ChatModel, embedder: Embedder) -> Iterator[Line]:
    """Practise every kind and distil; the memory is then at `learned(job)`. Yields a line for each attempt."""
    if learned(job).exists():
        return
    kinds = job.environment.kinds
    done = _restore(job.folder, len(kinds))
    with Database.open(job.folder / WORKING) as database:
        for place, kind in enumerate(kinds):
            if place >= done:
                yield from _practise(job, kind, model, embedder, database)
                _keep(database, job.folder, place + 1)
        yield _distil(job, model, embedder, database)
        unfinished = job.folder / "unfinished.db"
        unfinished.unlink(missing_ok=True)
        database.backup(unfinished)
        unfinished.replace(learned(job))


def learn_by_another(job: Job, model: LlamaChat, embedder: Embedder) -> Iterator[Line]:
    """As `learn`, but the job's other model practises, and what it has learned is then rebuilt for this one."""
    if job.learned_by is None or learned(job).exists():
        return
    # The other model's vectors would fit none but it.
    by_other = replace(job, folder=job.folder / "other", conditions=("script",))
    engine = replace(job.settings.engine, threads=model.model.plan.threads)
    with LlamaChat.open(job.learned_by, engine) as other:
        yield from learn(by_other, other, embedder)
    unfinished = job.folder / "unfinished.db"
    shutil.copyfile(learned(by_other), unfinished)
    start = time.perf_counter()
    with Database.open(unfinished) as database:
        settings = open_bench(job, model, database, Options()).settings
        done = run_pass(
            database,
            model,
            embedder,
            settings,
            cause="rebuild",
            random_seed=job.seed,
            rebuild=True,
            vectors=needs_vectors(job.conditions),
        )
        yield _pass_line(job, time.perf_counter() - start, done)
        finished = job.folder / "rebuilt.db"
        finished.unlink(missing_ok=True)
        database.backup(finished)
    unfinished.unlink()
    finished.replace(learned(job))


def learned(job: Job) -> Path:
    """The memory after practice and its pass, which makes vectors only where a condition may use them."""
    return job.folder / (LEARNED if needs_vectors(job.conditions) else WITHOUT_VECTORS)


def try_once(
    learner: Learner, bench: EvalBench, scenario: Scenario, teacher: Teacher, job: Job, temperature: float | None
) -> Iterator[Line]:
    """One task as a user lives it: the attempt, the verdict, and after a failure with a reason one retry."""
    world = scenario.open()
    session = bench.enter(world)
    seed = seed_of("practice", job.seed, scenario.user, scenario.kind, scenario.number)
    result = result_of(learner.run(scenario.request, session, sampling=bench.drawn(seed, temperature)))
    true, told, complaint = teacher.judge(world, result.answer)
    used = learner.last.scripts if learner.last is not None else ()
    yield _line(scenario, result.attempt_id, False, true, told, complaint, result.generated_tokens, used, "")
    judgement = learner.judge(result.attempt_id, told.success, complaint.text)
    if judgement.can_retry:
        bench.sampling = bench.drawn(seed)
        try:
            result = result_of(learner.retry(result.attempt_id))
        except LocalnpmError as error:
            yield _line(scenario, 0, True, Judgement(False, "no retry"), told, Complaint(), 0, (), str(error))
        else:
            true, told, complaint = teacher.judge(world, result.answer)
            used = learner.last.scripts if learner.last is not None else ()
            yield _line(scenario, result.attempt_id, True, true, told, complaint, result.generated_tokens, used, "")
            learner.judge(result.attempt_id, told.success, complaint.text)
    learner.settle(session)


def open_bench(job: Job, model: ChatModel, database: Database, options: Options) -> EvalBench:
    """The bench of a user: nobody withholds memory by chance, and passes come when they are asked for."""
    memory = replace(job.settings.memory, holdout=0.0)
    learning = replace(job.settings.learning, every=0)
    settings = replace(job.settings, memory=memory, learning=learning)
    environment = job.environment
    return EvalBench(model, database, settings, opening=environment.opening, limits=environment.limits, options=options)


def _practise(job: Job, kind: str, model: ChatModel, embedder: Embedder, database: Database) -> Iterator[Line]:
    bench = open_bench(job, model, database, Options(memory=job.practice_memory))
    learner = Learner(bench, embedder, random=Random(seed_of("learner", job.seed, job.user, kind)))
    teacher = Teacher(job, kind)
    for scenario in job.environment.practice(job.user, kind):
        temperature = None if scenario.number == 0 else 1.0
        yield from try_once(learner, bench, scenario, teacher, job, temperature)


def _distil(job: Job, model: ChatModel, embedder: Embedder, database: Database) -> Line:
    bench = open_bench(job, model, database, Options(memory=job.practice_memory))
    bench.forget_cache()
    start = time.perf_counter()
    done = Learner(bench, embedder, random=Random(job.seed)).distil("practice", vectors=needs_vectors(job.conditions))
    return _pass_line(job, time.perf_counter() - start, done)


def _pass_line(job: Job, seconds: float, done: Pass) -> Line:
    return {
        "type": "pass",
        "user": job.user,
        "seconds": round(seconds, 3),
        "status": done.status,
        "summary": dict(done.summary),
    }


def _line(
    scenario: Scenario,
    attempt: int,
    retry: bool,
    true: Judgement,
    told: Judgement,
    complaint: Complaint,
    tokens: int,
    used: tuple[str, ...],
    problem: str,
) -> Line:
    return {
        "type": "practice",
        "user": scenario.user,
        "kind": scenario.kind,
        "number": scenario.number,
        "retry": retry,
        "attempt": attempt,
        "success": true.success,
        "why": true.why,
        "told": told.success,
        "reason": complaint.text,
        "about": list(complaint.about),
        "worded": complaint.worded,
        "tokens": tokens,
        "script": used[0] if used else "",
        "problem": problem,
    }


def _snapshot(folder: Path, kinds: int) -> Path:
    return folder / f"after-{kinds:02}.db"


def _keep(database: Database, folder: Path, kinds: int) -> None:
    """Keep the memory as it is after so many kinds."""
    temporary = folder / "unfinished.db"
    temporary.unlink(missing_ok=True)
    database.backup(temporary)
    temporary.replace(_snapshot(folder, kinds))
    _snapshot(folder, kinds - 1).unlink(missing_ok=True)


def _restore(folder: Path, most: int) -> int:
    """Put the newest kept memory in place, or none; returns after how many kinds it was kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{WORKING}*"):
        left.unlink()
    for kinds in range(most, 0, -1):
        if _snapshot(folder, kinds).exists():
            shutil.copyfile(_snapshot(folder, kinds), folder / WORKING)
            return kinds
    return 0
