"""An evaluation from plan to results: each user's share to a process, every line into one file, progress told.

Users are independent of each other, so the results do not depend on how many processes there are. A run that was
killed goes on where it was. Not covered: what a share is (worker.py), the table (report.py).
"""

import json
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from localnpm import __version__
from localnpm.config import Settings
from localnpm.engine.fingerprint import fingerprint
from localnpm.evals.conditions import needs_memory
from localnpm.evals.environment import Environment, seed_of
from localnpm.evals.job import Feedback, Job, PracticeMemory
from localnpm.evals.processes import lines_of
from localnpm.evals.results import Line, Results

Tell = Callable[[int, int, str], None]
"""Called with the attempts done, those to do in all, and what was done last."""


@dataclass(frozen=True)
class Plan:
    """What is evaluated, and how.

    Attributes:
        label: of the size, for the header: `quick`, `default`, `full`, or empty.
        learned_by: another model, whose memories the scored one uses (transfer).
    """

    environment: Environment
    conditions: tuple[str, ...]
    model: Path
    settings: Settings
    seed: int
    feedback: Feedback = "reasons"
    practice_memory: PracticeMemory = "script"
    any_vector: bool = False
    label: str = ""
    learned_by: Path | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same for lines to stand in one file."""
        return {
            "environment": self.environment.name,
            "parameters": _plain(self.environment),
            "model": fingerprint(self.model, None),
            **({} if self.learned_by is None else {"learned_by": fingerprint(self.learned_by, None)}),
            "seed": self.seed,
            "feedback": self.feedback,
            "practice_memory": self.practice_memory,
            "any_vector": self.any_vector,
            "memory": asdict(self.settings.memory),
            "learning": asdict(self.settings.learning),
            "version": __version__,
        }

    @property
    def digest(self) -> str:
        """Names the plan: equal for equal plans."""
        return f"{seed_of(json.dumps(self.identity, sort_keys=True), self.conditions):08x}"

    @property
    def header(self) -> Line:
        """The first line: what was run, on what."""
        return {
            "identity": self.identity,
            "size": self.label,
            "conditions": list(self.conditions),
            "model": self.model.name,
            "machine": machine(),
            "versions": versions(),
        }

    @property
    def attempts(self) -> int:
        """How many attempts there are in all, retries not counted."""
        environment = self.environment
        total = self.episodes
        if needs_memory(self.conditions):
            users = range(environment.users)
            total += sum(len(environment.practice(user, kind)) for user in users for kind in environment.kinds)
        return total

    @property
    def episodes(self) -> int:
        """How many of them are scored."""
        environment = self.environment
        return sum(len(environment.scored(user)) for user in range(environment.users)) * len(self.conditions)


def run(
    plan: Plan,
    path: Path,
    *,
    processes: int = 0,
    keep_memory: bool = False,
    part: tuple[int, int] = (1, 1),
    tell: Tell | None = None,
) -> Results:
    """Do what is left of a plan and return all of its lines.

    Args:
        path: the file of the lines; memories lie beside it, in a folder of its name.
        processes: 0: as many as help and fit.
        keep_memory: leave the users' memories there.
        part: (2, 4): only the second of four parts, each with every fourth user; the rest is left for another time.

    Raises:
        ConfigError: the file holds something else, or cannot be written.
        ModelError: the model cannot be loaded, or a process has ended.
    """
    results = Results.begin(path, plan.header)
    was_finished = results.finished
    folder = memories(path)
    done = _done(results)
    total = plan.attempts
    if tell is not None:
        tell(len(done), total, "")
    share, shares = part
    jobs = [
        replace(job, done=frozenset(key[1:] for key in done if key[0] == job.user))
        for job in _jobs(plan, folder)
        if job.user % shares == share - 1
    ]
    for line in lines_of(jobs, processes):
        results.add(line)
        if line["type"] == "episode":
            done.add((line["user"], line["condition"], line["kind"], line["number"]))
        elif line["type"] == "practice" and not line["retry"]:
            done.add((line["user"], "practice", line["kind"], line["number"]))
        if tell is not None:
            tell(len(done), total, _said(line))
    scored = sum(row.condition in plan.conditions for row in results.rows())
    if not was_finished and scored >= plan.episodes:
        results.add({"type": "end"})
        if not keep_memory:
            memories(path, remove=True)
    return results


def memories(path: Path, *, remove: bool = False) -> Path:
    """The folder of the users' memories beside a file of lines; `remove` takes it away."""
    folder = path.with_name(f"{path.stem}-memory")
    if remove:
        shutil.rmtree(folder, ignore_errors=True)
    return folder


def machine() -> str:
    """The processor, its cores and the memory, in a line."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    memory = psutil.virtual_memory().total / 1e9
    return f"{name}, {psutil.cpu_count()} cores, {memory:.0f} GB, {platform.system()}"


def versions() -> dict[str, str]:
    """Of what the figures depend on."""
    from importlib.metadata import version

    return {
        "localnpm": __version__,
        "llama-cpp-python": version("llama-cpp-python"),
        "numpy": version("numpy"),
        "python": platform.python_version(),
    }


def _plain(environment: Environment) -> dict[str, Any]:
    """The environment's own fields."""
    values = asdict(environment)  # type: ignore[call-overload]
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _jobs(plan: Plan, memories: Path) -> Iterator[Job]:
    for user in range(plan.environment.users):
        yield Job(
            plan.environment,
            user,
            plan.conditions,
            plan.model,
            plan.settings,
            plan.seed,
            memories / f"user-{user:03}",
            plan.feedback,
            plan.practice_memory,
            any_vector=plan.any_vector,
            learned_by=plan.learned_by,
        )


def _done(results: Results) -> set[tuple[int, str, str, int]]:
    scored = {(row.user, row.condition, row.kind, row.number) for row in results.rows()}
    practised = {(line["user"], "practice", line["kind"], line["number"]) for line in results.practice()}
    return scored | practised


def _said(line: Line) -> str:
    match line["type"]:
        case "episode":
            return f"user {line['user']}: {line['condition']}"
        case "practice":
            return f"user {line['user']}: practice, {line['kind']}"
    return f"user {line['user']}: distilled"
