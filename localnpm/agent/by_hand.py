"""`!command`: a command that the user runs themselves, in the jail, journaled, as a turn of the conversation.

It is logged like an attempt, so that it can be undone and the model sees it later; it says nothing about the agent.
"""

from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING

from localnpm.agent import events
from localnpm.engine.cancel import Cancel
from localnpm.engine.messages import ToolCall
from localnpm.errors import JailError, LocalnpmError

if TYPE_CHECKING:
    from localnpm.agent.workbench import Workbench

MARK = "!"
"""What a request begins with that is a command of the user's."""


def run_by_hand(
    bench: "Workbench", session_id: int, command: str, *, cancel: Cancel | None = None
) -> Iterator[events.Event]:
    """Run a command in the workspace, under the limits of the settings; the last event is a `Result`.

    Raises:
        JailError: this machine cannot confine a command, or the run may change nothing.
        MemoryFileError: it cannot be logged; nothing is run.
    """
    if bench.permissions.mode == "read-only":
        raise JailError("Commands are not run in read-only mode; /mode ask allows them.")
    started, log, stop = monotonic(), bench.log, cancel or Cancel()
    request = f"{MARK}{command}"
    attempt_id = log.start_attempt(
        session_id, request, workspace=bench.root, model="", model_fingerprint="", system="", sampling={}
    )
    yield events.AttemptStarted(attempt_id, session_id, request, str(bench.root), "", 0)
    status: events.Status = "failed"
    error = "cancelled"
    try:
        runner = bench.command_runner(attempt_id, stop)
        prepared = runner.prepare(ToolCall("run_command", {"command": command}))
        step = log.start_step(attempt_id, turn=0, text="", tool="run_command", arguments={"command": command})
        yield events.ToolCalled(step, "run_command", {"command": command}, prepared.summary, "")
        result = runner.perform(prepared, step)
        log.finish_step(step, result)
        yield events.ToolResult(step, "run_command", result, ok=True)
        status, error = ("cancelled", "cancelled") if stop.is_set() else ("done", "")
    except LocalnpmError as failure:
        error = str(failure)
    finally:
        # Nothing here is the agent's doing, so nothing is to be learned from it.
        log.finish_attempt(attempt_id, status, error=error or None, surroundings=True)
    yield events.Result(
        attempt_id=attempt_id, session_id=session_id, status=status, answer="", error=error, steps=1,
        changed=log.changed_paths(attempt_id), prompt_tokens=0, generated_tokens=0, tokens_per_second=0.0,
        seconds=round(monotonic() - started, 3),
    )  # fmt: skip
