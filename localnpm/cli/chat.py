"""`localnpm chat`: a plain conversation, line by line; also the way in for screen readers and pipes."""

import contextlib
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from localnpm.agent import events
from localnpm.agent.options import Options
from localnpm.cli.context import Context
from localnpm.cli.options import sample_workspace, shared
from localnpm.errors import LocalnpmError
from localnpm.plain import visible

if TYPE_CHECKING:
    from localnpm.agent.workbench import Workbench

PROMPT = "\n> "


@click.command()
@shared
@click.option("-c", "--continue", "go_on", is_flag=True, help="Go on with the latest conversation of this workspace.")
@click.option("--session", "session_id", type=int, metavar="ID", help="Go on with this conversation.")
@click.option("--sample", is_flag=True, help="Work in a new temporary folder with a few sample files.")
@click.pass_obj
def chat(context: Context, options: Options, go_on: bool, session_id: int | None, sample: bool) -> None:
    """Talk with the agent, one request a line; /help lists what else can be typed."""
    if sample:
        # The folder is there to be tried on: without a terminal to ask in, changes need no question.
        allow = options.allow if options.terminal else options.allow | {"write"}
        options = replace(options, workspace=sample_workspace(), allow=allow)
    _converse(context, options, session_id, go_on=go_on)


def chat_session(context: Context, session_id: int) -> None:
    """Go on with a session in its own workspace, as `localnpm sessions resume` does.

    Raises:
        NotFoundError: there is no such session.
    """
    from pathlib import Path

    from localnpm.memory.sessions import session

    with context.open_database() as database:
        workspace = Path(session(database, session_id).workspace)
    terminal = sys.stdin.isatty() and sys.stderr.isatty()
    _converse(context, Options(workspace=workspace, terminal=terminal), session_id, go_on=False)


def _converse(context: Context, options: Options, session_id: int | None, *, go_on: bool) -> None:
    from localnpm.cli.workbench import open_workbench

    with open_workbench(context, options) as bench:
        conversation = Conversation(bench, bench.find_session(session_id, go_on=go_on))
        conversation.greet()
        while True:
            try:
                line = _read_line()
            except (EOFError, click.Abort):
                break
            if line.strip() and not conversation.take(line.strip()):
                break


def _read_line() -> str:
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - gives `input` history and editing
    try:
        return input(PROMPT)
    except KeyboardInterrupt:
        raise EOFError from None


class Conversation:
    """One chat: requests, and the commands that begin with a slash."""

    def __init__(self, bench: "Workbench", session_id: int | None) -> None:
        self.bench = bench
        self.session_id = session_id
        self.last_attempt = 0
        self.commands: dict[str, tuple[Callable[[str], None], str]] = {
            "/undo": (self.undo, "take back the changes of the latest request that made any"),
            "/redo": (self.redo, "make them again"),
            "/good": (self.good, "say that the last answer was right; a reason may follow"),
            "/bad": (self.bad, "say that it was wrong; a reason may follow"),
            "/new": (self.new, "start a new conversation"),
            "/help": (self.help, "show this"),
        }

    def greet(self) -> None:
        """Say what is there: model, folder, what may be changed, and, in an old session, how it went so far."""
        bench = self.bench
        mode = {
            "ask": "asks before each change",
            "auto": "changes files without asking",
            "read-only": "changes nothing",
        }
        click.echo(f"model {visible(bench.model.name)} · {mode[bench.permissions.mode]} · {visible(str(bench.root))}")
        click.echo("Type a request; /help lists commands, Ctrl-C stops an answer, Ctrl-D ends.")
        if self.session_id is not None:
            for trajectory in bench.log.conversation(self.session_id):
                click.echo(f"\n> {visible(trajectory.attempt.request)}\n{visible(trajectory.attempt.answer or '')}")

    def take(self, line: str) -> bool:
        """Act on one line; False when the conversation is over."""
        name, _, rest = line.partition(" ")
        if name in ("/quit", "/exit"):
            return False
        try:
            if name in self.commands:
                self.commands[name][0](rest.strip())
            elif name.startswith("/") and "/" not in name[1:]:
                click.echo(f"There is no command {visible(name)}; /help lists those there are.", err=True)
            else:
                self.ask_model(line)
        except LocalnpmError as error:
            click.secho(f"Error: {visible(str(error))}", fg="red", err=True)
        return True

    def ask_model(self, request: str) -> None:
        """Carry out a request."""
        from localnpm.cli.approval import approver
        from localnpm.cli.printer import Printer
        from localnpm.cli.stream import stream
        from localnpm.engine.cancel import Cancel

        if self.session_id is None:
            self.session_id = self.bench.new_session(request)
        printer = Printer(stream=sys.stdout.isatty(), undo="/undo")
        cancel = Cancel()
        terminal = self.bench.options.terminal
        for event in stream(
            partial(self.bench.run, request, self.session_id, cancel=cancel), approver(terminal), cancel
        ):
            if isinstance(event, events.AttemptStarted):
                self.last_attempt = event.attempt_id
            printer.show(event)

    def undo(self, rest: str) -> None:
        """`/undo [ATTEMPT]`."""
        self._report("undo", rest)

    def redo(self, rest: str) -> None:
        """`/redo [ATTEMPT]`."""
        self._report("redo", rest)

    def good(self, reason: str) -> None:
        """`/good [REASON]`."""
        self._judge(True, reason)

    def bad(self, reason: str) -> None:
        """`/bad [REASON]`."""
        self._judge(False, reason)

    def new(self, rest: str) -> None:
        """`/new`."""
        self.session_id = None
        click.echo("A new conversation.")

    def help(self, rest: str) -> None:
        """`/help`."""
        for name, (_, meaning) in self.commands.items():
            click.echo(f"{name:8} {meaning}")
        click.echo(f"{'/quit':8} end (or Ctrl-D)")

    def _judge(self, success: bool, reason: str) -> None:
        if not self.last_attempt:
            click.echo("There is nothing to judge yet.", err=True)
            return
        self.bench.log.add_verdict(self.last_attempt, "user", success, reason=reason)
        click.echo(f"Attempt {self.last_attempt} is judged {'good' if success else 'bad'}.")

    def _report(self, what: str, rest: str) -> None:
        from localnpm.agent import undo as undoing
        from localnpm.cli.undo import tell

        attempt_id = int(rest) if rest.isdigit() else None
        act = undoing.undo if what == "undo" else undoing.redo
        tell(act(self.bench.database, self.bench.undo_folder, attempt_id), "Undid" if what == "undo" else "Redid")
