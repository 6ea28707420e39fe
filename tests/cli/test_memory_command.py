"""`localnpm memory`: lists, changing, switching, forgetting, files, as a user sees them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Draft, Use
from localnpm.memory.procedures import Procedures
from localnpm.memory.uses import record
from localnpm.memory.vector_store import VectorStore

Localnpm = Callable[..., Any]
SCRIPT = "Add a task\n1. append_file todo.md"


@pytest.fixture
def learned(home: Path) -> Path:
    """A home with two procedures: 1 in use, once with success; 2 a doubtful candidate with an escape sequence."""
    with Database.open(home / "memory.db") as database:
        log, procedures = AttemptLog(database), Procedures(database)
        attempt = log.start_attempt(
            log.start_session("/work"), "Add milk to my list", workspace="/work", model="m", model_fingerprint="f",
            system="", sampling={}, channel="script",
        )  # fmt: skip
        log.finish_attempt(attempt, "done", "Done.")
        log.add_verdict(attempt, "user", True)
        draft = Draft(SCRIPT, "Task: Add milk", "built", lineage=((attempt, "script"),))
        kind = procedures.add("Add a task", [("Add milk to my list", attempt)], draft)
        assert kind.active is not None
        record(database, [Use(attempt, kind.id, kind.active.id, None, 0, 0.83, "script")])
        VectorStore(database).add(
            kind.name, b"GGUF", procedure_id=kind.id, status="active", origin="distilled", model="a-model",
            model_fingerprint="f", coefficient=0.5, layers=(2, 5), pairs=6,
        )  # fmt: skip
        doubtful = Draft("Pay\x1b[31m\n1. pay at once", "", "built", doubtful=("pay at once",))
        procedures.add("Pay\x1b[31m bills", [], doubtful, name="pay-bills", version_status="candidate")
    return home


def test_an_empty_memory_has_learned_nothing(localnpm: Localnpm) -> None:
    ended = localnpm("memory", "list")
    assert (ended.code, ended.out, ended.err) == (0, "", "Nothing was learned yet.\n")


def test_procedures_are_listed_with_their_wins_and_harmlessly(learned: Path, localnpm: Localnpm) -> None:
    first, second = localnpm("memory", "list").out.splitlines()
    assert first.split() == ["1", "active", "v1", "1/1", "add-a-task", "Add", "a", "task"]
    assert second.endswith("Pay\\x1b[31m bills")


def test_a_list_as_json_is_an_array_of_named_objects(learned: Path, localnpm: Localnpm) -> None:
    first, second = json.loads(localnpm("memory", "list", "--json").out)
    assert (first["name"], first["wins"], first["uses"], first["active"]["script"]) == ("add-a-task", 1, 1, SCRIPT)
    assert (second["title"], second["active"]) == ("Pay\x1b[31m bills", None)
    assert json.loads(localnpm("memory", "list", "--json", "--status", "retired").out) == []


def test_a_procedure_is_shown_whole(learned: Path, localnpm: Localnpm) -> None:
    shown = localnpm("memory", "show", "add-a-task").out
    for part in (
        "add-a-task, procedure 1: active", "1 of 1 judged uses went well", "Uplift: not known yet",
        "  1. append_file todo.md", "  Task: Add milk", "  Add milk to my list", "from attempt 1 (script)",
        "add-a-task for a-model: active; coefficient 0.5, layers 2-5, 6 pairs", "none for the model in use",
        "attempt 1: success; script v1, similarity 0.83: Add milk to my list",
    ):  # fmt: skip
        assert part in shown


def test_what_waits_for_the_users_word_is_shown_and_accepted(learned: Path, localnpm: Localnpm) -> None:
    shown = localnpm("memory", "show", "2").out
    assert "\x1b" not in shown
    assert "Waits for your word, as it rests on what was read in files alone:\n  pay at once\n" in shown
    assert "has no version in use" in localnpm("memory", "enable", "2").err
    assert localnpm("memory", "accept", "pay-bills").out == "Version 1 of pay-bills is in use.\n"
    whole = json.loads(localnpm("memory", "show", "2", "--json").out)
    assert (whole["active"]["number"], whole["versions"][0]["doubtful"]) == (1, [])
    assert "no version that waits" in localnpm("memory", "accept", "pay-bills").err


def test_words_find_procedures(learned: Path, localnpm: Localnpm) -> None:
    assert localnpm("memory", "search", "milk").out.split()[0] == "1"
    assert [found["id"] for found in json.loads(localnpm("memory", "search", "pay", "--json").out)] == [2]
    assert localnpm("memory", "search", "elephant").err == "No procedure has all these words.\n"


def test_a_script_is_edited_in_the_editor(
    learned: Path, localnpm: Localnpm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/append_file/write_file/" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    ended = localnpm("memory", "edit", "1")
    assert ended.out == "Version 2 of add-a-task is in use. Its example stays; --drop-example drops it.\n"
    (changed, _) = json.loads(localnpm("memory", "list", "--json").out)
    assert (changed["active"]["script"], changed["active"]["source"]) == (SCRIPT.replace("append", "write"), "edited")
    assert localnpm("memory", "edit", "1").err == "Nothing was changed.\n"


def test_a_script_is_read_from_a_file_or_standard_input(
    learned: Path, localnpm: Localnpm, start: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "mine.md"
    file.write_text("Mine\n1. do\n")
    assert localnpm("memory", "edit", "1", "--file", str(file), "--drop-example").code == 0
    shown = json.loads(localnpm("memory", "show", "1", "--json").out)
    assert (shown["active"]["script"], shown["active"]["example"]) == ("Mine\n1. do", "")
    with file.open("rb") as given:
        assert start("memory", "edit", "2", "--file", "-", stdin=given.fileno()).wait() == 0
    assert json.loads(localnpm("memory", "show", "2", "--json").out)["active"]["script"] == "Mine\n1. do"


def test_an_empty_or_unreadable_script_changes_nothing(learned: Path, localnpm: Localnpm, tmp_path: Path) -> None:
    file = tmp_path / "mine.md"
    for content, message in ((b" \n", "needs some text"), (b"\xff\xfe", "not UTF-8")):
        file.write_bytes(content)
        ended = localnpm("memory", "edit", "1", "--file", str(file))
        assert ended.code == 1
        assert message in ended.err
    assert len(json.loads(localnpm("memory", "show", "1", "--json").out)["versions"]) == 1


def test_a_procedure_is_switched_off_and_on(learned: Path, localnpm: Localnpm) -> None:
    assert localnpm("memory", "disable", "1").out == "add-a-task is disabled.\n"
    assert localnpm("memory", "list", "--status", "disabled").out.split()[0] == "1"
    assert localnpm("memory", "enable", "add-a-task").out == "add-a-task is active.\n"
    assert len(json.loads(localnpm("memory", "list", "--json", "--status", "active").out)) == 2


def test_a_forgotten_procedure_is_gone_and_its_attempt_stays(learned: Path, localnpm: Localnpm) -> None:
    assert localnpm("memory", "forget", "1", "--yes").out == "Forgot add-a-task.\n"
    assert b"append_file" not in (learned / "memory.db").read_bytes()
    assert localnpm("attempts", "show", "1").code == 0


def test_without_a_yes_no_procedure_is_forgotten(learned: Path, localnpm: Localnpm, start: Callable[..., Any]) -> None:
    assert start("memory", "forget", "1").wait() == 130
    assert localnpm("memory", "show", "1").code == 0


def test_forgetting_an_attempt_says_what_lost_its_text(learned: Path, localnpm: Localnpm) -> None:
    ended = localnpm("attempts", "forget", "1", "--yes")
    assert ended.out == "Forgot 1 attempt.\nEmptied what came from it: add-a-task.\n"
    assert b"append_file" not in (learned / "memory.db").read_bytes()


@pytest.mark.parametrize("command", ["show", "edit", "enable", "disable", "accept", "forget", "export"])
def test_an_unknown_procedure_is_named(learned: Path, localnpm: Localnpm, command: str, tmp_path: Path) -> None:
    more = [str(tmp_path / "out")] if command == "export" else []
    ended = localnpm("memory", command, "nothing", *more)
    assert ended.code == 2
    assert ended.err == "Error: No procedure has the name 'nothing'. `localnpm memory list` shows those there are.\n"


def test_what_is_exported_can_be_imported_and_waits_to_be_enabled(
    learned: Path, localnpm: Localnpm, tmp_path: Path
) -> None:
    out = tmp_path / "skills"
    assert localnpm("memory", "export", "1", str(out), "--vectors").out == f"{out / 'add-a-task'}\n"
    assert sorted(file.name for file in (out / "add-a-task").iterdir()) == [
        "SKILL.md", "add-a-task.gguf", "example.md",
    ]  # fmt: skip
    ended = localnpm("memory", "import", str(out))
    assert ended.out.split()[:2] == ["3", "add-a-task-2"]
    assert json.loads(localnpm("memory", "show", "3", "--json").out)["status"] == "disabled"
    assert localnpm("memory", "enable", "3").code == 0


def test_a_skill_that_cannot_be_read_changes_nothing(learned: Path, localnpm: Localnpm, tmp_path: Path) -> None:
    (tmp_path / "SKILL.md").write_text("---\nname: ../x\x1b\ndescription: d\n---\ntext")
    ended = localnpm("memory", "import", str(tmp_path))
    assert ended.code == 1
    assert "\x1b" not in ended.err
    assert len(json.loads(localnpm("memory", "list", "--json").out)) == 2


def test_the_whole_memory_moves_to_another_home(learned: Path, localnpm: Localnpm, tmp_path: Path) -> None:
    file = tmp_path / "all.db"
    assert localnpm("memory", "export", "--db", str(file)).out.startswith(f"Wrote the whole memory to {file} (")
    assert "into a new home" in localnpm("memory", "import", str(file)).err
    new = ("--home", str(tmp_path / "new"))
    assert localnpm(*new, "memory", "import", str(file)).out.endswith(", with 2 procedures.\n")
    assert len(json.loads(localnpm(*new, "attempts", "list", "--json").out)) == 1


def test_backups_are_made_and_listed(learned: Path, localnpm: Localnpm, tmp_path: Path) -> None:
    assert localnpm("memory", "backup", "--list").err == "There is no backup yet.\n"
    made = localnpm("memory", "backup").out.split()[1]
    assert localnpm("memory", "backup", str(tmp_path / "mine.db")).code == 0
    (line,) = localnpm("memory", "backup", "--list").out.splitlines()
    assert line.split()[2] == "asked"
    assert line.endswith(made)
    assert "is there already" in localnpm("memory", "backup", str(tmp_path / "mine.db")).err
    assert localnpm("memory", "backup", "--force", str(tmp_path / "mine.db")).code == 0


@pytest.mark.parametrize("arguments", [(), ("--db", "all.db", "folder")])
def test_exporting_asks_where_to(learned: Path, localnpm: Localnpm, arguments: tuple[str, ...]) -> None:
    ended = localnpm("memory", "export", *arguments)
    assert ended.code == 2
    assert "Give a FOLDER" in ended.err


def test_importing_what_is_not_there_or_neither_says_so(learned: Path, localnpm: Localnpm, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert "does not exist" in localnpm("memory", "import", str(tmp_path / "nothing")).err
    assert "is neither a folder" in localnpm("memory", "import", str(tmp_path / "notes.txt")).err
