"""`localnpm attempts`: what was asked and done, in lists, whole, by search; verdicts; forgetting."""

import click

from localnpm.cli.context import Context
from localnpm.cli.forgetting import consent, forget_options, tell
from localnpm.cli.options import ID
from localnpm.errors import NotFoundError
from localnpm.memory import forget as forgetting
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.export import as_call, attempt_record, changes, trajectory_record
from localnpm.memory.records import Attempt, Trajectory
from localnpm.memory.verdicts import Outcome, Verdict, ledger, outcomes
from localnpm.plain import json_text, one_line, visible

REQUEST_WIDTH = 60


@click.group()
def attempts() -> None:
    """See, judge, search and forget what was done."""


@attempts.command("list")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option(
    "--outcome",
    "judged",
    type=click.Choice(["success", "failure", "none"]),
    help="Only those judged so, or not at all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def list_(context: Context, limit: int, judged: str | None, as_json: bool) -> None:
    """List attempts, the newest first."""
    with context.open_database() as database:
        log = AttemptLog(database)
        found = log.attempts(limit=limit, judged=judged)  # type: ignore[arg-type]
        if as_json:
            click.echo(json_text([attempt_record(log, attempt) for attempt in found]))
            return
        judgements = outcomes(database, [attempt.id for attempt in found])
    for attempt in found:
        click.echo(_line(attempt, judgements.get(attempt.id)))
    if not found:
        click.echo("No attempts.", err=True)


@attempts.command()
@click.argument("attempt_id", metavar="[ID]", type=ID, required=False)
@click.option("--system", is_flag=True, help="Print the system text too.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object with all that is logged.")
@click.pass_obj
def show(context: Context, attempt_id: int | None, system: bool, as_json: bool) -> None:
    """Print one attempt whole: request, calls, results, answer, verdicts. Without ID, the last one."""
    with context.open_database() as database:
        log = AttemptLog(database)
        trajectory = log.trajectory(_chosen(log, attempt_id))
        if as_json:
            click.echo(json_text(trajectory_record(log, trajectory)))
        else:
            click.echo(visible("\n".join(_whole(log, trajectory, system))))


@attempts.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def search(context: Context, words: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Find attempts by WORDS in requests, answers, calls, results and the reasons of verdicts."""
    with context.open_database() as database:
        hits = AttemptLog(database).search(" ".join(words), limit=limit)
    if as_json:
        click.echo(
            json_text([{"attempt_id": hit.attempt_id, "place": hit.place, "snippet": hit.snippet} for hit in hits])
        )
        return
    for hit in hits:
        click.echo(f"{hit.attempt_id:>6}  {hit.place:8} {visible(hit.snippet)}")
    if not hits:
        click.echo("No attempt has all these words.", err=True)


@attempts.command()
@click.argument("words", metavar="[ID] [REASON]...", nargs=-1)
@click.pass_obj
def good(context: Context, words: tuple[str, ...]) -> None:
    """Judge an attempt as a success. Without ID, the last one."""
    _judge(context, words, success=True)


@attempts.command()
@click.argument("words", metavar="[ID] [REASON]...", nargs=-1)
@click.pass_obj
def bad(context: Context, words: tuple[str, ...]) -> None:
    """Judge an attempt as a failure; the reason is what most is learned from. Without ID, the last one."""
    _judge(context, words, success=False)


@attempts.command()
@click.argument("attempt_ids", metavar="[ID]...", type=ID, nargs=-1)
@click.option("--older-than", metavar="DAYS", type=click.FloatRange(0), help="Forget all that are older.")
@forget_options
@click.pass_obj
def forget(
    context: Context, attempt_ids: tuple[int, ...], older_than: float | None, yes: bool, backups: str | None
) -> None:
    """Take attempts out of the memory for good: rows, search index, undo data and, if you agree, backups.

    Files that they changed stay as they are; undo comes first, if it is wanted.
    """
    with context.open_database() as database:
        if older_than is not None:
            attempt_ids = (*attempt_ids, *forgetting.older_than(database, older_than))
        elif not attempt_ids:
            raise click.UsageError("Which? Give an ID from `localnpm attempts list`, or --older-than DAYS.")
        log = AttemptLog(database)
        named = [log.attempt(attempt_id) for attempt_id in dict.fromkeys(attempt_ids)]
        if not named:
            click.echo("No attempt is older than that.", err=True)
            return
        what = f"{len(named)} attempts" if len(named) > 1 else f"attempt {named[0].id}"
        ids = [attempt.id for attempt in named]
        chosen = consent(what, forgetting.backups_with(database, ids), backups, yes)
        tell(forgetting.forget_attempts(database, ids, backups=chosen))


def _judge(context: Context, words: tuple[str, ...], *, success: bool) -> None:
    """A leading number is the attempt's id."""
    named = bool(words) and words[0].isdecimal()
    reason = " ".join(words[1:] if named else words)
    with context.open_database() as database:
        log = AttemptLog(database)
        attempt = log.attempt(_chosen(log, int(words[0]) if named else None))
        log.add_verdict(attempt.id, "user", success, reason=reason)
    click.echo(f"Attempt {attempt.id} is a {'success' if success else 'failure'}: {one_line(attempt.request, 60)}")
    if reason and not success and attempt.status != "running" and not attempt.practice:
        click.echo(f"`localnpm retry {attempt.id}` undoes it and tries again by what you said.", err=True)


def _chosen(log: AttemptLog, attempt_id: int | None) -> int:
    if attempt_id is not None:
        return attempt_id
    last = log.last_attempt()
    if last is None:
        raise NotFoundError("There is no attempt yet. `localnpm run` makes one.")
    return last.id


def _line(attempt: Attempt, outcome: Outcome | None) -> str:
    judged = "" if outcome is None else "success" if outcome.success else "failure"
    undone = "undone" if attempt.undone_at else attempt.status
    time = f"{attempt.started_at.astimezone():%Y-%m-%d %H:%M}"
    return f"{attempt.id:>6}  {time}  {undone:11}  {judged:7}  {one_line(attempt.request, REQUEST_WIDTH)}".rstrip()


def _whole(log: AttemptLog, trajectory: Trajectory, system: bool) -> list[str]:
    attempt = trajectory.attempt
    lines = [
        f"Attempt {attempt.id} of session {attempt.session_id}: {attempt.status}"
        + (f", undone {attempt.undone_at.astimezone():%Y-%m-%d %H:%M}" if attempt.undone_at else ""),
        f"{attempt.started_at.astimezone():%Y-%m-%d %H:%M:%S}, {attempt.model}, in {attempt.workspace}",
        f"{attempt.prompt_tokens} tokens read, {attempt.generated_tokens} written",
        f"Sampling: {json_text(attempt.sampling, indent=None)}",
    ]
    if attempt.retry_of is not None:
        lines.append(f"A retry of attempt {attempt.retry_of}")
    if system:
        lines += ["", "System:", _indented(attempt.system)]
    lines += ["", "Request:", _indented(attempt.request)]
    for step in trajectory.steps:
        if step.thought:
            lines += ["", "Thought:", _indented(step.thought)]
        if step.tool is not None:
            lines += ["", f"Call: {step.tool}", _indented(as_call(step))]
            lines += ["Result:", _indented("(none: it was interrupted)" if step.result is None else step.result)]
        elif step.result is not None:
            lines += ["", "Unreadable call:", _indented(step.text), "Result:", _indented(step.result)]
    if attempt.answer:
        lines += ["", "Answer:", _indented(attempt.answer)]
    if attempt.error:
        lines += ["", "Error:", _indented(attempt.error)]
    changed = changes(log, attempt.id)
    if changed:
        lines += ["", "Changed:"]
        lines += [_indented(" ".join(filter(None, (row["kind"], row["path"], row["destination"])))) for row in changed]
    verdicts = ledger(log.database, attempt.id)
    if verdicts:
        lines += ["", "Verdicts:", *(_indented(_judged(verdict)) for verdict in verdicts)]
    return lines


def _judged(verdict: Verdict) -> str:
    what = "success" if verdict.success else "failure"
    return f"{what}, by {verdict.source} ({verdict.confidence:g})" + (f": {verdict.reason}" if verdict.reason else "")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
