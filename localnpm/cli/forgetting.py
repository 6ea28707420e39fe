"""The questions and answers around forgetting, shared by `attempts forget` and `sessions delete`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from localnpm.memory.forget import Backups, Forgotten
from localnpm.plain import visible

Command = TypeVar("Command", bound=Callable[..., Any])


def forget_options(command: Command) -> Command:
    """The options `--yes` and `--backups`."""
    backups = click.option(
        "--backups",
        type=click.Choice(["keep", "rewrite", "delete"]),
        help="What becomes of backups that hold it too; asked for in a terminal, else they are kept.",
    )
    yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
    return backups(yes(command))


def consent(what: str, backups: tuple[Path, ...], chosen: str | None, yes: bool) -> Backups:
    """Ask before anything is lost; what to do with the backups.

    Raises:
        click.Abort: the user said no.
    """
    if not yes:
        click.confirm(f"Forget {what} for good?", abort=True, err=True)
    if chosen is not None:
        return cast(Backups, chosen)
    if not backups:
        return "keep"
    listed = "\n".join(f"  {visible(str(backup))}" for backup in backups)
    click.echo(f"These backups hold it too, or cannot be read to tell:\n{listed}", err=True)
    if yes or not sys.stdin.isatty():
        return "keep"
    kinds = click.Choice(["keep", "rewrite", "delete"])
    return cast(Backups, click.prompt("What shall become of them?", type=kinds, default="rewrite", err=True))


def tell(forgotten: Forgotten) -> None:
    """Print what was forgotten and what still holds it."""
    count = len(forgotten.attempts)
    names = ", ".join(map(visible, forgotten.procedures))
    if count or not names:
        click.echo(f"Forgot {count} attempt{'' if count == 1 else 's'}.")
        if names:
            click.echo(f"Emptied what came from {'it' if count == 1 else 'them'}: {names}.")
    else:
        click.echo(f"Forgot {names}.")
    if forgotten.undo_files:
        click.echo(f"Deleted {forgotten.undo_files} undo file{'' if forgotten.undo_files == 1 else 's'}.")
    if not forgotten.wiped:
        click.echo(
            "Another localnpm is reading the memory, so the old bytes are still in its files: "
            "end it, then forget anything again.",
            err=True,
        )
    for backup in forgotten.backups:
        click.echo(f"Still in the backup {visible(str(backup))}", err=True)
