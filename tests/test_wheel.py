"""What is installed away from a checkout: the wheel holds the bundled model, the embedder and all data files."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_bundled_model_and_embedder_as_they_are(wheel):
    with zipfile.ZipFile(wheel) as archive:
        for name in ("apprentice-q8_0.gguf", "embedder/model.safetensors", "embedder/tokenizer.json"):
            assert archive.read(f"localnpm/bundled/{name}") == (ROOT / "models" / name).read_bytes()


def test_the_wheel_holds_every_file_of_the_package(wheel):
    files = [
        path
        for path in (ROOT / "localnpm").rglob("*")
        if path.is_file() and not {"__pycache__", "pictures"} & set(path.parts)
    ]
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert [path for path in files if path.relative_to(ROOT).as_posix() not in held] == []


@pytest.mark.slow
def test_an_installed_wheel_runs_on_its_own_bundled_model(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    (tmp_path / "todo.md").write_text("# Todo\n- [ ] call the bank\n")
    request = ["run", 'Add "buy milk" to my todo list', "--allow", "write", "--workspace", str(tmp_path)]
    code = "import localnpm, sys; print(localnpm.__file__, file=sys.stderr); from localnpm.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code, *request],
        cwd=tmp_path / "site",
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert str(tmp_path / "site") in ended.stderr
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / ".local/share/localnpm/memory.db").is_file() or sys.platform != "linux"
