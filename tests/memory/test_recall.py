"""Recall from a real memory with the bundled embedder: what is found, what not, why, and that nothing is outdated."""

import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from localnpm.config import MemorySettings
from localnpm.errors import ConfigError
from localnpm.home import bundled_embedder
from localnpm.memory import uses
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.embedding import Float32Array, StaticEmbedder, open_embedder
from localnpm.memory.forget import forget_attempts
from localnpm.memory.procedure_records import Draft, Procedure, Use
from localnpm.memory.procedures import Procedures
from localnpm.memory.recall import Recall
from localnpm.memory.verdicts import add_verdict

EMBEDDER = open_embedder(bundled_embedder())
TODO = ("Add milk to my todo list", "Put bread on the todo list")
EXPENSE = ("Log 12.50 for lunch on 2024-05-02 in expenses.csv",)
RENAME = ('Tidy the name of "My Scan  FINAL(2).pdf"',)
ANOTHER_TODO = 'Put "call the plumber" on my todo list, please.'
OFF_TOPIC = "Who won the chess match between the two old kings?"

LogAttempt = Callable[..., int]
Add = Callable[..., Procedure]


@pytest.fixture
def add(database: Database) -> Add:
    """Add a procedure with a script of one step."""

    def store(title: str, keys: Sequence[str | tuple[str, int | None]], **options: object) -> Procedure:
        draft = Draft(script=f"{title}\n1. Do it.", example="", source="built")
        named = [(key, None) if isinstance(key, str) else key for key in keys]
        return Procedures(database).add(title, named, draft, **options)  # type: ignore[arg-type]

    return store


@pytest.fixture
def three(add: Add) -> tuple[Procedure, Procedure, Procedure]:
    """Procedures of three kinds."""
    return add("Add a todo", TODO), add("Log an expense", EXPENSE), add("Tidy a file name", RENAME)


def recall(database: Database, **settings: object) -> Recall:
    return Recall(database, EMBEDDER, MemorySettings(**settings))  # type: ignore[arg-type]


def test_a_request_in_other_words_finds_its_procedure(database: Database, three: tuple[Procedure, ...]) -> None:
    found = recall(database).find(ANOTHER_TODO)
    assert [item.procedure.id for item in found.items] == [three[0].id]
    assert found.items[0].version == three[0].active
    assert found.best >= found.threshold and not found.abstained


def test_nothing_is_recalled_for_a_request_of_no_kind(database: Database, three: tuple[Procedure, ...]) -> None:
    found = recall(database).find(OFF_TOPIC)
    assert (found.items, found.abstained) == ((), True)
    assert found.best < found.threshold
    assert f"{found.best:.2f}" in found.why


def test_an_empty_memory_recalls_nothing_and_does_not_call_it_abstaining(database: Database) -> None:
    found = recall(database).find(ANOTHER_TODO)
    assert (found.items, found.best, found.abstained) == ((), 0.0, False)


def test_a_threshold_that_is_set_is_used_as_it_is(database: Database, three: tuple[Procedure, ...]) -> None:
    assert recall(database, threshold=1.0).find(ANOTHER_TODO).abstained
    assert len(recall(database, threshold=-1.0).find(OFF_TOPIC, k=3).items) == 3


def test_the_reason_names_the_earlier_request_that_is_most_alike(
    database: Database, add: Add, log_attempt: LogAttempt
) -> None:
    attempts = [log_attempt(request) for request in TODO]
    add("Add a todo", list(zip(TODO, attempts, strict=True)))
    item = recall(database).find("Put butter on the todo list").items[0]
    assert (item.attempt_id, item.key) == (attempts[1], TODO[1])
    assert (
        TODO[1] in item.reason and f"attempt {attempts[1]}" in item.reason and f"{item.similarity:.2f}" in item.reason
    )


def test_the_reason_tells_how_often_it_worked(
    database: Database, three: tuple[Procedure, ...], log_attempt: LogAttempt
) -> None:
    for success in (True, True, False):
        attempt = log_attempt()
        uses.record(database, [Use(attempt, three[0].id, None, None, 0, 0.9, "script")])
        add_verdict(database, attempt, "user", success=success)
    item = recall(database).find(ANOTHER_TODO).items[0]
    assert (item.wins, item.uses) == (2, 3)
    assert "2 of 3" in item.reason


def test_of_two_alike_the_one_that_worked_comes_first(database: Database, add: Add, log_attempt: LogAttempt) -> None:
    first, second = add("One way", TODO), add("Another way", TODO)
    for _ in range(4):
        attempt = log_attempt()
        uses.record(database, [Use(attempt, second.id, None, None, 0, 0.9, "script")])
        add_verdict(database, attempt, "user", success=True)
    assert [item.procedure.id for item in recall(database).find(ANOTHER_TODO, k=2).items] == [second.id, first.id]


