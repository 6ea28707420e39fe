"""`localnpm practice`: failed tasks that have a check, repeated in scratch copies until one passes; learned from."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from localnpm.agent import events
from localnpm.agent.options import Options
from localnpm.cli.context import Context
from localnpm.plain import one_line, visible

if TYPE_CHECKING:
    from localnpm.agent.permissions import Approve
    from localnpm.engine.turns import Progress

REQUEST_WIDTH = 60
REASON_WIDTH = 100


@click.command()
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many tasks.")
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), default=10, show_default=True, help="Stop after so long."
)
@click.option("-m", "--model", metavar="NAME|FILE", help="A name from `localnpm models list`, or a GGUF file.")
@click.option("--json", "as_json", is_flag=True, help="Print one try a line, as JSON.")
@click.pass_obj
def practice(context: Context, limit: int, minutes: float, model: str | None, as_json: bool) -> int:
    """Repeat tasks that failed their --check until one passes, and learn from that.

    Every try works in a scratch copy of its folder as it was; your files are not touched. Ctrl-C stops.
    """
    from random import Random

    from localnpm.agent.permissions import decline_all
    from localnpm.cli.learning import run_pass
    from localnpm.cli.stream import stream
    from localnpm.cli.workbench import open_learner
    from localnpm.engine.cancel import Cancel
    from localnpm.learning.learner import embedder_opener
    from localnpm.learning.practice import Practice, queue
    from localnpm.learning.scratch import PREFIX
    from localnpm.scratch_folder import scratch_folder

    if model is not None:
        context.overrides["model"] = model
    with context.open_database() as database:
        if not queue(database, 1):
            click.echo("Nothing to practise: no failed attempt has a check (`localnpm run --check COMMAND`).", err=True)
            return 0
    cancel = Cancel()
    counted = 0
    with (
        scratch_folder(PREFIX) as folder,
        open_learner(context, Options(workspace=folder)) as opened,
    ):
        bench = opened.bench
        embedder = embedder_opener(context.settings)()
        practising = Practice(context.home, context.settings, bench.model, bench.database, embedder, Random())
        tasks = queue(bench.database, limit)

        def start(*, approve: "Approve", progress: "Progress") -> Iterator[events.Event]:
            return practising.run(tasks, seconds=minutes * 60, cancel=cancel)

        for event in stream(start, decline_all, cancel):
            if isinstance(event, events.Practised):
                counted += event.success is not None
                click.echo(event.as_json() if as_json else _line(event))
        if counted and not cancel.is_set():
            run_pass(opened.learner, "practice")
    return 130 if cancel.is_set() else 0


def _line(event: events.Practised) -> str:
    what = {True: "passed", False: "failed", None: "does not count"}[event.success]
    why = f": {one_line(event.reason, REASON_WIDTH)}" if event.reason else ""
    tried = f" (attempt {event.attempt_id})" if event.attempt_id is not None else ""
    return visible(f"{event.practised:>6}  {what}{tried}  {one_line(event.request, REQUEST_WIDTH)}{why}")
