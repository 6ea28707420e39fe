"""The tools' two phases: what a call would do, and doing it; the texts of results and errors."""

from pathlib import Path
from typing import Any

import pytest

from localnpm.agent.prepared import Risk
from localnpm.agent.tools import FileTools
from localnpm.agent.workspace import Workspace
from localnpm.engine.messages import ToolCall


@pytest.fixture
def notes(desk: Any) -> Path:
    path: Path = desk.root / "notes.md"
    path.write_text("one\ntwo\n")
    return path


CHANGING = [
    ("write_file", {"path": "new/a.md", "content": "x"}),
    ("append_file", {"path": "notes.md", "content": "x"}),
    ("edit_file", {"path": "notes.md", "old_text": "one", "new_text": "1"}),
    ("create_directory", {"path": "a/b"}),
    ("move_file", {"source": "notes.md", "destination": "a/b"}),
    ("copy_file", {"source": "notes.md", "destination": "a/b"}),
    ("delete_file", {"path": "notes.md"}),
]


@pytest.mark.parametrize(("tool", "arguments"), CHANGING, ids=[tool for tool, _ in CHANGING])
def test_preparing_changes_nothing(desk: Any, notes: Path, tool: str, arguments: dict[str, str]) -> None:
    before = desk.tree()
    prepared = desk.prepare(tool, **arguments)
    assert (prepared.risk, prepared.result) == (Risk.CHANGE, None)
    assert prepared.diff
    assert desk.tree() == before
    assert desk.db.query("SELECT * FROM changes") == []


def test_a_file_changed_between_asking_and_doing_is_not_overwritten(desk: Any, notes: Path) -> None:
    prepared = desk.prepare("write_file", path="notes.md", content="mine")
    notes.write_text("someone else's")
    assert desk.tools.perform(prepared, None) == (
        "Error: invalid tool call: notes.md was changed meanwhile; look at it again"
    )
    assert notes.read_text() == "someone else's"


def test_a_file_that_appears_between_asking_and_doing_is_not_overwritten(desk: Any, notes: Path) -> None:
    prepared = desk.prepare("move_file", source="notes.md", destination="new.md")
    (desk.root / "new.md").write_text("someone else's")
    assert desk.tools.perform(prepared, None) == "Error: already exists: new.md"
    assert (desk.root / "new.md").read_text() == "someone else's"


def test_writing_what_is_there_already_needs_no_leave_and_leaves_no_row(desk: Any, notes: Path) -> None:
    prepared = desk.prepare("write_file", path="notes.md", content="one\ntwo\n")
    assert (prepared.result, prepared.changes) == ("Wrote notes.md", ())
    assert desk.tools.perform(prepared, None) == "Wrote notes.md"


def test_the_diff_of_an_edit_is_a_unified_diff(desk: Any) -> None:
    (desk.root / "a.md").write_text("".join(f"{number}\n" for number in range(1, 11)))
    diff = desk.prepare("edit_file", path="a.md", old_text="8\n", new_text="eight\nacht\n").diff
    assert diff == "--- a/a.md\n+++ b/a.md\n@@ -5,6 +5,7 @@\n 5\n 6\n 7\n-8\n+eight\n+acht\n 9\n 10\n"


def test_the_diff_says_where_a_line_end_is_missing(desk: Any, notes: Path) -> None:
    assert desk.prepare("write_file", path="notes.md", content="one\nzwei").diff == (
        "--- a/notes.md\n+++ b/notes.md\n@@ -1,2 +1,2 @@\n one\n-two\n+zwei\n\\ No newline at end of file\n"
    )


def test_the_diff_of_a_new_file_names_the_folders_that_are_made(desk: Any) -> None:
    prepared = desk.prepare("write_file", path="a/b/c.md", content="x\n")
    assert prepared.diff == "new directory a\nnew directory a/b\n--- /dev/null\n+++ b/a/b/c.md\n@@ -0,0 +1 @@\n+x\n"
    assert prepared.paths == ("a/b/c.md",)


