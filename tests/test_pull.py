"""Pulling models from a hub on loopback: resumed, checked, atomic, and every failure with what to do."""

import hashlib
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localnpm.errors import DownloadError, ModelError
from localnpm.home import PACKAGE, Home
from localnpm.model_sources import in_folder
from localnpm.models import list_models, memory_needed, resolve
from localnpm.pull import locate, plan, pull, target

WANTED = "maker/Small-GGUF/small-q8_0.gguf"


def ignore(what: str, done: int, total: int) -> None:
    """A progress display that shows nothing."""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def content(hub, tmp_path: Path, write_gguf) -> bytes:
    """A model of 2 MB, on the hub as WANTED."""
    data = write_gguf(tmp_path / "source/small-q8_0.gguf", values=500_000).read_bytes()
    hub.files[WANTED] = data
    return data


def test_a_pulled_model_has_the_bytes_of_the_hub_and_a_name_in_the_list(hub, content: bytes, home: Home) -> None:
    path = pull(plan(WANTED), home, ignore)
    assert path.read_bytes() == content
    assert "small-q8_0" in [model.name for model in list_models(home)]
    assert resolve("small-q8_0", home) == path


def test_the_plan_states_size_and_memory_before_anything_is_downloaded(hub, content: bytes, home: Home) -> None:
    planned = plan(WANTED)
    assert planned.size_bytes == len(content)
    assert planned.header.architecture == "llama"
    assert memory_needed(planned.header, 1024) > len(content)
    assert not home.models.exists()


def test_a_cut_connection_is_taken_up_where_it_broke(hub, content: bytes, home: Home) -> None:
    planned = plan(WANTED)
    hub.cut_after = [1_000_000]
    path = pull(planned, home, ignore)
    assert path.read_bytes() == content
    second = int(hub.downloads()[1].removeprefix("bytes=").split("-")[0])
    assert 0 < second <= 1_000_000


def test_a_failed_pull_leaves_no_model_and_the_next_one_goes_on(hub, content: bytes, home: Home) -> None:
    planned = plan(WANTED)
    hub.cut_after = [1_500_000, 0]
    with pytest.raises(DownloadError, match="500"):
        pull(planned, home, ignore)
    assert not list(in_folder(home.models, "localnpm"))
    asked = len(hub.downloads())
    path = pull(planned, home, ignore)
    assert path.read_bytes() == content
    assert not hub.downloads()[asked].startswith("bytes=0-")


def test_a_hub_without_ranges_sends_everything_again_and_the_file_is_right(hub, content: bytes, home: Home) -> None:
    planned = plan(WANTED)
    hub.ranges = False
    hub.cut_after = [700_000]
    assert pull(planned, home, ignore).read_bytes() == content


def test_an_interrupted_pull_says_how_to_go_on_and_keeps_what_came(hub, content: bytes, home: Home) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if done > 500_000:
            raise KeyboardInterrupt

    planned = plan(WANTED)
    with pytest.raises(DownloadError, match="goes on where it stopped"):
        pull(planned, home, interrupt)
    [part] = (home.models / ".partial").iterdir()
    assert part.stat().st_size > 500_000
    assert pull(planned, home, ignore).read_bytes() == content


def test_wrong_bytes_are_deleted_and_never_become_a_model(hub, content: bytes, home: Home) -> None:
    hub.promised[WANTED] = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(DownloadError, match="SHA-256"):
        pull(plan(WANTED), home, ignore)
    assert [path for path in home.models.rglob("*") if path.is_file()] == []


def test_a_pulled_model_is_not_downloaded_twice(hub, content: bytes, home: Home) -> None:
    pull(plan(WANTED), home, ignore)
    hub.requests.clear()
    pull(plan(WANTED), home, ignore)
    assert hub.downloads() == []


def test_a_changed_model_replaces_the_old_one(hub, content: bytes, home: Home, tmp_path: Path, write_gguf) -> None:
    pull(plan(WANTED), home, ignore)
    hub.files[WANTED] = write_gguf(tmp_path / "source/other.gguf", values=1000).read_bytes()
    assert pull(plan(WANTED), home, ignore).read_bytes() == hub.files[WANTED]


def test_progress_rises_to_the_whole_size(hub, content: bytes, home: Home) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}
    pull(plan(WANTED), home, lambda what, done, total: seen.setdefault(what, []).append((done, total)))
    assert seen["download"] == sorted(seen["download"])
    assert seen["download"][-1] == seen["check"][-1] == (len(content), len(content))


def test_any_part_of_a_split_model_pulls_all_parts(hub, home: Home, tmp_path: Path, write_gguf) -> None:
    for part in (1, 2):
        file = f"big-0000{part}-of-00002.gguf"
        hub.files[f"maker/Big-GGUF/{file}"] = write_gguf(tmp_path / file).read_bytes()
    path = pull(plan("maker/Big-GGUF/big-00002-of-00002.gguf"), home, ignore)
    assert path.name == "big-00001-of-00002.gguf"
    assert [model.problem for model in list_models(home) if model.name == "big"] == [""]


