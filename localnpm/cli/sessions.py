"""`localnpm sessions`: conversations in lists, whole, by search; going on with one; files of them; deleting."""

from pathlib import Path
from typing import TextIO

import click

from localnpm.agent.options import Options
from localnpm.cli.context import Context
from localnpm.cli.forgetting import consent, forget_options, tell
from localnpm.cli.options import ID
from localnpm.memory import forget as forgetting
from localnpm.memory import sessions as reading
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.export import record, session_markdown, session_record
from localnpm.memory.sessions import Session
from localnpm.plain import json_text, one_line, visible


@click.group()
def sessions() -> None:
    """See, search, resume, export and delete conversations."""


@sessions.command("list")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def list_(context: Context, limit: int, as_json: bool) -> None:
    """List sessions, the one used last first."""
    with context.open_database() as database:
        found = reading.sessions(database, limit=limit)
    _print(found, as_json, "No sessions.")


@sessions.command()
@click.argument("session_id", metavar="ID", type=ID)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object with all that is logged.")
@click.pass_obj
def show(context: Context, session_id: int, as_json: bool) -> None:
    """Print a session whole."""
    click.echo(_text(context, session_id, as_json), nl=False)


@sessions.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def search(context: Context, words: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Find sessions by WORDS in their titles and in all that was said and done in them."""
    with context.open_database() as database:
        found = reading.search_sessions(database, " ".join(words), limit=limit)
    _print(found, as_json, "No session has all these words.")


@sessions.command()
@click.argument("session_id", metavar="ID", type=ID)
@click.pass_obj
def resume(context: Context, session_id: int) -> None:
    """Go on with a session, in its own workspace: in the app, or, without a terminal to draw on, line by line."""
    from localnpm.cli.app import can_draw, open_app
    from localnpm.cli.chat import chat_session

    with context.open_database() as database:
        workspace = Path(reading.session(database, session_id).workspace)
    if can_draw():
        open_app(context, Options(workspace=workspace, terminal=True), session_id)
    else:
        chat_session(context, session_id)


@sessions.command()
@click.argument("session_id", metavar="ID", type=ID)
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "json"]),
    default="markdown",
    show_default=True,
    help="Which form.",
)
@click.option(
    "-o",
    "--output",
    type=click.File("w", encoding="utf-8", errors="backslashreplace", lazy=True),
    help="Write to this file; without it to standard output, control characters written out.",
)
@click.pass_obj
def export(context: Context, session_id: int, form: str, output: TextIO | None) -> None:
    """Write a session as Markdown, to read, or as JSON, with all that is logged."""
    if output is None:
        click.echo(_text(context, session_id, form == "json"), nl=False)
        return
    with context.open_database() as database:
        log = AttemptLog(database)
        text = (
            json_text(session_record(log, session_id)) + "\n" if form == "json" else session_markdown(log, session_id)
        )
    output.write(text)


@sessions.command()
@click.argument("session_id", metavar="ID", type=ID)
@forget_options
@click.pass_obj
def delete(context: Context, session_id: int, yes: bool, backups: str | None) -> None:
    """Take a session and all its attempts out of the memory for good."""
    with context.open_database() as database:
        told = reading.session(database, session_id)
        held = forgetting.backups_with(database, session_ids=[session_id])
        chosen = consent(f"session {told.id} ({one_line(told.title, 60)})", held, backups, yes)
        tell(forgetting.forget_session(database, session_id, backups=chosen))


def _text(context: Context, session_id: int, as_json: bool) -> str:
    """A session, harmless for a terminal."""
    with context.open_database() as database:
        log = AttemptLog(database)
        if as_json:
            return json_text(session_record(log, session_id)) + "\n"
        return visible(session_markdown(log, session_id))


def _print(found: tuple[Session, ...], as_json: bool, none: str) -> None:
    if as_json:
        click.echo(json_text([record(session) for session in found]))
        return
    for session in found:
        count = f"{session.attempts} attempt{'' if session.attempts == 1 else 's'}"
        time = f"{session.updated_at.astimezone():%Y-%m-%d %H:%M}"
        click.echo(f"{session.id:>6}  {time}  {count:12}  {one_line(session.title, 60)}".rstrip())
    if not found:
        click.echo(none, err=True)