def test_a_diff_of_much_that_differs_is_made_at_once(desk: Any) -> None:
    (desk.root / "a").write_text("".join(f"{number}\n" for number in range(50_000)))
    new = "".join(f"{number}\n" for number in range(50_000, 0, -1))
    diff = desk.prepare("write_file", path="a", content=new).diff
    assert len(diff.splitlines()) == 100_003


@pytest.mark.parametrize(
    ("tool", "arguments", "result"),
    [
        ("fly", {}, "Error: unknown tool: fly"),
        ("run_command", {"command": "ls"}, "Error: unknown tool: run_command"),
        ("write_file", {"path": "x"}, "Error: missing argument: content"),
        ("write_file", {"path": None, "content": ""}, "Error: missing argument: path"),
        ("calculate", {"expression": "2 *"}, "Error: cannot calculate: 2 *"),
        ("calculate", {"expression": 12.5}, "12.5"),
        ("read_file", {"path": "notes.md/x"}, "Error: no such file: notes.md/x"),
        ("write_file", {"path": "notes.md/x", "content": ""}, "Error: no such directory: notes.md"),
        ("list_directory", {"path": "notes.md"}, "Error: no such directory: notes.md"),
        ("edit_file", {"path": "notes.md", "old_text": "o", "new_text": ""}, "Error: text occurs 2 times in notes.md"),
        ("edit_file", {"path": "notes.md", "old_text": "", "new_text": ""}, "Error: text not found in notes.md"),
        ("delete_file", {"path": "."}, "Error: is a directory: ."),
        ("copy_file", {"source": "notes.md", "destination": "notes.md"}, "Error: already exists: notes.md"),
        ("write_file", {"path": "x", "content": "\ud800"},
         "Error: invalid tool call: the text has a character that UTF-8 cannot write"),
    ],
)  # fmt: skip
def test_a_call_that_cannot_be_carried_out_says_why(
    desk: Any, notes: Path, tool: str, arguments: dict[str, object], result: str
) -> None:
    assert desk.call(tool, **arguments) == result


def test_arguments_that_are_no_text_become_their_json(desk: Any) -> None:
    desk.call("write_file", path="a.json", content={"a": [1, "ü"]})
    assert (desk.root / "a.json").read_text() == '{"a": [1, "\\u00fc"]}'


def test_a_moved_folder_takes_its_contents_along(desk: Any) -> None:
    desk.call("write_file", path="a/x/y.md", content="y")
    assert desk.call("move_file", source="a", destination="b/c") == "Moved a to b/c"
    assert (desk.root / "b/c/x/y.md").read_text() == "y"
    assert desk.call("move_file", source="b", destination="b/d") == "Error: already exists: b/d"


def test_a_summary_is_one_line_of_at_most_100_characters(desk: Any) -> None:
    prepared = desk.prepare("write_file", path="a\nb" + "x" * 200, content="")
    assert "\n" not in prepared.summary
    assert len(prepared.summary) == 100


def test_reading_tools_are_without_risk(desk: Any) -> None:
    for tool, arguments in [("read_file", {"path": "x"}), ("calculate", {"expression": "1"}), ("fly", {})]:
        assert desk.prepare(tool, **arguments).risk is Risk.READ


def test_models_are_told_of_each_tool_with_its_arguments(desk: Any) -> None:
    told = {schema.name: schema.parameters["required"] for schema in desk.tools.schemas()}
    assert len(told) == 12
    assert told["edit_file"] == ["path", "old_text", "new_text"]
    assert "run_command" not in told


def test_without_a_journal_a_change_is_made_and_said_not_to_be_undoable(tmp_path: Path) -> None:
    tools = FileTools(Workspace(tmp_path))
    prepared = tools.prepare(ToolCall("write_file", {"path": "a", "content": "x"}))
    assert not prepared.undoable
    assert tools.perform(prepared, None) == "Wrote a"
    assert (tmp_path / "a").read_text() == "x"
