"""Nothing outside the workspace is read or written, however it is spelled, linked or swapped."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localnpm.agent.tools import FileTools
from localnpm.agent.workspace import Workspace
from localnpm.engine.messages import ToolCall
from localnpm.errors import WorkspaceError

SECRET = "the secret"
PATH_TOOLS: list[tuple[str, dict[str, str]]] = [
    ("list_directory", {}),
    ("read_file", {}),
    ("write_file", {"content": "x"}),
    ("append_file", {"content": "x"}),
    ("edit_file", {"old_text": "secret", "new_text": "x"}),
    ("create_directory", {}),
    ("delete_file", {}),
]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def outside(desk: Any) -> Path:
    """A folder beside the workspace with a secret in it."""
    folder: Path = desk.root.parent / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_text(SECRET)
    return folder


@pytest.mark.parametrize(("tool", "arguments"), PATH_TOOLS, ids=[tool for tool, _ in PATH_TOOLS])
@pytest.mark.parametrize(
    "path", ["../outside/secret.txt", "a/../../outside/secret.txt", "~/x", "~root/x", "\\\\host\\x", "c:/x"]
)
def test_a_path_that_leads_out_is_refused_as_it_was_written(
    desk: Any, tool: str, arguments: dict[str, str], path: str
) -> None:
    assert desk.call(tool, path=path, **arguments) == f"Error: outside the workspace: {path}"


@pytest.mark.parametrize(("tool", "arguments"), PATH_TOOLS, ids=[tool for tool, _ in PATH_TOOLS])
def test_an_absolute_path_is_refused_even_when_it_leads_in(desk: Any, tool: str, arguments: dict[str, str]) -> None:
    path = str(desk.root / "notes.md")
    assert desk.call(tool, path=path, **arguments) == f"Error: outside the workspace: {path}"


@pytest.mark.parametrize("target", ["{outside}/secret.txt", "../outside/secret.txt", "folder/../../outside/secret.txt"])
@pytest.mark.parametrize("tool", ["read_file", "write_file", "append_file", "edit_file"])
def test_a_symlink_to_a_file_outside_is_not_followed(desk: Any, outside: Path, tool: str, target: str) -> None:
    (desk.root / "folder").mkdir()
    (desk.root / "link").symlink_to(target.format(outside=outside))
    arguments = dict(PATH_TOOLS)[tool]
    assert desk.call(tool, path="link", **arguments) == "Error: outside the workspace: link"
    assert (outside / "secret.txt").read_text() == SECRET


@pytest.mark.parametrize(("tool", "arguments"), PATH_TOOLS, ids=[tool for tool, _ in PATH_TOOLS])
def test_a_symlink_to_a_folder_outside_is_not_entered(
    desk: Any, outside: Path, tool: str, arguments: dict[str, str]
) -> None:
    (desk.root / "link").symlink_to(outside)
    assert desk.call(tool, path="link/secret.txt", **arguments) == "Error: outside the workspace: link/secret.txt"
    assert names(outside) == ["secret.txt"]


def test_nothing_is_moved_or_copied_out_or_in_through_a_symlink(desk: Any, outside: Path) -> None:
    (desk.root / "mine").write_text("mine")
    (desk.root / "link").symlink_to(outside)
    for tool in ("move_file", "copy_file"):
        assert desk.call(tool, source="mine", destination="link/x") == "Error: outside the workspace: link/x"
        assert desk.call(tool, source="link/secret.txt", destination="x") == (
            "Error: outside the workspace: link/secret.txt"
        )
    assert names(outside) == ["secret.txt"]


def test_listings_and_searches_do_not_look_through_a_symlink_that_leads_out(desk: Any, outside: Path) -> None:
    (desk.root / "folder").symlink_to(outside)
    (desk.root / "file.txt").symlink_to(outside / "secret.txt")
    assert desk.call("search_text", query="secret") == "No matches for secret"
    assert desk.call("find_files", pattern="*") == "No files match *"
    assert desk.call("list_directory", path=".") == "[FILE] file.txt\n[FILE] folder"


def test_a_symlink_that_stays_inside_is_followed(desk: Any) -> None:
    (desk.root / "real").mkdir()
    (desk.root / "real/notes.md").write_text("one\n")
    (desk.root / "relative").symlink_to("real/../real")
    (desk.root / "absolute").symlink_to(desk.root / "real")
    (desk.root / "real/up").symlink_to("..")
    assert desk.call("read_file", path="relative/notes.md") == "one\n"
    assert desk.call("read_file", path="absolute/notes.md") == "one\n"
    assert desk.call("append_file", path="real/up/absolute/notes.md", content="two") == (
        "Appended to real/up/absolute/notes.md"
    )
    assert (desk.root / "real/notes.md").read_text() == "one\ntwo\n"


def test_writing_to_a_symlink_writes_its_target_and_deleting_it_deletes_the_symlink(desk: Any) -> None:
    (desk.root / "notes.md").write_text("one\n")
    (desk.root / "link").symlink_to("notes.md")
    desk.call("write_file", path="link", content="two\n")
    assert (desk.root / "notes.md").read_text() == "two\n"
    desk.call("delete_file", path="link")
    assert names(desk.root) == ["notes.md"]


def test_symlinks_without_end_lead_nowhere(desk: Any) -> None:
    (desk.root / "a").symlink_to("b")
    (desk.root / "b").symlink_to("a")
    assert desk.call("read_file", path="a") == "Error: no such file: a"
    assert desk.call("list_directory", path="a/x") == "Error: no such directory: a/x"


def test_a_name_that_cannot_be_is_an_error_and_changes_nothing(desk: Any) -> None:
    long = "x" * 300
    assert desk.call("write_file", path="a\0b", content="") == "Error: invalid tool call: not a file name: a\0b"
    assert desk.call("read_file", path="a\0b") == "Error: invalid tool call: not a file name: a\0b"
    assert desk.call("write_file", path=f"new/{long}", content="") == (
        f"Error: invalid tool call: the name is too long: new/{long}"
    )
    assert desk.call("write_file", path="\ud800", content="") == "Error: invalid tool call: not a file name: \ufffd"
    assert desk.tree() == {}


def test_a_path_longer_than_the_system_takes_at_once_is_walked(desk: Any) -> None:
    path = "/".join(["d" * 100] * 60) + "/file"
    assert desk.call("write_file", path=path, content="deep") == f"Wrote {path}"
    assert desk.call("read_file", path=path) == "deep"


def test_home_inside_the_workspace_is_neither_shown_nor_read_nor_written(desk: Any) -> None:
    home = desk.root / "home"
    home.mkdir()
    (home / "memory.db").write_text(SECRET)
    (desk.root / "link").symlink_to("home")
    desk.tools = FileTools(Workspace(desk.root, protected=(home,)))
    assert desk.call("list_directory", path=".") == "[FILE] link"
    assert desk.call("search_text", query="secret") == "No matches for secret"
    for path in ("home/memory.db", "link/memory.db", "home"):
        for tool, arguments in PATH_TOOLS:
            expected = f"Error: outside the workspace: {path}"
            assert desk.call(tool, path=path, **arguments) == expected
    assert (home / "memory.db").read_text() == SECRET


def test_a_folder_that_holds_home_is_not_moved(desk: Any) -> None:
    home = desk.root / "mine/data/home"
    home.mkdir(parents=True)
    desk.tools = FileTools(Workspace(desk.root, protected=(home,)))
    assert desk.call("move_file", source="mine", destination="x") == "Error: outside the workspace: mine"


def test_a_protected_file_that_does_not_exist_yet_cannot_be_made(desk: Any) -> None:
    desk.tools = FileTools(Workspace(desk.root, protected=(desk.root / "memory.db",)))
    assert desk.call("write_file", path="memory.db", content="") == "Error: outside the workspace: memory.db"


def test_a_workspace_within_home_is_refused(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with pytest.raises(WorkspaceError, match="localnpm's own folder"):
        Workspace(tmp_path / "work", protected=(tmp_path,))


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_root_that_is_no_folder_is_refused_with_its_name(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "root"
    if kind == "file":
        root.write_text("")
    with pytest.raises(WorkspaceError, match=str(root)):
        Workspace(root)


def test_a_workspace_that_vanishes_is_told_by_every_tool(desk: Any) -> None:
    desk.root.rmdir()
    for tool, arguments in PATH_TOOLS:
        with pytest.raises(WorkspaceError, match="is not there"):
            desk.call(tool, path="x", **arguments)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["..", ".", "", "a", "b", "link", "out", "secret.txt", "~", "/"]), max_size=8).map(
        "/".join
    )
    | st.text(max_size=8)
)
def test_no_spelling_reads_the_secret_or_changes_what_is_outside(confined: Callable[[str], str], path: str) -> None:
    assert SECRET not in confined(path)


@pytest.fixture(scope="module")
def confined(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Reads and writes a path in a workspace full of symlinks; what was read, and an outcry if something got out."""
    top = tmp_path_factory.mktemp("confined")
    root = top / "root"
    (root / "a/b").mkdir(parents=True)
    (top / "secret.txt").write_text(SECRET)
    for link, target in [
        ("link", ".."),
        ("a/link", "../.."),
        ("a/b/link", "../../.."),
        ("out", "/"),
        ("a/out", str(top)),
    ]:
        (root / link).symlink_to(target)
    tools = FileTools(Workspace(root))

    def attempt(path: str) -> str:
        results = [
            tools.perform(tools.prepare(ToolCall(tool, {"path": path} | more)), None) for tool, more in PATH_TOOLS
        ]
        assert names(top) == ["root", "secret.txt"]
        assert (top / "secret.txt").read_text() == SECRET
        return "".join(results)

    return attempt


