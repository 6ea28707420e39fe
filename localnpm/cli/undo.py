"""`localnpm undo [ATTEMPT]` and `localnpm redo [ATTEMPT]`: what was taken back or made again, and what was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localnpm.cli.context import Context
from localnpm.cli.options import ID
from localnpm.errors import UndoError
from localnpm.plain import visible

if TYPE_CHECKING:
    from localnpm.agent.undo import UndoReport


@click.command()
@click.argument("attempt", type=ID, required=False)
@click.pass_obj
def undo(context: Context, attempt: int | None) -> None:
    """Take back the changes of the latest attempt, in whatever folder it worked, or those of ATTEMPT.

    Again, it takes back the attempt before that. A file that has been changed since is left alone and named; the others
    go back, and the exit code is 3.
    """
    from localnpm.agent import undo as undoing
    from localnpm.learning import evidence

    with context.open_database() as database:
        report = undoing.undo(database, context.home.undo, attempt)
        evidence.note_undone(database, report, settings=context.settings.learning)
        tell(report, "Undid")


@click.command()
@click.argument("attempt", type=ID, required=False)
@click.pass_obj
def redo(context: Context, attempt: int | None) -> None:
    """Make the changes of the attempt undone last, or of ATTEMPT, again.

    A file that is not what the attempt found is left alone and named; the others are changed, and the exit code is 3.
    """
    from localnpm.agent import undo as undoing
    from localnpm.learning import evidence

    with context.open_database() as database:
        report = undoing.redo(database, context.home.undo, attempt)
        evidence.note_redone(database, report, settings=context.settings.learning)
        tell(report, "Redid")


def tell(report: UndoReport, done: str) -> None:
    """Print what was done.

    Raises:
        UndoError: some files were left alone; it names them.
    """
    if report.restored:
        click.echo(f"{done} attempt {report.attempt_id} in {visible(report.workspace)}:")
        for path in report.restored:
            click.echo(f"  {visible(path)}")
    elif not report.refused:
        click.echo(f"Attempt {report.attempt_id} was ended before it had changed anything.")
    if report.refused:
        lines = [f"  {visible(refusal.path)}: {visible(refusal.why)}" for refusal in report.refused]
        raise UndoError(
            f"Left as they are, of attempt {report.attempt_id} in {visible(report.workspace)}:\n" + "\n".join(lines)
        )
