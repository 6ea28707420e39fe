"""Of what kind an attempt is, beyond its request: by its way, and by the title that the bundled model gives it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localnpm.agent.scripted import ScriptedModel
from localnpm.config import MemorySettings
from localnpm.distill.kinship import Kinship, same_way, tells_of
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.turns import ChatModel
from localnpm.home import bundled_embedder
from localnpm.memory.database import Database
from localnpm.memory.embedding import open_embedder
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.memory.recall import Recall

LOOSE = MemorySettings(threshold=-1.0)
"""Every request is like every other one: what is told apart is told apart by something else."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty memory."""
    with Database.open(tmp_path / "memory.db") as opened:
        yield opened


@pytest.fixture
def kinship(database: Database) -> Callable[[ChatModel], Kinship]:
    """By a model, where requests tell nothing."""
    embedder = open_embedder(bundled_embedder())
    return lambda chat: Kinship(Recall(database, embedder, LOOSE), chat)


def test_appending_and_editing_are_one_way_and_moving_is_another() -> None:
    assert same_way(("read_file", "append_file"), ("find_files", "edit_file"))
    assert not same_way(("append_file",), ("create_directory", "move_file"))


def test_a_way_that_changes_nothing_is_no_ground_to_say_no() -> None:
    assert same_way(("read_file",), ("move_file",))


def test_a_script_that_names_other_tools_than_were_used_does_not_tell_of_a_run() -> None:
    assert not tells_of("Tidy up\n1. Use delete_file on <path>.", ("move_file",))
    assert tells_of("Tidy up\n1. Use move_file with <path>.", ("move_file",))
    assert tells_of("Tidy up\n1. Throw it away.", ("move_file",))


def test_an_attempt_of_another_way_is_of_a_new_kind(database: Database, kinship, practice) -> None:
    todo = Draft("Add a todo\n1. Append it.", "", "built", way=("append_file",))
    Procedures(database).add("Add a todo", [("Add milk", None)], todo)
    run = practice("file_document", 1).right[0]
    assert kinship(ScriptedModel()).of(run) is None


def test_a_retired_kind_still_takes_its_attempts(database: Database, kinship, practice) -> None:
    filed = Draft("File a document\n1. Move it.", "", "built", way=("move_file",))
    procedures = Procedures(database)
    procedure = procedures.add("File a document", [("File the bill", None)], filed)
    procedures.set_status(procedure.id, "retired")
    assert kinship(ScriptedModel()).of(practice("file_document", 1).right[0]) == procedure.id


@pytest.mark.parametrize(("family", "other"), [("write_note", "journal"), ("log_expense", "add_todo")])
def test_the_bundled_model_tells_kinds_of_one_way_apart(
    database: Database, kinship, practice, apprentice: LlamaChat, family: str, other: str
) -> None:
    procedures, tasks = Procedures(database), {name: practice(name, 2) for name in (family, other)}
    ids = {}
    for name, task in tasks.items():
        draft = Draft(task.script, "", "built", way=("append_file",))
        ids[name] = procedures.add(name, [(task.right[0].request, None)], draft).id
    for name, task in tasks.items():
        assert kinship(apprentice).of(task.right[1]) == ids[name]
    procedures.forget(ids[family])
    assert kinship(apprentice).of(tasks[family].right[1]) is None


def test_a_title_of_the_users_own_is_not_judged(database: Database, kinship, practice, apprentice: LlamaChat) -> None:
    procedures = Procedures(database)
    made = procedures.add("Kram", [("Kram", None)], Draft("Kram\n1. Ab damit.", "", "imported"))
    assert kinship(apprentice).of(practice("write_note", 1).right[0]) == made.id


def test_alike_requests_of_two_kinds_come_apart(kinship, practice, apprentice: LlamaChat) -> None:
    notes, lines = practice("write_note", 2).right, practice("journal", 2).right
    runs = [*notes, *lines]
    parts = kinship(apprentice).parts(runs)
    assert [len(part) for part in parts] == [2, 2]
