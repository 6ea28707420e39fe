"""Forgetting what was learned: not a byte of it stays, and what else was learned does."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from localnpm.errors import LocalnpmError, NotFoundError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.backups import back_up, routine
from localnpm.memory.database import Database
from localnpm.memory.forget import backups_with, forget_attempts, forget_procedures
from localnpm.memory.passes import Passes
from localnpm.memory.procedure_records import Draft, Procedure
from localnpm.memory.procedures import Procedures
from localnpm.memory.vector_store import VectorStore

LogAttempt = Callable[..., int]
MARK = "zirconium"


@pytest.fixture
def procedures(database: Database) -> Procedures:
    return Procedures(database)


@pytest.fixture
def vectors(database: Database) -> VectorStore:
    return VectorStore(database)


@pytest.fixture
def attempt(log: AttemptLog, log_attempt: LogAttempt) -> int:
    """An attempt that is full of the mark."""
    attempt_id = log_attempt(f"Weigh the {MARK}", result=f"{MARK}: 7 g", answer=f"The {MARK} weighs 7 g.")
    log.add_verdict(attempt_id, "user", False, reason=f"{MARK} is weighed in grams")
    return attempt_id


@pytest.fixture
def other(log_attempt: LogAttempt) -> int:
    return log_attempt("Weigh the gold")


@pytest.fixture
def learned(
    database: Database, procedures: Procedures, vectors: VectorStore, log: AttemptLog, attempt: int, other: int
) -> Procedure:
    """What two passes made of both attempts: one version from the other attempt, one from the marked one too."""
    passes = Passes(database)
    first = passes.begin("command", "adjustment", "f0")
    with passes.publishing(first.id):
        kind = procedures.add(
            "Weigh something",
            [("Weigh the gold", other)],
            Draft("Weigh something\n1. use the scale", "Task: gold", "built", ("weigh",), ((other, "script"),)),
            pass_id=first.id,
        )
        procedures.add_member(other, kind.id, ("weigh",))
    assert kind.active is not None
    second = passes.begin("due", "adjustment", "f0")
    with passes.publishing(second.id):
        procedures.add_key(kind.id, f"Weigh the {MARK}", attempt)
        procedures.add_key(kind.id, "Weigh anything")
        procedures.add_member(attempt, kind.id, ("weigh", MARK))
        draft = Draft(
            f"Weigh something\n1. take the {MARK}", f"Task: {MARK}", "adjusted", (MARK,), ((attempt, "failure"),),
            (f"take the {MARK}",), kind.active.id,
        )  # fmt: skip
        version = procedures.add_version(kind.id, draft, status="active", status_reason=MARK, pass_id=second.id)
        vectors.add(
            kind.name, f"GGUF {MARK}".encode(), procedure_id=kind.id, status="active", origin="distilled", model="m",
            model_fingerprint="f0", coefficient=0.5, layers=(2, 5), calibration={"probe": MARK},
            lineage=[attempt, other],
        )  # fmt: skip
        passes.finish(second.id, {"rewritten": 1, "why": {kind.name: f"{MARK} went wrong"}})
    later = log.start_attempt(
        log.start_session("/work"), "Weigh the tin", workspace="/work", model="m", model_fingerprint="f0",
        system=f"You help.\n\n# Procedure\n{version.script}", sampling={}, channel="script",
    )  # fmt: skip
    log.finish_attempt(later, "done", "5 g")
    key = database.query("SELECT id FROM recall_keys WHERE attempt_id = ?", (attempt,))[0]["id"]
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO uses(attempt_id, procedure_id, version_id, place, similarity, channel, probability, reason) "
            "VALUES (?, ?, ?, 0, 0.9, 'script', 1, ?)",
            (later, kind.id, version.id, f"like 'Weigh the {MARK}'"),
        )
        for column, value in (("attempt_id", attempt), ("recall_key_id", key)):
            connection.execute(
                f"INSERT INTO embeddings(embedder, key, {column}, vector) VALUES ('e', 'query', ?, ?)",
                (value, MARK.encode()),
            )
        connection.execute("INSERT INTO activations VALUES (?, 'f0', 0, ?, ?)", (attempt, b"", MARK.encode()))
    return procedures.get(kind.id)


def holds_mark(folder: Path) -> list[str]:
    """The files under a folder with the mark in their bytes."""
    return [file.name for file in folder.rglob("*") if file.is_file() and MARK.encode() in file.read_bytes()]


def test_the_mark_is_on_the_disk_before(path: Path, learned: Procedure) -> None:
    assert holds_mark(path.parent)


def test_a_routine_backup_is_rewritten_unasked(
    database: Database, path: Path, procedures: Procedures, attempt: int
) -> None:
    made = routine(database)
    assert made is not None
    assert made.name in holds_mark(path.parent)
    assert backups_with(database, [attempt]) == ()
    assert forget_attempts(database, [attempt]).backups == ()
    assert holds_mark(path.parent) == []
    assert made.exists()


def test_a_forgotten_attempt_is_in_no_byte_of_what_was_learned(
    database: Database, path: Path, learned: Procedure, attempt: int
) -> None:
    forgotten = forget_attempts(database, [attempt])
    assert (forgotten.wiped, forgotten.procedures) == (True, ("weigh-something",))
    assert holds_mark(path.parent) == []
    assert database.check(thorough=True) == ()


def test_a_procedure_falls_back_to_the_version_that_knows_nothing_of_it(
    database: Database, procedures: Procedures, learned: Procedure, attempt: int
) -> None:
    forget_attempts(database, [attempt])
    kept = procedures.get(learned.id)
    assert kept.active is not None
    assert (kept.status, kept.active.number, kept.active.script) == ("active", 1, "Weigh something\n1. use the scale")
    assert [version.script for version in procedures.versions(kept.id)][1:] == [""]


def test_what_was_emptied_waits_for_the_next_pass_until_it_is_replaced(
    database: Database, procedures: Procedures, vectors: VectorStore, learned: Procedure, attempt: int, other: int
) -> None:
    forget_attempts(database, [attempt])
    assert [procedure.id for procedure in procedures.stale()] == [learned.id]
    draft = Draft("Weigh something\n1. anew", "", "built", lineage=((other, "script"),))
    procedures.add_version(learned.id, draft, status="active")
    assert vectors.of_procedure(learned.id, "f0") is None
    vectors.add(
        learned.name, b"GGUF", procedure_id=learned.id, status="active", origin="distilled", model="m",
        model_fingerprint="f0", coefficient=0.5, layers=(2, 5), lineage=[other],
    )  # fmt: skip
    assert procedures.stale() == ()


def test_a_version_made_from_one_that_is_emptied_is_emptied_too(
    database: Database, path: Path, procedures: Procedures, learned: Procedure, attempt: int
) -> None:
    procedures.edit(learned.id, f"Weigh something\n1. weigh the {MARK} twice")
    forget_attempts(database, [attempt])
    assert holds_mark(path.parent) == []
    active = procedures.get(learned.id).active
    assert active is not None
    assert active.number == 1


def test_a_procedure_of_the_one_attempt_alone_is_retired_with_another_name(
    database: Database, path: Path, procedures: Procedures, attempt: int
) -> None:
    draft = Draft(f"Weigh {MARK}\n1. weigh", "", "built", lineage=((attempt, "script"),))
    kind = procedures.add(f"Weigh {MARK}", [(f"Weigh the {MARK}", attempt)], draft)
    assert MARK in kind.name
    forget_attempts(database, [attempt])
    emptied = procedures.get(kind.id)
    assert (emptied.status, emptied.name, emptied.active) == ("retired", "procedure-1", None)
    assert holds_mark(path.parent) == []


def test_a_procedure_with_attempts_left_but_no_text_waits_and_works_again_when_it_has_one(
    database: Database, procedures: Procedures, attempt: int, other: int
) -> None:
    draft = Draft("Weigh it\n1. weigh", "", "built", lineage=((attempt, "script"),))
    kind = procedures.add("Weigh it", [("Weigh the gold", other)], draft)
    procedures.add_member(other, kind.id, ("weigh",))
    forget_attempts(database, [attempt])
    assert procedures.get(kind.id).status == "candidate"
    procedures.add_version(kind.id, Draft("Weigh gold\n1. anew", "", "built"), status="active")
    revived = procedures.get(kind.id)
    assert (revived.status, revived.title, revived.name) == ("active", "Weigh gold", "weigh-gold")


def test_an_emptied_version_cannot_be_used_again(
    database: Database, procedures: Procedures, learned: Procedure, attempt: int
) -> None:
    forget_attempts(database, [attempt])
    emptied = procedures.versions(learned.id)[1]
    with pytest.raises(LocalnpmError, match="what it said was forgotten"):
        procedures.activate(emptied.id)


def test_a_pass_that_saw_the_attempt_cannot_bring_it_back(
    database: Database, path: Path, learned: Procedure, attempt: int
) -> None:
    forget_attempts(database, [attempt])
    with pytest.raises(LocalnpmError, match=r"cannot be reverted: .*weigh-something"):
        Passes(database).revert()
    assert holds_mark(path.parent) == []


def test_a_key_that_a_pass_took_away_is_forgotten_too(
    database: Database, path: Path, procedures: Procedures, attempt: int
) -> None:
    kind = procedures.add("Weigh it", [(f"Weigh the {MARK}", attempt)], Draft("Weigh it\n1. weigh", "", "built"))
    passes = Passes(database)
    begun = passes.begin("command", "adjustment", "f0")
    with passes.publishing(begun.id) as connection:
        connection.execute("DELETE FROM recall_keys WHERE procedure_id = ?", (kind.id,))
    forget_attempts(database, [attempt])
    assert holds_mark(path.parent) == []


def test_counts_of_a_pass_stay_and_its_words_go(database: Database, learned: Procedure, attempt: int) -> None:
    forget_attempts(database, [attempt])
    assert Passes(database).latest(1)[0].summary == {"rewritten": 1}


def test_forgetting_an_unrelated_attempt_changes_nothing_learned(
    database: Database, learned: Procedure, log_attempt: LogAttempt
) -> None:
    tables = ("procedures", "procedure_versions", "recall_keys", "vectors", "uses", "passes", "pass_changes", "lineage")

    def dump() -> str:
        return json.dumps([[tuple(row) for row in database.query(f"SELECT * FROM {t}")] for t in tables], default=repr)

    unrelated = log_attempt("Buy milk")
    before = dump()
    assert forget_attempts(database, [unrelated]).procedures == ()
    # A pass of before the attempt has not seen it.
    assert dump() == before


def test_a_forgotten_procedure_is_in_no_byte_and_its_attempts_stay(
    database: Database, path: Path, procedures: Procedures, log: AttemptLog, other: int
) -> None:
    draft = Draft(f"Weigh it\n1. {MARK}", MARK, "edited", lineage=((other, "script"),))
    kind = procedures.add(f"Weigh {MARK}", [("Weigh the gold", other), (MARK, None)], draft)
    procedures.forget(kind.id)
    assert holds_mark(path.parent) == []
    assert log.attempt(other).request == "Weigh the gold"
    with pytest.raises(NotFoundError):
        procedures.get(kind.id)


def test_an_emptied_vector_cannot_be_enabled(database: Database, vectors: VectorStore, attempt: int) -> None:
    vector = vectors.add(
        "scale", b"GGUF", status="active", origin="distilled", model="m", model_fingerprint="f0", coefficient=0.2,
        layers=(1, 2), lineage=[attempt],
    )  # fmt: skip
    forget_attempts(database, [attempt])
    with pytest.raises(LocalnpmError, match="cannot be used: it was emptied"):
        vectors.set_status(vector.id, "active")


def test_a_forgotten_vector_is_in_no_byte(database: Database, path: Path, vectors: VectorStore) -> None:
    vector = vectors.add(
        "warmer", f"GGUF {MARK}".encode(), status="active", origin="trained", model="m", model_fingerprint="f0",
        coefficient=0.5, layers=(2, 5),
    )  # fmt: skip
    vectors.forget(vector.id)
    assert holds_mark(path.parent) == []


def test_copies_left_half_made_by_a_killed_process_are_deleted(database: Database, path: Path, attempt: int) -> None:
    for left in ("backups/memory-20250101T000000-routine.db.part", "import-abcd1234/memory.db"):
        database.backup(path.parent / left)
    forget_attempts(database, [attempt])
    assert holds_mark(path.parent) == []


def test_backups_are_rewritten_without_what_was_learned(
    database: Database, path: Path, learned: Procedure, attempt: int
) -> None:
    copy = back_up(database)
    assert backups_with(database, [attempt]) == (copy,)
    forget_attempts(database, [attempt], backups="rewrite")
    assert holds_mark(path.parent) == []
    with Database.open(copy) as opened:
        active = Procedures(opened).get(learned.id).active
        assert active is not None
        assert active.number == 1


def test_backups_that_hold_a_procedure_are_listed_and_rewritten(
    database: Database, learned: Procedure, procedures: Procedures
) -> None:
    copy = back_up(database)
    assert backups_with(database, procedure_ids=[learned.id]) == (copy,)
    assert forget_procedures(database, [learned.id], backups="rewrite").backups == ()
    with Database.open(copy) as opened:
        assert Procedures(opened).all() == ()


def test_an_unknown_procedure_forgets_nothing(database: Database, learned: Procedure, procedures: Procedures) -> None:
    with pytest.raises(NotFoundError, match="No procedure has the id 99"):
        forget_procedures(database, [learned.id, 99])
    assert procedures.get(learned.id).id == learned.id
