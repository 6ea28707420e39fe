"""What the command lines of several commands share: ids, and the options of `run`, `chat` and `app`.

Of the latter one `Options` value is made for the workbench.
"""

import functools
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from localnpm.agent.options import Options
from localnpm.cli.context import Context
from localnpm.sample import sample_workspace


class Id(click.types.IntParamType):
    """The number of a row. One that is larger than the memory's file can hold is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See `click.ParamType.convert`."""
        number = int(super().convert(value, param, ctx))
        if not -(1 << 63) <= number < 1 << 63:
            self.fail(f"{value!r} is larger than any id", param, ctx)
        return number


ID = Id()


def shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that all of them share, passed on as one `options` argument."""

    @click.option("-w", "--workspace", metavar="FOLDER", help="The folder to work in; default: the current one.")
    @click.option("-m", "--model", metavar="NAME|FILE", help="A name from `localnpm models list`, or a GGUF file.")
    @click.option(
        "--allow",
        multiple=True,
        metavar="WHAT",
        help="No question for: `write` (files), `run` (any command), `run:pytest *` (such commands). Repeatable.",
    )
    @click.option("--read-only", is_flag=True, help="Change nothing, whatever the settings say.")
    @click.option(
        "--memory",
        type=click.Choice(["none", "script", "vector", "both", "auto"]),
        default="auto",
        show_default=True,
        help="What may be recalled for the task.",
    )
    @click.option("--no-memory", is_flag=True, help="The same as --memory none.")
    @click.option(
        "--steer",
        multiple=True,
        metavar="NAME:0.6@2-5",
        help="Steer by this control vector, in place of what recall would choose. Repeatable.",
    )
    @click.option("--private", is_flag=True, help="Leave no trace in memory.db; undo works until the program ends.")
    @click.option("--ctx", type=int, metavar="TOKENS", help="The model's context (engine.context).")
    @click.option("--threads", type=int, metavar="N", help="CPU threads (engine.threads).")
    @click.option("--seed", type=int, metavar="N", help="Fix the draw of tokens (sampling.seed).")
    @click.option("--timeout", type=int, metavar="SECONDS", help="End an attempt after so long (agent.seconds).")
    @click.option("--system", metavar="TEXT", help="Words of yours to add to the system text.")
    @click.option(
        "-o", "--option", multiple=True, metavar="KEY=VALUE", help="Any setting; `temperature=0.7` means sampling's."
    )
    @functools.wraps(command)
    def wrapped(*args: Any, **given: Any) -> Any:
        own = {name: given.pop(name) for name in _NAMES}
        context = click.get_current_context().find_object(Context)
        assert context is not None
        return command(*args, options=_options(context, own), **given)

    return wrapped


def conversation(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `chat` and `app` share: those of `shared`, and which conversation, passed on as
    `go_on` and `session_id`."""

    @shared
    @click.option(
        "-c", "--continue", "go_on", is_flag=True, help="Go on with the latest conversation of this workspace."
    )
    @click.option("--session", "session_id", type=ID, metavar="ID", help="Go on with this conversation.")
    @click.option("--sample", is_flag=True, help="Work in a new temporary folder with a few sample files.")
    @functools.wraps(command)
    def wrapped(*args: Any, options: Options, sample: bool, **given: Any) -> Any:
        if sample:
            # The folder is there to be tried on: without a terminal to ask in, changes need no question.
            allow = options.allow if options.terminal else options.allow | {"write"}
            options = replace(options, workspace=sample_workspace(), allow=allow)
        return command(*args, options=options, **given)

    return wrapped


_NAMES = (
    "workspace", "model", "allow", "read_only", "memory", "no_memory", "steer", "private", "ctx", "threads", "seed",
    "timeout", "system", "option",
)  # fmt: skip


def _options(context: Context, given: dict[str, Any]) -> Options:
    flags = {"model": "model", "ctx": "engine.context", "threads": "engine.threads", "seed": "sampling.seed"}
    flags |= {"timeout": "agent.seconds"}
    context.overrides |= {key: str(given[flag]) for flag, key in flags.items() if given[flag] is not None}
    for text in given["option"]:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE, such as temperature=0.7", param_hint="--option")
        context.overrides[key if "." in key or key == "model" else f"sampling.{key}"] = value
    for what in given["allow"]:
        if what not in ("write", "run") and not what.startswith("run:"):
            raise click.BadParameter(f"{what!r}; allowed is write, run or run:PATTERN", param_hint="--allow")
    return Options(
        workspace=Path(given["workspace"] or "."),
        allow=frozenset(given["allow"]),
        read_only=given["read_only"],
        terminal=sys.stdin.isatty() and sys.stderr.isatty(),
        memory="none" if given["no_memory"] else given["memory"],
        steer=given["steer"],
        private=given["private"],
        system=given["system"] or "",
    )
