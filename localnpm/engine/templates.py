"""A model's own chat template, rendered safely: compiled and run in a separate process that can be ended.

jinja2's sandbox bounds neither time nor memory, and a loop within loops or a string times a billion cannot be
interrupted from inside Python; a process can. template_worker.py is what it runs. The process starts with the
template (about 0.1 s), answers each rendering in about a millisecond, and ends with the object.

Not covered: what to put into a template; that is conversation.py's business.
"""

import json
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from localnpm.errors import ModelError

_WORKER = Path(__file__).with_name("template_worker.py")
_SECONDS = 10.0


class TemplateRefusedError(ModelError):
    """The template raised: it does not take this conversation, or it is broken."""


class Template:
    """A compiled chat template. Safe to use from several threads, one rendering at a time."""

    def __init__(self, source: str, *, seconds: float = _SECONDS) -> None:
        """Compile.

        Args:
            source: Jinja, as in a GGUF's `tokenizer.chat_template`.
            seconds: what one rendering may take.

        Raises:
            ModelError: the source is not a template.
        """
        self._seconds = seconds
        self._lock = threading.Lock()
        self._number = 0
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in the terminal cancels a turn; it must not end this process too
            )
        except OSError as error:
            raise ModelError(f"the process that renders chat templates cannot be started: {error}") from error
        self.close = weakref.finalize(self, _end, self._process)
        try:
            self._ask(source)
        except TemplateRefusedError as error:
            self.close()
            raise ModelError(
                f"the model's chat template cannot be compiled: {error}. Try another build of this model."
            ) from error

    def render(self, *, now: datetime | None = None, **variables: Any) -> str:
        """Render with the given variables; `now` is what the template takes for the present.

        Raises:
            TemplateRefusedError: the template raised, printed too much, or took too much memory.
            ModelError: it took too long; this object is of no use any more.
        """
        return self._ask({"now": (now or datetime.now()).isoformat(), **variables})

    def _ask(self, question: str | Mapping[str, Any]) -> str:
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._process.kill()

        with self._lock:
            timer = threading.Timer(self._seconds, stop)
            timer.daemon = True
            timer.start()
            try:
                answer = self._exchange(question)
            finally:
                timer.cancel()
        if answer is None:
            self.close()
            reason = f"took longer than {self._seconds:g} s" if late.is_set() else "ended its process"
            raise ModelError(f"the model's chat template {reason}. Try another build of this model.")
        if "error" in answer:
            raise TemplateRefusedError(answer["error"])
        return str(answer["text"])

    def _exchange(self, question: str | Mapping[str, Any]) -> dict[str, Any] | None:
        """Ask and return the answer; None when the process is gone."""
        given, taken = self._process.stdin, self._process.stdout
        if given is None or taken is None or given.closed:
            return None
        self._number += 1
        try:
            given.write(json.dumps([self._number, question]).encode() + b"\n")
            given.flush()
        except BrokenPipeError:
            return None
        for line in taken:
            answer: dict[str, Any] = json.loads(line)
            if answer["number"] == self._number:  # else that of a question whose asker was interrupted
                return answer
        return None

    def __enter__(self) -> Self:
        """Use as a context manager to end the process at once."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process and release its pipes; at the latest when the interpreter ends."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:  # what a killed worker had not yet read
                continue
