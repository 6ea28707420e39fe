"""`localnpm distill`: learn from the log now; show when it was done last and is due next; take a pass back."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from localnpm.cli.context import Context
from localnpm.cli.options import ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localnpm.memory.database import Database
    from localnpm.memory.procedure_records import Pass

LATEST = -1
SHOWN = 5
EXIT_CANCELLED = 130


@click.command()
@click.option(
    "--policy",
    type=click.Choice(["vanilla", "validation", "adjustment"]),
    help="How what is there is brought up to date (learning.update).",
)
@click.option(
    "--build",
    type=click.Choice(["trajectory", "script", "proceduralization"]),
    help="What a procedure holds (learning.build).",
)
@click.option("--no-vectors", is_flag=True, help="Scripts and examples only, no control vectors.")
@click.option(
    "--rebuild",
    is_flag=True,
    help="Look at every procedure again and make its control vector anew, as for another model.",
)
@click.option(
    "--revert", type=ID, is_flag=False, flag_value=LATEST, metavar="[PASS]", help="Take back a pass; the latest."
)
@click.option("--status", is_flag=True, help="Show the last passes and when the next one is due.")
@click.option("-m", "--model", metavar="NAME|FILE", help="A name from `localnpm models list`, or a GGUF file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: of a pass one event a line, the last is the result.")
@click.pass_obj
def distill(
    context: Context,
    policy: str | None,
    build: str | None,
    no_vectors: bool,
    rebuild: bool,
    revert: int | None,
    status: bool,
    model: str | None,
    as_json: bool,
) -> int:
    """Turn what was judged in the log into procedures and control vectors.

    All that a pass learns is published at once, at its end; Ctrl-C leaves the memory as it was, and the next pass goes
    on with what this one had worked out.
    """
    if revert is not None and (status or rebuild):
        raise click.UsageError("--revert goes with no other action")
    given = {"learning.update": policy, "learning.build": build, "model": model}
    context.overrides |= {key: value for key, value in given.items() if value is not None}
    with context.open_database() as database:
        if status:
            _status(context, database, as_json)
            return 0
        if revert is not None:
            from localnpm.memory.passes import Passes

            _tell(Passes(database).revert(None if revert == LATEST else revert), as_json)
            return 0
        done = _run(context, database, vectors=not no_vectors, rebuild=rebuild, as_json=as_json)
    _tell(done, as_json)
    return EXIT_CANCELLED if done.status == "interrupted" else 0


def _run(context: Context, database: Database, *, vectors: bool, rebuild: bool, as_json: bool) -> Pass:
    """A pass, with a bar on a terminal; Ctrl-C ends it before anything is published."""
    # Imported here: what `--help` does not need.
    from localnpm.cli.stream import aside
    from localnpm.distill.consolidate import run_pass
    from localnpm.engine.cancel import Cancel
    from localnpm.engine.llama_chat import LlamaChat
    from localnpm.learning.learner import embedder_opener
    from localnpm.models import resolve

    settings = context.settings
    path = resolve(settings.model, context.home)
    cancel = Cancel()
    with LlamaChat.open(path, settings.engine, cache=context.home.cache) as chat, _told(as_json) as progress:
        embedder = embedder_opener(settings)()

        def work() -> Pass:
            return run_pass(
                database,
                chat,
                embedder,
                settings,
                cause="rebuild" if rebuild else "command",
                cancel=cancel,
                progress=progress,
                vectors=vectors,
                rebuild=rebuild,
                key=settings.memory.key,
            )

        return aside(work, cancel)


@contextmanager
def _told(as_json: bool) -> Iterator[Callable[[str, int, int], None]]:
    """How a pass gets on: as events on standard output, else as a bar on standard error where that is a terminal."""
    from localnpm.plain import json_text, one_line

    if as_json:

        def event(what: str, done: int, total: int) -> None:
            click.echo(json_text({"type": "progress", "what": what, "done": done, "total": total}, indent=None))

        yield event
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True, quiet=not sys.stderr.isatty())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("loading", total=None)

        def bar(what: str, done: int, total: int) -> None:
            bars.update(task, description=one_line(what, 50), completed=done, total=total)

        yield bar


def _tell(done: Pass, as_json: bool) -> None:
    """What became of a pass."""
    from localnpm.memory.pass_words import in_words, taken_back
    from localnpm.plain import json_text, visible

    if as_json:
        click.echo(json_text({"type": "result", "schema": 1, **as_object(done)}, indent=None))
        return
    first, *rest = taken_back(done) if done.status == "reverted" else in_words(done)
    stopped = done.status == "interrupted"
    click.echo(visible(f"Pass {done.id}: {first}" if done.status == "published" else first), err=stopped)
    for line in rest:
        click.echo(f"  {visible(line)}")


def as_object(done: Pass) -> dict[str, Any]:
    """A pass as JSON has it."""
    ended = done.finished_at.isoformat() if done.finished_at else None
    return {
        "id": done.id,
        "cause": done.cause,
        "policy": done.policy,
        "status": done.status,
        "started_at": done.started_at.isoformat(),
        "finished_at": ended,
        "summary": dict(done.summary),
    }


def _status(context: Context, database: Database, as_json: bool) -> None:
    """The last passes, and how far it is to the next."""
    from localnpm.memory.passes import Passes
    from localnpm.plain import json_text

    passes = Passes(database)
    every, waiting = context.settings.learning.every, passes.newly_judged()
    last = passes.latest(SHOWN)
    if as_json:
        due = bool(every) and waiting >= every
        click.echo(
            json_text(
                {"newly_judged": waiting, "every": every, "due": due, "passes": [as_object(each) for each in last]}
            )
        )
        return
    judged = f"{waiting} newly judged attempt{'' if waiting == 1 else 's'}"
    if not every:
        click.echo(f"{judged}; a pass runs only when told to (setting learning.every).")
    elif waiting >= every:
        click.echo(f"{judged}: a pass is due.")
    else:
        click.echo(f"{judged}; the next pass is due at {every} (setting learning.every).")
    for each in last:
        learned = len(each.summary.get("procedures", ()))
        click.echo(
            f"  pass {each.id}  {each.started_at:%Y-%m-%d %H:%M}  {each.cause}  {each.status}  {learned} changed"
        )
