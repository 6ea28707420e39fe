"""The bench of vectors: activations beside plain reading, a vector on the spot beside a task; not the speeds."""

import io
import json
from collections.abc import Iterator

import pytest
from rich.console import Console

from localnpm.engine.llama_chat import LlamaChat
from localnpm.evals.bench_vectors import VectorCost, measure
from localnpm.home import bundled_model

# A machine that does much else takes its time.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def report() -> Iterator[VectorCost]:
    """A short run."""
    with LlamaChat.open(bundled_model()) as chat:
        yield measure(chat, trajectories=4)


@pytest.mark.slow
def test_every_trajectory_is_read_both_ways(report: VectorCost) -> None:
    assert report.trajectories == 4
    assert report.activations_per_second > 0
    assert report.plain_per_second > 0


@pytest.mark.slow
def test_recall_and_a_vector_on_the_spot_take_little_of_a_task(report: VectorCost) -> None:
    assert report.neighbours >= 2
    assert report.synthesis_share < 0.05


@pytest.mark.slow
def test_the_report_prints_and_is_json(report: VectorCost) -> None:
    output = io.StringIO()
    report.print(Console(file=output, width=80))
    assert "activations / plain" in output.getvalue()
    assert json.loads(json.dumps(report.as_dict()))["trajectories"] == 4
