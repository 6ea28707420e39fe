"""`localnpm run`: one request, one attempt; the answer on stdout, progress on stderr, or one JSON event a line."""

import sys
from functools import partial

import click

from localnpm.agent import events
from localnpm.agent.options import Options
from localnpm.cli.context import Context
from localnpm.cli.options import ID, shared

EXIT_FAILED = 1
EXIT_CHECK_FAILED = 8
EXIT_CANCELLED = 130


@click.command()
@click.argument("request", required=False)
@shared
@click.option("-c", "--continue", "go_on", is_flag=True, help="Go on with the latest conversation of this workspace.")
@click.option("--session", "session_id", type=ID, metavar="ID", help="Go on with this conversation.")
@click.option("--check", metavar="COMMAND", help="Run this after the answer; its exit status is the verdict.")
@click.option("--json", "as_json", is_flag=True, help="Print one event a line, as JSON; the last is the result.")
@click.pass_obj
def run(
    context: Context,
    request: str | None,
    options: Options,
    go_on: bool,
    session_id: int | None,
    check: str | None,
    as_json: bool,
) -> int:
    """Carry out REQUEST on the files of the workspace. `-`, or nothing, reads it from standard input;
    with both, what comes on standard input is the material.

    Without a terminal nothing is changed unless --allow write is given.

    When enough attempts have been judged, it learns from them after the answer, for learning.run_seconds at most;
    Ctrl-C puts that off.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 4 model, 5 workspace or jail, 6 memory.db, 8 check failed,
    130 cancelled.
    """
    text = full_request(request)
    # Imported here: what `--help` does not need.
    from localnpm.agent.check import run_check
    from localnpm.cli.approval import approver
    from localnpm.cli.learning import due_pass
    from localnpm.cli.printer import Printer
    from localnpm.cli.stream import stream
    from localnpm.cli.workbench import open_learner
    from localnpm.engine.cancel import Cancel

    cancel = Cancel()
    printer = Printer(stream=sys.stdout.isatty(), undo="" if options.private else "localnpm undo {attempt}")
    with open_learner(context, options) as opened:
        bench = opened.bench
        session = bench.find_session(session_id, go_on=go_on) or bench.new_session(text)

        def show(event: events.Event) -> None:
            if as_json:
                click.echo(event.as_json())
            else:
                printer.show(event)

        result: events.Result | None = None
        start = partial(opened.learner.run, text, session, cancel=cancel)
        for event in stream(start, approver(options.terminal), cancel):
            if isinstance(event, events.Result):
                result = event
            else:
                show(event)
        assert result is not None
        passed = True
        if check and result.status == "done":
            runner = bench.command_runner(result.attempt_id, cancel)
            verdict = run_check(runner, bench.log, result.attempt_id, check)
            passed = verdict.success
            show(verdict)
        show(result)
        if not cancel.is_set():
            due_pass(opened.learner, context.settings.learning.run_seconds)
    return exit_code(result, passed)


def full_request(request: str | None) -> str:
    """The request with the material from standard input, if any came.

    Raises:
        click.UsageError: there is neither.
    """
    material = ""
    if request in (None, "-") or not sys.stdin.isatty():
        material = "" if sys.stdin.isatty() and request not in (None, "-") else _standard_input(request)
    words = "" if request in (None, "-") else str(request).strip()
    text = "\n\n".join(part for part in (words, material.strip()) if part)
    if not text:
        raise click.UsageError("there is no request: give it as an argument or on standard input")
    return text


def _standard_input(request: str | None) -> str:
    if sys.stdin.isatty():
        click.echo("request, ended by Ctrl-D:", err=True)
    try:
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    except (OSError, AttributeError, ValueError):
        # Standard input may be closed; that is no material, not an error.
        return ""


def exit_code(result: events.Result, passed: bool) -> int:
    """What the shell is told."""
    if result.status == "cancelled":
        return EXIT_CANCELLED
    if result.status == "failed":
        return EXIT_FAILED
    return 0 if passed else EXIT_CHECK_FAILED
