"""Listing, finding, searching and reading: texts, order, bounds, and what git ignores."""

import os
from pathlib import Path
from typing import Any

import pytest

from localnpm.agent.workspace import READ_BYTES, SEARCHED_BYTES, Workspace
from localnpm.errors import ToolError


def put(root: Path, path: str, text: str | bytes = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(text if isinstance(text, bytes) else text.encode())


def test_a_listing_has_folders_first_each_group_sorted(desk: Any) -> None:
    for path in ("b.md", "a.md", "z/x", "Docs/x"):
        put(desk.root, path)
    assert desk.call("list_directory", path=".") == "[DIR] Docs\n[DIR] z\n[FILE] a.md\n[FILE] b.md"


def test_an_empty_folder_is_told_as_empty(desk: Any) -> None:
    assert desk.call("list_directory", path="") == "(empty)"


def test_found_paths_are_in_the_order_of_whole_paths(desk: Any) -> None:
    for path in ("a.md", "a/z.md", "a-b/x.md", "b.md", "a/b/c.md"):
        put(desk.root, path)
    assert desk.call("find_files", pattern="*.MD") == "a-b/x.md\na.md\na/b/c.md\na/z.md\nb.md"


@pytest.mark.parametrize("hits", [20, 200])
def test_finding_and_searching_stop_at_the_number_of_hits(tmp_path: Path, hits: int) -> None:
    for number in range(250):
        put(tmp_path, f"{number:03}.txt", "word\n")
    workspace = Workspace(tmp_path, hits=hits)
    assert len(workspace.find_files("*.txt").splitlines()) == hits
    assert len(workspace.search_text("WORD").splitlines()) == hits


def test_searching_gives_path_line_number_and_line(desk: Any) -> None:
    put(desk.root, "docs/notes.md", "Milk\nbread\nmore MILK \n")
    assert desk.call("search_text", query="milk") == "docs/notes.md:1: Milk\ndocs/notes.md:3: more MILK "


def test_searching_passes_over_what_is_not_text_and_what_is_too_large(desk: Any) -> None:
    put(desk.root, "picture.png", b"\x89PNG milk \0")
    put(desk.root, "latin.txt", "milk für alle".encode("latin-1"))
    put(desk.root, "huge.txt", b"milk\n" * (SEARCHED_BYTES // 5 + 1))
    put(desk.root, "small.txt", "milk")
    assert desk.call("search_text", query="milk") == "small.txt:1: milk"


def test_what_gitignore_names_is_left_out_of_listings_and_searches(desk: Any) -> None:
    put(desk.root, ".gitignore", "*.log\nbuild/\n/only-here\n!keep.log\n")
    for path in (
        "a.log",
        "keep.log",
        "build/x.md",
        "sub/b.log",
        "only-here",
        "sub/only-here",
        ".git/config",
        "sub/build/y",
    ):
        put(desk.root, path, "milk")
    assert desk.call("list_directory", path=".") == "[DIR] sub\n[FILE] .gitignore\n[FILE] keep.log"
    assert desk.call("find_files", pattern="*") == ".gitignore\nkeep.log\nsub/only-here"
    assert desk.call("search_text", query="milk") == "keep.log:1: milk\nsub/only-here:1: milk"


def test_a_nested_gitignore_decides_below_its_folder(desk: Any) -> None:
    put(desk.root, ".gitignore", "*.tmp\n")
    put(desk.root, "sub/.gitignore", "!kept.tmp\n/own\n")
    for path in ("kept.tmp", "sub/kept.tmp", "sub/x.tmp", "sub/own", "own", "sub/deep/own"):
        put(desk.root, path)
    assert desk.call("find_files", pattern="[!.]*") == "own\nsub/deep/own\nsub/kept.tmp"
    assert desk.call("list_directory", path="sub") == "[DIR] deep\n[FILE] .gitignore\n[FILE] kept.tmp"


def test_a_line_that_makes_no_sense_in_gitignore_is_passed_over(desk: Any) -> None:
    put(desk.root, ".gitignore", "!\n*.log\n")
    put(desk.root, "a.log")
    put(desk.root, "a.md")
    assert desk.call("find_files", pattern="a*") == "a.md"


def test_an_ignored_folder_is_listed_when_it_is_asked_for(desk: Any) -> None:
    put(desk.root, ".gitignore", "build/\n")
    put(desk.root, "build/out.txt", "made")
    assert desk.call("list_directory", path="build") == "[FILE] out.txt"
    assert desk.call("read_file", path="build/out.txt") == "made"


def test_ignored_files_are_shown_to_who_wants_them(tmp_path: Path) -> None:
    put(tmp_path, ".gitignore", "*.log\n")
    put(tmp_path, "a.log", "milk")
    assert Workspace(tmp_path, show_ignored=True).search_text("milk") == "a.log:1: milk"


def test_reading_gives_the_content_as_it_is(desk: Any) -> None:
    put(desk.root, "a.txt", "\ufeffone\r\ntwo\n\n")
    put(desk.root, "empty.txt")
    assert desk.call("read_file", path="a.txt") == "\ufeffone\r\ntwo\n\n"
    assert desk.call("read_file", path="empty.txt") == "(empty file)"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", "für".encode("latin-1"), b"ok" * READ_BYTES + b"\xc3"])
def test_what_is_not_utf8_text_is_no_text_file(desk: Any, content: bytes) -> None:
    put(desk.root, "x", content)
    assert desk.call("read_file", path="x") == "Error: not a text file: x"
    assert desk.call("append_file", path="x", content="y") == "Error: not a text file: x"
    assert desk.call("edit_file", path="x", old_text="k", new_text="y") == "Error: not a text file: x"


def test_a_long_file_is_cut_at_a_lines_end_and_its_lines_counted(desk: Any) -> None:
    line = "é" * 99 + "\n"
    put(desk.root, "long.txt", line * 20_000)
    *shown, last = desk.call("read_file", path="long.txt").split("\n")
    assert {text + "\n" for text in shown} == {line}
    assert last == f"[cut: {len(shown)} of 20001 lines]"
    assert READ_BYTES - 200 < len((line * len(shown)).encode()) <= READ_BYTES


def test_a_long_file_of_one_line_is_cut_between_characters(desk: Any) -> None:
    put(desk.root, "long.txt", "é" * READ_BYTES)
    text, last = desk.call("read_file", path="long.txt").split("\n")
    assert text == "é" * (READ_BYTES // 2)
    assert last == "[cut: 0 of 1 lines]"


def test_an_unreadable_gitignore_hides_nothing(desk: Any) -> None:
    put(desk.root, ".gitignore/x", "")
    put(desk.root, "a.md", "")
    assert desk.call("find_files", pattern="*.md") == "a.md"


def test_a_name_that_is_not_utf8_is_shown_and_breaks_nothing(desk: Any) -> None:
    handle = os.open(os.fsencode(desk.root) + b"/\xff.txt", os.O_CREAT | os.O_WRONLY)
    os.write(handle, b"milk")
    os.close(handle)
    assert desk.call("list_directory", path=".") == "[FILE] \ufffd.txt"
    assert desk.call("search_text", query="milk") == "\ufffd.txt:1: milk"


def test_a_search_that_takes_too_long_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    put(tmp_path, "a.md", "milk")
    workspace = Workspace(tmp_path, search_seconds=0)
    stopped = "[stopped after 0 seconds; not all files were searched]"
    assert (workspace.find_files("*"), workspace.search_text("milk")) == (stopped, stopped)


def test_text_is_read_without_the_word_for_an_empty_file(tmp_path: Path) -> None:
    put(tmp_path, "AGENTS.md")
    assert Workspace(tmp_path).read_text("AGENTS.md") == ""
    with pytest.raises(ToolError, match="no such file: missing"):
        Workspace(tmp_path).read_text("missing")
