"""`localnpm models`, as a user types it."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from localnpm.cli import main
from localnpm.home import PACKAGE, bundled_model
from localnpm.units import size

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of localnpm's, of a user who has no other program's models."""
    for name in ("OLLAMA_MODELS", "HF_HUB_CACHE", "HF_HOME", "LLAMA_CACHE", "XDG_CACHE_HOME", "LOCALNPM_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "localnpm"


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit:
            main(["--home", str(home), "models", *arguments])
        output = capsys.readouterr()
        assert isinstance(exit.value.code, int)
        return exit.value.code, output.out, output.err

    return run


def test_the_list_marks_the_bundled_model_as_used_at_first(run: Run) -> None:
    code, out, _ = run("list")
    assert code == 0
    assert out.startswith("* apprentice")
    assert "qwen3 Q8_0" in out


def test_the_list_as_json_has_a_row_with_everything_for_each_model(run: Run, home: Path, write_gguf) -> None:
    path = write_gguf(home / "models/m.gguf")
    listed = json.loads(run("list", "--json")[1])
    [row] = [row for row in listed["models"] if row["name"] == "m"]
    assert row["memory_bytes"] > row["size_bytes"] == path.stat().st_size
    del row["memory_bytes"]
    assert row == {
        "name": "m", "source": "localnpm", "path": str(path), "size_bytes": path.stat().st_size, "problem": "",
        "architecture": "llama", "quantization": "Q8_0", "context_trained": 1024, "fit": "fits", "chosen": False,
    }  # fmt: skip


def test_a_name_that_would_act_on_the_terminal_is_shown_harmless(run: Run, home: Path, write_gguf) -> None:
    write_gguf(home / "models/m.gguf").rename(home / "models/red\x1b[31m.gguf")
    _, out, _ = run("list")
    assert "\x1b" not in out
    assert "red\\x1b[31m" in out


def test_a_model_that_is_used_is_written_into_the_settings_and_marked(run: Run, home: Path, write_gguf) -> None:
    write_gguf(home / "models/m.gguf")
    home.joinpath("config.toml").write_text("# my own words\n[engine]\nthreads = 2\n")
    assert run("use", "m")[0] == 0
    text = home.joinpath("config.toml").read_text()
    assert "# my own words" in text
    assert tomllib.loads(text) == {"model": "m", "engine": {"threads": 2}}
    assert "\n* m " in run("list")[1]


def test_a_file_is_remembered_by_its_whole_path(
    run: Run, home: Path, tmp_path: Path, write_gguf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_gguf(tmp_path / "elsewhere/m.gguf")
    monkeypatch.chdir(path.parent)
    run("use", "m.gguf")
    assert tomllib.loads(home.joinpath("config.toml").read_text())["model"] == str(path)


def test_the_bundled_model_can_be_gone_back_to(run: Run, home: Path, write_gguf) -> None:
    write_gguf(home / "models/m.gguf")
    run("use", "m")
    run("use", "bundled")
    assert tomllib.loads(home.joinpath("config.toml").read_text())["model"] == ""


def test_a_cut_file_is_not_accepted_and_the_settings_stay(run: Run, home: Path) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models/cut.gguf").write_bytes(bundled_model().read_bytes()[:-1000])
    code, _, err = run("use", "cut")
    assert code == 4
    assert "is cut" in err
    assert not home.joinpath("config.toml").exists()


def test_an_unknown_name_is_an_error_with_near_names(run: Run) -> None:
    code, _, err = run("use", "aprentice")
    assert code == 2
    assert "near ones are apprentice" in err


def test_show_without_loading_tells_what_the_header_says(run: Run) -> None:
    shown = json.loads(run("show", "--no-load", "--json")[1])
    assert (shown["architecture"], shown["licence"], shown["context_trained"]) == ("qwen3", "apache-2.0", 2048)
    assert shown["sampling"].startswith("greedy")
    assert shown["tool_calls"]


def test_show_tells_of_the_loaded_model_whether_it_can_be_steered(run: Run) -> None:
    shown = json.loads(run("show", "apprentice", "--json")[1])
    assert shown["steering"].startswith("works")
    assert shown["parameters"] == 7_869_696
    assert shown["choices"]["threads"]


def test_show_prints_sizes_for_people(run: Run) -> None:
    assert "size             8.5 MB" in run("show", "--no-load")[1]


def test_without_a_name_pull_shows_the_catalogue_and_asks_nobody(run: Run, hub) -> None:
    code, out, _ = run("pull")
    assert code == 0
    assert "Qwen/Qwen3-0.6B-GGUF" in out
    assert "authors have tried none" in out
    assert hub.requests == []


def test_a_pulled_model_is_announced_with_its_size_and_can_be_used_at_once(
    run: Run, hub, home: Path, tmp_path: Path, write_gguf
) -> None:
    content = write_gguf(tmp_path / "small.gguf", values=10_000).read_bytes()
    hub.files["maker/Small-GGUF/small.gguf"] = content
    code, out, err = run("pull", "maker/Small-GGUF/small.gguf", "--use")
    assert code == 0
    assert out.splitlines()[0] == str(home / "models/maker/Small-GGUF/small.gguf")
    assert "uses the network" in err
    assert "licence: apache-2.0" in err
    assert f"download {size(len(content))}; in memory about" in err
    assert tomllib.loads(home.joinpath("config.toml").read_text())["model"] == out.splitlines()[0]


def test_a_pull_that_fails_has_exit_code_7(run: Run, hub) -> None:
    code, _, err = run("pull", "nobody/Nothing/x.gguf")
    assert code == 7
    assert "no repository" in err


def test_offline_mode_is_respected_and_named(hub, home: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "localnpm", "--home", str(home), "models", "pull", "maker/Small-GGUF/small.gguf"],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, "HF_HUB_OFFLINE" in result.stderr, hub.requests) == (7, True, [])


def test_listing_and_choosing_ask_the_hub_nothing(run: Run, hub) -> None:
    run("list")
    run("use", "bundled")
    run("show", "--no-load")
    assert hub.requests == []
