"""Procedures and control vectors as they are stored: versions, keys, members, merging, names."""

import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.errors import LocalnpmError, NotFoundError
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.forget import forget_attempts
from localnpm.memory.procedure_names import free, slug, valid
from localnpm.memory.procedure_records import Draft, Procedure, StoredVector
from localnpm.memory.procedures import Procedures
from localnpm.memory.vector_store import VectorStore

LogAttempt = Callable[..., int]
TODO = Draft("Add a task\n1. read_file todo.md\n2. append_file todo.md", "Task: add milk", "built", ("append_file",))


@pytest.fixture
def procedures(database: Database) -> Procedures:
    return Procedures(database)


@pytest.fixture
def vectors(database: Database) -> VectorStore:
    return VectorStore(database)


@pytest.fixture
def todo(procedures: Procedures) -> Procedure:
    return procedures.add("Add a task", [("Add milk to my todo list", None)], TODO)


def add_vector(vectors: VectorStore, name: str = "todo", **changed: object) -> StoredVector:
    values: dict[str, object] = {
        "status": "active", "origin": "distilled", "model": "m", "model_fingerprint": "f0", "coefficient": 0.1 + 0.2,
        "layers": (2, 5),
    }  # fmt: skip
    return vectors.add(name, b"GGUF", **(values | changed))  # type: ignore[arg-type]


def test_what_was_added_is_read_back(procedures: Procedures, log_attempt: LogAttempt) -> None:
    attempt = log_attempt()
    draft = Draft("Add\n1. é\u4e2d", "Task", "reason", ("a", "b"), ((attempt, "reason"), (attempt, "script")), ("é",))
    added = procedures.add("  Add\na task ", [("Add milk", attempt), ("Add tea", None)], draft)
    assert (added.name, added.title, added.status, added.origin) == ("add-a-task", "Add a task", "active", "learned")
    assert procedures.keys(added.id) == ("Add milk", "Add tea")
    version = added.active
    assert version is not None
    assert (version.number, version.script, version.example, version.way) == (1, draft.script, "Task", ("a", "b"))
    assert (version.lineage, version.doubtful) == (draft.lineage, ("é",))


def test_procedures_are_found_by_id_and_name(procedures: Procedures, todo: Procedure) -> None:
    assert procedures.get("add-a-task") == procedures.get(todo.id) == procedures.get(str(todo.id)) == todo


@pytest.mark.parametrize("unknown", [99, "99", "nothing", "9" * 40, "\ud800"])
def test_an_unknown_procedure_is_named(procedures: Procedures, unknown: int | str) -> None:
    with pytest.raises(NotFoundError, match="No procedure has the"):
        procedures.get(unknown)


def test_a_name_that_is_taken_gets_a_number(procedures: Procedures, todo: Procedure) -> None:
    assert [procedures.add("Add a task", [], None).name for _ in range(2)] == ["add-a-task-2", "add-a-task-3"]


@pytest.mark.parametrize("name", ["../up", "A", "a:b", "a,b", "-a", "a--b", "12", "a" * 65])
def test_a_name_that_breaks_the_rule_is_refused(procedures: Procedures, vectors: VectorStore, name: str) -> None:
    with pytest.raises(LocalnpmError, match="cannot have the name"):
        procedures.add("x", [], None, name=name)
    with pytest.raises(LocalnpmError, match="cannot have the name"):
        add_vector(vectors, name)
    assert procedures.all() == ()


@given(st.text(), st.sets(st.text(string.ascii_lowercase, min_size=1, max_size=2)))
def test_every_text_makes_a_name(text: str, taken: set[str]) -> None:
    name = free(slug(text), taken)
    assert valid(name)
    assert name not in taken


def test_an_active_version_takes_the_place_of_the_one_before(procedures: Procedures, todo: Procedure) -> None:
    newer = procedures.add_version(todo.id, Draft("Newer", "", "adjusted", parent_id=1), status="active")
    assert procedures.get(todo.id).active == newer
    assert [version.status for version in procedures.versions(todo.id)] == ["retired", "active"]


