"""Each test lets a command try one thing that the jail must refuse, or must allow. Limits: test_jail_limits.py.

Every test runs once for each mechanism that this machine has.
"""

import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localnpm.agent import jail
from localnpm.agent.jail import CommandResult
from localnpm.errors import JailError, WorkspaceError

Run = Callable[..., CommandResult]
Program = Callable[[str], str]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is a jail on Linux only")

OPEN_SOCKETS = """
import socket
for family, kind in ("AF_INET", 1), ("AF_INET", 2), ("AF_INET6", 1), ("AF_NETLINK", 3), ("AF_PACKET", 3):
    try:
        socket.socket(getattr(socket, family), kind)
    except PermissionError:
        print(family, "refused")
    else:
        print(family, "opened")
"""


@pytest.fixture
def program(python: str) -> Callable[[str], str]:
    """A shell command that runs a Python program."""
    return lambda text: f"{python} -I -S -c {shlex.quote(text)}"


def test_output_errors_and_exit_code_come_back_apart(run: Run) -> None:
    result = run("echo out; echo err >&2; exit 3")
    assert (result.stdout, result.stderr, result.exit_code, result.ended_by) == ("out\n", "err\n", 3, "")


def test_a_command_runs_in_the_workspace_and_writes_there(run: Run, workspace: Path) -> None:
    run("mkdir sub; echo new > sub/file; mv sub/file moved")
    assert (workspace / "moved").read_text() == "new\n"


def test_a_new_file_belongs_to_the_user(run: Run, workspace: Path) -> None:
    run("touch new")
    assert (workspace / "new").stat().st_uid == workspace.stat().st_uid


def test_a_file_beside_the_workspace_cannot_be_written(run: Run, folder: Path) -> None:
    run(f"echo x > '{folder}/outside'")
    assert not (folder / "outside").exists()


def test_a_file_beside_the_workspace_cannot_be_read(run: Run, folder: Path) -> None:
    (folder / "outside").write_text("the secret")
    assert "the secret" not in run(f"cat '{folder}/outside'").stdout


def test_a_file_beside_the_workspace_cannot_be_deleted(run: Run, folder: Path) -> None:
    (folder / "outside").write_text("x")
    run(f"rm -f '{folder}/outside'")
    assert (folder / "outside").exists()


def test_a_file_beside_the_workspace_keeps_its_mode(run: Run, folder: Path) -> None:
    (folder / "outside").touch(0o600)
    run(f"chmod 666 '{folder}/outside'")
    assert (folder / "outside").stat().st_mode & 0o777 == 0o600


def test_a_file_beside_the_workspace_keeps_its_length(run: Run, program: Program, folder: Path) -> None:
    (folder / "outside").write_text("long")
    run(program(f"import os\nos.truncate('{folder}/outside', 0)"))
    assert (folder / "outside").read_text() == "long"


def test_a_file_beside_the_workspace_keeps_its_times(run: Run, folder: Path) -> None:
    (folder / "outside").touch()
    os.utime(folder / "outside", (1, 1))
    run(f"touch '{folder}/outside'")
    assert (folder / "outside").stat().st_mtime == 1


def test_a_symlink_in_the_workspace_leads_nowhere_outside(run: Run, workspace: Path, folder: Path) -> None:
    (folder / "outside").write_text("the secret")
    (workspace / "link").symlink_to(folder / "outside")
    assert "the secret" not in run("cat link; echo x > link").stdout
    assert (folder / "outside").read_text() == "the secret"


def test_a_file_outside_cannot_be_linked_in(run: Run, workspace: Path, folder: Path) -> None:
    (folder / "outside").write_text("the secret")
    run(f"ln '{folder}/outside' linked")
    assert not (workspace / "linked").exists()


def test_the_system_cannot_be_changed(run: Run) -> None:
    assert run("touch /usr/localnpm-was-here").exit_code != 0
    assert not Path("/usr/localnpm-was-here").exists()


def test_passwords_of_the_system_cannot_be_read(run: Run) -> None:
    assert run("cat /etc/shadow").stdout == ""


def test_the_kernels_settings_cannot_be_changed(run: Run) -> None:
    assert run("cat /proc/sys/kernel/core_pattern > /proc/sys/kernel/core_pattern").exit_code != 0


