"""`localnpm chat`: a plain conversation, line by line; also the way in for screen readers and pipes."""

import contextlib
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from localnpm.agent import events
from localnpm.agent.options import Options
from localnpm.cli.context import Context
from localnpm.cli.options import conversation
from localnpm.errors import LocalnpmError
from localnpm.plain import visible

if TYPE_CHECKING:
    from localnpm.cli.stream import Start
    from localnpm.engine.cancel import Cancel
    from localnpm.learning.opened import Opened

PROMPT = "\n> "


@click.command()
@conversation
@click.pass_obj
def chat(context: Context, options: Options, go_on: bool, session_id: int | None) -> None:
    """Talk with the agent, one request a line; /help lists what else can be typed."""
    converse(context, options, session_id, go_on=go_on)


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
    converse(context, Options(workspace=workspace, terminal=terminal), session_id, go_on=False)


def converse(context: Context, options: Options, session_id: int | None, *, go_on: bool) -> None:
    """Answer lines until there are no more of them."""
    from localnpm.cli.workbench import open_learner

    with open_learner(context, options) as opened:
        conversation = Conversation(opened, opened.bench.find_session(session_id, go_on=go_on))
        conversation.greet()
        while True:
            try:
                line = _read_line()
            except (EOFError, click.Abort):
                break
            if line.strip() and not conversation.take(line.strip()):
                break
        conversation.settle()


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

    def __init__(self, opened: "Opened", session_id: int | None) -> None:
        self.bench = opened.bench
        self.learner = opened.learner
        self.session_id = session_id
        self.last_attempt = 0
        self.commands: dict[str, tuple[Callable[[str], None], str]] = {
            "/undo": (self.undo, "take back the changes of the latest request that made any"),
            "/redo": (self.redo, "make them again"),
            "/good": (self.good, "say that the last answer was right; a reason may follow"),
            "/bad": (self.bad, "say that it was wrong; a reason may follow"),
            "/retry": (
                self.retry,
                "undo the last answer's changes and try again by what was wrong; a reason may follow",
            ),
            "/memory": (self.memory, "what was recalled for the last request; or off, on, script, vector, both, auto"),
            "/steer": (self.steer, "steer by control vectors, NAME:0.6@2-5 ...; off: as recall chooses"),
            "/distill": (self.distill, "learn from the verdicts now"),
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
        from localnpm.engine.cancel import Cancel

        if self.session_id is None:
            self.session_id = self.bench.new_session(request)
        cancel = Cancel()
        self._show(partial(self.learner.run, request, self.session_id, cancel=cancel), cancel)

    def _show(self, start: "Start", cancel: "Cancel") -> None:
        """Show an attempt; then learn, if that is due."""
        from localnpm.cli.approval import approver
        from localnpm.cli.learning import due_pass
        from localnpm.cli.printer import Printer
        from localnpm.cli.stream import stream

        printer = Printer(stream=sys.stdout.isatty(), undo="/undo", forgo="/memory off")
        for event in stream(start, approver(self.bench.options.terminal), cancel):
            if isinstance(event, events.AttemptStarted):
                self.last_attempt = event.attempt_id
            printer.show(event)
        if not cancel.is_set():
            due_pass(self.learner, self.bench.settings.learning.run_seconds)

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

    def retry(self, reason: str) -> None:
        """`/retry [REASON]`."""
        from localnpm.engine.cancel import Cancel

        if not self.last_attempt:
            click.echo("There is nothing to try again yet.", err=True)
            return
        if reason:
            self._tell(self.learner.judge(self.last_attempt, False, reason).learned)
        cancel = Cancel()
        self._show(partial(self.learner.retry, self.last_attempt, cancel=cancel), cancel)

    def memory(self, rest: str) -> None:
        """`/memory [off|on|script|vector|both|auto]`."""
        from localnpm.cli.learning import recalled_lines

        match rest:
            case "":
                for line in recalled_lines(self.learner):
                    click.echo(visible(line))
            case "off" | "none":
                self.learner.memory = "none"
            case "on" | "auto":
                self.learner.memory = "auto"
            case "script" | "vector" | "both":
                self.learner.memory = rest
            case _:
                click.echo("/memory takes off, on, script, vector, both or auto; alone it shows.", err=True)
                return
        if rest:
            click.echo(
                f"Memory for what comes next: {'off' if self.learner.memory == 'none' else self.learner.memory}."
            )

    def steer(self, rest: str) -> None:
        """`/steer NAME:0.6@2-5 ... | off`."""
        if not rest:
            click.echo("/steer NAME:0.6 steers by a vector of `localnpm vector list`; /steer off stops that.", err=True)
            return
        texts = [] if rest == "off" else rest.split()
        self.learner.steer(texts)
        click.echo(f"Steering by {visible(', '.join(texts))}." if texts else "Steering as recall chooses.")

    def distill(self, rest: str) -> None:
        """`/distill`."""
        from localnpm.cli.learning import run_pass

        run_pass(self.learner, "command")

    def settle(self) -> None:
        """At the conversation's end: put to use what retries have proved."""
        if self.session_id is not None:
            self._tell(self.learner.settle(self.session_id))

    def new(self, rest: str) -> None:
        """`/new`."""
        self.settle()
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
        judgement = self.learner.judge(self.last_attempt, success, reason)
        click.echo(f"Attempt {self.last_attempt} is judged {'good' if success else 'bad'}.")
        self._tell(judgement.learned)
        if not judgement.can_retry:
            return
        if self.bench.options.terminal and click.confirm("Undo and try again by that?", default=True, err=True):
            self.retry("")
        else:
            click.echo("/retry undoes it and tries again by that.", err=True)

    @staticmethod
    def _tell(learned: Sequence[events.Learned]) -> None:
        for each in learned:
            click.secho(visible(each.text), fg="green", err=True)

    def _report(self, what: str, rest: str) -> None:
        from localnpm.agent import undo as undoing
        from localnpm.cli.undo import tell
        from localnpm.learning import evidence

        attempt_id = int(rest) if rest.isdigit() else None
        database, settings = self.bench.database, self.bench.settings.learning
        if what == "undo":
            report = undoing.undo(database, self.bench.undo_folder, attempt_id)
            evidence.note_undone(database, report, settings=settings, session_id=self.session_id)
        else:
            report = undoing.redo(database, self.bench.undo_folder, attempt_id)
            evidence.note_redone(database, report, settings=settings)
        tell(report, "Undid" if what == "undo" else "Redid")
