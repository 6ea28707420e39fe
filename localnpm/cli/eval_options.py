"""The options that evaluations share, and what is read from them."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import click

Command = Callable[..., Any]


def shared(command: Command) -> Command:
    """The options that every evaluation has."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        click.option("--svg", metavar="FILE", help="Draw what came out as an SVG file, too."),
        click.option("-o", "--option", multiple=True, metavar="KEY=VALUE", help="Any setting, such as memory.key."),
        click.option("--processes", type=click.IntRange(0, 64), default=0, help="0: up to two, as memory allows."),
        click.option("--out", metavar="FILE", help="Where the lines go; a run that was killed goes on there."),
        click.option("--kinds", metavar="LIST", help="Comma-separated kinds of tasks."),
        click.option("--users", type=click.IntRange(1, 1000), help="Simulated users, each with its own memory."),
        click.option("--seed", type=int, default=11, show_default=True, help="Fixes tasks, users and draws."),
        click.option("-m", "--model", metavar="NAME|FILE", help="A name from `localnpm models list`, or a file."),
    ):
        command = option(command)
    return command


def compared(command: Command) -> Command:
    """The options of evaluations that compare conditions."""
    for option in reversed(
        (
            click.option("--conditions", metavar="LIST", help="Comma-separated; default: those of the size."),
            click.option("--quick", "size", flag_value="quick", help="Check the machinery, under a minute; no claim."),
            click.option("--full", "size", flag_value="full", help="At least 200 paired tasks."),
            click.option("--tasks", type=click.IntRange(1, 1000), help="Scored tasks of each user and kind."),
            click.option("--practice", type=click.IntRange(0, 1000), help="Practice tasks of each user and kind."),
            click.option(
                "--feedback",
                type=click.Choice(["reasons", "verdicts", "shuffled"]),
                default="reasons",
                show_default=True,
                help="What practice is told: verdicts with reasons, verdicts alone, or others' (a control).",
            ),
            click.option(
                "--practice-memory",
                type=click.Choice(["none", "script"]),
                default="script",
                show_default=True,
                help="What a practice task may use of what was learned before it.",
            ),
            click.option("--any-vector", is_flag=True, help="Use vectors that the health gate has not passed, too."),
            click.option(
                "--key",
                "recall_keys",
                metavar="LIST",
                help="Each learned condition once with each of these recall keys: query, avefact, random.",
            ),
            click.option(
                "--k",
                "counts",
                metavar="LIST",
                help="Each learned condition once with so many procedures, "
                "such as 1,2,3; the tokens of memory grow with them.",
            ),
            click.option(
                "--learned-by",
                metavar="NAME|FILE",
                help="Another model practises: its scripts are carried "
                "over, its vectors made again for --model (transfer).",
            ),
            click.option("--keep-memory", is_flag=True, help="Leave each user's memory.db beside the lines."),
            click.option(
                "--part", metavar="N/M", help="Only every M-th user, from the N-th on; the rest another time."
            ),
        )
    ):
        command = option(command)
    return command


def check_kinds(kinds: Sequence[str], known: Sequence[str]) -> None:
    from localnpm.errors import ConfigError

    if unknown := [kind for kind in kinds if kind not in known]:
        raise ConfigError(f"--kinds: {', '.join(unknown)} is no kind of these tasks; there are {', '.join(known)}")


def said_of(given: dict[str, Any]) -> dict[str, Any]:
    """What the command line says of the environment's size."""
    said: dict[str, Any] = {
        field: given[option]
        for field, option in (("users", "users"), ("tasks", "tasks"), ("practices", "practice"))
        if given.get(option) is not None
    }
    if given["kinds"]:
        said["kinds"] = tuple(name.strip() for name in given["kinds"].split(",") if name.strip())
    return said


def keys(text: str | None) -> list[str]:
    from localnpm.evals.conditions import KEYS

    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if unknown := [name for name in names if name not in KEYS]:
        raise click.BadParameter(
            f"{', '.join(unknown)} is no recall key; there are {', '.join(KEYS)}", param_hint="--key"
        )
    return names


def counts(text: str | None) -> list[int]:
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if unknown := [name for name in names if not re.fullmatch("[1-9]", name)]:
        raise click.BadParameter(f"{', '.join(unknown)} is no number from 1 to 9", param_hint="--k")
    return [int(name) for name in names]


def part_of(text: str | None) -> tuple[int, int]:
    """(2, 4) for `2/4`."""
    found = re.fullmatch(r"(\d{1,3})/(\d{1,3})", text or "1/1")
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise click.BadParameter(f"{text!r} is not N/M, such as 1/4", param_hint="--part")
    return int(found[1]), int(found[2])
