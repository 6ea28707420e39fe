"""The doctor's judgements, each on something real that is sound or broken."""

import os
import shutil
from pathlib import Path

import pytest

from localnpm.config import Settings
from localnpm.doctor import Finding, examine
from localnpm.doctor.installation import BUNDLED, bundled_files, python
from localnpm.doctor.machine import flags, network, processor, terminal
from localnpm.doctor.model import library
from localnpm.doctor.storage import memory, paths, processes, writable
from localnpm.home import Home, bundled, bundled_model
from localnpm.memory.database import Database
from localnpm.memory.process import current

INTEL_WITH_AMX = "processor\t: 0\nflags\t\t: fpu avx avx2 fma f16c avx512f amx_tile\nbugs\t\t: spectre\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def everything(home: Home, settings: Settings | None = None) -> dict[str, Finding]:
    return by_name(list(examine(home, settings)))


def make_memory(home: Home) -> None:
    home.prepare()
    Database.open(home.memory).close()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, Finding]]:
    """The findings of an installation with nothing wrong, and its home, which is not there yet."""
    home = Home(tmp_path_factory.mktemp("sound") / "home")
    return home, everything(home, Settings())


def test_a_sound_installation_has_no_problem_and_makes_nothing(sound: tuple[Home, dict[str, Finding]]) -> None:
    home, found = sound
    assert [finding for finding in found.values() if finding.status == "problem"] == []
    assert found["model"].detail.startswith(str(bundled_model()))
    assert found["tool calls"].detail.startswith("hermes")
    assert found["steering"].detail.startswith("works")
    assert not home.root.exists()


def test_no_two_findings_have_one_name(home: Home) -> None:
    names = [finding.name for finding in examine(home, Settings(model="nothing-of-that-name"))]
    assert len(names) == len(set(names))


def test_each_choice_made_for_the_model_is_given_with_its_reason(sound: tuple[Home, dict[str, Finding]]) -> None:
    _, found = sound
    for name in ("threads", "context", "gpu_layers", "kv_type"):
        value, _, reason = found[f"choice: {name}"].detail.partition(": ")
        assert value
        assert reason


def test_every_problem_and_every_warning_has_its_fix(home: Home) -> None:
    home.root.mkdir()
    home.memory.write_bytes(b"not a database at all, but long enough to look like one" * 100)
    home.config.write_text("model = 3\nnonsense = true\n")
    found = everything(home)
    assert {found["settings"].status, found["memory.db"].status} == {"problem"}
    assert [finding.name for finding in found.values() if finding.status != "ok" and not finding.fix] == []


def test_unreadable_settings_are_a_finding_and_the_rest_is_still_examined(home: Home) -> None:
    home.root.mkdir()
    home.config.write_text("[engine\n")
    found = everything(home)
    assert found["settings"].status == "problem"
    assert "not valid TOML" in found["settings"].detail
    assert found["model"].status == "ok"


def test_a_model_that_is_not_there_is_a_problem_and_llama_cpp_is_still_tried(home: Home) -> None:
    found = everything(home, Settings(model="nothing-of-that-name"))
    setting = found["model setting"]
    assert (setting.status, "nothing-of-that-name" in setting.detail) == ("problem", True)
    assert found["model"].status == "ok"


def test_a_cut_model_is_a_problem_with_another_to_choose(home: Home, tmp_path: Path) -> None:
    (tmp_path / "cut.gguf").write_bytes(bundled_model().read_bytes()[:-5000])
    found = everything(home, Settings(model=str(tmp_path / "cut.gguf")))["model"]
    assert (found.status, "is cut" in found.detail, "models use" in found.fix) == ("problem", True, True)


def test_a_model_of_an_unknown_architecture_is_a_problem(home: Home, tmp_path: Path, write_gguf) -> None:
    path = write_gguf(tmp_path / "m.gguf", "nobodysarch")
    found = everything(home, Settings(model=str(path)))["model"]
    assert (found.status, "nobodysarch" in found.detail) == ("problem", True)


def test_the_packed_checksums_are_those_of_the_bundled_files() -> None:
    assert {finding.status for finding in bundled_files(bundled())} == {"ok"}


def test_a_changed_bundled_file_and_a_missing_one_are_problems(tmp_path: Path) -> None:
    shutil.copytree(bundled() / "embedder", tmp_path / "embedder")
    changed = tmp_path / "embedder/tokenizer.json"
    changed.chmod(0o600)
    changed.write_text("{}")
    found = by_name(list(bundled_files(tmp_path)))
    assert len(found) == len(BUNDLED)
    assert "not the file that was packed" in found["bundled embedder/tokenizer.json"].detail
    assert "No such file" in found["bundled apprentice-q8_0.gguf"].detail
    assert found["bundled embedder/model.safetensors"].status == "ok"


