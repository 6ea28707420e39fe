"""`localnpm bench`: speeds on this machine, each beside something bare that does the same.

`engine`: generation, steering and prompt reading, beside a bare loop and llama-cpp-python's own. `recall`: finding a
procedure among 100,000, beside a bare matrix-vector product. `vectors`: reading activations, beside plain reading, and
making a vector on the spot, beside a task. `app`: the terminal app's first paint, beside an empty app's, and typing
while the model answers, beside a bare line to type in.
"""

from typing import Literal, Protocol

import click

from localnpm.cli.context import Context

Part = Literal["engine", "recall", "vectors", "app"]

PARTS: tuple[Part, ...] = ("engine", "recall", "vectors", "app")


class Report(Protocol):
    """What a part measured."""

    def as_dict(self) -> dict[str, object]:
        """As plain values for JSON."""

    def print(self) -> None:
        """As tables."""


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: a part's name, and what it measured.")
@click.pass_obj
def bench(context: Context, parts: tuple[Part, ...], as_json: bool) -> None:
    """Measure this machine: all parts, or those that are named. It takes a few minutes."""
    import json

    reports = {}
    for part in parts or PARTS:
        reports[part] = _measured(part, context)
        if not as_json:
            reports[part].print()
    if as_json:
        click.echo(json.dumps({part: report.as_dict() for part, report in reports.items()}, indent=2))


def _measured(part: Part, context: Context) -> Report:
    if part == "recall":
        from localnpm.evals import bench_recall

        return bench_recall.run()
    if part == "vectors":
        from localnpm.evals import bench_vectors

        return bench_vectors.run(context.settings.engine)
    if part == "app":
        from localnpm.evals import bench_app

        large = bench_app.random_model(context.home.cache)
        return bench_app.run(models=(None, large) if large else (None,))
    from localnpm.evals import bench as bench_engine

    return bench_engine.run(context.settings.engine, cache=context.home.cache)
