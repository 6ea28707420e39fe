"""Practice on real files with the bundled model: only in scratch copies, logged as practice, and learned from."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from localnpm.agent.entries import KEPT_INLINE
from localnpm.agent.events import Practised
from localnpm.agent.jail import probe
from localnpm.agent.options import Options
from localnpm.agent.scripted import ScriptedModel, call
from localnpm.agent.workbench import Workbench
from localnpm.config import Settings
from localnpm.engine.cancel import Cancel
from localnpm.errors import WorkspaceError
from localnpm.home import Home
from localnpm.learning.practice import Practice, queue
from localnpm.learning.scratch import PREFIX, copy_tree, scratch_before
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.changes import ChangeLog
from localnpm.memory.database import Database

needs_jail = pytest.mark.skipif(probe().mechanism is None, reason=f"no jail here: {probe().why_not()}")
TO_TRASH = call("move_file", source="draft.md", destination="trash/draft.md")
TO_ARCHIVE = call("move_file", source="draft.md", destination="archive/draft.md")
CHECK = "test -f archive/draft.md"


@pytest.fixture
def database(tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    with Database.open(home.memory) as opened:
        yield opened


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "work"
    (folder / "notes").mkdir(parents=True)
    (folder / "draft.md").write_text("a draft\n")
    (folder / "notes/plan.md").write_text("a plan\n")
    (folder / "link.md").symlink_to(folder / "notes/plan.md")
    return folder


@pytest.fixture
def failed(database, work, tmp_path) -> Callable[..., int]:
    """Log an attempt that the model carried out by these turns, and that failed its check."""

    def attempt(*turns: object, check: str | None = CHECK) -> int:
        options = Options(workspace=work, allow=frozenset({"write"}))
        model = ScriptedModel(*turns, "Done.")
        with Workbench(Home(tmp_path / "home"), Settings(), options, model, database) as bench:
            result = list(bench.run("Remove draft.md", bench.new_session("x")))[-1]
        if check is not None:
            bench.log.keep_check(result.attempt_id, check)
        bench.log.add_verdict(result.attempt_id, "check", False)
        return result.attempt_id

    return attempt


@pytest.fixture
def practise(database, tmp_path, embedder):
    def run(*turns: object) -> list[Practised]:
        practice = Practice(
            Home(tmp_path / "home"), Settings(), ScriptedModel(*turns), database, embedder, Random(1)
        )  # fmt: skip
        seen = practice.run(queue(database, 5), seconds=60, cancel=Cancel())
        return [event for event in seen if isinstance(event, Practised)]

    return run


def look(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything in a folder, with the times and numbers that any writing would change."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_ino, path.lstat().st_ctime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@needs_jail
def test_a_task_is_tried_until_its_check_passes_and_the_real_files_are_never_written(failed, practise, work, database):
    task = failed(TO_TRASH)
    before = look(work)
    tries = practise(TO_TRASH, "Done.", TO_ARCHIVE, "Done.")
    assert [(each.practised, each.success) for each in tries] == [(task, False), (task, True)]
    assert look(work) == before


@needs_jail
def test_a_check_that_names_the_real_files_cannot_write_to_them(failed, practise, work):
    failed(TO_TRASH, check=f"echo spoiled > {work}/notes/plan.md; rm -rf {work}/notes; false")
    before = look(work)
    practise(*[turn for _ in range(6) for turn in (TO_ARCHIVE, "Done.")])
    assert look(work) == before


@needs_jail
def test_every_try_is_logged_as_practice_and_undone(failed, practise, database):
    task = failed(TO_TRASH)
    practise(TO_ARCHIVE, "Done.")
    tried = AttemptLog(database).attempts(limit=1)[0]
    assert (tried.practice, tried.retry_of, tried.undone_at is not None) == (True, task, True)
    assert AttemptLog(database).outcome(tried.id).success


@needs_jail
def test_the_tries_after_the_first_are_drawn_at_higher_temperatures(failed, practise, database):
    failed(TO_TRASH)
    practise(TO_TRASH, "Done.", TO_TRASH, "Done.", TO_ARCHIVE, "Done.")
    drawn = [attempt.sampling["temperature"] for attempt in reversed(AttemptLog(database).attempts(limit=3))]
    assert drawn == sorted(drawn) and drawn[0] < drawn[1] < drawn[2]


@needs_jail
def test_a_task_that_has_succeeded_in_practice_leaves_the_queue(failed, practise, database):
    failed(TO_TRASH)
    practise(TO_ARCHIVE, "Done.")
    assert queue(database, 5) == ()


@needs_jail
def test_a_check_that_cannot_do_its_work_counts_nothing_and_its_task_is_left(failed, practise, database):
    failed(TO_TRASH, check="no-such-command-anywhere")
    (tried,) = practise(TO_ARCHIVE, "Done.")
    assert tried.success is None and "no-such-command-anywhere" in tried.reason
    assert AttemptLog(database).outcome(tried.attempt_id) is None


@needs_jail
def test_undo_and_the_last_attempt_mean_the_users_own_not_practice(failed, practise, database):
    task = failed(TO_TRASH)
    practise(TO_ARCHIVE, "Done.")
    assert AttemptLog(database).last_attempt().id == task
    assert ChangeLog(database).latest("undo") == task
    assert ChangeLog(database).latest("redo") is None


def test_a_failure_without_a_check_is_not_practised(failed, database):
    failed(TO_TRASH, check=None)
    assert queue(database, 5) == ()


def test_the_copy_is_the_workspace_as_it_was_before_the_attempt_and_those_after_it(failed, work, database, tmp_path):
    first = failed(TO_TRASH)
    failed(call("write_file", path="notes/plan.md", content="another plan\n"))
    attempt = AttemptLog(database).attempt(first)
    with scratch_before(attempt, database, tmp_path / "home/undo", tmp_path / "home") as start:
        assert (start / "draft.md").read_text() == "a draft\n"
        assert (start / "notes/plan.md").read_text() == "a plan\n"
        assert not (start / "trash").exists()
    assert not start.exists()


def test_rewinding_the_copy_leaves_the_journal_as_it_is(failed, database, tmp_path):
    task = failed(TO_TRASH)
    before = ChangeLog(database).of_attempt(task)
    with scratch_before(AttemptLog(database).attempt(task), database, tmp_path / "home/undo", tmp_path / "home"):
        pass
    assert ChangeLog(database).of_attempt(task) == before


def test_large_files_are_put_back_in_the_copy_without_a_trace_in_the_home(failed, work, database, tmp_path):
    (work / "large.bin").write_bytes(b"a" * (KEPT_INLINE + 1))
    (work / "other.bin").write_bytes(b"b" * (KEPT_INLINE + 1))
    first = failed(call("delete_file", path="large.bin"))
    failed(call("move_file", source="other.bin", destination="large.bin"))
    home = tmp_path / "home"
    before = look(home / "undo")
    with scratch_before(AttemptLog(database).attempt(first), database, home / "undo", home) as start:
        assert (start / "large.bin").read_bytes() == b"a" * (KEPT_INLINE + 1)
        assert (start / "other.bin").read_bytes() == b"b" * (KEPT_INLINE + 1)
    failed(call("write_file", path="notes/plan.md", content="c" * (KEPT_INLINE + 1)))
    third = AttemptLog(database).attempts(limit=1)[0]
    with scratch_before(third, database, home / "undo", home) as start:
        assert (start / "notes/plan.md").read_text() == "a plan\n"
    assert look(home / "undo") == before


def test_the_copies_of_a_practice_that_was_killed_are_gone_when_the_next_begins(failed, database, tmp_path):
    task = AttemptLog(database).attempt(failed(TO_TRASH))
    left = Path(tempfile.mkdtemp(prefix=PREFIX))
    (left / "start").mkdir()
    home = tmp_path / "home"
    with scratch_before(task, database, home / "undo", home) as mine:
        assert not left.exists()
        with scratch_before(task, database, home / "undo", home):
            assert mine.is_dir()


def test_a_workspace_that_someone_has_changed_since_is_not_practised_in(failed, work, practise):
    failed(TO_TRASH)
    (work / "trash/draft.md").write_text("mine\n")
    (tried,) = practise()
    assert tried.attempt_id is None and "trash/draft.md" in tried.reason


def test_a_workspace_that_is_gone_is_told(failed, work, practise):
    failed(TO_TRASH)
    work.rename(work.with_name("elsewhere"))
    (tried,) = practise()
    assert tried.success is None and str(work) in tried.reason


def test_the_home_is_not_copied_and_links_stay_links(work, tmp_path):
    (work / ".home").mkdir()
    (work / ".home/memory.db").touch()
    copy_tree(work, tmp_path / "copy", work / ".home")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["draft.md", "link.md", "notes"]
    assert (tmp_path / "copy/link.md").is_symlink()


def test_a_link_that_leads_to_itself_is_copied_as_it_is(work, tmp_path):
    (work / "round").symlink_to("round")
    copy_tree(work, tmp_path / "copy", work / ".home")
    assert (tmp_path / "copy/round").readlink() == Path("round")


def test_a_workspace_too_large_to_copy_is_an_error(work, tmp_path):
    with (work / "huge").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(WorkspaceError, match="too large"):
        copy_tree(work, tmp_path / "copy")
