"""`localnpm watch`: show a task by hand once; it becomes a successful attempt that is learned from."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from localnpm.cli.context import Context
from localnpm.errors import LocalnpmError
from localnpm.plain import json_text, one_line, visible

if TYPE_CHECKING:
    from localnpm.engine.messages import ToolCall
    from localnpm.learning.watch import Demonstration, Watch
    from localnpm.memory.database import Database

ARGUMENT_WIDTH = 100
CHOICES = "[a]ccept, [e]dit, [d]iscard, [k]eep watching"

Command = TypeVar("Command", bound=Callable[..., Any])


def _workspace(command: Command) -> Command:
    option = click.option(
        "-w", "--workspace", metavar="FOLDER", default=".", help="The folder to work in; default: the current one."
    )
    return option(command)


@click.group()
def watch() -> None:
    """Show how a task is done, by doing it yourself; it is learned like a task done well."""


@watch.command()
@click.argument("request", nargs=-1, required=True)
@_workspace
@click.pass_obj
def start(context: Context, request: tuple[str, ...], workspace: str) -> None:
    """Begin: REQUEST is what you would have asked for. Then do it, with whatever program you like."""
    from localnpm.learning import watch as watching

    with context.open_database() as database:
        begun = watching.start(context.home, database, Path(workspace), " ".join(request))
    click.echo(f"Watching {visible(begun.workspace)}: {one_line(begun.request, 80)}")
    click.echo("Do it now, by hand; then: localnpm watch stop", err=True)


@watch.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def status(context: Context, as_json: bool) -> None:
    """List the folders that are being watched."""
    from localnpm.learning import watch as watching

    with context.open_database() as database:
        found = watching.watches(database)
    if as_json:
        click.echo(json_text([_record(begun) for begun in found]))
        return
    for begun in found:
        moment = f"{begun.started_at.astimezone():%Y-%m-%d %H:%M}"
        click.echo(f"{moment}  {visible(begun.workspace)}: {one_line(begun.request, 60)}")
    if not found:
        click.echo("No folder is being watched.", err=True)


@watch.command()
@_workspace
@click.option("-y", "--yes", is_flag=True, help="Accept without a question.")
@click.pass_obj
def stop(context: Context, workspace: str, yes: bool) -> None:
    """End: show the tool calls that would have done what you did, and log them as a task done well.

    Without a terminal nothing is logged unless --yes is given.
    """
    from localnpm.learning import watch as watching

    with context.open_database() as database:
        begun = watching.find(database, Path(workspace))
        shown = watching.stop(context.home, database, begun)
        _print(shown)
        if yes:
            _accept(database, shown, sure=False)
        elif sys.stdin.isatty() and sys.stderr.isatty():
            _ask(context, database, shown)
        else:
            click.echo("Nothing is logged yet: localnpm watch stop --yes accepts it.", err=True)


@watch.command()
@_workspace
@click.pass_obj
def cancel(context: Context, workspace: str) -> None:
    """End without learning anything; the files stay as they are."""
    from localnpm.learning import watch as watching

    with context.open_database() as database:
        begun = watching.find(database, Path(workspace))
        watching.cancel(database, begun)
    click.echo(f"No longer watching {visible(begun.workspace)}.")


def _ask(context: Context, database: Database, shown: Demonstration) -> None:
    """Accept, edit or discard, until there is a decision; the end of input keeps watching."""
    from localnpm.learning import watch as watching

    while True:
        try:
            choice = click.prompt(CHOICES, err=True, type=str).strip().lower()[:1]
        except (click.Abort, EOFError):
            choice = "k"
        match choice:
            case "a":
                try:
                    _accept(database, shown, sure=True)
                except LocalnpmError as error:
                    click.echo(f"Error: {visible(str(error))}", err=True)
                    continue
                return
            case "e":
                calls = _edited(shown)
                if calls is not None:
                    shown = watching.revised(context.home, database, shown, calls)
                    _print(shown)
            case "d":
                watching.cancel(database, shown.watch)
                click.echo("Discarded; the files stay as they are.")
                return
            case "k":
                click.echo("Still watching. `localnpm watch cancel` ends it.", err=True)
                return


def _accept(database: Database, shown: Demonstration, *, sure: bool) -> None:
    """Log it. What is not all of the task is logged only by somebody who has seen that, and is `sure`.

    Raises:
        LocalnpmError: it is not all of the task, or cannot be logged.
    """
    from localnpm.learning import watch as watching

    if not (sure or shown.complete):
        raise LocalnpmError(
            "The calls do not do all that you did, so --yes does not accept them: call `watch stop` in a terminal, "
            "where you can look at them and edit them. The folder is still being watched."
        )
    attempt_id = watching.accept(database, shown)
    click.echo(f"Logged as attempt {attempt_id}, a success. `localnpm distill` learns from it.")


def _print(shown: Demonstration) -> None:
    """The calls, and what they leave out."""
    click.echo(f"{visible(shown.watch.request)}\n")
    for number, step in enumerate(shown.steps, 1):
        click.echo(f"{number:>3}. {_line(step.call)}")
        if step.failed:
            click.secho(f"     {visible(step.result)}", fg="red")
    click.echo(f"     {visible(shown.answer)}\n")
    for untold in shown.untold:
        click.echo(f"Left out: {visible(untold.path)} {visible(untold.why)}", err=True)
    for path in shown.differing:
        click.echo(f"These calls do not leave {visible(path)} as you did.", err=True)


def _line(call: ToolCall) -> str:
    inside = ", ".join(f"{name}={one_line(json.dumps(value, ensure_ascii=False), ARGUMENT_WIDTH)}"
                       for name, value in call.arguments.items())  # fmt: skip
    return f"{call.name}({inside})"


def _edited(shown: Demonstration) -> tuple[ToolCall, ...] | None:
    """The calls as the user's editor leaves them; None when they were not saved, or cannot be read."""
    from localnpm.agent.schemas import ARGUMENTS
    from localnpm.engine.messages import ToolCall

    rows = [{"name": call.name, "arguments": dict(call.arguments)} for call in shown.calls]
    text = click.edit(json.dumps(rows, indent=2, ensure_ascii=False), extension=".json")
    if text is None:
        return None
    try:
        calls = tuple(ToolCall(row["name"], {key: str(row["arguments"][key]) for key in ARGUMENTS[row["name"]]})
                      for row in json.loads(text))  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        click.echo(f"These are not tool calls ({visible(str(error))}); nothing was changed.", err=True)
        return None
    return calls


def _record(begun: Watch) -> dict[str, object]:
    return {
        "workspace": begun.workspace,
        "request": begun.request,
        "started_at": begun.started_at.isoformat(),
    }
