"""Demonstrations on real folders: from what a user did by hand to the calls that would have done it, and its log."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localnpm.engine.messages import ToolCall
from localnpm.errors import LocalnpmError, NotFoundError, WorkspaceError
from localnpm.home import Home
from localnpm.learning import watch
from localnpm.learning.picture_calls import difference
from localnpm.learning.pictures import Bounds, Item, pack, take, unpack
from localnpm.learning.rehearsal import rehearse
from localnpm.learning.text_edits import text_calls
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database

LOOKS = ("list_directory", "read_file")


@dataclass
class Place:
    """A folder, a home beside it, and the memory in it."""

    root: Path
    home: Home
    database: Database

    def start(self, request: str = "Do the thing") -> watch.Watch:
        return watch.start(self.home, self.database, self.root, request)

    def stop(self) -> watch.Demonstration:
        return watch.stop(self.home, self.database, watch.find(self.database, self.root))

    def shown(self, by_hand: Callable[[Path], object]) -> watch.Demonstration:
        """What `stop` makes of what is done by hand."""
        self.start()
        by_hand(self.root)
        return self.stop()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    root = tmp_path / "work"
    (root / "docs").mkdir(parents=True)
    (root / "todo.md").write_text("# Todo\n- [ ] call the bank\n- [ ] water the plants\n")
    (root / "docs/plan.md").write_text("# Plan\nGarden first.\n")
    (root / "photo.jpg").write_bytes(b"\xff\xd8\x00\x01")
    with Database.open(None) as database:
        yield Place(root, Home(tmp_path / "home"), database)


def changes(shown: watch.Demonstration) -> list[str]:
    """The calls but for the looks."""
    return [str(call) for call in shown.calls if call.name not in LOOKS]


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def replace(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


def rename(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


@pytest.mark.parametrize(
    ("by_hand", "calls"),
    [
        (
            lambda root: append(root / "todo.md", "- [ ] buy milk\n"),
            ['append_file(path="todo.md", content="- [ ] buy milk")'],
        ),
        (
            lambda root: replace(root / "todo.md", "[ ] call", "[x] call"),
            ['edit_file(path="todo.md", old_text="- [ ] call the bank", new_text="- [x] call the bank")'],
        ),
        (
            lambda root: replace(root / "todo.md", "- [ ] call the bank\n", ""),
            ['edit_file(path="todo.md", old_text="- [ ] call the bank\\n", new_text="")'],
        ),
        (
            lambda root: (root / "docs/new.md").write_text("# New\n"),
            ['write_file(path="docs/new.md", content="# New\\n")'],
        ),
        (
            lambda root: rename(root / "docs/plan.md", root / "archive/2026/plan.md"),
            ['move_file(source="docs/plan.md", destination="archive/2026/plan.md")'],
        ),
        (
            lambda root: rename(root / "photo.jpg", root / "photos/garden.jpg"),
            ['move_file(source="photo.jpg", destination="photos/garden.jpg")'],
        ),
        (
            lambda root: rename(root / "docs", root / "old/papers"),
            ['move_file(source="docs", destination="old/papers")'],
        ),
        (
            lambda root: shutil.copy(root / "todo.md", root / "todo.md.bak"),
            ['copy_file(source="todo.md", destination="todo.md.bak")'],
        ),
        (lambda root: (root / "june").mkdir(), ['create_directory(path="june")']),
        (lambda root: (root / "photo.jpg").unlink(), ['delete_file(path="photo.jpg")']),
    ],
    ids=["append", "edit", "remove a line", "new file", "move", "move a photo", "move a folder", "copy", "folder",
         "delete"],
)  # fmt: skip
def test_what_is_done_by_hand_is_told_as_the_smallest_call(
    place: Place, by_hand: Callable[[Path], object], calls: list[str]
) -> None:
    assert changes(place.shown(by_hand)) == calls


def test_a_backup_is_made_before_the_change_that_it_is_for(place: Place) -> None:
    def by_hand(root: Path) -> None:
        shutil.copy(root / "todo.md", root / "todo.md.bak")
        append(root / "todo.md", "- [ ] buy milk\n")

    assert [call.name for call in place.shown(by_hand).calls] == [
        "list_directory", "copy_file", "read_file", "append_file",
    ]  # fmt: skip


def test_a_file_moved_and_then_changed_is_moved_and_edited(place: Place) -> None:
    def by_hand(root: Path) -> None:
        rename(root / "todo.md", root / "lists/todo.md")
        replace(root / "lists/todo.md", "[ ] call", "[x] call")

    shown = place.shown(by_hand)
    assert [call.name for call in shown.calls][-3:] == ["move_file", "read_file", "edit_file"]
    assert shown.complete


def test_a_folder_renamed_with_a_change_in_it_is_moved_and_then_edited(place: Place) -> None:
    (place.root / "docs/notes.md").write_text("One.\n")

    def by_hand(root: Path) -> None:
        rename(root / "docs", root / "papers")
        append(root / "papers/plan.md", "Then the shed.\n")

    assert [str(call) for call in place.shown(by_hand).calls][1:] == [
        'move_file(source="docs", destination="papers")',
        'read_file(path="papers/plan.md")',
        'append_file(path="papers/plan.md", content="Then the shed.")',
    ]


def test_a_careful_agent_looks_before_it_changes(place: Place) -> None:
    shown = place.shown(lambda root: append(root / "docs/plan.md", "Then the shed.\n"))
    assert [str(call) for call in shown.calls[:2]] == [
        'list_directory(path="docs")', 'read_file(path="docs/plan.md")',
    ]  # fmt: skip
    assert [step.result for step in shown.steps[:2]] == ["[FILE] plan.md", "# Plan\nGarden first.\n"]


def test_an_accepted_demonstration_is_a_success_of_the_users(place: Place) -> None:
    shown = place.shown(lambda root: append(root / "todo.md", "- [ ] buy milk\n"))
    attempt_id = watch.accept(place.database, shown)
    log = AttemptLog(place.database)
    attempt, outcome = log.attempt(attempt_id), log.outcome(attempt_id)
    assert outcome is not None and (outcome.source, outcome.success) == ("user", True)
    assert (attempt.status, attempt.request, attempt.answer) == ("done", "Do the thing", "Done: added to todo.md.")
    assert log.changed_paths(attempt_id) == ()
    assert watch.watches(place.database) == ()


def test_its_steps_read_like_the_agents_own(place: Place) -> None:
    shown = place.shown(lambda root: append(root / "todo.md", "- [ ] buy milk\n"))
    steps = AttemptLog(place.database).steps(watch.accept(place.database, shown))
    assert [(step.turn, step.tool, step.error) for step in steps] == [
        (1, "list_directory", None), (2, "read_file", None), (3, "append_file", None), (4, None, None),
    ]  # fmt: skip
    assert steps[2].text.startswith('<tool_call>\n{"name": "append_file"')


def test_what_is_no_text_is_said_and_not_guessed(place: Place) -> None:
    def by_hand(root: Path) -> None:
        (root / "photo.jpg").write_bytes(b"\xff\xd8\x00\x02")
        append(root / "todo.md", "- [ ] buy milk\n")

    shown = place.shown(by_hand)
    assert [untold.path for untold in shown.untold] == ["photo.jpg"]
    assert not shown.complete and shown.differing == ()


def test_nothing_that_could_be_told_is_nothing_to_learn_from(place: Place) -> None:
    shown = place.shown(lambda root: (root / "photo.jpg").write_bytes(b"\xff\xd8\x00\x02"))
    with pytest.raises(LocalnpmError, match="nothing to learn from"):
        watch.accept(place.database, shown)


def test_a_symlink_is_said_and_not_guessed(place: Place) -> None:
    shown = place.shown(lambda root: (root / "link").symlink_to("todo.md"))
    assert [untold.path for untold in shown.untold] == ["link"]


def test_nothing_changed_is_told(place: Place) -> None:
    place.start()
    with pytest.raises(LocalnpmError, match="Nothing has changed"):
        place.stop()
    assert len(watch.watches(place.database)) == 1


def test_what_takes_hundreds_of_calls_is_no_task(place: Place) -> None:
    def by_hand(root: Path) -> None:
        for number in range(watch.MOST_CALLS + 1):
            (root / f"{number}.md").write_text(f"{number}\n")

    with pytest.raises(LocalnpmError, match="smaller tasks"):
        place.shown(by_hand)


def test_what_git_ignores_and_editors_leave_is_not_seen(place: Place) -> None:
    (place.root / ".gitignore").write_text("build/\n")

    def by_hand(root: Path) -> None:
        (root / "build").mkdir()
        (root / "build/out.txt").write_text("x")
        (root / ".todo.md.swp").write_bytes(b"\0")
        append(root / "todo.md", "- [ ] buy milk\n")

    assert changes(place.shown(by_hand)) == ['append_file(path="todo.md", content="- [ ] buy milk")']


def test_a_file_that_is_ignored_from_now_on_is_not_taken_for_deleted(place: Place) -> None:
    shown = place.shown(lambda root: (root / ".gitignore").write_text("photo.jpg\n"))
    assert changes(shown) == ['write_file(path=".gitignore", content="photo.jpg\\n")']
    assert [untold.path for untold in shown.untold] == ["photo.jpg"]


def test_calls_that_the_user_edits_are_rehearsed_again(place: Place) -> None:
    shown = place.shown(lambda root: append(root / "todo.md", "- [ ] buy milk\n"))
    call = ToolCall("append_file", {"path": "todo.md", "content": "- [ ] buy oat milk"})
    edited = watch.revised(place.home, place.database, shown, [call])
    assert (changes(edited), edited.differing, edited.complete) == ([str(call)], ("todo.md",), False)


def test_calls_that_would_have_failed_are_not_logged(place: Place) -> None:
    shown = place.shown(lambda root: append(root / "todo.md", "- [ ] buy milk\n"))
    edited = watch.revised(place.home, place.database, shown, [ToolCall("delete_file", {"path": "nowhere.md"})])
    with pytest.raises(LocalnpmError, match="would have failed"):
        watch.accept(place.database, edited)
    assert len(watch.watches(place.database)) == 1


def test_a_folder_is_watched_once(place: Place) -> None:
    place.start()
    with pytest.raises(LocalnpmError, match="being watched already"):
        place.start()


def test_several_folders_are_watched_at_once_and_the_nearest_is_meant(place: Place) -> None:
    place.start("the whole")
    watch.start(place.home, place.database, place.root / "docs", "the part")
    (place.root / "docs/sub").mkdir()
    assert watch.find(place.database, place.root / "docs/sub").request == "the part"
    assert watch.find(place.database, place.root).request == "the whole"


def test_localnpms_home_is_never_looked_at(place: Place) -> None:
    home = Home(place.root / ".localnpm")
    home.root.mkdir()
    (home.root / "memory.db").write_text("private")
    assert not any("localnpm" in path for path in take(place.root, home.root))


def test_a_folder_with_too_much_in_it_is_refused(place: Place) -> None:
    with pytest.raises(WorkspaceError, match="more than 3 files and folders"):
        watch.start(place.home, place.database, place.root, "x", bounds=Bounds(entries=3))
    assert watch.watches(place.database) == ()


def test_a_cancelled_demonstration_leaves_nothing(place: Place) -> None:
    watch.cancel(place.database, place.start())
    with pytest.raises(NotFoundError, match="not being watched"):
        watch.find(place.database, place.root)


def test_an_ended_demonstration_is_not_logged_twice(place: Place) -> None:
    shown = place.shown(lambda root: append(root / "todo.md", "- [ ] buy milk\n"))
    watch.accept(place.database, shown)
    with pytest.raises(NotFoundError, match="ended meanwhile"):
        watch.accept(place.database, shown)


def test_a_demonstration_outlives_the_program(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "memory.db"
    with Database.open(file) as database:
        watch.start(place.home, database, place.root, "Do the thing")
    append(place.root / "todo.md", "- [ ] buy milk\n")
    with Database.open(file) as database:
        shown = watch.stop(place.home, database, watch.find(database, place.root))
    assert shown.complete


LINES = st.lists(st.sampled_from(["a", "b", "c", "", "- [ ] d", "é"]), max_size=6).map("\n".join)
PATHS = st.sampled_from(["a.md", "b.md", "x/a.md", "x/b.md", "x/y/c.md", "z/a.md"])
FILES = st.dictionaries(PATHS, LINES, max_size=5)


@given(FILES, FILES)
@settings(max_examples=40, deadline=None)
def test_the_calls_always_lead_to_what_the_user_left(before: dict[str, str], after: dict[str, str]) -> None:
    old, new = picture(before), picture(after)
    calls, untold = difference(old, new)
    rehearsal = rehearse(old, calls, new)
    assert (untold, rehearsal.differing) == ((), ())
    assert not any(step.failed for step in rehearsal.steps)


@given(LINES, LINES)
@settings(max_examples=40, deadline=None)
def test_no_call_names_more_of_a_text_than_writing_it_would(old: str, new: str) -> None:
    if old and old != new:
        named = sum(len(call.arguments.get("old_text", "")) for call in text_calls("a.md", old, new))
        assert named <= len(old)


@given(FILES)
@settings(max_examples=30, deadline=None)
def test_a_picture_survives_being_stored(files: dict[str, str]) -> None:
    assert unpack(pack(picture(files))) == picture(files)


def picture(files: dict[str, str]) -> dict[str, Item]:
    """Files with their folders, as `take` finds them."""
    found = {path: Item("file", text, text) for path, text in files.items()}
    folders = {str(parent) for path in files for parent in Path(path).parents} - {"."}
    return found | {folder: Item("directory") for folder in folders}
