"""The processes of an evaluation: they end with the one that started them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

PARENT = """
import multiprocessing, os, signal, sys
sys.path.insert(0, sys.argv[1])
import orphaned_worker
child = multiprocessing.get_context("spawn").Process(target=orphaned_worker.work)
child.start()
print(child.pid, flush=True)
child.join()
"""
WORKER = """
import time
from localnpm.evals.processes import end_with_parent

def work():
    end_with_parent()
    time.sleep(600)
"""
SECONDS = 30.0


def test_a_process_ends_when_the_one_that_started_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "orphaned_worker.py").write_text(WORKER)
    (tmp_path / "parent.py").write_text(
        "if __name__ == '__main__':\n" + "".join(f"    {line}\n" for line in PARENT.splitlines())
    )
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py"), str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert _ended(child, SECONDS)


def _ended(process: psutil.Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            process.wait(timeout=0.2)
            return True
        except psutil.TimeoutExpired:
            continue
    process.kill()
    return False