def test_an_old_python_is_a_problem() -> None:
    assert (python((3, 10)).status, python((3, 11)).status) == ("problem", "ok")


@pytest.mark.parametrize(
    ("text", "expected"), [(INTEL_WITH_AMX, {"avx2", "amx_tile"}), (ARM, {"asimddp", "i8mm"}), ("", set())]
)
def test_features_are_read_from_the_kernel_s_list(tmp_path: Path, text: str, expected: set[str]) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    features = flags(tmp_path / "cpuinfo")
    assert features is not None
    assert expected <= features


def test_amx_is_named_with_what_is_done_about_it() -> None:
    found = by_name(list(processor(frozenset({"avx", "avx2", "amx_tile"}))))
    assert "without repacking" in found["amx"].detail
    assert "amx" not in by_name(list(processor(frozenset({"avx", "avx2"}))))


def test_a_system_without_a_list_of_features_is_no_problem(tmp_path: Path) -> None:
    assert flags(tmp_path / "gone") is None
    assert [finding.status for finding in processor(None)] == ["ok"]


def test_a_llama_cpp_built_for_less_than_the_processor_is_a_warning() -> None:
    said = {"system": "CPU : SSE3 = 1 | AVX = 1 | ", "gpu": False}
    assert library(said, frozenset({"avx"})).status == "ok"
    found = library(said, frozenset({"avx", "avx2", "fma"}))
    assert (found.status, "built without AVX2, FMA" in found.detail) == ("warning", True)


@pytest.mark.parametrize(
    ("environment", "is_terminal", "colours"),
    [
        ({"NO_COLOR": "1", "TERM": "xterm-256color"}, True, "NO_COLOR"),
        ({"TERM": "dumb"}, True, "dumb"),
        ({"TERM": "xterm-256color"}, True, "256"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, True, "16 million"),
        ({"TERM": "xterm-256color"}, False, "not a terminal"),
    ],
)
def test_the_terminal_s_colours_are_told(environment: dict[str, str], is_terminal: bool, colours: str) -> None:
    assert colours in by_name(list(terminal(environment, "utf-8", is_terminal)))["terminal colours"].detail


def test_an_output_without_unicode_is_a_warning_with_its_fix() -> None:
    found = by_name(list(terminal({}, "ascii", True)))["terminal characters"]
    assert (found.status, "UTF-8" in found.fix) == ("warning", True)


def test_the_network_finding_names_the_hub_that_pull_would_ask() -> None:
    assert "http://hub.example" in network({"HF_ENDPOINT": "http://hub.example"}).detail
    assert "forbids" in network({"HF_HUB_OFFLINE": "1"}).detail


def test_a_home_that_is_a_file_is_a_problem(home: Home) -> None:
    home.root.write_text("")
    assert (writable(home).status, "not a folder" in writable(home).detail) == ("problem", True)


def test_a_home_below_a_file_is_a_problem(home: Home) -> None:
    home.root.write_text("")
    assert writable(Home(home.root / "below")).status == "problem"


def test_every_path_is_told_with_its_size(home: Home) -> None:
    home.undo.mkdir(parents=True)
    (home.undo / "a").write_bytes(b"x" * 1500)
    (home.undo / "b").write_bytes(b"x" * 1500)
    found = by_name(list(paths(home)))
    assert found["path: undo"].detail == f"{home.undo}, 3 kB in 2 files"
    assert found["path: backups"].detail.endswith("nothing yet")


def test_a_sound_memory_passes(home: Home) -> None:
    make_memory(home)
    assert memory(home).detail == "sound, 0 attempts"


def test_a_memory_of_other_bytes_is_a_problem_and_stays_as_it_is(home: Home) -> None:
    home.root.mkdir()
    home.memory.write_bytes(b"\0garbage" * 1000)
    assert memory(home).status == "problem"
    assert home.memory.read_bytes() == b"\0garbage" * 1000


def test_a_memory_with_a_page_overwritten_is_a_problem(home: Home) -> None:
    make_memory(home)
    size = home.memory.stat().st_size
    with home.memory.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    assert memory(home).status == "problem"


def test_a_lock_file_of_an_ended_process_is_told_from_a_living_one_s(home: Home) -> None:
    make_memory(home)
    with Database.open(home.memory) as database:
        current(database)
        (home.run / "1-deadbeef").touch()
        assert processes(home).detail.startswith("1 other")
        assert "1 lock files of ended ones" in processes(home).detail
