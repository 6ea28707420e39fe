"""`localnpm doctor`, as a user types it, on a whole and on a broken installation."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from localnpm.home import PACKAGE


def doctor(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    search = os.pathsep.join(filter(None, [environment.pop("PYTHONPATH", ""), str(PACKAGE.parent)]))
    return subprocess.run(
        [sys.executable, "-m", "localnpm", "--home", str(home), "doctor", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": search} | environment,
        timeout=100,
        check=False,
    )


def test_a_sound_installation_ends_with_0(tmp_path: Path) -> None:
    result = doctor(tmp_path / "home")
    assert (result.returncode, result.stdout.splitlines()[-1][:10]) == (0, "0 problems")


def test_a_problem_ends_with_1_and_shows_its_fix(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("nonsense = 1\n")
    result = doctor(tmp_path)
    assert result.returncode == 1
    assert "PROBLEM settings: " in result.stdout
    assert "        -> mend what the message names" in result.stdout


def test_as_json_each_finding_is_an_object(tmp_path: Path) -> None:
    told = json.loads(doctor(tmp_path / "home", "--json").stdout)
    assert (told["schema"], told["problems"]) == (1, 0)
    assert {tuple(finding) for finding in told["findings"]} == {("name", "status", "detail", "fix")}


def test_a_missing_package_is_a_finding_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow/psutil.py").write_text("raise ModuleNotFoundError(\"No module named 'psutil'\")\n")
    result = doctor(tmp_path / "home", PYTHONPATH=str(tmp_path / "shadow"))
    assert result.returncode == 1
    assert "No module named 'psutil'" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_a_llama_cpp_that_crashes_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "shadow/llama_cpp").mkdir(parents=True)
    (tmp_path / "shadow/llama_cpp/__init__.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n")
    result = doctor(tmp_path / "home", PYTHONPATH=str(tmp_path / "shadow"))
    assert result.returncode == 1
    assert "PROBLEM llama.cpp: cannot be loaded: it crashed with SIGILL" in result.stdout


def test_a_home_that_may_not_be_entered_is_a_finding_and_no_traceback(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may enter everything")
    (tmp_path / "closed").mkdir(mode=0)
    result = doctor(tmp_path / "closed/home")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
