"""Whatever calls an attempt makes: undo leaves what was there before it, redo what was there after it."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localnpm.memory.database import Database

FOLDERS = ["a", "b", "c"]
NAMES = ["x", "y", "z"]
PATHS = st.lists(st.sampled_from(FOLDERS), max_size=2).flatmap(
    lambda folders: st.sampled_from([*NAMES, *FOLDERS]).map(lambda name: "/".join([*folders, name]))
)
TEXTS = st.sampled_from(["", "one", "one\n", "two\nlines\n", "é\n"])
CALLS = st.one_of(
    st.tuples(st.just("write_file"), st.fixed_dictionaries({"path": PATHS, "content": TEXTS})),
    st.tuples(st.just("append_file"), st.fixed_dictionaries({"path": PATHS, "content": TEXTS})),
    st.tuples(
        st.just("edit_file"),
        st.fixed_dictionaries({"path": PATHS, "old_text": st.just("one"), "new_text": TEXTS}),
    ),
    st.tuples(st.just("create_directory"), st.fixed_dictionaries({"path": PATHS})),
    st.tuples(st.just("move_file"), st.fixed_dictionaries({"source": PATHS, "destination": PATHS})),
    st.tuples(st.just("copy_file"), st.fixed_dictionaries({"source": PATHS, "destination": PATHS})),
    st.tuples(st.just("delete_file"), st.fixed_dictionaries({"path": PATHS})),
)
BEGIN = st.just(("begin", {}))
RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def fill(root: Path) -> None:
    """Something to work on: files with modes of their own, a symlink, an empty folder, bytes that are not text."""
    (root / "a/b").mkdir(parents=True)
    (root / "c").mkdir(mode=0o750)
    for name, content, mode in [("x", b"one", 0o600), ("a/x", b"one\n", 0o755), ("a/b/y", b"\xff\0", 0o644)]:
        (root / name).write_bytes(content)
        (root / name).chmod(mode)
    (root / "a/z").symlink_to("b/y")
    (root / "y").symlink_to("nowhere")


@RELAXED
@given(st.lists(st.one_of(*[CALLS] * 7, BEGIN), min_size=1, max_size=14))
def test_undoing_all_attempts_and_redoing_them_brings_each_state_back(
    new_desk: Callable[..., Any], calls: list[tuple[str, dict[str, str]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, Database.open(None) as db:
        root, home = Path(folder) / "workspace", Path(folder) / "home"
        root.mkdir()
        fill(root)
        desk = new_desk(root, home, db)
        states = {desk.attempt: desk.tree()}
        for tool, arguments in calls:
            if tool == "begin":
                states[desk.begin()] = desk.tree()
            else:
                desk.call(tool, **arguments)
        last = desk.tree()
        changed = [row["id"] for row in db.query("SELECT DISTINCT attempt_id AS id FROM changes ORDER BY 1")]
        for attempt in reversed(changed):
            report = desk.undo()
            assert (report.attempt_id, report.refused) == (attempt, ())
            assert desk.tree() == states[attempt]
        for place, attempt in enumerate(changed):
            report = desk.redo()
            assert (report.attempt_id, report.refused) == (attempt, ())
            assert desk.tree() == (states[changed[place + 1]] if place + 1 < len(changed) else last)
