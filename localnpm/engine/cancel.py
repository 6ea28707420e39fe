"""A cancel signal that C can read: setting it ends a running llama_decode at its next graph node.

ggml asks an abort callback once a node. A Python function there would take the interpreter's lock each time, so the
callback is libc's `atoi` over two bytes that `set` writes: "0" goes on, "1" aborts.
"""

import ctypes
import threading


class Cancel(threading.Event):
    """A `threading.Event` whose state llama.cpp sees too. Safe to set from any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._digit = ctypes.create_string_buffer(b"0", 2)

    def set(self) -> None:
        """Cancel: what is running ends within one graph node, what starts later ends at once."""
        self._digit[0] = b"1"
        super().set()

    def clear(self) -> None:
        """Make the signal ready for another use."""
        super().clear()
        self._digit[0] = b"0"

    @property
    def address(self) -> int:
        """Where the digit lies. Valid as long as this object lives."""
        return ctypes.addressof(self._digit)
