"""Pull the cable and nothing changes: with sockets refused by the interpreter itself, the agent does its work."""

import subprocess
import sys

import pytest

WITHOUT_SOCKETS = """
import sys

def refuse(event, arguments):
    if event in ("socket.__new__", "socket.connect", "socket.getaddrinfo"):
        raise PermissionError(f"the network was asked for: {event} {arguments}")

sys.addaudithook(refuse)
from localnpm.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", 'Add "buy milk" to my todo list', "--allow", "write"],
        ["models", "list"],
        ["models", "show"],
        ["doctor"],
        ["attempts", "list"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_command_works_without_a_single_socket(tmp_path, monkeypatch, arguments):
    work = tmp_path / "work"
    work.mkdir()
    (work / "todo.md").write_text("# Todo\n- [ ] call the bank\n")
    monkeypatch.setenv("LOCALNPM_HOME", str(tmp_path / "home"))
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_SOCKETS, *arguments], cwd=work, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout or ended.stderr


def test_a_pull_does_ask_for_the_network(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCALNPM_HOME", str(tmp_path / "home"))
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_SOCKETS, "models", "pull", "qwen2.5-0.5b"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode != 0
    assert "the network was asked for" in ended.stderr