def swap_until(stop: threading.Event, root: Path, outside: Path) -> None:
    """Make `root/folder` a folder and a symlink out, in turns."""
    while not stop.is_set():
        # The tools make a folder of that name where they find none, and then the next turn tries again.
        with suppress(OSError):
            (root / "folder").rename(root / "aside")
            (root / "folder").symlink_to(outside)
        with suppress(OSError):
            (root / "folder").unlink()
        with suppress(OSError):
            (root / "aside").rename(root / "folder")


def test_a_folder_swapped_for_a_symlink_meanwhile_does_not_lead_out(desk: Any, outside: Path) -> None:
    (desk.root / "folder").mkdir()
    (desk.root / "folder/secret.txt").write_text("mine")
    tools = FileTools(Workspace(desk.root))
    stop = threading.Event()
    racer = threading.Thread(target=swap_until, args=(stop, desk.root, outside))
    racer.start()
    results = set()
    try:
        for number in range(100):
            for call in (
                *[ToolCall("read_file", {"path": "folder/secret.txt"})] * 20,
                ToolCall("write_file", {"path": "folder/new.txt", "content": str(number)}),
                ToolCall("delete_file", {"path": "folder/new.txt"}),
            ):
                results.add(tools.perform(tools.prepare(call), None))
    finally:
        stop.set()
        racer.join()
    assert not [result for result in results if SECRET in result]
    assert names(outside) == ["secret.txt"]
    assert (outside / "secret.txt").read_text() == SECRET
