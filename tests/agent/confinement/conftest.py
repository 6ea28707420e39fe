"""A process that runs commands in the jail for the tests: as root never, since most people's machines are not root's.

Run by root it is another user's process, with none of root's rights, and can have few processes, so that a jail that
fails does no harm; run by anybody else it is that user's.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from localnpm.agent import jail
from localnpm.agent.jail import CommandResult, Limits, Mechanism
from localnpm.errors import JailError

CHECKOUT = Path(jail.__file__).parents[2]
LIMITS = Limits(seconds=20)
NOBODY = 65534
AS_OTHER: Mapping[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nowhere"}

WORKER = """
import dataclasses, json, os, pathlib, resource, sys, threading, time
from localnpm.agent import jail
from localnpm.errors import JailError
if sys.argv[1:] == ["other"]:
    resource.setrlimit(resource.RLIMIT_NPROC, (500, 500))
base = dict(os.environ)
def paths(names):
    return [pathlib.Path(name) for name in names]
for line in sys.stdin:
    asked = json.loads(line)
    if asked == "probe":
        print(json.dumps(dataclasses.asdict(jail.probe())), flush=True)
        continue
    os.environ.clear()
    os.environ.update(base | asked["environment"])
    cancel, set_at = threading.Event(), []
    def set_now():
        set_at.append(time.monotonic())
        cancel.set()
    timer = threading.Timer(asked["cancel_after"], set_now)
    timer.daemon = True
    timer.start()
    try:
        result = jail.run(
            asked["command"], pathlib.Path(asked["workspace"]), jail.Limits(**asked["limits"]), cancel,
            hidden=paths(asked["hidden"]), readable=paths(asked["readable"]), mechanism=asked["mechanism"],
        )
    except JailError as error:
        print(json.dumps({"error": str(error)}), flush=True)
    else:
        if set_at:
            result = dataclasses.replace(result, seconds=time.monotonic() - set_at[0])
        print(json.dumps(dataclasses.asdict(result)), flush=True)
    timer.cancel()
"""

Run = Callable[..., CommandResult]


class Worker:
    """The process, asked in lines of JSON."""

    def __init__(self, interpreter: str) -> None:
        self.interpreter = interpreter
        words = [interpreter, "-c", WORKER, *(["other"] if AS_OTHER else [])]
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/", env=ENVIRONMENT, **AS_OTHER
        )

    def ask(self, question: object) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="session")
def python() -> str:
    """An interpreter that the worker's user can run, and with it this checkout."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run(
                [candidate, "-c", "import localnpm.agent.jail"],
                check=True, cwd="/", env=ENVIRONMENT, stderr=subprocess.DEVNULL, **AS_OTHER,
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError):
            continue
        return candidate
    pytest.skip("no interpreter here that another user than root could run localnpm with")


@pytest.fixture(scope="session")
def worker(python: str) -> Iterator[Worker]:
    worker = Worker(python)
    yield worker
    assert worker.process.stdin and worker.process.stdout
    worker.process.stdin.close()
    worker.process.wait(30)
    worker.process.stdout.close()


@pytest.fixture(scope="session")
def findings(worker: Worker) -> dict[str, dict[str, Any]]:
    """What the probe finds for the worker's user, by name."""
    return {finding["name"]: finding for finding in worker.ask("probe")["findings"]}


@pytest.fixture(params=["namespaces", "landlock"])
def mechanism(request: pytest.FixtureRequest, findings: dict[str, dict[str, Any]]) -> Mechanism:
    finding = findings[request.param]
    if not finding["available"]:
        pytest.skip(f"no {request.param} here: {finding['detail']}")
    chosen: Mechanism = request.param
    return chosen


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the worker's user."""
    folder = Path(tempfile.mkdtemp(prefix="localnpm-test-")).resolve()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def workspace(folder: Path) -> Path:
    workspace = folder / "workspace"
    workspace.mkdir()
    return workspace


@pytest.fixture
def run(worker: Worker, mechanism: Mechanism, folder: Path, workspace: Path) -> Run:
    """Run a command in the workspace; what the test has put into `folder` is the worker's user's own."""

    def run(
        command: str,
        *,
        hidden: Sequence[Path] = (),
        readable: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        cancel_after: float = 60.0,
        keep_owners: bool = False,
        **limits: float,
    ) -> CommandResult:
        if AS_OTHER and not keep_owners:
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        said = worker.ask(
            {
                "command": command,
                "workspace": str(workspace),
                "mechanism": mechanism,
                "limits": asdict(replace(LIMITS, **limits)),  # type: ignore[arg-type]
                "hidden": [str(path) for path in hidden],
                "readable": [str(path) for path in readable],
                "environment": dict(environment or {}),
                "cancel_after": cancel_after,
            }
        )
        if "error" in said:
            raise JailError(said["error"])
        return CommandResult(**said)

    return run


@pytest.fixture
def outside(worker: Worker) -> Iterator[subprocess.Popen[bytes]]:
    """A process outside the jail, of the worker's user and with a secret in its environment."""
    with subprocess.Popen(["/bin/sleep", "60"], env={"API_TOKEN": "the secret"}, **AS_OTHER) as process:
        yield process
        process.kill()
