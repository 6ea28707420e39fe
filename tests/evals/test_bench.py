"""The bench's report: every loop beside every other, turns that read only what is new; not the speeds themselves."""

import io
import json
from collections.abc import Iterator

import numpy as np
import pytest
from rich.console import Console

from localnpm.config import EngineSettings
from localnpm.engine.model import Model
from localnpm.evals.bench import Report, run, time_turns
from localnpm.evals.loops import BareLoop, OurLoop, PackageLoop, long_prompt
from localnpm.evals.random_gguf import Shape
from localnpm.home import bundled_model


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A short run with a tiny random model."""
    cache = tmp_path_factory.mktemp("bench")
    return run(EngineSettings(context=1024), cache=cache, shape=Shape("qwen2", context=1024), rounds=2, count=12)


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model.open(bundled_model()) as opened:
        yield opened


@pytest.mark.slow
def test_every_loop_is_measured_on_both_models_with_and_without_a_vector(report: Report) -> None:
    rows = {(speed.model, speed.loop, speed.steered) for speed in report.speeds}
    assert len(rows) == len(report.speeds) == 2 * 3 * 2
    assert all(speed.tokens_per_second > 0 for speed in report.speeds)


@pytest.mark.slow
def test_the_report_is_plain_json_and_prints(report: Report) -> None:
    output = io.StringIO()
    report.print(Console(file=output, width=120))
    assert json.loads(json.dumps(report.as_dict()))["rounds"] == 2
    assert "llama_cpp.Llama" in output.getvalue()


@pytest.mark.slow
def test_the_bundled_models_prompt_is_short(report: Report) -> None:
    assert report.overheads[0].tokens < 100


def test_each_turn_reads_only_what_is_new(model: Model) -> None:
    lengths = (30, 10, 50)
    times = time_turns(model, "bundled", lengths)
    assert times[0].new_tokens == 30
    assert all(turn.new_tokens <= length + 1 for turn, length in zip(times[1:], lengths[1:], strict=True))


def test_a_long_prompt_leads_to_as_many_tokens_as_asked(model: Model) -> None:
    generation = model.generate(long_prompt(model, 16, 20), max_tokens=20)
    list(generation)
    assert generation.stop_reason == "length"


@pytest.mark.parametrize("kind", [OurLoop, BareLoop, PackageLoop])
def test_each_loop_runs_steered_and_unsteered(model: Model, kind: type[OurLoop | BareLoop | PackageLoop]) -> None:
    prompt = long_prompt(model, 16, 8)
    loop = kind(model)
    for directions in (None, np.zeros((model.info.n_layer - 1, model.info.n_embd), np.float32)):
        loop.steer(directions)
        assert loop.speed(prompt, 8) > 0
    loop.close()
