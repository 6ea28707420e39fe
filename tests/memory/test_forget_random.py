"""Whatever was learned from an attempt, in whatever order: forgetting it leaves no word of it in any row."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from localnpm.errors import LocalnpmError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.forget_learned import empty
from localnpm.memory.passes import Passes
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.memory.vector_store import VectorStore

ATTEMPTS = 4
MARK = "zirconium"


class TakenBackError(Exception):
    """Ends an example."""


@cache
def filled() -> Database:
    """A memory with some attempts, made once; the first is the one to be forgotten."""
    database = Database.open(None)
    log = AttemptLog(database)
    for number in range(ATTEMPTS):
        log.start_attempt(
            log.start_session(""), str(number), workspace="", model="", model_fingerprint="", system="", sampling={}
        )
    return database


@contextmanager
def example() -> Iterator[Database]:
    """The filled memory, and nothing of what the block has done to it afterwards."""
    with suppress(TakenBackError), filled().transaction():
        yield filled()
        raise TakenBackError


def learn(database: Database, random: Random, *, in_a_pass: bool) -> None:
    """Learn something from some attempt; what comes from the first one bears the mark."""
    procedures, vectors = Procedures(database), VectorStore(database)
    attempt = random.randint(1, ATTEMPTS)
    word = MARK if attempt == 1 else "iron"
    kinds = procedures.all()
    action = random.choice(["add", "version", "edit", "key", "merge", "member", "vector"] + ["drop"] * in_a_pass)
    if action == "add" or not kinds:
        draft = Draft(f"{word} {random.randint(0, 2)}\n1. x", word, "built", lineage=((attempt, "script"),))
        procedures.add(f"{word} {random.randint(0, 2)}", [(f"{word} key", attempt)], draft)
        return
    kind = random.choice(kinds)
    match action:
        case "version":
            parent = procedures.newest(kind.id)
            inherited = MARK if parent is not None and MARK in parent.script + parent.example else word
            draft = Draft(
                f"t\n{inherited}", inherited, "adjusted", (word,), ((attempt, "failure"),), (word,),
                parent.id if parent else None,
            )  # fmt: skip
            status = random.choice(["active", "candidate"])
            procedures.add_version(kind.id, draft, status=status, status_reason=word)  # type: ignore[arg-type]
        case "edit":
            before = procedures.newest(kind.id)
            procedures.edit(kind.id, f"mine {before.script if before else ''}")
        case "key":
            procedures.add_key(kind.id, f"{word} again", attempt)
        case "merge" if (other := random.choice(kinds)).id != kind.id:
            procedures.merge(kind.id, other.id)
        case "member":
            procedures.add_member(attempt, kind.id, (word,))
        case "vector":
            vectors.add(
                kind.name, word.encode(), procedure_id=kind.id, status="active", origin="distilled", model="m",
                model_fingerprint="f", coefficient=1, layers=(1, 2), lineage=[attempt], calibration={"probe": word},
            )  # fmt: skip
        case "drop":
            table = random.choice(["recall_keys", "procedure_versions"])
            with database.transaction() as connection:
                connection.execute(f"DELETE FROM {table} WHERE procedure_id = ?", (kind.id,))


def traces(database: Database) -> list[str]:
    """Rows that hold the mark."""
    tables = database.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%fts%'")
    rows = [repr(tuple(row)) for table in tables for row in database.query(f"SELECT * FROM {table['name']}")]
    return [row for row in rows if MARK in row]


@given(random=st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_a_forgotten_attempt_leaves_no_word_and_no_revert_brings_one_back(random: Random) -> None:
    with example() as database:
        passes = Passes(database)
        for _ in range(random.randint(1, 3)):
            for _ in range(random.randint(0, 3)):
                learn(database, random, in_a_pass=False)
            begun = passes.begin("due", "vanilla", "f")
            with passes.publishing(begun.id):
                for _ in range(random.randint(0, 5)):
                    learn(database, random, in_a_pass=True)
                passes.finish(begun.id, {"learned": 1, "why": MARK})
            if random.randint(0, 4) == 0:
                with suppress(LocalnpmError):
                    passes.revert()
        with database.transaction() as connection:
            empty(connection, [1])
            connection.execute("DELETE FROM attempts WHERE id = 1")
        assert traces(database) == []
        with suppress(LocalnpmError):
            while passes.revert():
                assert traces(database) == []
        assert database.check() == ()
