"""`localnpm bench`: the engine's speed, side by side in one run with a bare loop and with llama-cpp-python's own."""

import click

from localnpm.cli.context import Context


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def bench(context: Context, as_json: bool) -> None:
    """Measure generation, steering and prompt reading on this machine; it takes a few minutes."""
    import json

    from localnpm.evals.bench import run

    report = run(context.settings.engine, cache=context.home.cache)
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        report.print()
