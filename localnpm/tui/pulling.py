"""A pull that goes on in a thread of its own, whatever screen is open, until it is done, fails or is stopped.

The thread ends with the process: what has come is kept, and the next pull of the same model goes on there.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from localnpm.errors import LocalnpmError
from localnpm.home import Home
from localnpm.units import size

STOPPED = "stopped; pulling it again goes on where it was"


class Pulling:
    """One pull. `problem` says why there is no `path` when it is `over`. Bytes in `done` and `total`."""

    def __init__(self, wanted: str, home: Home, ended: "Callable[[Pulling], object]") -> None:
        """`ended` is called in the pull's thread."""
        self.wanted = wanted
        self.what = "ask"
        self.done = 0
        self.total = 0
        self.path: Path | None = None
        self.problem = ""
        self.over = False
        self._home = home
        self._ended = ended
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._work, name="pull", daemon=True).start()

    def stop(self) -> None:
        """Stop at the next piece that comes."""
        self._stop.set()

    def words(self) -> str:
        """How far it is, in a line."""
        if self._stop.is_set():
            return f"stopping the pull of {self.wanted} …"
        if self.what == "ask" or not self.total:
            return f"asking the hub about {self.wanted} …"
        what = "pulling" if self.what == "download" else "checking"
        return f"{what} {self.wanted}: {self.done / self.total:.0%} of {size(self.total)}"

    def _work(self) -> None:
        from localnpm import pull

        try:
            self.path = pull.pull(pull.plan(self.wanted), self._home, self._progress)
        except LocalnpmError as error:
            self.problem = STOPPED if self._stop.is_set() else str(error)
        finally:
            self.over = True
            self._ended(self)

    def _progress(self, what: str, done: int, total: int) -> None:
        self.what, self.done, self.total = what, done, total
        if self._stop.is_set():
            # What the puller takes for the user's Ctrl-C: it keeps what has come.
            raise KeyboardInterrupt
