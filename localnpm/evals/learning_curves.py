"""How success grows from an empty memory: simulated users live with the program, task after task.

Each user does a number of tasks of each kind, the kinds taking turns, with training words and fixed habits; says if it
was right, gives reasons, and tries again once. Channel `auto` and due passes as in the app. Scored is each task's first
attempt. Not covered: held-out tasks (harness.py).
"""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Literal

from rich import box
from rich.console import Console
from rich.table import Table

from localnpm.agent.options import Options
from localnpm.config import Settings
from localnpm.distill.plots import Plot, Series, to_terminal
from localnpm.engine.llama_chat import LlamaChat
from localnpm.evals.environment import Environment, seed_of
from localnpm.evals.eval_bench import EvalBench
from localnpm.evals.harness import Plan, Tell
from localnpm.evals.job import Feedback, Job
from localnpm.evals.practice import Teacher, try_once
from localnpm.evals.presentation import heading
from localnpm.evals.processes import lines_of
from localnpm.evals.report import interval
from localnpm.evals.results import Line, Results
from localnpm.evals.statistics import Estimate, cluster_bootstrap
from localnpm.learning.learner import Learner
from localnpm.memory.channels import Wanted
from localnpm.memory.database import Database
from localnpm.memory.embedding import Embedder

CurvePolicy = Literal["none", "vanilla", "validation", "adjustment"]
POLICIES: tuple[CurvePolicy, ...] = ("none", "vanilla", "validation", "adjustment")
"""`none`: without memory; the others as `learning.update`."""


@dataclass(frozen=True)
class Life:
    """One user under one update policy."""

    environment: Environment
    user: int
    policy: CurvePolicy
    model: Path
    settings: Settings
    seed: int
    feedback: Feedback = "reasons"
    wrong_verdicts: float = 0.0
    memory: Wanted = "auto"
    """What may be recalled; vectors are made only where one may be."""

    @property
    def attempts(self) -> int:
        """First attempts in it."""
        environment = self.environment
        return len(environment.kinds) * min(len(environment.practice(self.user, kind)) for kind in environment.kinds)

    def play(self, model: LlamaChat, embedder: Embedder) -> Iterator[Line]:
        """See `Share.play`."""
        return live(self, model, embedder)


def live(life: Life, model: LlamaChat, embedder: Embedder) -> Iterator[Line]:
    """The user's tasks in their order; a line for each first attempt, with its place."""
    with (
        tempfile.TemporaryDirectory(prefix="localnpm-eval-", ignore_cleanup_errors=True) as folder,
        Database.open(Path(folder) / "memory.db") as database,
    ):
        yield from _tasks(life, model, embedder, database)


def _tasks(life: Life, model: LlamaChat, embedder: Embedder, database: Database) -> Iterator[Line]:
    environment = life.environment
    job = Job(
        environment,
        life.user,
        (),
        Path(),
        life.settings,
        life.seed,
        Path(),
        "verdicts" if life.policy == "none" else life.feedback,
        wrong_verdicts=life.wrong_verdicts,
    )
    update = "adjustment" if life.policy == "none" else life.policy
    settings = replace(life.settings, learning=replace(life.settings.learning, update=update))
    options = Options(memory="none" if life.policy == "none" else life.memory)
    bench = EvalBench(
        model, database, settings, opening=environment.opening, limits=environment.limits, options=options
    )
    learner = Learner(bench, embedder, random=Random(seed_of("life", life.seed, life.policy, life.user)))
    teachers = {kind: Teacher(job, kind) for kind in environment.kinds}
    tasks = {kind: environment.practice(life.user, kind) for kind in environment.kinds}
    place = 0
    for turn in range(min(map(len, tasks.values()))):
        for kind in environment.kinds:
            for line in try_once(learner, bench, tasks[kind][turn], teachers[kind], job, None):
                yield line | {"policy": life.policy, "place": place, "turn": turn}
            place += 1
            if life.policy != "none" and learner.due():
                bench.forget_cache()
                done = learner.distil("due", vectors=life.memory != "script")
                yield {"type": "pass", "user": life.user, "policy": life.policy, "place": place, "status": done.status}


def run(
    plan: Plan,
    policies: Sequence[CurvePolicy],
    path: Path,
    *,
    wrong_verdicts: float = 0.0,
    memory: Wanted = "auto",
    processes: int = 0,
    tell: Tell | None = None,
) -> Results:
    """Let every user live under every policy; lives that are in the file are not lived again, cut-off ones are.

    Raises:
        ConfigError: the file holds something else, or cannot be written.
        ModelError: the model cannot be loaded, or a process has ended.
    """
    header = plan.header
    header["identity"] |= {"environment": "learning", "wrong_verdicts": wrong_verdicts, "channel": memory}
    results = Results.begin(path, header | {"policies": list(policies)})
    lives = [
        Life(
            plan.environment, user, policy, plan.model, plan.settings, plan.seed, plan.feedback, wrong_verdicts, memory
        )
        for user in range(plan.environment.users)
        for policy in policies
    ]
    counts = Counter((line["policy"], line["user"]) for line in _first_attempts(results))
    left = [life for life in lives if counts[life.policy, life.user] < life.attempts]
    total = sum(life.attempts for life in lives)
    done = total - sum(life.attempts for life in left)
    for line in lines_of(left, processes):
        results.add(line)
        done += line["type"] == "practice" and not line["retry"]
        if tell is not None:
            tell(done, total, f"user {line['user']}: {line['policy']}")
    if not results.finished:
        results.add({"type": "end"})
    return results


