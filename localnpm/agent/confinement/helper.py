"""Starting the helper process for a plan, reading what the command prints, and ending it when asked to.

The caller's side of child.py. The three pipes from the helper (output, errors, status) are read in one loop that also
looks at the cancel flag; the control pipe to it is closed to have everything ended.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from localnpm.agent.confinement.values import Cancellable, CommandResult, Plan
from localnpm.errors import JailError

_PACKAGES = Path(__file__).resolve().parents[3]
_START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from localnpm.agent.confinement import child; child.main(int(sys.argv[2]))"
)
_LOOK_SECONDS = 0.05
_GRACE_SECONDS = 5.0
_PIECE = 1 << 16
_BY_SIGNAL = {int(signal.SIGXCPU): "cpu", int(signal.SIGXFSZ): "file size"}


class _Capture:
    """The first and the last part of a stream, and how much there was of it."""

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, piece: bytes) -> None:
        self.total += len(piece)
        room = self._half - len(self._head)
        self._head += piece[:room]
        self._tail += piece[max(room, 0) :]
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]

    def text(self) -> str:
        """What was kept, with a line in between that says how much was not; bytes that are no UTF-8 are replaced."""
        tail = self._tail[-self._half :]
        left_out = self.total - len(self._head) - len(tail)
        middle = f"\n[{left_out} bytes left out]\n".encode() if left_out else b""
        return (self._head + middle + tail).decode("utf-8", "replace")


class _Running:
    """One helper process with its pipes, all of which `__exit__` of the stack closes."""

    def __init__(self, plan: Plan, stack: ExitStack) -> None:
        self._ends_all = plan.mechanism == "namespaces"
        control, self.control = os.pipe()
        self.status, status = os.pipe()
        stack.callback(self.end)
        stack.callback(os.close, self.status)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, str(_PACKAGES), str(status)],
                stdin=control, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=(status,), cwd="/", env={},
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise JailError(f"the helper for commands could not be started: {error}") from None
        finally:
            os.close(control)
            os.close(status)
        stack.callback(self._close)
        with suppress(BrokenPipeError):
            _write_all(self.control, plan.to_json().encode() + b"\n")

    def end(self) -> None:
        """Have the helper end everything; may be called again."""
        if self.control >= 0:
            os.close(self.control)
            self.control = -1

    def _close(self) -> None:
        self.end()
        if self._ends_all:
            try:
                self.process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        # A keeper that adopts orphans must never be killed: it goes on until nothing is left.
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def carry_out(plan: Plan, cancel: Cancellable | None) -> CommandResult:
    """Run a plan to its end.

    Raises:
        JailError: the helper could not confine the command; it was not started.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        running = _Running(plan, stack)
        assert running.process.stdout and running.process.stderr
        streams = {name: _Capture(plan.limits.output_bytes) for name in ("output", "errors")}
        said = _Capture(_PIECE)
        selector = stack.enter_context(selectors.DefaultSelector())
        selector.register(running.process.stdout, selectors.EVENT_READ, streams["output"])
        selector.register(running.process.stderr, selectors.EVENT_READ, streams["errors"])
        selector.register(running.status, selectors.EVENT_READ, said)
        last_moment = began + plan.limits.seconds + _GRACE_SECONDS
        reason = ""
        while selector.get_map():
            for key, _ in selector.select(_LOOK_SECONDS):
                piece = os.read(key.fd, _PIECE)
                if piece:
                    key.data.add(piece)
                else:
                    selector.unregister(key.fileobj)
            if not reason:
                reason = _reason_to_end(streams, plan, cancel)
                if reason:
                    running.end()
                    last_moment = time.monotonic() + _GRACE_SECONDS
            if time.monotonic() > last_moment:
                break
    return _result(said.text(), reason, streams, time.monotonic() - began)


def _reason_to_end(streams: dict[str, _Capture], plan: Plan, cancel: Cancellable | None) -> str:
    if cancel is not None and cancel.is_set():
        return "cancel"
    total = sum(capture.total for capture in streams.values())
    return "output" if total > plan.limits.flood_bytes else ""


def _result(said: str, reason: str, streams: dict[str, _Capture], seconds: float) -> CommandResult:
    output, errors = streams["output"].text(), streams["errors"].text()
    word: dict[str, Any] = json.loads(said.splitlines()[0]) if said else {"status": None, "reason": "kill"}
    if "error" in word:
        raise JailError(f"the command was not run, since it could not be confined: {word['error']}")
    status: int | None = word["status"]
    ended_by: str = reason or word["reason"]
    if status is None or ended_by:
        return CommandResult(None, output, errors, ended_by, seconds)
    code = os.waitstatus_to_exitcode(status)
    if -code in _BY_SIGNAL:
        return CommandResult(None, output, errors, _BY_SIGNAL[-code], seconds)
    return CommandResult(128 - code if code < 0 else code, output, errors, "", seconds)
