"""Asking the user about a change in a plain terminal: the diff, a question, a decision."""

import json

import click

from localnpm.agent.permissions import STOPPED, Allow, Approve, Decision, Decline, Edit, decline_all
from localnpm.agent.prepared import Prepared
from localnpm.plain import visible

HELP = "y once, t for this task, s for this session, a always in this folder, e edit it first, n no"


def approver(terminal: bool) -> Approve:
    """Asks at a terminal; declines where there is none."""
    return ask if terminal else decline_all


def ask(prepared: Prepared) -> Decision:
    """Show what would change and ask until there is a decision. The end of input declines."""
    click.echo("", err=True)
    print_diff(prepared.diff or prepared.summary)
    if prepared.note:
        click.secho(visible(prepared.note), fg="yellow", err=True)
    while True:
        try:
            choice = click.prompt(
                f"{visible(prepared.summary)}: do it? [y/t/s/a/e/n, ? for help]",
                default="n",
                show_default=False,
                err=True,
                type=str,
            )
        except (click.Abort, EOFError):
            return Decline(STOPPED)
        match choice.strip().lower()[:1]:
            case "y":
                return Allow("once")
            case "t":
                return Allow("task")
            case "s":
                return Allow("session")
            case "a":
                return Allow("always")
            case "e":
                edited = _edited(prepared)
                if edited is not None:
                    return edited
            case "n":
                return Decline(click.prompt("why not", default="no reason given", show_default=False, err=True))
            case _:
                click.echo(HELP, err=True)


def print_diff(diff: str) -> None:
    """A unified diff on stderr, coloured where colours are wanted."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in diff.splitlines():
        click.secho(visible(line), fg=colours.get(line[:1]), err=True)


def _edited(prepared: Prepared) -> Edit | None:
    """The call's arguments as the user's editor leaves them; None when they were not saved or are not JSON."""
    text = json.dumps(dict(prepared.call.arguments), indent=2, ensure_ascii=False)
    changed = click.edit(text, extension=".json")
    if changed is None:
        return None
    try:
        arguments = json.loads(changed)
    except ValueError as error:
        click.echo(f"not JSON: {error}", err=True)
        return None
    if not isinstance(arguments, dict):
        click.echo("the arguments must be a JSON object", err=True)
        return None
    return Edit(arguments)
