"""The in-memory workspace: the exact texts of the tools, and what they do to the files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localnpm.evals.habits.arithmetic import calculate, format_number
from localnpm.evals.habits.paths import normalized
from localnpm.evals.habits.workspace import MAX_LINES, SIGNATURES, Workspace

FILES = {
    "todo.md": "a\nb\n",
    "docs/x.txt": "Hello World",
    "docs/sub/y.txt": "",
    "z.csv": "1,2\n1,2\n",
}


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(FILES)


@pytest.mark.parametrize(
    ("tool", "arguments", "text"),
    [
        ("list_directory", {"path": "."}, "[DIR] docs\n[FILE] todo.md\n[FILE] z.csv"),
        ("list_directory", {"path": "docs"}, "[DIR] sub\n[FILE] x.txt"),
        ("list_directory", {"path": "nope"}, "Error: no such directory: nope"),
        ("find_files", {"pattern": "*.txt"}, "docs/sub/y.txt\ndocs/x.txt"),
        ("find_files", {"pattern": "*.TXT"}, "docs/sub/y.txt\ndocs/x.txt"),
        ("find_files", {"pattern": "*.pdf"}, "No files match *.pdf"),
        ("find_files", {"pattern": "*OD*"}, "todo.md"),
        ("find_files", {"pattern": "Z*"}, "z.csv"),
        ("find_files", {"pattern": "x.txt"}, "docs/x.txt"),
        ("find_files", {"pattern": "[xz].*"}, "docs/x.txt\nz.csv"),
        ("find_files", {"pattern": "t?do.*"}, "todo.md"),
        ("search_text", {"query": "hello"}, "docs/x.txt:1: Hello World"),
        ("search_text", {"query": "zzz"}, "No matches for zzz"),
        ("read_file", {"path": "todo.md"}, "a\nb\n"),
        ("read_file", {"path": "./docs/../todo.md"}, "a\nb\n"),
        ("read_file", {"path": "docs/sub/y.txt"}, "(empty file)"),
        ("read_file", {"path": "q.md"}, "Error: no such file: q.md"),
        ("read_file", {"path": "docs"}, "Error: is a directory: docs"),
        ("read_file", {"path": "../q.md"}, "Error: outside the workspace: ../q.md"),
        ("read_file", {"path": "/etc/passwd"}, "Error: outside the workspace: /etc/passwd"),
        ("write_file", {"path": "docs", "content": "x"}, "Error: is a directory: docs"),
        ("write_file", {"path": "z.csv/x", "content": "x"}, "Error: no such directory: z.csv"),
        (
            "edit_file",
            {"path": "todo.md", "old_text": "zz", "new_text": "c"},
            "Error: text not found in todo.md",
        ),
        (
            "edit_file",
            {"path": "z.csv", "old_text": "1,2", "new_text": "c"},
            "Error: text occurs 2 times in z.csv",
        ),
        ("create_directory", {"path": "docs"}, "Created directory docs"),
        ("create_directory", {"path": "todo.md"}, "Error: already exists: todo.md"),
        ("create_directory", {"path": "todo.md/x"}, "Error: already exists: todo.md"),
        ("move_file", {"source": "todo.md", "destination": "z.csv"}, "Error: already exists: z.csv"),
        ("move_file", {"source": "q", "destination": "r"}, "Error: no such file: q"),
        ("move_file", {"source": "docs", "destination": "docs/in"}, "Error: already exists: docs/in"),
        ("copy_file", {"source": "todo.md", "destination": "z.csv"}, "Error: already exists: z.csv"),
        ("copy_file", {"source": "docs", "destination": "d"}, "Error: is a directory: docs"),
        ("delete_file", {"path": "z.csv"}, "Deleted z.csv"),
        ("delete_file", {"path": "docs"}, "Error: is a directory: docs"),
        ("read_file", {}, "Error: missing argument: path"),
        ("shout", {}, "Error: unknown tool: shout"),
    ],
)
def test_a_tool_returns_its_exact_text(workspace: Workspace, tool: str, arguments: dict[str, str], text: str) -> None:
    assert workspace.call(tool, arguments) == text


def test_write_file_makes_the_folders_above(workspace: Workspace) -> None:
    assert workspace.call("write_file", {"path": "new/deep/f.md", "content": "x"}) == "Wrote new/deep/f.md"
    assert workspace.files["new/deep/f.md"] == "x"
    assert workspace.call("list_directory", {"path": "new"}) == "[DIR] deep"


def test_append_file_ends_the_last_line_first(workspace: Workspace) -> None:
    text = workspace.call("append_file", {"path": "docs/x.txt", "content": "more"})
    assert text == "Appended to docs/x.txt"
    assert workspace.files["docs/x.txt"] == "Hello World\nmore\n"


def test_append_file_creates_a_missing_file(workspace: Workspace) -> None:
    workspace.call("append_file", {"path": "n.txt", "content": "one\n"})
    assert workspace.files["n.txt"] == "one\n"


def test_edit_file_replaces_the_one_occurrence(workspace: Workspace) -> None:
    text = workspace.call("edit_file", {"path": "todo.md", "old_text": "a", "new_text": "c"})
    assert text == "Edited todo.md"
    assert workspace.files["todo.md"] == "c\nb\n"


def test_create_directory_makes_an_empty_folder(workspace: Workspace) -> None:
    workspace.call("create_directory", {"path": "p/q"})
    assert workspace.call("list_directory", {"path": "p/q"}) == "(empty)"


def test_move_file_moves_a_folder_with_all_that_is_in_it(workspace: Workspace) -> None:
    text = workspace.call("move_file", {"source": "docs", "destination": "papers/old"})
    assert text == "Moved docs to papers/old"
    assert sorted(workspace.files) == ["papers/old/sub/y.txt", "papers/old/x.txt", "todo.md", "z.csv"]
    assert workspace.call("list_directory", {"path": "docs"}) == "Error: no such directory: docs"


def test_copy_file_keeps_the_original(workspace: Workspace) -> None:
    text = workspace.call("copy_file", {"source": "todo.md", "destination": "b/todo.md"})
    assert text == "Copied todo.md to b/todo.md"
    assert workspace.files["b/todo.md"] == workspace.files["todo.md"] == "a\nb\n"


@pytest.mark.parametrize(
    ("tool", "arguments"), [("find_files", {"pattern": "*.txt"}), ("search_text", {"query": "hit"})]
)
def test_long_results_are_cut(tool: str, arguments: dict[str, str]) -> None:
    many = Workspace({f"f{number:02}.txt": "hit" for number in range(30)})
    assert len(many.call(tool, arguments).splitlines()) == MAX_LINES


def test_arguments_that_are_no_strings_count_as_their_json(workspace: Workspace) -> None:
    workspace.call("write_file", {"path": "n.json", "content": {"a": 1}})
    assert workspace.files["n.json"] == '{"a": 1}'


def test_a_copy_is_a_workspace_of_its_own(workspace: Workspace) -> None:
    workspace.copy().call("delete_file", {"path": "todo.md"})
    assert "todo.md" in workspace.files


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2", "3"),
        ("12.50 + 0.10", "12.6"),
        ("10 / 3", "3.33"),
        ("2 * (3 - 5)", "-4"),
        ("-(1 - 3)", "2"),
        ("0.1 - 0.1", "0"),
        ("-0.001", "0"),
    ],
)
def test_calculate_gives_at_most_two_decimals(workspace: Workspace, expression: str, value: str) -> None:
    assert workspace.call("calculate", {"expression": expression}) == value


@pytest.mark.parametrize("expression", ["1 / 0", "two", "2 **", "", "1 +", "(1", "1)", "9" * 400 + " * 1"])
def test_calculate_refuses_what_has_no_value(workspace: Workspace, expression: str) -> None:
    text = workspace.call("calculate", {"expression": expression})
    assert text == f"Error: cannot calculate: {expression}"


@given(st.lists(st.integers(-999, 999), min_size=1, max_size=6))
def test_calculate_agrees_with_python_on_sums(numbers: list[int]) -> None:
    assert calculate(" + ".join(f"({number})" for number in numbers)) == str(sum(numbers))


@given(st.floats(-1e6, 1e6))
def test_a_formatted_number_is_within_half_a_cent(value: float) -> None:
    assert abs(float(format_number(value)) - value) <= 0.00501


@given(st.text(alphabet="ab./ ", max_size=12))
def test_a_normalized_path_stays_inside_and_normal(path: str) -> None:
    inside = normalized(path)
    if inside:
        assert not inside.startswith("/")
        assert not {"", ".", ".."} & set(inside.split("/"))
        assert normalized(inside) == inside


@settings(max_examples=50)
@given(
    st.lists(
        st.sampled_from(list(SIGNATURES)).flatmap(
            lambda tool: st.tuples(
                st.just(tool),
                st.fixed_dictionaries(
                    {
                        name: st.sampled_from(["todo.md", "docs", "docs/x.txt", "new/a", "..", ".", "z.csv/q", "a"])
                        for name in SIGNATURES[tool]
                    }
                ),
            )
        ),
        max_size=8,
    )
)
def test_after_any_calls_the_folders_of_all_files_exist_and_are_no_files(
    calls: list[tuple[str, dict[str, str]]],
) -> None:
    workspace = Workspace(FILES)
    for tool, arguments in calls:
        workspace.call(tool, arguments)
    assert Workspace(workspace.files).folders <= workspace.folders
    assert not workspace.folders & set(workspace.files)
