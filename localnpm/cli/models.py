"""`localnpm models`: what is on this disk, which one is used, what one is like, and pulling others."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localnpm.cli.context import Context
from localnpm.plain import visible
from localnpm.units import parameters, size

if TYPE_CHECKING:
    from localnpm.engine.plan import Machine
    from localnpm.models import ModelFile
    from localnpm.pull import Plan


@click.group()
def models() -> None:
    """List, choose, examine and pull models."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def list_(context: Context, as_json: bool) -> None:
    """List the models on this disk, also those that other programs have pulled; * marks the one that is used."""
    from localnpm.models import chosen, list_models

    machine = _machine()
    used = chosen(context.settings.model, context.home)
    rows = [_row(model, context, machine, used) for model in list_models(context.home)]
    if as_json:
        click.echo(json.dumps({"schema": 1, "models": rows}, ensure_ascii=False, indent=2))
        return
    width = max([len(str(row["name"])) for row in rows], default=0)
    for row in rows:
        mark = "*" if row["chosen"] else " "
        kind = f"{row['architecture']} {row['quantization']}" if not row["problem"] else "damaged"
        memory = f"{size(row['memory_bytes'])} of memory: {row['fit']}" if row["fit"] else row["problem"]
        line = f"{mark} {row['name']:{width}}  {size(row['size_bytes']):>8}  {kind:18} {row['source']:11} {memory}"
        click.echo(visible(line.rstrip()))
        click.echo(visible(f"  {'':{width}}  {row['path']}"))
    if context.settings.model and used is None:
        click.echo(
            f"The settings name {context.settings.model!r}, which is not here; `localnpm models use NAME`", err=True
        )


@models.command()
@click.argument("name")
@click.pass_obj
def use(context: Context, name: str) -> None:
    """Use the model NAME from now on: a name from `models list`, or a GGUF file; `bundled` for the bundled one."""
    from localnpm.header import read_header
    from localnpm.models import fit
    from localnpm.models import use as use_model

    path = use_model(name, context.home)
    header = read_header(path)
    click.echo(visible(f"Using {path.name} from now on ({context.home.config})."))
    room = fit(header, context.settings.engine, _machine())
    if room.verdict != "fits":
        click.echo(f"It takes {size(room.needed)} of memory, {size(room.free)} are free: {room.verdict}.", err=True)
    if os.environ.get("LOCALNPM_MODEL"):
        click.echo("LOCALNPM_MODEL is set and goes before the file; unset it.", err=True)


@models.command()
@click.argument("name", default="")
@click.option("--no-load", is_flag=True, help="Read the file's header only; leaves out the test of steering.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(context: Context, name: str, no_load: bool, as_json: bool) -> None:
    """Show what a model is like; without NAME, the one that is used."""
    from localnpm.model_facts import facts
    from localnpm.models import resolve

    path = resolve(name or context.settings.model, context.home)
    found = facts(path, context.settings.engine, context.home.cache, load=not no_load)
    if as_json:
        click.echo(json.dumps({"schema": 1} | found, ensure_ascii=False, indent=2))
        return
    for key, value in found.items():
        if isinstance(value, dict):
            value = ", ".join(f"{inner} {number}" for inner, number in value.items())
        shown = size(value) if key.endswith("bytes") and isinstance(value, int) else value
        if key == "parameters" and isinstance(value, int):
            shown = parameters(value)
        click.echo(visible(f"{key.replace('_bytes', '').replace('_', ' '):16} {shown}"))


@models.command()
@click.argument("name", required=False)
@click.option("--yes", is_flag=True, help="Do not ask, even if the model does not fit this machine's memory.")
@click.option("--use", "use_it", is_flag=True, help="Use the model from now on.")
@click.pass_context
def pull(ctx: click.Context, name: str | None, yes: bool, use_it: bool) -> None:
    """Download a model from the Hugging Face hub: the only command that uses the network.

    NAME is a name from the catalogue, which is shown without NAME, or OWNER/REPOSITORY/FILE.gguf. Interrupted, the same
    command goes on where it stopped. HF_ENDPOINT names another hub, HF_TOKEN signs in for gated models.
    """
    if name is None:
        _show_catalogue()
        return
    from localnpm import hub
    from localnpm import pull as pulling
    from localnpm.models import fit

    context = ctx.find_object(Context)
    assert context is not None
    click.echo(f"Asking {hub.endpoint()} about {name} (this uses the network)", err=True)
    plan = pulling.plan(name)
    room = fit(plan.header, context.settings.engine, _machine())
    for file in plan.files:
        click.echo(f"  {file.repository}/{file.file}  {size(file.size_bytes)}  sha256 {file.sha256}", err=True)
    licence = plan.header.metadata.get("general.license", "not stated in the file")
    click.echo(visible(f"  {plan.header.architecture} {plan.header.quantization}, licence: {licence}"), err=True)
    click.echo(
        f"  download {size(plan.size_bytes)}; in memory about {size(room.needed)} with a context of {room.context:,} "
        f"tokens; {size(room.free)} of {size(room.total)} are free: {room.verdict}",
        err=True,
    )
    if room.verdict == "too large" and not yes:
        click.confirm("It cannot run on this machine. Download it anyway?", abort=True, err=True)
    path = _download(plan, context)
    click.echo(str(path))
    if use_it:
        ctx.invoke(use, name=str(path))
    else:
        click.echo(f"To use it: localnpm models use {path.stem}", err=True)


def _download(plan: "Plan", context: Context) -> Path:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from localnpm import pull as pulling

    columns = (TextColumn("{task.description:9}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        tasks = {what: bars.add_task(what, total=None, start=False) for what in ("download", "check")}

        def progress(what: str, done: int, total: int) -> None:
            bars.start_task(tasks[what])
            bars.update(tasks[what], completed=done, total=total)

        return pulling.pull(plan, context.home, progress)


def _show_catalogue() -> None:
    from localnpm.catalogue import CATALOGUE

    click.echo("Models that can be pulled by a short name. None is bundled, and the authors have tried none of them;")
    click.echo("sizes are read from the hub when you pull. Any other: localnpm models pull OWNER/REPOSITORY/FILE.gguf")
    for entry in CATALOGUE:
        click.echo(f"  {entry.name:16} {entry.parameters:>6}  {entry.licence:11} {entry.purpose}")
        click.echo(f"  {'':16} {entry.repository}/{entry.file}")


def _machine() -> "Machine":
    from localnpm.engine.plan import Machine

    return Machine.detect(gpu=False, amx=False)


def _row(model: "ModelFile", context: Context, machine: "Machine", used: Path | None) -> dict[str, Any]:
    from localnpm.models import fit

    row = asdict(model)
    header = row.pop("header") and model.header
    room = fit(header, context.settings.engine, machine) if header else None
    return row | {
        "path": str(model.path),
        "architecture": header.architecture if header else "",
        "quantization": header.quantization if header else "",
        "context_trained": header.context_trained if header else 0,
        "memory_bytes": room.needed if room else 0,
        "fit": room.verdict if room else "",
        "chosen": model.path == used,
    }
