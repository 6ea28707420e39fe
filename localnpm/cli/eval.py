"""`localnpm eval`: how much each kind of memory helps, measured on simulated users; and two runs compared."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localnpm.cli.context import Context
from localnpm.cli.eval_options import check_kinds, compared, counts, keys, part_of, said_of, shared

if TYPE_CHECKING:
    from localnpm.distill.plots import Bars, Plot
    from localnpm.evals.harness import Plan, Tell


@click.group(name="eval")
def evaluate() -> None:
    """Measure how much memory helps: paired, seeded tasks of simulated users, with intervals."""


FEW_KINDS = ("add_todo", "journal", "file_document", "log_expense")
HABITS: dict[str, dict[str, Any]] = {
    "quick": {"users": 1, "tasks": 1, "practices": 3, "kinds": FEW_KINDS},
    "default": {"users": 4, "tasks": 2, "practices": 6, "kinds": (*FEW_KINDS, "write_note")},
    "full": {"users": 6, "tasks": 2, "practices": 6},
}
QUICK_CONDITIONS = "none,script,vector"
DEFAULT_CONDITIONS = (
    "none,random,trajectory,script,proceduralization,vector,vector-synthesized,vector-random,both,"
    "oracle-script,oracle-example,oracle-proceduralization"
)
FULL_CONDITIONS = DEFAULT_CONDITIONS + ",oracle-vector"


@evaluate.command()
@compared
@shared
@click.pass_obj
def habits(context: Context, /, **given: Any) -> None:
    """File tasks whose users have habits that no request mentions."""
    from localnpm.evals.habits_bench import KINDS, HabitsTasks

    values: dict[str, Any] = {**HABITS[given["size"] or "default"], **said_of(given)}
    check_kinds(values.get("kinds", KINDS), KINDS)
    _run(context, HabitsTasks(**{**values, "seed": given["seed"]}), given)


HOUSEHOLD: dict[str, dict[str, Any]] = {
    "quick": {"users": 1, "tasks": 1, "practices": 2, "kinds": ("pick_and_place_simple", "look_at_obj_in_light")},
    "default": {"users": 2, "tasks": 2, "practices": 6},
    "full": {"users": 6, "tasks": 6, "practices": 6},
}


@evaluate.command()
@compared
@shared
@click.pass_obj
def household(context: Context, /, **given: Any) -> None:
    """Text games in drawn rooms, in the words of ALFWorld's."""
    from localnpm.evals.household_env import KINDS, HouseholdTasks

    values: dict[str, Any] = {**HOUSEHOLD[given["size"] or "default"], **said_of(given)}
    check_kinds(values.get("kinds", KINDS), KINDS)
    _run(context, HouseholdTasks(**{**values, "seed": given["seed"]}), given)


ALFWORLD: dict[str, dict[str, Any]] = {
    "quick": {"users": 1, "tasks": 1, "practices": 2, "kinds": ("pick_and_place_simple", "look_at_obj_in_light")},
    "default": {"users": 2, "tasks": 1, "practices": 6},
    "full": {"users": 4, "practices": 6},
}
ALFWORLD_CONDITIONS = "none,script,vector,both,random,vector-random"


@evaluate.command()
@click.option("--split", default="valid_seen", show_default=True, help="The scored games, under json_2.1.1.")
@click.option("--practise-on", default="household", show_default=True, metavar="household|SPLIT",
              help="Where memories learn: rooms of the household simulator, or another split's games.")  # fmt: skip
@compared
@shared
@click.pass_obj
def alfworld(context: Context, /, **given: Any) -> None:
    """ALFWorld's public text games: 50 commands, won when the engine says so.

    Needs `pip install 'localnpm[alfworld]'` and the games, which `alfworld-download` fetches into ALFWORLD_DATA.
    --full is every game of the split; memories learn from other games than those.
    """
    from localnpm.evals.alfworld_engine import check
    from localnpm.evals.alfworld_env import AlfworldTasks
    from localnpm.evals.household_env import KINDS

    check(given["split"])
    values: dict[str, Any] = {**ALFWORLD[given["size"] or "default"], **said_of(given)}
    check_kinds(values.get("kinds", KINDS), KINDS)
    values |= {"split": given["split"], "practise_on": given["practise_on"], "seed": given["seed"]}
    conditions = given["conditions"] or (QUICK_CONDITIONS if given["size"] == "quick" else ALFWORLD_CONDITIONS)
    _run(context, AlfworldTasks(**values), {**given, "conditions": conditions})


LEARNING_KINDS = ("add_todo", "journal", "file_document", "write_note", "remove_file")
USUAL_POLICIES = "none,adjustment"


@evaluate.command()
@click.option("--rounds", type=click.IntRange(3, 1000), default=12, show_default=True, help="Tasks of each kind.")
@click.option("--policies", default=USUAL_POLICIES, show_default=True, metavar="LIST",
              help="Of none, vanilla, validation, adjustment.")  # fmt: skip
@click.option(
    "--wrong",
    "--wrong-verdicts",
    "wrong_verdicts",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Share of verdicts that are wrong.",
)
@click.option("--feedback", type=click.Choice(["reasons", "verdicts", "shuffled"]), default="reasons",
              show_default=True, help="What users say of a failure.")  # fmt: skip
@click.option("--memory", type=click.Choice(["script", "vector", "both", "auto"]), default="auto", show_default=True,
              help="What may be recalled; with script no vectors are made: a fraction of the time.")  # fmt: skip
