"""What tests in several folders share: small GGUF files, and a hub on loopback to pull them from.

The hub speaks as much of Hugging Face's protocol as `localnpm models pull` uses: HEAD and GET of `resolve`, with the
headers that carry commit, checksum and size, ranges, and the list of a repository's files.
"""

import hashlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

import localnpm  # noqa: F401 - sets how OpenMP waits, before a test module imports PyTorch


def refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: the suite reaches nothing but this machine."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = str(arguments[1][0])
        if host != "localhost" and not host.startswith("127.") and host != "::1":
            raise PermissionError(f"a test tried to reach {host}")


sys.addaudithook(refuse_network)

WriteGguf = Callable[..., Path]


@pytest.fixture
def write_gguf() -> WriteGguf:
    """Write a GGUF file that has a language model's header and one tensor, and that no engine could run."""

    def write(path: Path, architecture: str = "llama", kind: str = "model", values: int = 256, **scalars: int) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = gguf.GGUFWriter(path, architecture)
        writer.add_type(kind)
        writer.add_name(path.stem)
        writer.add_license("apache-2.0")
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
        numbers = {
            "block_count": 2, "context_length": 1024, "embedding_length": 64, "attention.head_count": 4,
            "attention.head_count_kv": 2,
        }  # fmt: skip
        for key, value in (numbers | {name.replace("__", "."): value for name, value in scalars.items()}).items():
            writer.add_uint32(f"{architecture}.{key}", value)
        writer.add_token_list(["<s>", "</s>", "a"])
        writer.add_tensor("token_embd.weight", np.arange(values, dtype=np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path

    return write


@dataclass
class Hub:
    """What the server holds, how it misbehaves, and what it was asked."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """By OWNER/REPOSITORY/FILE."""
    promised: dict[str, str] = field(default_factory=dict)
    """A checksum to promise in place of the true one."""
    cut_after: list[int] = field(default_factory=list)
    """For the next downloads: bytes to send before the connection is cut. 0 answers with an error."""
    gated: bool = False
    ranges: bool = True
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and range of each request."""
    callers: list[str] = field(default_factory=list)
    """The User-Agent of each request."""

    def downloads(self) -> list[str]:
        """The ranges that were asked for, those of the header's peek left out."""
        asked = [wanted for method, path, wanted in self.requests if method == "GET" and "/resolve/" in path]
        return asked[1:]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        hub = self.hub
        wanted = self.headers.get("Range", "")
        hub.requests.append((self.command, self.path, wanted))
        hub.callers.append(self.headers.get("User-Agent", ""))
        if self.path.startswith("/api/models/"):
            repository = self.path.removeprefix("/api/models/").split("?")[0].split("/revision/")[0]
            names = [name for name in hub.files if name.startswith(repository + "/")]
            if not names:
                return self.refuse(404, "RepoNotFound")
            siblings = [
                {"rfilename": name.removeprefix(repository + "/"), "size": len(hub.files[name])} for name in names
            ]
            content = json.dumps({"id": repository, "siblings": siblings}).encode()
            return self.send(200, content, {"Content-Type": "application/json"}, body=body)
        owner, repository, _, commit, *rest = self.path.strip("/").split("/")
        name = "/".join([owner, repository, *rest])
        if hub.gated:
            return self.refuse(403, "GatedRepo")
        if not any(known.startswith(f"{owner}/{repository}/") for known in hub.files):
            return self.refuse(404, "RepoNotFound")
        if name not in hub.files:
            return self.refuse(404, "EntryNotFound")
        content = hub.files[name]
        digest = hub.promised.get(name) or hashlib.sha256(content).hexdigest()
        headers = {"X-Repo-Commit": "c" * 40, "X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        peeking = commit == "c" * 40 and not hub.downloads() and body
        if wanted and hub.ranges:
            first, last = wanted.removeprefix("bytes=").split("-")
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            return self.send(206, content[int(first) : int(last) + 1], headers, body=body, may_cut=not peeking)
        return self.send(200, content, headers, body=body, may_cut=not peeking)

    def send(self, status: int, content: bytes, headers: dict[str, str], *, body: bool, may_cut: bool = False) -> None:
        cut = self.hub.cut_after.pop(0) if body and may_cut and self.hub.cut_after else None
        if cut == 0:
            self.refuse(500, "")
            return
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content[:cut])
        self.close_connection = True

    def refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on loopback that HF_ENDPOINT points to."""
    state = Hub()
    handler = type("Handler", (_Handler,), {"hub": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    state.address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", state.address)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()