def test_a_candidate_leaves_the_active_version_in_place_until_it_is_activated(
    procedures: Procedures, todo: Procedure
) -> None:
    candidate = procedures.add_version(todo.id, Draft("Newer", "", "adjusted"))
    assert procedures.get(todo.id).active == todo.active
    procedures.activate(candidate.id)
    assert [version.status for version in procedures.versions(todo.id)] == ["retired", "active"]
    procedures.retire(candidate.id, "did worse")
    assert procedures.get(todo.id).active is None
    assert procedures.version(candidate.id).status_reason == "did worse"


def test_an_edit_is_in_use_at_once_and_keeps_the_example(procedures: Procedures, todo: Procedure) -> None:
    edited = procedures.edit(todo.id, "Add a task\n1. my way\n")
    assert (edited.status, edited.source, edited.script) == ("active", "edited", "Add a task\n1. my way")
    assert (edited.example, edited.parent_id) == (TODO.example, 1)
    assert procedures.edit(todo.id, "Mine", keep_example=False).example == ""


def test_an_edit_needs_text(procedures: Procedures, todo: Procedure) -> None:
    with pytest.raises(LocalnpmError, match="needs some text"):
        procedures.edit(todo.id, " \n")
    assert procedures.get(todo.id) == todo


def test_accepting_puts_a_doubtful_candidate_to_use(procedures: Procedures) -> None:
    draft = Draft("Pay\n1. pay at once", "", "built", doubtful=("pay at once",))
    kind = procedures.add("Pay", [], draft, status="candidate", version_status="candidate")
    (version,) = procedures.versions(kind.id)
    procedures.accept(version.id)
    accepted = procedures.get(kind.id)
    assert accepted.active is not None
    assert (accepted.status, accepted.active.doubtful) == ("active", ())


def test_an_attempt_is_of_one_kind(procedures: Procedures, todo: Procedure, log_attempt: LogAttempt) -> None:
    attempt, other = log_attempt(), procedures.add("Other", [], None)
    procedures.add_member(attempt, todo.id, ("a",))
    procedures.add_member(attempt, other.id, ("a",))
    assert (procedures.procedure_of(attempt), procedures.members(todo.id)) == (other.id, ())
    assert procedures.members(other.id) == (attempt,)


def test_what_refers_to_nothing_is_refused_and_nothing_is_stored(procedures: Procedures, todo: Procedure) -> None:
    with pytest.raises(NotFoundError, match="No attempt has the id 99"):
        procedures.add("New", [("x", 99)], None)
    with pytest.raises(NotFoundError, match="No attempt has the id 99"):
        procedures.add_version(todo.id, Draft("s", "", "built", lineage=((99, "script"),)))
    with pytest.raises(NotFoundError, match="No procedure has the id 99"):
        procedures.add_version(99, TODO)
    assert procedures.all() == (todo,)
    assert len(procedures.versions(todo.id)) == 1


def test_the_same_key_is_kept_once(procedures: Procedures, todo: Procedure) -> None:
    procedures.add_key(todo.id, "Add milk to my todo list")
    assert procedures.keys(todo.id) == ("Add milk to my todo list",)


def test_merging_moves_members_and_keys_and_retires_the_other(
    procedures: Procedures, vectors: VectorStore, todo: Procedure, log_attempt: LogAttempt
) -> None:
    attempt = log_attempt()
    other = procedures.add("Note a task", [("Note tea", attempt)], TODO)
    procedures.add_member(attempt, other.id, ())
    vector = add_vector(vectors, other.name, procedure_id=other.id)
    procedures.merge(todo.id, other.id, None)
    assert procedures.members(todo.id) == (attempt,)
    assert "Note tea" in procedures.keys(todo.id)
    retired = procedures.get(other.id)
    assert (retired.status, retired.status_reason, retired.active) == (
        "retired",
        f"merged into procedure {todo.id}",
        None,
    )
    assert vectors.get(vector.id).status == "retired"


@pytest.mark.parametrize("words", ["milk", "TODO.md read", "add-a", '"quoted', "task NOT"])
def test_words_find_a_procedure_by_any_of_its_texts(procedures: Procedures, words: str) -> None:
    kind = procedures.add('Say "quoted task NOT"', [("Buy milk", None)], TODO, name="add-a-thing")
    assert procedures.search(words) == (kind,)


