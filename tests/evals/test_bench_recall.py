"""The bench of recall: what it reports, on a small memory; not the times themselves."""

import io
import json
import random

import pytest
from rich.console import Console

from localnpm.evals.bench_recall import RecallReport, fill, requests, run
from localnpm.memory.database import Database


@pytest.fixture(scope="module")
def report() -> RecallReport:
    """A short run."""
    return run(procedures=300, asked=20)


def test_recall_is_timed_beside_a_bare_product(report: RecallReport) -> None:
    assert (report.procedures, report.asked) == (300, 20)
    for times in (report.recall, report.search, report.product, report.embedding):
        assert 0 < times.median <= times.p99


def test_few_procedures_are_searched_exactly(report: RecallReport) -> None:
    assert report.same == 1.0


def test_the_report_is_plain_json_and_prints(report: RecallReport) -> None:
    output = io.StringIO()
    report.print(Console(file=output, width=100))
    assert "bare product" in output.getvalue()
    assert json.loads(json.dumps(report.as_dict()))["procedures"] == 300


def test_the_memory_that_is_searched_is_sound_and_has_a_key_for_each_procedure() -> None:
    with Database.open(None) as database:
        fill(database, requests(random.Random(1), 50))
        assert database.check(thorough=True) == ()
        assert database.query("SELECT count(DISTINCT procedure_id) FROM recall_keys")[0][0] == 50
