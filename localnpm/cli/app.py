"""Bare `localnpm`: the terminal app in the current folder, or the plain chat where there is no terminal to draw on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from localnpm.agent.options import Options
from localnpm.cli.context import Context

if TYPE_CHECKING:
    from localnpm.learning.opened import Opened


def can_draw() -> bool:
    """Whether both ends are a terminal that can place the cursor."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def open_app(context: Context, options: Options, session_id: int | None = None) -> None:
    """Run the app until the user leaves it."""
    from localnpm.tui.app import LocalnpmApp

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