@dataclass(frozen=True)
class Curve:
    """Success of one policy over time.

    Attributes:
        success: of the n-th task of each kind, over users and kinds.
        first, last: of each user's first and last third of tasks.
        gain: last less first, its interval over users.
    """

    policy: str
    success: tuple[Estimate, ...]
    first: Estimate
    last: Estimate
    gain: Estimate


def curves(results: Results) -> list[Curve]:
    """A curve for each policy, from the lines' first attempts."""
    found: defaultdict[str, list[Line]] = defaultdict(list)
    for line in _first_attempts(results):
        found[line["policy"]].append(line)
    return [_curve(policy, found[policy]) for policy in POLICIES if policy in found]


def less_none(results: Results, policy: str) -> Estimate:
    """How much better a policy is than no memory over the last third, paired by task, over users."""
    lines = list(_first_attempts(results))
    turns = 1 + max(line["turn"] for line in lines)
    late = [line for line in lines if line["turn"] >= turns - turns // 3]
    none = {(line["user"], line["place"]): line["success"] for line in late if line["policy"] == "none"}
    these = [line for line in late if line["policy"] == policy and (line["user"], line["place"]) in none]
    return cluster_bootstrap(
        [float(line["success"]) - float(none[line["user"], line["place"]]) for line in these],
        [line["user"] for line in these],
    )


def _first_attempts(results: Results) -> Iterator[Line]:
    found = {
        (line["policy"], line["user"], line["place"]): line
        for line in results.lines
        if line["type"] == "practice" and not line["retry"]
    }
    return iter(found[key] for key in sorted(found))


def _curve(policy: str, lines: Sequence[Line]) -> Curve:
    turns = 1 + max(line["turn"] for line in lines)
    third = max(1, turns // 3)
    early = [line for line in lines if line["turn"] < third]
    late = [line for line in lines if line["turn"] >= turns - third]
    users = sorted({line["user"] for line in lines})
    gains = [_mean(late, user) - _mean(early, user) for user in users]
    return Curve(
        policy,
        tuple(_success([line for line in lines if line["turn"] == turn]) for turn in range(turns)),
        _success(early),
        _success(late),
        cluster_bootstrap(gains, users),
    )


def _mean(lines: Sequence[Line], user: int) -> float:
    own = [float(line["success"]) for line in lines if line["user"] == user]
    return sum(own) / len(own)


def _success(lines: Sequence[Line]) -> Estimate:
    return cluster_bootstrap([float(line["success"]) for line in lines], [line["user"] for line in lines])


def plot(found: Sequence[Curve]) -> Plot:
    """Success over the tasks of a kind, a line for each policy."""
    series = [
        Series(
            curve.policy,
            list(range(1, 1 + len(curve.success))),
            [estimate.mean for estimate in curve.success],
            [estimate.low for estimate in curve.success],
            [estimate.high for estimate in curve.success],
        )
        for curve in found
    ]
    return Plot(
        "Success from an empty memory",
        series,
        "tasks of a kind",
        "success at the first attempt",
        y_range=(0, 1),
        whole_x=True,
    )


def print_report(results: Results, console: Console) -> None:
    """The curves in the terminal, and a table of thirds."""
    console.print(heading(results), markup=False, highlight=False)
    found = curves(results)
    console.print(to_terminal(plot(found), width=min(console.width, 90)), markup=False, highlight=False)
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in ("thirds", "first", "last", "last less first", "last less none"):
        table.add_column(column, no_wrap=True)
    alone = all(curve.policy != "none" for curve in found)
    for curve in found:
        compared = "" if alone or curve.policy == "none" else interval(less_none(results, curve.policy), signed=True)
        table.add_row(
            curve.policy,
            f"{curve.first.mean:.3f}",
            f"{curve.last.mean:.3f}",
            interval(curve.gain, signed=True),
            compared,
        )
    console.print(table)
    console.print("Brackets: 95% bootstrap intervals over users; * where one excludes zero.", highlight=False)


def as_dict(results: Results) -> dict[str, Any]:
    """One object: each policy's curve, thirds and gain."""
    found = curves(results)
    policies = {curve.policy: _plain(curve) for curve in found}
    if "none" in policies:
        for curve in found:
            if curve.policy != "none":
                policies[curve.policy]["last_third_less_none"] = _values(less_none(results, curve.policy))
    return {
        "policies": policies,
        "header": {name: value for name, value in results.header.items() if name != "type"},
        "finished": results.finished,
    }


def _plain(curve: Curve) -> dict[str, Any]:
    return {
        "success": [round(estimate.mean, 6) for estimate in curve.success],
        "first_third": _values(curve.first),
        "last_third": _values(curve.last),
        "gain": _values(curve.gain),
    }


def _values(estimate: Estimate) -> dict[str, Any]:
    return {
        "mean": round(estimate.mean, 6),
        "interval": [round(estimate.low, 6), round(estimate.high, 6)],
        "n": estimate.n,
        "users": estimate.clusters,
    }
