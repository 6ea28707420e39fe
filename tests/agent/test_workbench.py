"""An agent with all it works with: what settings and options make of it. The model plays prepared turns."""

import pytest

from localnpm.agent.jail import probe
from localnpm.agent.options import Options
from localnpm.agent.permissions import Allow
from localnpm.agent.scripted import ScriptedModel, call
from localnpm.agent.undo import undo
from localnpm.agent.workbench import Workbench, checked_workspace, merged
from localnpm.config import PermissionRule, PermissionSettings, SamplingSettings, Settings, load
from localnpm.engine.sampling import GREEDY, Sampling
from localnpm.errors import NotFoundError, WorkspaceError
from localnpm.home import Home
from localnpm.memory.database import Database

needs_jail = pytest.mark.skipif(probe().mechanism is None, reason=f"no jail here: {probe().why_not()}")


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def bench(tmp_path, work):
    home = Home(tmp_path / "home")
    home.prepare()
    opened = []

    def open_bench(*turns, settings=Settings(), protocol=1, **options):  # noqa: B008 - frozen
        database = Database.open(None if options.get("private") else home.memory)
        given = Options(**{"workspace": work, **options})
        opened.append(Workbench(home, settings, given, ScriptedModel(*turns, protocol=protocol), database))
        return opened[-1]

    yield open_bench
    for each in opened:
        each.close()
        each.database.close()


def play(bench, request="do it", **given):
    return list(bench.run(request, bench.new_session(request), **given))


@needs_jail
def test_a_command_runs_in_the_jail_and_what_it_changes_can_be_undone(bench, work):
    (work / "a.txt").write_text("old")
    opened = bench(call("run_command", command="echo new > a.txt; echo made > b.txt; echo hi"), "Done.", allow={"run"})
    result = play(opened)[-1]
    assert opened.model.seen[1][-1].content == "exit code: 0\nstdout:\nhi"
    assert ((work / "a.txt").read_text(), result.changed) == ("new\n", ("a.txt", "b.txt"))
    undo(opened.database, opened.undo_folder)
    assert [(path.name, path.read_text()) for path in work.iterdir()] == [("a.txt", "old")]


def test_without_leave_there_is_no_run_command(bench):
    opened = bench(call("run_command", command="true"), "Sorry.")
    play(opened)
    assert opened.model.seen[1][-1].content == "Error: unknown tool: run_command"


@needs_jail
def test_a_pattern_allows_its_commands_and_declines_the_others_where_nobody_can_be_asked(bench):
    turns = [call("run_command", command=command) for command in ("echo one", "id")]
    opened = bench(*turns, "Done.", allow={"run:echo *"})
    play(opened)
    assert opened.model.seen[1][-1].content == "exit code: 0\nstdout:\none"
    assert opened.model.seen[2][-1].content.startswith("Error: the user declined: ")


def test_without_a_terminal_rules_for_always_do_not_count(bench, work):
    rules = PermissionSettings("auto", (PermissionRule(str(work), "write"),))
    opened = bench(call("write_file", path="a", content="x"), "Done.", settings=Settings(permissions=rules))
    play(opened)
    assert not (work / "a").exists()


def test_with_a_terminal_rules_for_always_count(bench, work):
    rules = PermissionSettings("ask", (PermissionRule(str(work), "write"),))
    turns = call("write_file", path="a", content="x"), "Done."
    play(bench(*turns, settings=Settings(permissions=rules), terminal=True), approve=lambda _: pytest.fail("asked"))
    assert (work / "a").exists()


def test_always_here_is_written_to_the_settings(bench, work):
    opened = bench(call("write_file", path="a", content="x"), "Done.", terminal=True)
    play(opened, approve=lambda _: Allow("always"))
    assert load(opened.home, {}).permissions.always == (PermissionRule(str(work), "write"),)


def test_a_private_run_leaves_nothing_in_the_home_not_even_a_large_before_image(bench, work, tmp_path):
    (work / "big.txt").write_text("x" * (17 << 20))
    opened = bench(call("write_file", path="big.txt", content="small"), "Done.", private=True, allow={"write"})
    play(opened)
    undo(opened.database, opened.undo_folder)
    assert (work / "big.txt").stat().st_size == 17 << 20
    assert list((tmp_path / "home").iterdir()) == []


def test_the_bundled_model_is_told_nothing_but_its_own_sentences(bench, work):
    (work / "AGENTS.md").write_text("Use tabs.")
    opened = bench("Hi.")
    play(opened)
    assert "tabs" not in opened.model.seen[0][0].content


def test_a_larger_model_is_told_the_date_and_the_workspaces_words(bench, work):
    (work / "AGENTS.md").write_text("Use tabs.")
    opened = bench("Hi.", protocol=0, system="Be brief.")
    play(opened)
    system = opened.model.seen[0][0].content
    assert "Today is" in system and "Use tabs." in system and "Be brief." in system


def test_a_workspace_around_the_home_keeps_the_home_out_of_reach(bench, tmp_path):
    opened = bench(
        call("list_directory", path="."), call("write_file", path="home/config.toml", content="x"), "Done.",
        workspace=tmp_path, allow={"write"},
    )  # fmt: skip
    play(opened)
    assert "home" not in opened.model.seen[1][-1].content
    assert opened.model.seen[2][-1].content == "Error: outside the workspace: home/config.toml"


@pytest.mark.parametrize("where", ["home", "home/undo", "missing", "file"])
def test_a_place_that_cannot_be_a_workspace_is_an_error(tmp_path, where):
    (tmp_path / "home/undo").mkdir(parents=True)
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError, match=where.split("/")[0]):
        checked_workspace(tmp_path / where, Home(tmp_path / "home"))


def test_a_session_to_go_on_with_is_the_latest_of_this_workspace(bench):
    opened = bench("One.", "Two.")
    with pytest.raises(NotFoundError):
        opened.find_session(go_on=True)
    play(opened)
    latest = opened.new_session("second")
    assert opened.find_session(go_on=True) == latest
    assert opened.find_session(1) == 1
    assert opened.find_session() is None


def test_settings_win_over_the_models_recommendation_and_a_seed_is_always_there():
    recommended = Sampling(temperature=0.6, top_k=20)
    assert merged(recommended, SamplingSettings(top_k=5, seed=3)) == Sampling(temperature=0.6, top_k=5, seed=3)
    assert merged(GREEDY, SamplingSettings()).seed != merged(GREEDY, SamplingSettings()).seed
