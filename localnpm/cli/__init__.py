"""The command line. `main` parses, calls and prints; a LocalnpmError becomes one message and its exit code.

Exit codes: 0 done; 1 the attempt failed, or `doctor` found a problem; 2 wrong usage, setting or id; 3 an undo that left
files alone; 4 model; 5 workspace or jail; 6 memory.db; 7 download; 8 the check failed; 130 cancelled.
"""

import os
import sys
from collections.abc import Sequence

import click

from localnpm import __version__
from localnpm.errors import LocalnpmError

# Where each command lives; a file is imported only when its command is used, so that all of them start fast.
COMMANDS = {
    "run": "run:run",
    "app": "app:app",
    "chat": "chat:chat",
    "attempts": "attempts:attempts",
    "sessions": "sessions:sessions",
    "retry": "retry:retry",
    "practice": "practice:practice",
    "undo": "undo:undo",
    "redo": "undo:redo",
    "distill": "distill:distill",
    "memory": "memory:memory",
    "watch": "watch:watch",
    "vector": "vector:vector",
    "models": "models:models",
    "config": "config:config",
    "doctor": "doctor:doctor",
    "bench": "bench:bench",
    "eval": "eval:evaluate",
    "completion": "completion:completion",
}


class LazyGroup(click.Group):
    """A group whose commands are imported by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(f"localnpm.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command


@click.command(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", metavar="FOLDER", help="Where memory.db, settings and pulled models live (LOCALNPM_HOME).")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, prog_name="localnpm")
@click.pass_context
def cli(ctx: click.Context, home: str | None, debug: bool) -> None:
    """A personal agent that works on the files of one folder, offline, and keeps a log of all it did.

    Without a command it opens the terminal app in the current folder.
    """
    from localnpm.cli.context import Context
    from localnpm.home import find_home

    ctx.obj = Context(find_home(home), debug)
    if ctx.invoked_subcommand is None:
        command = cli.get_command(ctx, "app")
        assert command is not None
        ctx.invoke(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    debug = "--debug" in (sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(args=arguments, prog_name="localnpm", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("cancelled", err=True)
        sys.exit(130)
    except KeyboardInterrupt:
        click.echo("cancelled", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read the output has gone (`| head`); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except LocalnpmError as error:
        if debug:
            raise
        from localnpm.plain import visible

        click.echo(f"Error: {visible(str(error))}", err=True)
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