@shared
@click.pass_obj
def learning(context: Context, /, **given: Any) -> None:
    """Success over time, from an empty memory, for each way of updating it."""
    from rich.console import Console

    from localnpm.errors import ConfigError
    from localnpm.evals.habits_bench import KINDS, HabitsTasks
    from localnpm.evals.learning_curves import POLICIES, as_dict, curves, plot, print_report, run

    said = said_of(given)
    check_kinds(said.get("kinds", LEARNING_KINDS), KINDS)
    policies = [name.strip() for name in given["policies"].split(",") if name.strip()]
    if unknown := [name for name in policies if name not in POLICIES]:
        raise ConfigError(f"--policies: {', '.join(unknown)} is none; there are {', '.join(POLICIES)}")
    environment = HabitsTasks(
        given["seed"], said.get("users", 8), said.get("kinds", LEARNING_KINDS), practices=given["rounds"]
    )
    plan = _plan(context, environment, {**given, "conditions": "none", "size": None, "practice_memory": "script",
                                        "any_vector": False})  # fmt: skip
    wrong, memory = given["wrong_verdicts"], given["memory"]
    path = _place(context, plan, given["out"], name=_learning_name(policies, wrong, memory))
    with _progress() as tell:
        results = run(
            plan, policies, path, wrong_verdicts=wrong, memory=memory, processes=given["processes"], tell=tell
        )
    _draw(plot(curves(results)), given["svg"])
    if given["as_json"]:
        click.echo(json.dumps(as_dict(results), indent=2))
    else:
        print_report(results, Console())
        click.echo(f"lines: {path}")


def _learning_name(policies: Sequence[str], wrong_verdicts: float, memory: str) -> str:
    """The file's name without what the plan says; other policies, verdicts or channels make another run."""
    parts = [] if ",".join(policies) == USUAL_POLICIES else list(policies)
    parts += [f"wrong-{wrong_verdicts:g}"] if wrong_verdicts else []
    parts += [memory] if memory != "auto" else []
    return "-".join(["learning", *parts])


def _run(context: Context, environment: Any, given: dict[str, Any]) -> None:
    from rich.console import Console

    from localnpm.evals.harness import run
    from localnpm.evals.presentation import bars
    from localnpm.evals.report import as_dict, print_report, summarize

    plan = _plan(context, environment, given)
    part = part_of(given["part"])
    path = _place(context, plan, given["out"])
    with _progress() as tell:
        results = run(plan, path, processes=given["processes"], keep_memory=given["keep_memory"], part=part, tell=tell)
    _draw(bars(summarize(results.rows()), f"{environment.name}: success"), given["svg"])
    if given["as_json"]:
        click.echo(json.dumps(as_dict(results), indent=2))
    else:
        print_report(results, Console(), claims=given["size"] != "quick")
        click.echo(f"lines: {path}")


def _draw(plot: "Plot | Bars", file: str | None) -> None:
    """Write the plot as an SVG file where one is asked for."""
    if file:
        from localnpm.distill.gguf import export
        from localnpm.distill.plots_svg import to_svg

        export(to_svg(plot).encode(), Path(file).expanduser(), force=True)


def _plan(context: Context, environment: Any, given: dict[str, Any]) -> "Plan":
    from localnpm.evals.conditions import chosen, varied
    from localnpm.evals.harness import Plan
    from localnpm.models import resolve

    for text in given["option"]:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE, such as memory.key=random", param_hint="--option")
        context.overrides[key] = value
    if given["model"]:
        context.overrides["model"] = given["model"]
    size = given["size"] or "default"
    usual = {"quick": QUICK_CONDITIONS, "default": DEFAULT_CONDITIONS, "full": FULL_CONDITIONS}[size]
    return Plan(
        environment,
        varied(chosen(given["conditions"] or usual), keys(given.get("recall_keys")), counts(given.get("counts"))),
        resolve(context.settings.model, context.home),
        context.settings,
        given["seed"],
        given["feedback"],
        given["practice_memory"],
        given["any_vector"],
        label=size,
        learned_by=resolve(given["learned_by"], context.home) if given.get("learned_by") else None,
    )


def _place(context: Context, plan: "Plan", out: str | None, name: str = "") -> Path:
    """The file of the lines: as told, or one in the home, where a run that is finished makes place for the next."""
    from localnpm.evals.harness import memories
    from localnpm.evals.results import Results

    if out:
        return Path(out).expanduser()
    context.home.prepare()
    path = context.home.root / "evals" / f"{name or plan.environment.name}-{plan.label}-{plan.digest}.jsonl"
    if path.exists() and Results.read(path).finished:
        path.unlink()
        memories(path, remove=True)
    return path


@contextmanager
def _progress() -> "Iterator[Tell | None]":
    """A bar with an estimate on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def tell(done: int, total: int, said: str) -> None:
            bar.update(task, completed=done, total=total, description=said)

        yield tell


@evaluate.command()
@click.argument("before", metavar="A.jsonl", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("after", metavar="B.jsonl", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compare(before: Path, after: Path, as_json: bool) -> None:
    """Compare two runs over the tasks that both have, condition by condition."""
    from rich.console import Console

    from localnpm.evals.report import compare as compare_results
    from localnpm.evals.results import Results

    console = Console(quiet=as_json)
    found = compare_results(Results.read(before), Results.read(after), console)
    if as_json:
        click.echo(json.dumps({"conditions": found}, indent=2))
