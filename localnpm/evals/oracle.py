"""Runs that no model made, written to a log of their own so that vectors can be made of them as of any others.

They are upper references and never reach a user's memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localnpm.evals.eval_bench import WORKSPACE
from localnpm.evals.habits.transcript import tool_call
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.records import Trajectory


@dataclass(frozen=True)
class Told:
    """A run: the request, each call with its arguments and result, the answer."""

    request: str
    steps: tuple[tuple[str, Mapping[str, str], str], ...]
    answer: str


def told(system: str, runs: Sequence[Told]) -> list[Trajectory]:
    """The runs as the log has them, in the bundled model's form of calls; each in a session of its own."""
    found = []
    with Database.open(None) as database:
        log = AttemptLog(database)
        for run in runs:
            session = log.start_session(WORKSPACE)
            attempt = log.start_attempt(
                session, run.request, workspace=WORKSPACE, model="expert", model_fingerprint="", system=system,
                sampling={},
            )  # fmt: skip
            for turn, (tool, arguments, result) in enumerate(run.steps, 1):
                text = tool_call(tool, arguments)
                step = log.start_step(attempt, turn=turn, text=text, tool=tool, arguments=arguments)
                log.finish_step(step, result)
            log.start_step(attempt, turn=len(run.steps) + 1, text=run.answer)
            log.finish_attempt(attempt, "done", run.answer)
            found.append(log.trajectory(attempt))
    return found
