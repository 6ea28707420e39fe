"""Passes: all or nothing when they publish, and everything as it was when they are reverted."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import localnpm
from localnpm.errors import LocalnpmError, NotFoundError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.backups import backups
from localnpm.memory.database import Database
from localnpm.memory.pass_undo import TABLES
from localnpm.memory.passes import Passes
from localnpm.memory.procedure_records import Draft, Pass
from localnpm.memory.procedures import Procedures
from localnpm.memory.vector_store import VectorStore

LogAttempt = Callable[..., int]
POINTS = 8
WORKER = Path(__file__).with_name("dying_pass.py")


def rows(database: Database) -> str:
    """Every row that a pass may change."""
    return json.dumps(
        {table: [list(row) for row in database.query(f"SELECT * FROM {table}")] for table in TABLES}, default=repr
    )


@pytest.fixture
def passes(database: Database) -> Passes:
    return Passes(database)


@pytest.fixture
def procedures(database: Database) -> Procedures:
    return Procedures(database)


@pytest.fixture
def vectors(database: Database) -> VectorStore:
    return VectorStore(database)


@pytest.fixture
def attempts(log_attempt: LogAttempt, log: AttemptLog) -> tuple[int, int]:
    made = log_attempt("Add milk"), log_attempt("Note tea")
    for attempt_id in made:
        log.add_verdict(attempt_id, "user", True)
    return made


@pytest.fixture
def before(procedures: Procedures, vectors: VectorStore, attempts: tuple[int, int]) -> None:
    """Two kinds with a version, a member and a key each, and a vector of the first."""
    for number, attempt_id in enumerate(attempts, 1):
        draft = Draft(f"Kind {number}\n1. do", "Task", "built", lineage=((attempt_id, "script"),))
        kind = procedures.add(f"Kind {number}", [(f"Key {number}", attempt_id)], draft)
        procedures.add_member(attempt_id, kind.id, ("do",))
    add_vector(vectors, 1, attempts[0])


def add_vector(vectors: VectorStore, procedure_id: int, attempt_id: int) -> None:
    vectors.add(
        f"kind-{procedure_id}", bytes(range(256)), procedure_id=procedure_id, status="active", origin="distilled",
        model="m", model_fingerprint="f", coefficient=0.1 + 0.2, layers=(2, 5), lineage=[attempt_id],
    )  # fmt: skip


def publish(passes: Passes, work: Callable[[int], None]) -> Pass:
    begun = passes.begin("command", "adjustment", "f")
    with passes.publishing(begun.id):
        work(begun.id)
        passes.finish(begun.id, {"done": 1})
    return passes.get(begun.id)


def rewrite(procedures: Procedures, procedure_id: int, pass_id: int) -> None:
    active = procedures.get(procedure_id).active
    assert active is not None
    draft = Draft(f"Rewritten by {pass_id}", "", "adjusted", parent_id=active.id, lineage=active.lineage)
    procedures.add_version(procedure_id, draft, status="active", pass_id=pass_id)


def test_a_published_pass_says_what_it_did(passes: Passes, procedures: Procedures, before: None) -> None:
    done = publish(passes, lambda number: rewrite(procedures, 1, number))
    assert (done.status, done.summary, done.last_attempt, done.last_verdict) == ("published", {"done": 1}, 2, 2)
    assert passes.latest() == (done,)


def test_a_pass_that_fails_publishes_nothing(
    database: Database, passes: Passes, procedures: Procedures, before: None
) -> None:
    state, begun = rows(database), passes.begin("due", "vanilla", "f")
    with pytest.raises(ZeroDivisionError), passes.publishing(begun.id):
        rewrite(procedures, 1, begun.id)
        raise ZeroDivisionError
    assert rows(database) == state
    passes.interrupted(begun.id, {"read": 2})
    assert (passes.get(begun.id).status, passes.get(begun.id).summary) == ("interrupted", {"read": 2})


def test_a_reverted_pass_leaves_every_row_as_it_was(
    database: Database,
    passes: Passes,
    procedures: Procedures,
    vectors: VectorStore,
    attempts: tuple[int, int],
    before: None,
) -> None:
    state = rows(database)

    def work(number: int) -> None:
        rewrite(procedures, 1, number)
        procedures.merge(1, 2, number)
        new = procedures.add("New", [("n", None)], Draft("New", "", "built"), pass_id=number)
        procedures.add_member(attempts[1], new.id, ())
        add_vector(vectors, 1, attempts[1])
        procedures.set_status(new.id, "retired", "no use")
        with database.transaction() as connection:
            connection.execute("DELETE FROM recall_keys WHERE text = 'Key 1'")

    done = publish(passes, work)
    assert rows(database) != state
    reverted = passes.revert(done.id)
    assert rows(database) == state
    assert (reverted.status, reverted.summary) == ("reverted", {"done": 1, "kept": []})
    assert database.check(thorough=True) == ()


def test_a_deleted_procedure_comes_back_whole(
    database: Database, passes: Passes, procedures: Procedures, before: None
) -> None:
    state = rows(database)

    def work(number: int) -> None:
        with database.transaction() as connection:
            connection.execute("DELETE FROM procedures WHERE id = 1")

    publish(passes, work)
    assert [kind.id for kind in procedures.all()] == [2]
    passes.revert()
    assert rows(database) == state


def test_two_versions_that_change_places_change_back(
    database: Database, passes: Passes, procedures: Procedures, before: None
) -> None:
    candidate = procedures.add_version(1, Draft("Candidate", "", "reason"))
    state = rows(database)
    publish(passes, lambda number: procedures.activate(candidate.id))
    passes.revert()
    assert rows(database) == state


def test_passes_are_reverted_one_after_the_other(
    database: Database, passes: Passes, procedures: Procedures, before: None
) -> None:
    states = []
    for _ in range(3):
        states.append(rows(database))
        publish(passes, lambda number: rewrite(procedures, 1, number))
    for state in reversed(states):
        passes.revert()
        assert rows(database) == state


def test_what_the_user_edited_since_stays_and_the_rest_is_reverted(
    passes: Passes, procedures: Procedures, before: None
) -> None:
    def work(number: int) -> None:
        rewrite(procedures, 1, number)
        rewrite(procedures, 2, number)

    publish(passes, work)
    mine = procedures.edit(1, "My way")
    assert passes.revert().summary["kept"] == ["kind-1"]
    assert procedures.get(1).active == mine
    restored = procedures.get(2).active
    assert restored is not None
    assert restored.script == "Kind 2\n1. do"


def test_kinds_that_were_merged_stay_or_go_together(passes: Passes, procedures: Procedures, before: None) -> None:
    def work(number: int) -> None:
        rewrite(procedures, 1, number)
        procedures.merge(1, 2, number)
        procedures.add("New", [], Draft("New", "", "built"), pass_id=number)

    publish(passes, work)
    procedures.edit(1, "My way")
    assert passes.revert().summary["kept"] == ["kind-1", "kind-2"]
    assert [kind.name for kind in procedures.all("retired")] == ["kind-2"]


def test_an_edit_of_what_a_pass_left_alone_outlives_its_reverting(
    passes: Passes, procedures: Procedures, before: None
) -> None:
    publish(passes, lambda number: procedures.merge(1, 2, number))
    mine = procedures.edit(1, "My way")
    assert passes.revert().summary["kept"] == []
    assert procedures.get(1).active == mine
    assert procedures.members(2) == (2,)


def test_a_version_does_not_come_back_into_anothers_place(passes: Passes, procedures: Procedures, before: None) -> None:
    def work(number: int) -> None:
        rewrite(procedures, 2, number)
        procedures.retire(1, "no use")

    publish(passes, work)
    mine = procedures.edit(1, "My way")
    assert passes.revert().summary["kept"] == ["kind-1"]
    assert procedures.get(1).active == mine


def test_a_pass_of_which_all_was_changed_since_is_not_reverted(
    database: Database, passes: Passes, procedures: Procedures, before: None
) -> None:
    done = publish(passes, lambda number: rewrite(procedures, 1, number))
    procedures.edit(1, "My way")
    state = rows(database)
    with pytest.raises(LocalnpmError, match=r"Pass 1 cannot be reverted: all .* changed since \(kind-1\)"):
        passes.revert(done.id)
    assert rows(database) == state
    assert passes.get(done.id).status == "published"


def test_switching_a_procedure_off_does_not_keep_it_from_being_reverted(
    passes: Passes, procedures: Procedures, before: None
) -> None:
    publish(passes, lambda number: void(procedures.add("New", [], Draft("New", "", "built"), pass_id=number)))
    procedures.set_status(3, "disabled", "by you")
    passes.revert()
    assert [kind.id for kind in procedures.all()] == [1, 2]


def void(_: object) -> None:
    """Drop a value where none is wanted."""


def test_a_pass_is_reverted_once(passes: Passes, procedures: Procedures, before: None) -> None:
    done = publish(passes, lambda number: rewrite(procedures, 1, number))
    passes.revert()
    with pytest.raises(LocalnpmError, match="it is reverted, not published"):
        passes.revert(done.id)
    with pytest.raises(NotFoundError, match="no published pass"):
        passes.revert()


def test_a_pass_that_has_ended_publishes_no_more(passes: Passes, procedures: Procedures, before: None) -> None:
    done = publish(passes, lambda number: None)
    with pytest.raises(LocalnpmError, match="has ended"), passes.publishing(done.id):
        pass


def test_outcomes_that_a_pass_has_seen_are_not_new(
    passes: Passes, procedures: Procedures, log: AttemptLog, log_attempt: LogAttempt, before: None
) -> None:
    assert passes.newly_judged() == 2
    publish(passes, lambda number: None)
    assert passes.newly_judged() == 0
    log.add_verdict(log_attempt(), "user", False)
    log_attempt()
    log.add_verdict(1, "user", False)
    assert passes.newly_judged() == 2


def test_what_was_reverted_does_not_make_a_pass_due(passes: Passes, procedures: Procedures, before: None) -> None:
    publish(passes, lambda number: rewrite(procedures, 1, number))
    passes.revert()
    assert passes.newly_judged() == 0


def test_before_a_pass_publishes_a_backup_is_made_once_a_day(
    path: Path, passes: Passes, procedures: Procedures, before: None
) -> None:
    publish(passes, lambda number: rewrite(procedures, 1, number))
    publish(passes, lambda number: rewrite(procedures, 1, number))
    (made,) = backups(path.parent / "backups")
    with Database.open(made.path) as copy:
        active = Procedures(copy).get(1).active
        assert active is not None
        assert active.number == 1


def test_without_room_for_the_backup_nothing_is_published(
    database: Database, path: Path, passes: Passes, procedures: Procedures, before: None
) -> None:
    (path.parent / "backups").write_text("in the way")
    state = rows(database)
    with pytest.raises(LocalnpmError, match="could not be written"):
        publish(passes, lambda number: rewrite(procedures, 1, number))
    assert rows(database) == state


def test_private_memories_learn_and_revert_too(tmp_path: Path) -> None:
    with Database.open(None) as database:
        procedures, passes = Procedures(database), Passes(database)
        publish(passes, lambda number: void(procedures.add("New", [], Draft("New", "", "built"))))
        assert len(procedures.all()) == 1
        passes.revert()
        assert procedures.all() == ()


def test_a_pass_whose_process_died_is_marked_interrupted(path: Path, passes: Passes, database: Database) -> None:
    work(path, 1)
    assert [found.status for found in passes.latest()] == ["interrupted"]


def test_looking_at_passes_writes_nothing(path: Path, database: Database) -> None:
    work(path, 1)
    (found,) = Passes(database.read_only()).latest()
    assert (found.status, Passes(database).get(found.id).status) == ("interrupted", "interrupted")


def work(path: Path, line: int) -> int:
    """Let a worker publish a pass, killed at a line if that is above 0; how many lines there were."""
    environment = os.environ | {"PYTHONPATH": str(Path(localnpm.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, str(WORKER), str(path), str(line)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert bool(done.returncode) == bool(line)
    return int(done.stdout or 0)


@pytest.mark.slow
def test_a_pass_killed_anywhere_leaves_the_memory_as_it_was_or_as_it_was_to_be(
    tmp_path: Path, path: Path, database: Database, before: None
) -> None:
    homes = [tmp_path / str(number) / "memory.db" for number in range(POINTS)]
    for home in homes:
        home.parent.mkdir()
        database.backup(home)
    state = rows(database)
    lines = work(path, 0)
    seen = set()
    for point, home in enumerate(homes):
        work(home, 1 + point * (lines - 1) // (POINTS - 1))
        with Database.open(home) as found:
            if rows(found) == state:
                seen.add("before")
                assert Passes(found).latest()[0].status == "interrupted"
            else:
                seen.add("after")
                assert Passes(found).latest()[0].status == "published"
                Passes(found).revert()
                assert rows(found) == state
            assert found.check(thorough=True) == ()
    assert "before" in seen
