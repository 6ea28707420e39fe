"""The commands of `localnpm vector` that load the model: taking vectors in, making them, trying them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localnpm.cli.context import Context
from localnpm.plain import json_text, visible

if TYPE_CHECKING:
    from localnpm.engine.llama_chat import LlamaChat

MODEL = click.option("-m", "--model", metavar="NAME|FILE", help="A name from `localnpm models list`, or a GGUF file.")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Its name here; default: made from FILE's.")
@click.option(
    "--shift", type=int, default=0, help="Put direction N at layer N - SHIFT: 1 for cvector-generator's files."
)
@click.option("--unit", type=click.Choice(["raw"]), help="Take the rows as they are, whatever FILE says of its unit.")
@MODEL
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_obj
def import_(
    context: Context, file: Path, name: str | None, shift: int, unit: str | None, model: str | None, as_json: bool
) -> None:
    """Take in a control vector's GGUF FILE: llama.cpp's, repeng's, another localnpm's.

    It is checked against the model and starts quarantined: only --steer uses it until `localnpm vector enable`.
    """
    from localnpm.distill import gguf
    from localnpm.header import read_header
    from localnpm.memory.vector_store import VectorStore

    # What can fail at once is tried before a large model is loaded.
    _check_name(name)
    read = gguf.shifted(gguf.read(file.expanduser(), raw=unit == "raw"), shift)
    header = read_header(_model_path(context, model))
    if header.n_layer and header.n_embd:
        gguf.fitted(read, header.n_layer, header.n_embd)
    from localnpm.agent.prompts import system_text
    from localnpm.distill import intake

    with _model(context, model) as chat, context.open_database() as database:
        vectors = VectorStore(database)
        name = intake.free_name(name, file, vectors, chat.fingerprint)
        taken = intake.take_in(read, chat, system=system_text(), bound=context.settings.learning.kl)
        stored = intake.store(taken, vectors, chat, name, file)
    if as_json:
        click.echo(json_text({"id": stored.id, "name": stored.name, "status": stored.status, **taken.measured}))
        return
    click.echo(visible(f"{stored.name} (vector {stored.id}) is {stored.status}: {stored.status_reason}"))
    click.echo(f"As strong as the coefficient {taken.strength:.3g}; moves tokens by {taken.measured['kl']:.3g} nats.")


@click.command("try")
@click.argument("name")
@click.argument("prompt")
@click.option("--scales", default="-1,0,1", show_default=True, help="1: as it was calibrated; 0: without the vector.")
@click.option("--max-tokens", type=click.IntRange(1, 4096), default=96, show_default=True, help="Of each output.")
@MODEL
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_obj
def try_(
    context: Context, name: str, prompt: str, scales: str, max_tokens: int, model: str | None, as_json: bool
) -> None:
    """Answer PROMPT once at each scale of a vector (a name or a GGUF file), side by side.

    Below each output stands how far the vector moved it: the mean over its tokens of the KL divergence from the model
    without the vector. Nothing is logged and no tool acts.
    """
    from dataclasses import asdict

    from localnpm.agent.prompts import system_text
    from localnpm.distill import steer, trial
    from localnpm.engine.messages import Message
    from localnpm.memory.vector_store import VectorStore

    wanted = _scales(scales)
    with _model(context, model) as chat, context.open_database() as database:
        file = steer.open_vector(name, VectorStore(database), chat.model)
        messages = [Message("system", system_text()), Message("user", prompt)]
        trials = list(trial.try_scales(chat, file, messages, wanted, max_tokens=max_tokens))
    if as_json:
        click.echo(json_text([asdict(each) | {"kl": each.kl if each.tokens else None} for each in trials]))
        return
    _side_by_side(trials)


@click.command()
@click.argument("name")
@click.option("--positive", type=click.Path(path_type=Path), required=True, help="Prompts to steer towards.")
@click.option("--negative", type=click.Path(path_type=Path), required=True, help="Their opposites, line by line.")
@click.option("--chat", "as_chat", is_flag=True, help="Put each prompt as a request into the model's chat template.")
@MODEL
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_obj
def train(
    context: Context, name: str, positive: Path, negative: Path, as_chat: bool, model: str | None, as_json: bool
) -> None:
    r"""Make a control vector from your own pairs of prompts, in the format of llama.cpp's cvector-generator.

    One prompt a line, with \n, \t, \" and \xHH for what a line cannot hold; line by line the two files are pairs. A
    prompt is read as it is, so it holds the chat template's markers and, if you like, the beginning of an answer; what
    counts is its end.
    """
    from localnpm.distill import intake
    from localnpm.distill.prompt_pairs import in_chat, read_pairs
    from localnpm.distill.prompt_vectors import train_vector
    from localnpm.memory.vector_store import VectorStore

    _check_name(name)
    pairs = read_pairs(positive.expanduser(), negative.expanduser())
    with _model(context, model) as chat, context.open_database() as database:
        vectors = VectorStore(database)
        intake.free_name(name, positive, vectors, chat.fingerprint)
        towards, away = (in_chat(chat, prompts) if as_chat else prompts for prompts in pairs)
        made = train_vector(chat, towards, away, context.settings.learning)
        assert made is not None, "nothing can cancel it"
        stored = intake.store_trained(made, vectors, chat, name)
    if as_json:
        click.echo(json_text({"id": stored.id, "name": stored.name, "status": stored.status, **made.calibration}))
        return
    click.echo(visible(f"{stored.name} (vector {stored.id}) is a {stored.status}: {stored.status_reason}"))
    click.echo(f"{stored.coefficient:+.3g} in layers {stored.layers[0]}-{stored.layers[1]}: --steer {stored.name}")


@contextmanager
def _model(context: Context, model: str | None) -> Iterator["LlamaChat"]:
    from localnpm.engine.llama_chat import LlamaChat

    path = _model_path(context, model)
    with LlamaChat.open(path, context.settings.engine, cache=context.home.cache) as chat:
        yield chat


def _model_path(context: Context, model: str | None) -> Path:
    from localnpm.models import resolve

    if model is not None:
        context.overrides["model"] = model
    return resolve(context.settings.model, context.home)


def _check_name(name: str | None) -> None:
    from localnpm.memory.procedure_names import RULE, valid

    if name is not None and not valid(name):
        raise click.BadParameter(f"{name!r} cannot be a name: {RULE}", param_hint="--name")


def _scales(text: str) -> list[float]:
    try:
        scales = [float(part) for part in text.split(",")]
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of numbers such as -1,0,1", param_hint="--scales") from None
    if any(not -100 <= scale <= 100 for scale in scales) or len(scales) > 12:
        raise click.BadParameter(f"{text!r}: at most 12 numbers from -100 to 100", param_hint="--scales")
    return scales


def _side_by_side(trials: list[Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=True, expand=True)
    for each in trials:
        heading = f"{each.scale:+g} (c = {each.coefficient:.3g})" if each.scale else "without"
        table.add_column(Text(heading), ratio=1, overflow="fold")
    table.add_row(*(Text(visible(each.text)) for each in trials))
    table.add_row(*(Text(_measured(each)) for each in trials))
    Console().print(table)


def _measured(each: Any) -> str:
    end = {"length": ", cut at --max-tokens", "context": ", cut: the context is full"}.get(each.stop_reason, "")
    moved = f"KL {each.kl:.3g} nats a token" if each.tokens and each.scale else "unsteered" if not each.scale else ""
    return f"{moved}; {each.tokens} tokens{end}" if moved else f"{each.tokens} tokens{end}"
