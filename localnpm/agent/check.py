"""`--check COMMAND`: run a command after the answer, in the jail; its exit status is the verdict.

The command is the user's own, so it is not asked for again; what it changes is journaled with the attempt. A check that
could not do its work judges nobody: nothing is written to the ledger.
"""

from typing import TYPE_CHECKING

from localnpm.agent import events
from localnpm.memory.attempts import AttemptLog

if TYPE_CHECKING:
    from localnpm.agent.command import CommandRunner

REASON_LINES = 5
NOT_RUN = (126, 127)
"""A shell's exit codes for a command that cannot be executed, and for one that is not there."""
NO_SPACE = "No space left on device"


def run_check(runner: "CommandRunner", log: AttemptLog, attempt_id: int, command: str) -> events.Verdict:
    """Run the check and write its verdict to the ledger.

    Raises:
        JailError: this machine cannot confine a command.
    """
    log.keep_check(attempt_id, command)
    result = runner.run(command)
    success = result.exit_code == 0
    tail = "\n".join((result.stdout + result.stderr).rstrip().splitlines()[-REASON_LINES:])
    why = runner.text(result).split("\n")[0]
    reason = "" if success else f"{command}: {why}\n{tail}".rstrip()
    counts = success or not (result.ended_by or result.exit_code in NOT_RUN or NO_SPACE in tail)
    if counts:
        log.add_verdict(attempt_id, "check", success, reason=reason)
    return events.Verdict("check", success, reason, counts)
