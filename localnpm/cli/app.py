"""`localnpm app`, and bare `localnpm`: the terminal app, or the plain chat where there is no terminal to draw on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from localnpm.agent.options import Options
from localnpm.cli.context import Context
from localnpm.cli.options import conversation

if TYPE_CHECKING:
    from localnpm.learning.opened import Opened


@click.command()
@conversation
@click.pass_context
def app(ctx: click.Context, options: Options, go_on: bool, session_id: int | None) -> None:
    """Open the terminal app; where there is no terminal to draw on, the plain chat."""
    context = ctx.find_object(Context)
    assert context is not None
    if not can_draw():
        from localnpm.cli.chat import converse

        converse(context, options, session_id, go_on=go_on)
        return
    if go_on or session_id is not None:
        from localnpm.agent.workbench import checked_workspace
        from localnpm.memory.sessions import find_session

        root = checked_workspace(options.workspace, context.home)
        with context.open_database() as database:
            session_id = find_session(database, str(root), session_id, go_on=go_on)
    open_app(context, options, session_id)


SWITCH_SECONDS = 0.0005
"""A thread may keep the interpreter so long while others wait for it; Python's own 5 ms are felt in typing, as a key
passes through three threads from the terminal to its echo, and the agent's computes meanwhile."""


def can_draw() -> bool:
    """Whether both ends are a terminal that can place the cursor."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def open_app(context: Context, options: Options, session_id: int | None = None) -> None:
    """Run the app until the user leaves it."""
    from localnpm.tui.app import LocalnpmApp

    sys.setswitchinterval(SWITCH_SECONDS)

    @contextmanager
    def open_agent(options: Options) -> "Iterator[Opened]":
        # Imported in the agent's thread, after the first paint; settings are read anew, as the app may change them.
        from localnpm.cli.workbench import open_learner

        with open_learner(Context(context.home, context.debug, context.overrides), options, quiet=True) as opened:
            yield opened

    app = LocalnpmApp(
        context.home,
        replace(options, terminal=True),
        context.open_database,
        open_agent,
        session_id=session_id,
        looks=context.settings.app,
    )
    app.run()
    if app.return_code:
        sys.exit(app.return_code)
