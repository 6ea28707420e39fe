"""Scratch folders: gone after use, gone after a kill when the next is made, and never another living process's."""

import subprocess
import sys
import tempfile
from pathlib import Path
from secrets import token_hex

import pytest

from localnpm.scratch_folder import scratch_folder

HOLDER = """
import sys
from localnpm.scratch_folder import scratch_folder
with scratch_folder(sys.argv[1]) as folder:
    (folder / "copy").mkdir()
    (folder / "copy" / "file").write_text("x")
    (folder / "copy").chmod(0o500)
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def prefix() -> str:
    return f"localnpm-test-{token_hex(4)}-"


def test_a_folder_goes_with_its_block(prefix: str) -> None:
    with scratch_folder(prefix) as folder:
        (folder / "file").write_text("x")
    assert not folder.exists()


def test_one_that_is_in_use_is_left_when_another_is_made(prefix: str) -> None:
    with scratch_folder(prefix) as first:
        with scratch_folder(prefix):
            assert first.is_dir()
        assert first.is_dir()


def test_what_a_killed_process_left_goes_when_the_next_folder_is_made_and_not_before(prefix: str) -> None:
    command = [sys.executable, "-c", HOLDER, prefix]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        left = Path(holder.stdout.readline().strip())
        with scratch_folder(prefix):
            assert (left / "copy/file").is_file()
        holder.kill()
    with scratch_folder(prefix):
        assert not left.exists()


def test_a_link_in_place_of_a_folder_is_not_followed(prefix: str, tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text("mine\n")
    link = Path(tempfile.gettempdir(), f"{prefix}link")
    link.symlink_to(tmp_path)
    with scratch_folder(prefix):
        assert (tmp_path / "mine.md").is_file()
    link.unlink()


def test_links_in_a_folder_are_removed_and_not_what_they_lead_to(prefix: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "kept").mkdir(mode=0o500)
    with scratch_folder(prefix) as folder:
        (folder / "link").symlink_to(tmp_path / "kept")
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o500
