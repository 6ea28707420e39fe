"""`localnpm memory`: what was learned, in lists, whole, by search; changing, switching and forgetting it.

Elsewhere: how it is printed (procedure_view.py), files in and out (memory_files.py), distilling (`localnpm distill`).
"""

from typing import TextIO

import click

from localnpm.cli.context import Context
from localnpm.cli.forgetting import consent, forget_options, tell
from localnpm.cli.memory_files import backup, export, import_
from localnpm.cli.procedure_view import line, record, whole, whole_record
from localnpm.engine.fingerprint import fingerprint
from localnpm.errors import LocalnpmError, ModelError
from localnpm.memory import forget as forgetting
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Procedure
from localnpm.memory.procedures import Procedures
from localnpm.memory.uses import all_statistics
from localnpm.models import chosen as chosen_model
from localnpm.plain import json_text, one_line, visible


@click.group()
def memory() -> None:
    """See, change, switch off, forget, export and import what was learned."""


memory.add_command(export)
memory.add_command(import_)
memory.add_command(backup)


@memory.command("list")
@click.option(
    "--status", type=click.Choice(["active", "candidate", "disabled", "retired"]), help="Only those that are so."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def list_(context: Context, status: str | None, as_json: bool) -> None:
    """List procedures, with how many of their judged uses went well."""
    with context.open_database() as database:
        found = Procedures(database).all(status)  # type: ignore[arg-type]
        _print(database, found, as_json, "Nothing was learned yet." if status is None else f"None is {status}.")


@memory.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def search(context: Context, words: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Find procedures by WORDS in their names, titles, scripts, examples and the requests they are for."""
    with context.open_database() as database:
        found = Procedures(database).search(" ".join(words), limit)
        _print(database, found, as_json, "No procedure has all these words.")


@memory.command()
@click.argument("which", metavar="ID|NAME")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object with all that is stored.")
@click.pass_obj
def show(context: Context, which: str, as_json: bool) -> None:
    """Print one procedure whole: script, example, versions, how it does, control vectors, last uses."""

    with context.open_database() as database:
        procedure = Procedures(database).get(which)
        if as_json:
            click.echo(json_text(whole_record(database, procedure)))
        else:
            click.echo(visible("\n".join(whole(database, procedure, _fingerprint(context)))))


@memory.command()
@click.argument("which", metavar="ID|NAME")
@click.option("--file", type=click.File("r", encoding="utf-8"), help="Read the script from here; `-`: standard input.")
@click.option("--drop-example", is_flag=True, help="Drop the example too, where it shows the old way.")
@click.pass_obj
def edit(context: Context, which: str, file: TextIO | None, drop_example: bool) -> None:
    """Change a script in $EDITOR, or take it from a file. It is a new version, used from now on."""
    with context.open_database() as database:
        store = Procedures(database)
        procedure = store.get(which)
        newest = store.newest(procedure.id)
        old = newest.script if newest is not None else f"{procedure.title}\n1. "
        try:
            new = click.edit(old + "\n", extension=".md") if file is None else file.read()
        except UnicodeDecodeError:
            raise LocalnpmError("The script is not UTF-8 text. Nothing was changed.") from None
        if new is None or (new.strip() == old.strip() and not drop_example):
            click.echo("Nothing was changed.", err=True)
            return
        version = store.edit(procedure.id, new.replace("\r\n", "\n"), keep_example=not drop_example)
    kept = " Its example stays; --drop-example drops it." if version.example and not drop_example else ""
    click.echo(f"Version {version.number} of {visible(procedure.name)} is in use.{kept}")
    if procedure.status in ("disabled", "retired"):
        click.echo(f"The procedure is {procedure.status}: `localnpm memory enable {procedure.id}`.", err=True)


@memory.command()
@click.argument("which", metavar="ID|NAME")
@click.pass_obj
def enable(context: Context, which: str) -> None:
    """Let a procedure be recalled again, or for the first time after an import."""
    with context.open_database() as database:
        store = Procedures(database)
        procedure = store.get(which)
        if procedure.active is None:
            raise LocalnpmError(
                f"{procedure.name} has no version in use. Look at it with `localnpm memory show {procedure.id}`, then "
                f"`localnpm memory accept {procedure.id}` or `edit`."
            )
        store.set_status(procedure.id, "active")
    click.echo(f"{visible(procedure.name)} is active.")


@memory.command()
@click.argument("which", metavar="ID|NAME")
@click.pass_obj
def disable(context: Context, which: str) -> None:
    """Keep a procedure from being recalled; `enable` brings it back."""
    with context.open_database() as database:
        store = Procedures(database)
        procedure = store.get(which)
        store.set_status(procedure.id, "disabled", "by you")
    click.echo(f"{visible(procedure.name)} is disabled.")


@memory.command()
@click.argument("which", metavar="ID|NAME")
@click.option("--version", "number", type=click.IntRange(1), help="This one, instead of the newest candidate.")
@click.pass_obj
def accept(context: Context, which: str, number: int | None) -> None:
    """Put a version to use that waits for your word, or an earlier one again."""
    with context.open_database() as database:
        store = Procedures(database)
        procedure = store.get(which)
        versions = store.versions(procedure.id)
        fitting = [
            version
            for version in versions
            if (version.number == number if number is not None else version.status == "candidate")
        ]
        if not fitting:
            what = f"no version {number}" if number is not None else "no version that waits"
            raise LocalnpmError(f"{procedure.name} has {what}. `localnpm memory show {procedure.id}` lists them.")
        store.accept(fitting[-1].id)
    click.echo(f"Version {fitting[-1].number} of {visible(procedure.name)} is in use.")


@memory.command()
@click.argument("which", metavar="ID|NAME...", nargs=-1, required=True)
@forget_options
@click.pass_obj
def forget(context: Context, which: tuple[str, ...], yes: bool, backups: str | None) -> None:
    """Take procedures out of the memory for good, with their versions and control vectors. Their attempts stay."""
    with context.open_database() as database:
        named = [Procedures(database).get(name) for name in dict.fromkeys(which)]
        ids = [procedure.id for procedure in named]
        what = ", ".join(f"{procedure.name} ({one_line(procedure.title, 60)})" for procedure in named)
        chosen = consent(visible(what), forgetting.backups_with(database, procedure_ids=ids), backups, yes)
        tell(forgetting.forget_procedures(database, ids, backups=chosen))


def _print(database: Database, found: tuple[Procedure, ...], as_json: bool, none: str) -> None:
    known = all_statistics(database)
    if as_json:
        click.echo(json_text([record(procedure, known.of(procedure.id)) for procedure in found]))
        return
    for procedure in found:
        click.echo(line(procedure, known.of(procedure.id)))
    if not found:
        click.echo(none, err=True)


def _fingerprint(context: Context) -> str:
    """That of the model in use; empty where it cannot be read."""
    path = chosen_model(context.settings.model, context.home)
    try:
        return fingerprint(path, context.home.cache) if path else ""
    except ModelError:
        return ""
