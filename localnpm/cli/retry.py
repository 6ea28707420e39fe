"""`localnpm retry`: undo an attempt that went wrong for a reason, and try again with what the reason teaches."""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from localnpm.agent import events
from localnpm.agent.options import Options
from localnpm.cli.context import Context
from localnpm.cli.options import ID, shared
from localnpm.cli.run import exit_code


@click.command()
@click.argument("attempt_id", metavar="[ATTEMPT]", type=ID, required=False)
@click.option("--reason", metavar="TEXT", help="What was wrong; given as a bad verdict first.")
@shared
@click.option("--json", "as_json", is_flag=True, help="Print one event a line, as JSON; the last is the result.")
@click.pass_obj
def retry(context: Context, attempt_id: int | None, reason: str | None, options: Options, as_json: bool) -> int:
    """Undo ATTEMPT, or the last one, and try again by a procedure made from the reason of its bad verdict.

    Left in place until your next request, or judged good, the procedure is used for what is alike from then on.
    It works in the folder of the attempt. Exit codes as of `run`.
    """
    from localnpm.cli.approval import approver
    from localnpm.cli.printer import Printer
    from localnpm.cli.stream import stream
    from localnpm.cli.workbench import open_learner
    from localnpm.engine.cancel import Cancel
    from localnpm.errors import NotFoundError
    from localnpm.memory.attempts import AttemptLog

    if options.private:
        raise click.UsageError("--private does not go with retry: it learns from what is in the memory")
    with context.open_database() as database:
        log = AttemptLog(database)
        attempt = log.last_attempt() if attempt_id is None else log.attempt(attempt_id)
    if attempt is None:
        raise NotFoundError("There is no attempt yet. `localnpm run` makes one.")
    cancel = Cancel()
    printer = Printer(stream=sys.stdout.isatty(), undo="localnpm undo {attempt}")
    with open_learner(context, replace(options, workspace=Path(attempt.workspace))) as opened:
        if reason:
            opened.learner.judge(attempt.id, False, reason)
        result: events.Result | None = None
        start = partial(opened.learner.retry, attempt.id, cancel=cancel)
        for event in stream(start, approver(options.terminal), cancel):
            result = event if isinstance(event, events.Result) else result
            if as_json:
                click.echo(event.as_json())
            else:
                printer.show(event)
        assert result is not None
    return exit_code(result, passed=True)