@pytest.mark.parametrize("status", ["disabled", "retired", "candidate"])
def test_only_active_procedures_are_found(database: Database, three: tuple[Procedure, ...], status: str) -> None:
    recalling = recall(database)
    assert recalling.find(ANOTHER_TODO).items
    Procedures(database).set_status(three[0].id, status)  # type: ignore[arg-type]
    assert not any(item.procedure.id == three[0].id for item in recalling.find(ANOTHER_TODO, k=3).items)


def test_a_procedure_without_an_active_version_is_not_found(database: Database, add: Add) -> None:
    add("Add a todo", TODO, version_status="candidate")
    assert recall(database).find(ANOTHER_TODO).items == ()


def test_an_adjusted_version_is_offered_for_trial_and_a_doubtful_one_is_not(database: Database, add: Add) -> None:
    todo = add("Add a todo", TODO)
    procedures = Procedures(database)
    adjusted = procedures.add_version(todo.id, Draft("Add a todo\n1. Read it.\n2. Add it.", "", "adjusted"))
    procedures.add_version(todo.id, Draft("Add a todo\n1. Mail it.", "", "adjusted", doubtful=("1. Mail it.",)))
    item = recall(database).find(ANOTHER_TODO).items[0]
    assert item.version == todo.active
    assert item.trial is not None and item.trial.id == adjusted.id


def test_an_adjusted_version_older_than_the_users_own_words_is_not_offered_for_trial(
    database: Database, add: Add
) -> None:
    todo = add("Add a todo", TODO)
    procedures = Procedures(database)
    procedures.add_version(todo.id, Draft("Add a todo\n1. Read it.\n2. Add it.", "", "adjusted"))
    own = procedures.edit(todo.id, "Add a todo\n1. My way.")
    item = recall(database).find(ANOTHER_TODO).items[0]
    assert (item.version, item.trial) == (own, None)


def test_what_is_added_is_found_without_being_told(database: Database, add: Add) -> None:
    recalling = recall(database)
    assert recalling.find(ANOTHER_TODO).items == ()
    todo = add("Add a todo", TODO)
    assert recalling.find(ANOTHER_TODO).items[0].procedure.id == todo.id


def test_a_forgotten_attempt_is_gone_from_recall_at_once(database: Database, add: Add, log_attempt: LogAttempt) -> None:
    secret = "Add the password hunter2 to my todo list"
    attempt = log_attempt(secret)
    add_verdict(database, attempt, "user", success=True)
    todo = add("Add a todo", [(secret, attempt), TODO[1]])
    recalling = recall(database)
    assert recalling.find(secret).best > 0.8
    assert recalling.nearest_attempts(secret, 1)[0][0] == attempt
    forget_attempts(database, [attempt])
    assert recalling.nearest_attempts(secret, 1) == ()
    assert secret not in recalling.keys("query", "all").texts
    assert not database.query("SELECT 1 FROM embeddings WHERE attempt_id = ?", (attempt,))
    assert Procedures(database).get(todo.id).id == todo.id


def test_another_processs_procedure_is_found(database: Database, other: Callable[..., object], add: Add) -> None:
    add("Log an expense", EXPENSE)
    recalling = recall(database)
    assert not any(item.procedure.title == "Add a todo" for item in recalling.find(ANOTHER_TODO).items)
    process = other(
        "from localnpm.memory.procedures import Procedures\n"
        "from localnpm.memory.procedure_records import Draft\n"
        "database = Database.open(path)\n"
        f"Procedures(database).add('Add a todo', [({TODO[0]!r}, None)], Draft('Add a todo', '', 'built'))\n"
        "tell('added')\n"
    )
    assert process.stdout.readline() == "added\n"  # type: ignore[attr-defined]
    assert recalling.find(ANOTHER_TODO).items[0].procedure.title == "Add a todo"


class Interrupted:
    """The bundled embedder; when it is asked for a text, something else happens first."""

    def __init__(self, text: str, happens: Callable[[], None]) -> None:
        self.name, self.dimensions = EMBEDDER.name, EMBEDDER.dimensions
        self.text, self.happens = text, happens

    def embed(self, texts: Sequence[str]) -> Float32Array:
        if self.text in texts:
            self.happens()
        return EMBEDDER.embed(texts)


@pytest.mark.parametrize("key", ["query", "random"])
@pytest.mark.parametrize("happening", ["forget", "disable", "retire"])
def test_what_goes_while_recall_is_looking_is_left_out(
    database: Database, three: tuple[Procedure, ...], path: Path, key: str, happening: str
) -> None:
    with Database.open(path) as another:
        procedures = Procedures(another)
        assert three[0].active is not None
        version = three[0].active.id
        happens = {
            "forget": lambda: procedures.forget(three[0].id),
            "disable": lambda: procedures.set_status(three[0].id, "disabled"),
            "retire": lambda: procedures.retire(version, "of no use"),
        }[happening]
        embedder = Interrupted(ANOTHER_TODO, happens)
        found = Recall(database, embedder, MemorySettings(key=key, threshold=-1.0)).find(ANOTHER_TODO, k=3)
    assert {item.procedure.id for item in found.items} == {three[1].id, three[2].id}