def test_the_users_home_cannot_be_read(run: Run, folder: Path) -> None:
    home = folder / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id").write_text("the secret")
    (home / "notes").write_text("the secret")
    result = run(f"cat '{home}/.ssh/id' '{home}/notes' ~/notes", environment={"HOME": str(home)})
    assert result.stdout == ""


def test_what_is_hidden_inside_the_workspace_is_not_seen_or_the_command_refused(run: Run, workspace: Path) -> None:
    (workspace / "home").mkdir()
    (workspace / "home" / "memory.db").write_text("the secret")
    (workspace / "key").write_text("the secret")
    try:
        result = run("cat home/* key; echo y > key; ls -A home", hidden=[workspace / "home", workspace / "key"])
    except JailError as error:
        assert str(workspace / "home") in str(error)
    else:
        assert result.stdout == ""
    assert (workspace / "key").read_text() == "the secret"


def test_keys_in_a_home_folder_that_is_the_workspace_are_not_seen_or_the_command_refused(
    run: Run, workspace: Path
) -> None:
    (workspace / ".ssh").mkdir()
    (workspace / ".ssh" / "id").write_text("the secret")
    try:
        result = run("cat .ssh/id", environment={"HOME": str(workspace)})
    except JailError as error:
        assert ".ssh" in str(error)
    else:
        assert result.stdout == ""


def test_something_hidden_below_a_readable_folder_is_not_seen(run: Run, folder: Path) -> None:
    (folder / "tools" / "home").mkdir(parents=True)
    (folder / "tools" / "home" / "memory.db").write_text("the secret")
    (folder / "tools" / "tool").write_text("a tool")
    result = run(
        f"cd '{folder}/tools' && cat tool home/memory.db",
        readable=[folder / "tools"],
        hidden=[folder / "tools" / "home"],
    )
    assert "the secret" not in result.stdout


def test_a_readable_folder_can_be_read_and_not_written(run: Run, folder: Path) -> None:
    (folder / "tools").mkdir()
    (folder / "tools" / "tool").write_text("a tool")
    result = run(f"cd '{folder}/tools' && cat tool && echo x > tool", readable=[folder / "tools"])
    assert result.stdout == "a tool"
    assert (folder / "tools" / "tool").read_text() == "a tool"


def test_a_readable_file_keeps_its_mode_also_when_it_is_open(run: Run, program: Program, folder: Path) -> None:
    (folder / "tools").mkdir()
    (folder / "tools" / "tool").touch(0o600)
    text = f"import os\nos.fchmod(os.open('{folder}/tools/tool', os.O_RDONLY), 0o777)"
    assert run(program(text), readable=[folder / "tools"]).exit_code == 1
    assert (folder / "tools" / "tool").stat().st_mode & 0o777 == 0o600


def test_a_search_path_that_names_the_home_does_not_open_it(run: Run, folder: Path) -> None:
    (folder / "note").write_text("the secret")
    environment = {"HOME": str(folder), "PATH": f"{folder}:/usr/bin:/bin"}
    assert "the secret" not in run(f"cat '{folder}/note'", environment=environment).stdout


def test_the_environment_holds_no_secret(run: Run) -> None:
    environment = {"API_TOKEN": "the secret", "SSH_AUTH_SOCK": "the secret"}
    assert "the secret" not in run("env; cat /proc/*/environ 2>/dev/null", environment=environment).stdout


def test_the_home_folder_is_private_and_gone_afterwards(run: Run) -> None:
    result = run('echo x > ~/file && mktemp > /dev/null && chmod 0 ~ 2> /dev/null; echo "$HOME"')
    assert result.stdout.strip() != str(Path.home())
    assert not Path(result.stdout.strip(), "file").exists()


def test_two_commands_share_no_temporary_folder(run: Run) -> None:
    run('echo "the secret" > "$TMPDIR/file"')
    assert run('cat "$TMPDIR/file"').stdout == ""


def test_standard_input_is_empty(run: Run) -> None:
    assert run("cat; echo done").stdout == "done\n"


