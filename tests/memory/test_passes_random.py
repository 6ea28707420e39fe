"""Whatever a pass does, a revert leaves every row as it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.pass_undo import TABLES
from localnpm.memory.passes import Passes
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.memory.vector_store import VectorStore

ATTEMPTS = 4
ACTIONS = (
    "add", "version", "activate", "retire", "merge", "member", "key", "vector", "vector status", "status", "delete",
    "delete key", "edit",
)  # fmt: skip

Work = list[tuple[str, int, int]]
WORK = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 7), st.integers(0, 7)), max_size=14)


def rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that a pass may change."""
    return {table: sorted(tuple(row) for row in database.query(f"SELECT * FROM {table}")) for table in TABLES}


def do(database: Database, work: Work) -> None:
    """Do what can be done of it; the numbers choose among what there is."""
    procedures, vectors = Procedures(database), VectorStore(database)
    for action, first, second in work:
        kinds = [kind.id for kind in procedures.all()]
        attempt = 1 + second % ATTEMPTS
        if action == "add" or not kinds:
            procedures.add(f"Kind {first}", [(f"Key {second}", attempt)], Draft(f"Script {first}", "", "built"))
            continue
        kind, other = kinds[first % len(kinds)], kinds[second % len(kinds)]
        versions = [version.id for version in procedures.versions(kind)]
        match action:
            case "version":
                draft = Draft(f"Script {second}", "x", "adjusted", lineage=((attempt, "script"),))
                procedures.add_version(kind, draft, status="active" if second % 2 else "candidate")
            case "activate" if versions:
                procedures.activate(versions[second % len(versions)])
            case "retire" if versions:
                procedures.retire(versions[second % len(versions)], "why")
            case "merge" if kind != other:
                procedures.merge(kind, other)
            case "member":
                procedures.add_member(attempt, kind, ("a",))
            case "key":
                procedures.add_key(kind, f"Key {second}", attempt)
            case "vector":
                vectors.add(
                    f"vector-{second % 3}", b"GGUF\0\xff", procedure_id=kind if first % 2 else None, status="active",
                    origin="distilled", model="m", model_fingerprint="f", coefficient=second / 7, layers=(1, 2),
                    lineage=[attempt],
                )  # fmt: skip
            case "vector status" if vectors.all():
                chosen = vectors.all()[second % len(vectors.all())]
                vectors.set_status(chosen.id, "quarantined" if first % 2 else "retired", "why")
            case "status":
                procedures.set_status(kind, "disabled" if second % 2 else "retired", "why")
            case "edit":
                procedures.edit(kind, f"Mine {second}")
            case "delete":
                with database.transaction() as connection:
                    connection.execute("DELETE FROM procedures WHERE id = ?", (kind,))
            case "delete key":
                with database.transaction() as connection:
                    connection.execute("DELETE FROM recall_keys WHERE procedure_id = ?", (kind,))


@cache
def filled() -> Database:
    """A memory with some attempts, made once."""
    database = Database.open(None)
    log = AttemptLog(database)
    for number in range(ATTEMPTS):
        log.start_attempt(
            log.start_session(""), str(number), workspace="", model="", model_fingerprint="", system="", sampling={}
        )
    return database


class TakenBackError(Exception):
    """Ends an example."""


@contextmanager
def example() -> Iterator[Database]:
    """The filled memory, and nothing of what the block has done to it afterwards."""
    try:
        with filled().transaction():
            yield filled()
            raise TakenBackError
    except TakenBackError:
        pass


def publish(database: Database, work: Work) -> int:
    passes = Passes(database)
    begun = passes.begin("command", "adjustment", "f")
    with passes.publishing(begun.id):
        do(database, work)
    return begun.id


@given(before=WORK, during=WORK)
@settings(deadline=None, max_examples=60)
def test_a_reverted_pass_leaves_every_row_as_it_was(before: Work, during: Work) -> None:
    with example() as database:
        do(database, before)
        state = rows(database)
        pass_id = publish(database, during)
        Passes(database).revert(pass_id)
        assert rows(database) == state
        assert database.check() == ()


@given(before=WORK, passes=st.lists(WORK, min_size=2, max_size=3))
@settings(deadline=None, max_examples=20)
def test_passes_are_taken_back_in_turn(before: Work, passes: list[Work]) -> None:
    with example() as database:
        do(database, before)
        states = []
        for work in passes:
            states.append(rows(database))
            publish(database, work)
        for state in reversed(states):
            Passes(database).revert()
            assert rows(database) == state