def test_where_all_that_was_near_goes_meanwhile_nothing_is_recalled(database: Database, add: Add, path: Path) -> None:
    todo = add("Add a todo", TODO)
    with Database.open(path) as another:
        embedder = Interrupted(ANOTHER_TODO, lambda: Procedures(another).forget(todo.id))
        found = Recall(database, embedder, MemorySettings()).find(ANOTHER_TODO)
    assert found.items == ()
    assert "forgotten" in found.why


def test_embeddings_are_stored_once_and_used_again(database: Database, three: tuple[Procedure, ...]) -> None:
    recall(database).refresh()
    rows = database.query("SELECT id, embedder, vector FROM embeddings ORDER BY id")
    assert {row["embedder"] for row in rows} == {EMBEDDER.name}
    stored = np.frombuffer(rows[0]["vector"], "<f4")
    np.testing.assert_array_equal(stored, EMBEDDER.embed([TODO[0]])[0])
    recall(database).find(ANOTHER_TODO)
    assert [row["id"] for row in database.query("SELECT id FROM embeddings ORDER BY id")] == [row["id"] for row in rows]


def test_another_embedder_makes_its_own_embeddings(
    database: Database, three: tuple[Procedure, ...], tmp_path: Path
) -> None:
    recall(database).refresh()
    folder = Path(shutil.copytree(bundled_embedder(), tmp_path / "another"))
    another = open_embedder(folder)
    assert isinstance(another, StaticEmbedder) and another.name != EMBEDDER.name
    assert Recall(database, another, MemorySettings()).find(ANOTHER_TODO).items[0].procedure.id == three[0].id
    assert {row["embedder"] for row in database.query("SELECT embedder FROM embeddings")} == {another.name}


def test_the_key_avefact_compares_key_terms(database: Database, three: tuple[Procedure, ...]) -> None:
    asked = []

    def key_terms(text: str) -> str:
        asked.append(text)
        return "todo list, add" if "todo" in text else "file"

    recalling = Recall(database, EMBEDDER, MemorySettings(key="avefact", threshold=0.0), key_terms=key_terms)
    found = recalling.find(ANOTHER_TODO)
    assert found.items[0].procedure.id == three[0].id
    assert found.best == pytest.approx(1.0, abs=1e-5)
    assert set(asked) == {*TODO, *EXPENSE, *RENAME, ANOTHER_TODO}


def test_the_key_avefact_without_key_terms_says_what_to_do(database: Database) -> None:
    with pytest.raises(ConfigError, match=r"memory\.key=query"):
        recall(database, key="avefact").find(ANOTHER_TODO)


def test_an_unknown_key_is_named(database: Database) -> None:
    with pytest.raises(ConfigError, match="'nearest'"):
        recall(database).find(ANOTHER_TODO, key="nearest")


def test_the_key_random_draws_by_its_seed_whatever_is_asked(database: Database, three: tuple[Procedure, ...]) -> None:
    def drawn(seed: int) -> list[int]:
        recalling = Recall(database, EMBEDDER, MemorySettings(key="random"), random=random.Random(seed))
        return [recalling.find(OFF_TOPIC).items[0].procedure.id for _ in range(12)]

    assert drawn(1) == drawn(1)
    assert set(drawn(1)) == {procedure.id for procedure in three}
    assert drawn(1) != drawn(2)


def test_the_nearest_attempts_are_judged_ones_and_no_failures_of_the_surroundings(
    database: Database, log: AttemptLog, log_attempt: LogAttempt
) -> None:
    near, far, unjudged = log_attempt(TODO[0]), log_attempt(EXPENSE[0]), log_attempt(TODO[1])
    session = log.start_session("/work", TODO[1])
    broken = log.start_attempt(
        session, TODO[1], workspace="/work", model="m", model_fingerprint="f", system="", sampling={}
    )
    log.finish_attempt(broken, "failed", "", error="disk full", surroundings=True)
    for attempt in (near, far, broken):
        add_verdict(database, attempt, "user", success=True)
    recalling = recall(database)
    assert [attempt for attempt, _ in recalling.nearest_attempts(ANOTHER_TODO, 8)] == [near, far]
    everything = recalling.nearest_attempts(ANOTHER_TODO, 8, judged=False)
    assert {attempt for attempt, _ in everything} == {near, far, unjudged, broken}
    assert [similarity for _, similarity in everything] == sorted((each for _, each in everything), reverse=True)