def test_a_missing_file_is_answered_with_the_files_that_are_there(hub, content: bytes) -> None:
    with pytest.raises(DownloadError, match=r"no file 'small-q4\.gguf'.*small-q8_0\.gguf \(2 MB\)"):
        plan("maker/Small-GGUF/small-q4.gguf")


def test_a_repository_alone_is_answered_with_its_files(hub, content: bytes) -> None:
    with pytest.raises(DownloadError, match=r"small-q8_0\.gguf \(2 MB\)"):
        plan("maker/Small-GGUF")


def test_a_missing_repository_is_named(hub) -> None:
    with pytest.raises(DownloadError, match="no repository 'nobody/Nothing-GGUF'"):
        plan("nobody/Nothing-GGUF/x.gguf")


def test_a_gated_repository_says_what_to_do(hub, content: bytes) -> None:
    hub.gated = True
    with pytest.raises(DownloadError, match=r"accept its terms at .*/maker/Small-GGUF .*HF_TOKEN"):
        plan(WANTED)


def test_without_a_network_the_message_says_so(hub, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match="cannot be reached"):
        plan(WANTED)


def test_a_file_without_a_checksum_is_not_downloaded(hub, content: bytes) -> None:
    hub.promised[WANTED] = "0123abc"
    with pytest.raises(DownloadError, match="could not be checked"):
        plan(WANTED)


def test_what_is_not_a_gguf_file_is_found_out_before_the_download(hub) -> None:
    hub.files[WANTED] = b"<html>" * 1000
    with pytest.raises(ModelError, match="not a GGUF file"):
        plan(WANTED)


def test_a_disk_too_small_is_said_before_the_download(hub, content: bytes, home: Home) -> None:
    planned = plan(WANTED)
    [file] = planned.files
    huge = type(file)(file.repository, file.file, file.commit, shutil.disk_usage("/").total * 2, file.sha256)
    with pytest.raises(DownloadError, match="Make room"):
        pull(type(planned)((huge,), planned.header), home, ignore)
    assert hub.downloads() == []


def test_a_disk_that_fills_up_keeps_what_came_and_the_next_pull_goes_on(hub, content: bytes, home: Home) -> None:
    planned = plan(WANTED)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))
    try:
        with pytest.raises(DownloadError, match="Make room or mend it"):
            pull(planned, home, ignore)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(in_folder(home.models, "localnpm"))
    assert pull(planned, home, ignore).read_bytes() == content
    assert not hub.downloads()[-1].startswith("bytes=0-")


def test_two_processes_cannot_pull_one_file_at_once(hub, content: bytes, home: Home) -> None:
    planned = plan(WANTED)

    def pull_again(what: str, done: int, total: int) -> None:
        with pytest.raises(DownloadError, match="another process"):
            pull(planned, home, ignore)

    pull(planned, home, pull_again)


def test_the_hub_is_asked_for_this_model_alone_and_told_nothing_of_the_machine(
    hub, content: bytes, home: Home, tmp_path: Path
) -> None:
    # In a process of its own: huggingface_hub reads the hub's address once, when it is imported.
    subprocess.run(
        [sys.executable, "-m", "localnpm", "--home", str(home.root), "models", "pull", WANTED],
        env=os.environ | {"HF_HOME": str(tmp_path / "hf"), "PYTHONPATH": str(PACKAGE.parent)},
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert {path.split("/resolve/")[0] for _, path, _ in hub.requests} == {"/maker/Small-GGUF"}
    assert not [caller for caller in hub.callers if "torch" in caller or "agent/" in caller]


@pytest.mark.parametrize(
    "wanted",
    [
        WANTED,
        f"https://huggingface.co/{WANTED.replace('/small', '/resolve/main/small')}?download=true",
        f"https://huggingface.co/{WANTED.replace('/small', '/blob/main/small')}",
        f"hf://{WANTED}",
    ],
)
def test_a_file_is_named_by_path_or_by_web_address(wanted: str) -> None:
    assert locate(wanted) == ("maker/Small-GGUF", "small-q8_0.gguf")


@pytest.mark.parametrize(
    "wanted", ["", "nonsense", "../../etc/passwd.gguf", "a/b/../../../x.gguf", "a/b/c.bin", "a//x.gguf"]
)
def test_what_names_no_file_is_refused_with_the_catalogue(wanted: str) -> None:
    with pytest.raises(DownloadError, match=r"OWNER/REPOSITORY/FILE\.gguf, or one of qwen3-0\.6b"):
        locate(wanted)


def test_a_pulled_file_lies_below_its_repository(hub, content: bytes, home: Home) -> None:
    [file] = plan(WANTED).files
    assert target(home, file) == home.models / "maker/Small-GGUF/small-q8_0.gguf"


def test_a_folder_that_cannot_be_written_is_named(hub, content: bytes, home: Home) -> None:
    home.root.mkdir()
    home.models.write_text("a file where the folder belongs")
    with pytest.raises(DownloadError, match=r"models.*cannot be written"):
        pull(plan(WANTED), home, ignore)
