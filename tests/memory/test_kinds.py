"""Kinds of task, with the bundled embedder: requests join their kind, doubles are found, mixtures are taken apart."""

import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from localnpm.config import MemorySettings
from localnpm.evals.habits.families import BY_NAME
from localnpm.evals.habits.names import Names
from localnpm.home import bundled_embedder
from localnpm.memory import kinds
from localnpm.memory.calibration import balance, by_probes, left_out
from localnpm.memory.database import Database
from localnpm.memory.embedding import open_embedder
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.memory.recall import Recall
from localnpm.memory.wording import Wording

EMBEDDER = open_embedder(bundled_embedder())
NAMES = Names(random.Random(7))

LogAttempt = Callable[..., int]


def requests(family: str, count: int) -> list[str]:
    """Worded requests of one of the habits' families."""
    return [BY_NAME[family].make(NAMES).request for _ in range(count)]


TODO, EXPENSE, LOOK = requests("add_todo", 8), requests("log_expense", 8), requests("look_up", 8)


@pytest.fixture
def recall(database: Database) -> Recall:
    return Recall(database, EMBEDDER, MemorySettings())


def add(database: Database, title: str, keys: Sequence[str | tuple[str, int | None]]) -> int:
    named = [(key, None) if isinstance(key, str) else key for key in keys]
    return Procedures(database).add(title, named, Draft(f"{title}\n1. Do it.", "", "built")).id


def test_requests_of_no_known_kind_are_grouped_by_kind(recall: Recall) -> None:
    mixed = dict(zip(range(0, 8, 2), TODO[:4], strict=True)) | dict(zip(range(1, 9, 2), LOOK[:4], strict=True))
    assert kinds.group(recall, mixed) == ((0, 2, 4, 6), (1, 3, 5, 7))
    assert kinds.group(recall, {}) == ()


def test_two_procedures_of_one_kind_are_found_and_others_left_alone(database: Database, recall: Recall) -> None:
    first, _, second = (
        add(database, "Add a todo", TODO[:4]), add(database, "Log an expense", EXPENSE), add(database, "Todo", TODO[4:])
    )  # fmt: skip
    assert [(pair.procedure_id, pair.other_id) for pair in kinds.near_duplicates(recall)] == [(first, second)]


def test_no_procedures_have_no_duplicates(recall: Recall) -> None:
    assert kinds.near_duplicates(recall) == ()


def test_a_kind_of_two_sorts_of_requests_is_wide_and_falls_into_them(
    database: Database, recall: Recall, log_attempt: LogAttempt
) -> None:
    sorts = requests("tidy_name", 3), requests("sum_amounts", 3)
    attempts = [[log_attempt(text) for text in texts] for texts in sorts]
    named = [list(zip(texts, ids, strict=True)) for texts, ids in zip(sorts, attempts, strict=True)]
    settings = MemorySettings(threshold=0.95)
    mixed = add(database, "Mixed", [*named[0], *named[1]])
    found = kinds.too_wide(Recall(database, EMBEDDER, settings))
    assert [wide.procedure_id for wide in found] == [mixed]
    assert {frozenset(group) for group in found[0].groups} == {frozenset(ids) for ids in attempts}


def test_a_kind_of_one_sort_is_not_wide(database: Database, recall: Recall) -> None:
    add(database, "Add a todo", TODO)
    assert kinds.too_wide(recall) == ()


def test_the_threshold_treats_own_and_other_requests_equally_well() -> None:
    least = balance([0.5, 0.6, 0.7, 0.8], [0.1, 0.2, 0.3, 0.55])
    assert sum(each >= least for each in [0.5, 0.6, 0.7, 0.8]) >= 3
    assert sum(each < least for each in [0.1, 0.2, 0.3, 0.55]) >= 3


def test_left_out_requests_are_nearer_to_their_own_kind_than_to_another() -> None:
    own, other = left_out(EMBEDDER.embed([*TODO, *EXPENSE]), np.repeat([4, 9], 8))
    assert len(own) == len(other) == 16
    assert own.mean() > other.mean() + 0.2


def test_the_probes_give_a_threshold_between_nothing_and_everything() -> None:
    assert 0.1 < by_probes(EMBEDDER) < 0.9


def test_shared_rare_words_count_more_than_shared_common_ones() -> None:
    stored = ["put the mug on the shelf", "put the book on the shelf", "put the soap in the tub", "wash the mug"]
    by_mug, by_book, by_soap, _ = Wording(stored).similarity("put the mugs on the table", range(4))
    assert by_mug > by_book > by_soap > 0


def test_words_that_no_stored_text_has_change_nothing() -> None:
    wording = Wording(["add milk to the list", "rename the file"])
    plain, named = (wording.similarity(text, [0, 1]) for text in ("add it to the list", "add Zorblax to the list"))
    assert plain.tolist() == named.tolist()
