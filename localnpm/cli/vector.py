"""`localnpm vector`: the control vectors that were learned or taken in, as lists, plots and files.

No command in this file loads a model; those that do are in vector_model.py.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localnpm.cli.context import Context
from localnpm.cli.options import ID
from localnpm.cli.vector_model import import_, train, try_
from localnpm.plain import json_text, one_line, visible

if TYPE_CHECKING:
    from localnpm.distill.plots import Bars, Plot
    from localnpm.distill.vector_file import VectorFile
    from localnpm.memory.procedure_records import StoredVector
    from localnpm.memory.vector_store import VectorStore


@click.group()
def vector() -> None:
    """See, compare, try, exchange and make control vectors."""


vector.add_command(import_)
vector.add_command(train)
vector.add_command(try_)


@vector.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that others have replaced.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def list_(context: Context, everything: bool, as_json: bool) -> None:
    """List the control vectors of all models, the oldest first."""
    from localnpm.memory.vector_store import VectorStore

    with context.open_database() as database:
        vectors = VectorStore(database).all(retired=everything)
    if as_json:
        click.echo(json_text([_record(stored) for stored in vectors]))
        return
    width = max([len(stored.name) for stored in vectors], default=0)
    for stored in vectors:
        layers = f"layers {stored.layers[0]}-{stored.layers[1]}"
        line = f"{stored.id:>5}  {stored.name:{width}}  {stored.status:11}  {stored.coefficient:+.3g} in {layers}"
        click.echo(visible(f"{line}  {stored.origin}, {one_line(stored.model, 40)}"))
        if stored.status_reason and stored.status != "active":
            click.echo(f"       {one_line(stored.status_reason, 110)}")
    if not vectors:
        click.echo("No control vectors. `localnpm distill` learns them, `localnpm vector import FILE` takes in others.")


@vector.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_obj
def show(context: Context, name: str, as_json: bool) -> None:
    """Show what is known of a vector, by name or number, or of a GGUF file: norms by layer, calibration, gate."""
    from localnpm.distill.vector_plots import norm_plot

    stored, file = _open(context, name)
    facts = _facts(stored, file)
    if as_json:
        click.echo(json_text(facts))
        return
    for key, value in _flat(facts):
        click.echo(visible(f"{key:22} {value}"))
    click.echo()
    _draw(norm_plot(file, stored))


@vector.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite FILE if it is there.")
@click.pass_obj
def export(context: Context, name: str, file: Path, force: bool) -> None:
    """Write a vector as the GGUF file that llama.cpp's --control-vector-scaled and repeng read.

    At scale 1 it does there what it does here at its own coefficient.
    """
    from localnpm.distill import gguf, steer
    from localnpm.memory.vector_store import VectorStore

    with context.open_database() as database:
        store = VectorStore(database)
        stored = chosen(context, store, name)
        steer.read_stored(stored, store)
        content = store.gguf(stored.id)
    gguf.export(content, file, force=force)
    click.echo(f"{visible(str(file))}: {stored.name}, for {visible(stored.model)}")


@vector.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--svg", type=click.Path(path_type=Path), help="Write the plots to FILE.svg and FILE-layers.svg too.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_obj
def compare(context: Context, names: tuple[str, ...], svg: Path | None, as_json: bool) -> None:
    """Compare vectors, by names, numbers or GGUF files: cosines layer by layer, and their two principal components."""
    from localnpm.distill import compare as comparing

    found = comparing.compare([(name, _open(context, name)[1]) for name in names])
    plots = (found.cosine_plot(), found.plane_plot())
    if svg is not None:
        _write_svg(svg, *plots)
    if as_json:
        click.echo(json_text(comparing.record(found)))
        return
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            click.echo(visible(f"{names[first]} · {names[second]}: mean cosine {found.mean(first, second):+.3f}"))
    for plot in plots:
        click.echo()
        _draw(plot)


@vector.command()
@click.argument("name")
@click.argument("new_name")
@click.pass_obj
def rename(context: Context, name: str, new_name: str) -> None:
    """Give a vector another name: lower-case letters, digits and hyphens."""
    from localnpm.memory.vector_store import VectorStore

    with context.open_database() as database:
        store = VectorStore(database)
        renamed = store.rename(chosen(context, store, name).id, new_name)
    click.echo(f"Vector {renamed.id} is {renamed.name} now.")


@vector.command()
@click.argument("name")
@click.pass_obj
def enable(context: Context, name: str) -> None:
    """Let a vector be recalled, whatever the health gate says of it."""
    _set_status(context, name, "active", "enabled by the user")


@vector.command()
@click.argument("name")
@click.pass_obj
def disable(context: Context, name: str) -> None:
    """Let a vector not be used any more; it is kept."""
    _set_status(context, name, "disabled", "disabled by the user")


@vector.command()
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def forget(context: Context, name: str, yes: bool) -> None:
    """Take a vector out of the memory for good. The attempts that it came from stay."""
    from localnpm.memory.vector_store import VectorStore

    with context.open_database() as database:
        store = VectorStore(database)
        stored = chosen(context, store, name)
        if not yes:
            click.confirm(f"Forget the vector {stored.name} for good?", abort=True, err=True)
        store.forget(stored.id)
    click.echo(f"Forgot the vector {stored.name}.")


def chosen(context: Context, store: "VectorStore", name: str) -> "StoredVector":
    """The vector of that number or name; of several models' the one of the model in use, else the newest.

    Raises:
        NotFoundError: there is none; near names are listed.
    """
    from localnpm.distill.steer import suggest
    from localnpm.engine.fingerprint import fingerprint
    from localnpm.errors import NotFoundError
    from localnpm.models import chosen as chosen_model

    if name.isdecimal():
        return store.get(ID.convert(name, None, None))
    named = [stored for stored in store.all() if stored.name == name]
    if not named:
        raise NotFoundError(f"there is no control vector {name!r}; {suggest(name, store.all())}")
    if len(named) > 1 and (path := chosen_model(context.settings.model, context.home)):
        used = fingerprint(path, context.home.cache)
        named = [stored for stored in named if stored.model_fingerprint == used] or named
    return named[-1]


def _open(context: Context, name: str) -> tuple["StoredVector | None", "VectorFile"]:
    from localnpm.distill import gguf, steer
    from localnpm.memory.vector_store import VectorStore
    from localnpm.paths import expand

    if steer.SteerRequest(name).is_file:
        return None, gguf.read(expand(name))
    with context.open_database() as database:
        store = VectorStore(database)
        stored = chosen(context, store, name)
        return stored, steer.read_stored(stored, store)


def _set_status(context: Context, name: str, status: Any, why: str) -> None:
    from localnpm.memory.vector_store import VectorStore

    with context.open_database() as database:
        store = VectorStore(database)
        stored = chosen(context, store, name)
        store.set_status(stored.id, status, why)
    click.echo(f"The vector {stored.name} is {status}.")


def _record(stored: "StoredVector") -> dict[str, Any]:
    return asdict(stored) | {"layers": list(stored.layers), "created_at": stored.created_at.isoformat()}


def _facts(stored: "StoredVector | None", file: "VectorFile") -> dict[str, Any]:
    known = _record(stored) if stored else {}
    known |= {
        "unit": file.unit,
        "model_hint": file.model_hint,
        "coefficient": file.coefficient,
        "layers": list(file.layers),
        "shape": list(file.directions.shape),
        "row_norms": [round(float(norm), 6) for norm in file.row_norms],
        "provenance": {key: text for key, text in file.provenance.items() if text != str(known.get(key, ""))},
    }
    return known


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Facts line by line; long lists are left to --json."""
    for key, value in facts.items():
        shown = (prefix + key).replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}: " if prefix or key != "provenance" else "")
        elif isinstance(value, list) and len(value) > 4:
            continue
        elif isinstance(value, list):
            yield shown, "-".join(map(str, value)) if key == "layers" else ", ".join(map(str, value))
        elif value not in (None, "", False):
            yield shown, f"{value:.4g}" if isinstance(value, float) else str(value)


def _draw(plot: "Plot | Bars") -> None:
    from shutil import get_terminal_size

    from localnpm.distill.plots import to_terminal

    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    click.echo(to_terminal(plot, width=min(get_terminal_size().columns, 100), color=color))


def _write_svg(path: Path, cosines: "Plot", plane: "Plot") -> None:
    from localnpm.distill import gguf
    from localnpm.distill.plots_svg import to_svg

    for plot, place in ((plane, path), (cosines, path.with_name(f"{path.stem}-layers{path.suffix}"))):
        gguf.export(to_svg(plot).encode(), place, force=True)
        click.echo(visible(str(place)), err=True)