def test_there_is_no_network(run: Run, program: Program) -> None:
    result = run(program(OPEN_SOCKETS))
    assert (
        result.stdout == "AF_INET refused\nAF_INET refused\nAF_INET6 refused\nAF_NETLINK refused\nAF_PACKET refused\n"
    )


def test_a_socket_with_a_path_is_out_of_reach(run: Run, program: Program, workspace: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(workspace / "s"))
        listener.listen()
        result = run(program("import socket\nsocket.socket(socket.AF_UNIX).connect('s')"))
    assert "Permission denied" in result.stderr


def test_a_connected_pair_works(run: Run, program: Program) -> None:
    text = "import socket\na, b = socket.socketpair()\na.send(b'through')\nprint(b.recv(9))"
    assert run(program(text)).stdout == "b'through'\n"


def test_io_uring_is_not_there(run: Run, program: Program) -> None:
    text = "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nprint(c.syscall(425, 1, 0), ctypes.get_errno())"
    assert run(program(text)).stdout == "-1 38\n"


def test_no_new_namespace_can_be_made(run: Run, program: Program) -> None:
    text = "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nprint(c.unshare(0x10000000), ctypes.get_errno())"
    assert run(program(text)).stdout == "-1 1\n"


def test_there_are_no_capabilities_and_no_way_to_more(run: Run) -> None:
    words = run("grep -E 'CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp:' /proc/self/status").stdout.split()
    values = dict(zip(words[::2], words[1::2], strict=True))
    assert int(values["CapPrm:"], 16) == int(values["CapEff:"], 16) == int(values["CapAmb:"], 16) == 0
    assert (values["NoNewPrivs:"], values["Seccomp:"]) == ("1", "2")


def test_a_set_user_id_program_gives_nothing(run: Run, workspace: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can make a program that runs as root")
    run(":")
    copy = workspace / "id"
    shutil.copy(shutil.which("id") or "/usr/bin/id", copy)
    os.chown(copy, 0, 0)
    copy.chmod(0o4755)
    assert run("./id -u; ls -n id", keep_owners=True).stdout.splitlines()[0] == "65534"


def test_a_process_outside_cannot_be_signalled(run: Run, outside: subprocess.Popen[bytes]) -> None:
    run(f"kill -9 {outside.pid}; kill -9 -- -1")
    assert outside.poll() is None


def test_the_environment_of_a_process_outside_cannot_be_read(run: Run, outside: subprocess.Popen[bytes]) -> None:
    assert "the secret" not in run(f"cat /proc/{outside.pid}/environ").stdout


@pytest.mark.skipif(os.getuid() != 0, reason="for root only")
def test_root_is_refused_or_held_by_namespaces(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "outside").write_text("the secret")
    try:
        result = jail.run(f"cat '{tmp_path}/outside'; id -u; touch /usr/new", tmp_path / "workspace")
    except JailError:
        return
    assert result.stdout == "0\n"


@pytest.mark.skipif(os.getuid() != 0, reason="for root only")
def test_root_is_refused_without_namespaces(tmp_path: Path) -> None:
    with pytest.raises(JailError, match="root"):
        jail.run(":", tmp_path, mechanism="landlock")


def test_a_command_with_a_nul_character_is_refused(workspace: Path) -> None:
    with pytest.raises(JailError, match="NUL"):
        jail.run("echo \0", workspace)


def test_a_workspace_that_is_not_there_is_an_error(folder: Path) -> None:
    with pytest.raises(WorkspaceError, match="gone"):
        jail.run(":", folder / "gone")


@pytest.mark.parametrize("place", ["/", "/proc/self", "/dev"])
def test_a_workspace_that_cannot_be_confined_is_refused(place: str) -> None:
    with pytest.raises(JailError, match="workspace"):
        jail.run(":", Path(place), mechanism="namespaces")


def test_a_workspace_that_is_itself_hidden_is_refused(workspace: Path) -> None:
    with pytest.raises(JailError, match="home"):
        jail.run(":", workspace, hidden=[workspace], mechanism="namespaces")


def test_the_probe_names_every_mechanism_and_a_fix_for_what_is_missing(findings: dict[str, dict[str, Any]]) -> None:
    assert set(findings) == {"seccomp", "namespaces", "landlock"}
    assert all(finding["available"] != bool(finding["fix"]) for finding in findings.values())