def test_words_that_nothing_has_find_nothing(procedures: Procedures, todo: Procedure) -> None:
    assert procedures.search("elephant") == procedures.search(" ") == procedures.search("\0") == ()


def test_a_contrary_verdict_makes_what_came_from_an_attempt_stale(
    procedures: Procedures, vectors: VectorStore, log: AttemptLog, log_attempt: LogAttempt, todo: Procedure
) -> None:
    attempt = log_attempt()
    log.add_verdict(attempt, "user", True)
    kind = procedures.add("Kind", [], Draft("s", "", "built", lineage=((attempt, "script"),)))
    vector = add_vector(vectors, "kind", procedure_id=kind.id, lineage=[attempt])
    assert procedures.stale() == ()
    log.add_verdict(attempt, "user", False)
    assert [procedure.id for procedure in procedures.stale()] == [kind.id]
    assert vectors.get(vector.id).stale


def test_a_vector_is_read_back_exactly(vectors: VectorStore, todo: Procedure, log_attempt: LogAttempt) -> None:
    attempt = log_attempt()
    stored = add_vector(vectors, procedure_id=todo.id, lineage=[attempt], calibration={"kl": 0.1}, pairs=4)
    assert vectors.get("todo") == vectors.get(stored.id) == vectors.of_procedure(todo.id, "f0") == stored
    assert (stored.coefficient, stored.layers, stored.calibration) == (0.1 + 0.2, (2, 5), {"kl": 0.1})
    assert (vectors.gguf(stored.id), vectors.lineage(stored.id)) == (b"GGUF", (attempt,))


def test_a_new_vector_retires_the_one_of_its_name_and_model(vectors: VectorStore) -> None:
    old, other_model, new = add_vector(vectors), add_vector(vectors, model_fingerprint="f1"), add_vector(vectors)
    assert vectors.get(old.id).status == "retired"
    assert vectors.all() == (other_model, new)
    assert vectors.get("todo", "f1") == other_model
    assert vectors.get("todo") == new
    assert len(vectors.all(retired=True)) == 3


def test_a_retired_vector_whose_name_was_taken_stays_retired(vectors: VectorStore) -> None:
    old, _ = add_vector(vectors), add_vector(vectors)
    with pytest.raises(LocalnpmError, match="has the name todo now"):
        vectors.set_status(old.id, "active")


def test_what_the_user_has_trained_is_not_replaced_by_a_distilled_vector(vectors: VectorStore) -> None:
    own, learned = add_vector(vectors, origin="trained"), add_vector(vectors, origin="distilled")
    assert vectors.get(own.id).status == own.status
    assert (vectors.get("todo"), learned.name) == (own, "todo-2")


@pytest.mark.parametrize("origin", ["trained", "imported"])
def test_what_the_user_adds_does_not_replace_what_has_the_name(vectors: VectorStore, origin: str) -> None:
    learned = add_vector(vectors, origin="distilled")
    with pytest.raises(LocalnpmError, match=f"Vector {learned.id} of the same model has the name todo already"):
        add_vector(vectors, origin=origin)
    assert vectors.all() == (learned,)


def test_no_vector_is_kept_of_an_attempt_that_was_forgotten_meanwhile(
    vectors: VectorStore, database: Database, log_attempt: LogAttempt
) -> None:
    attempt = log_attempt()
    forget_attempts(database, [attempt])
    with pytest.raises(NotFoundError, match=str(attempt)):
        add_vector(vectors, lineage=[attempt])
    assert vectors.all(retired=True) == ()


def test_what_the_user_writes_for_an_attempt_goes_when_the_attempt_is_forgotten(
    procedures: Procedures, database: Database, todo: Procedure, log_attempt: LogAttempt
) -> None:
    attempt = log_attempt()
    version = procedures.edit(todo.id, "Add\n1. As I said.", lineage=[(attempt, "reason")])
    forget_attempts(database, [attempt])
    assert procedures.version(version.id).script == ""


def test_an_unknown_vector_is_named(vectors: VectorStore) -> None:
    for unknown in (9, "nothing"):
        with pytest.raises(NotFoundError, match="No control vector has the"):
            vectors.get(unknown)
