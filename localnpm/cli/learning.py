"""Learning in a plain terminal: a pass over the log with its progress on stderr, stopped by Ctrl-C or a time limit."""

import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import click

from localnpm.errors import LocalnpmError
from localnpm.plain import one_line, visible

if TYPE_CHECKING:
    from localnpm.learning.learner import Learner
    from localnpm.memory.procedure_records import Cause, Pass

VECTORS_SHARE = 0.7
"""Of a pass's time limit, the part after which no further control vector is made."""


def due_pass(learner: "Learner", seconds: float) -> None:
    """Learn if that is due, for so many seconds at most. What keeps it from learning is told, and fails nothing."""
    if not seconds or not learner.due():
        return
    try:
        run_pass(learner, "due", seconds)
    except LocalnpmError as error:
        click.secho(f"not learned: {visible(str(error))}", fg="yellow", err=True)


def run_pass(learner: "Learner", cause: "Cause", seconds: float | None = None) -> "Pass":
    """Learn now, and say what came of it.

    Raises:
        LocalnpmError: as `Learner.distil` does.
    """
    from localnpm.cli.stream import aside
    from localnpm.engine.cancel import Cancel
    from localnpm.learning.due import within

    cancel = Cancel()
    shown = sys.stderr.isatty()

    def progress(what: str, done: int, total: int) -> None:
        if shown:
            click.echo(
                f"\r\x1b[2Klearning: {one_line(what, 40)} {done}/{total} (Ctrl-C puts it off)", nl=False, err=True
            )

    try:
        with within(cancel, seconds):
            # Vectors take the longest: what there is of them in time is published, and the scripts in any case.
            enough = None if seconds is None else VECTORS_SHARE * seconds
            work = partial(learner.distil, cause, cancel=cancel, progress=progress, seconds=enough)
            made = aside(work, cancel)
    finally:
        if shown:
            click.echo("\r\x1b[2K", nl=False, err=True)
    tell(made)
    return made


def tell(made: "Pass") -> None:
    """What a pass has learned, or that it was stopped, in lines on stderr."""
    from localnpm.memory.pass_words import STOPPED, learned

    if made.status == "interrupted":
        click.secho(STOPPED, dim=True, err=True)
    for line in learned(made):
        click.secho(visible(f"Learned: {line}"), fg="green", err=True)


def recalled_lines(learner: "Learner") -> Iterator[str]:
    """What memory had for the latest task, why, and what was used of it."""
    from localnpm.cli.printer import recalled_line

    last = learner.last
    if last is None:
        yield "Nothing has been asked yet, so nothing was recalled."
        return
    if last.problem:
        yield f"Memory cannot be used: {last.problem}"
    yield recalled_line(last.event)
    for place, item in enumerate(last.items, 1):
        yield f"{place}. {item.name}: {item.title}"
        yield f"   {item.reason}"
        if item.uplift is not None and item.interval is not None:
            low, high = item.interval
            yield f"   success with it minus success without: {item.uplift:+.2f} ({low:+.2f} to {high:+.2f})"
    if last.items and last.why:
        yield f"   {last.channel}: {last.why}"
