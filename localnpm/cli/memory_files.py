"""`localnpm memory export`, `import` and `backup`: what was learned, or the whole memory, as files."""

from pathlib import Path

import click

from localnpm.cli.context import Context
from localnpm.errors import LocalnpmError
from localnpm.memory import backups as copies
from localnpm.memory.procedures import Procedures
from localnpm.memory.skills import SKILL, export_skills, import_skills
from localnpm.memory.whole import export_memory, import_memory, is_memory
from localnpm.plain import visible
from localnpm.units import size

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("names", metavar="[ID|NAME]... FOLDER", nargs=-1)
@click.option("--vectors", is_flag=True, help="Write the control vectors beside the scripts.")
@click.option("--db", type=_PATH, metavar="FILE", help="Write the whole memory, log and all, to one SQLite file.")
@click.option("--force", is_flag=True, help="Write over what is there.")
@click.pass_obj
def export(context: Context, names: tuple[str, ...], vectors: bool, db: Path | None, force: bool) -> None:
    """Write procedures as Agent Skills folders under FOLDER: all that are active, or those named.

    The requests that a procedure is recalled for go with it: look through them before you hand it on.
    """
    if (db is None) == (not names):
        raise click.UsageError("Where to? Give a FOLDER for procedures, or --db FILE for the whole memory.")
    with context.open_database() as database:
        if db is not None:
            export_memory(database, db, replace=force)
            click.echo(f"Wrote the whole memory to {visible(str(db))} ({size(db.stat().st_size)}).")
            return
        *wanted, folder = names
        store = Procedures(database)
        chosen = [store.get(name) for name in dict.fromkeys(wanted)] or list(store.all("active"))
        written = export_skills(database, chosen, Path(folder), vectors=vectors, replace=force)
    for place in written:
        click.echo(visible(str(place)))
    if not written:
        click.echo("There is no active procedure to export.", err=True)


@click.command("import")
@click.argument("source", metavar="FOLDER|FILE", type=_PATH)
@click.pass_obj
def import_(context: Context, source: Path) -> None:
    """Read Agent Skills folders as procedures, disabled until you enable them; or a whole memory from a .db file.

    A whole memory is taken over only while this one is empty.
    """
    if source.is_dir() or source.name == SKILL:
        folder = source if source.is_dir() else source.parent
        with context.open_database() as database:
            imported = import_skills(database, folder)
        for procedure in imported:
            click.echo(f"{procedure.id:>6}  {visible(procedure.name)}")
        click.echo("Disabled until you have looked: `localnpm memory show ID`, then `localnpm memory enable ID`.")
        return
    if not source.exists():
        raise LocalnpmError(f"{source} does not exist. Give a folder with a {SKILL}, or a memory file.")
    if source.suffix != ".db" and not is_memory(source):
        raise LocalnpmError(f"{source} is neither a folder with a {SKILL} nor a memory file. Nothing was changed.")
    with context.open_database() as database:
        import_memory(database, source)
        count = len(Procedures(database).all())
    click.echo(f"Took over the whole memory of {visible(str(source))}, with {count} procedures.")


@click.command()
@click.argument("file", required=False, type=_PATH)
@click.option("--list", "list_them", is_flag=True, help="List the backups there are.")
@click.option("--force", is_flag=True, help="Write over the FILE that is there.")
@click.pass_obj
def backup(context: Context, file: Path | None, list_them: bool, force: bool) -> None:
    """Copy the whole memory to FILE, or to a new file in the home's backups folder."""
    if list_them:
        found = copies.backups(context.home.backups)
        for copy in found:
            made = f"{copy.made_at.astimezone():%Y-%m-%d %H:%M}"
            click.echo(f"{made}  {copy.kind:9}  {size(copy.size_bytes):>8}  {visible(str(copy.path))}")
        if not found:
            click.echo("There is no backup yet.", err=True)
        return
    with context.open_database() as database:
        if file is None:
            file = copies.back_up(database)
        else:
            export_memory(database, file, replace=force)
    click.echo(f"Wrote {visible(str(file))} ({size(file.stat().st_size)}).")
