"""Opening the workbench for a command: model, memory and workspace, closed again at its end."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import click

from localnpm.agent.options import Options
from localnpm.cli.context import Context
from localnpm.learning.opened import Opened

if TYPE_CHECKING:
    from localnpm.agent.workbench import Workbench


@contextmanager
def open_learner(context: Context, options: Options, *, quiet: bool = False) -> Iterator[Opened]:
    """As `open_workbench`, with the memory that its tasks recall from; a private run reads it and writes nothing.

    Raises:
        SteeringError, NotFoundError: `options.steer` names vectors that cannot be used.
    """
    from localnpm.learning.learner import Learner, embedder_opener

    with open_workbench(context, options, quiet=quiet) as bench:
        private = options.private and context.home.memory.exists()
        lent = context.open_database().read_only() if private else None
        with lent or nullcontext():
            yield Opened(bench, Learner(bench, embedder_opener(context.settings), memory=lent))


@contextmanager
def open_workbench(context: Context, options: Options, *, quiet: bool = False) -> Iterator["Workbench"]:
    """A workbench for `options`, with the model that the settings name. `quiet` prints nothing.

    Raises:
        WorkspaceError, ModelError, MemoryFileError, ConfigError: what cannot be opened, and what to do.
    """
    from localnpm.agent.workbench import Workbench, checked_workspace
    from localnpm.engine.llama_chat import LlamaChat
    from localnpm.memory.database import Database
    from localnpm.memory.forget import forget_older_than
    from localnpm.models import resolve

    settings = context.settings
    # What can fail at once is tried before a large model is loaded.
    checked_workspace(options.workspace, context.home)
    path = resolve(settings.model, context.home)
    database = Database.open(None) if options.private else context.open_database()
    with database:
        if sys.stderr.isatty() and not quiet:
            click.echo("loading model\r", nl=False, err=True)
        if settings.agent.retention_days and not options.private:
            forget_older_than(database, settings.agent.retention_days)
        with (
            LlamaChat.open(path, settings.engine, cache=context.home.cache) as model,
            Workbench(context.home, settings, options, model, database) as bench,
        ):
            yield bench
