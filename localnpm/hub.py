"""What is asked of the Hugging Face hub, by huggingface_hub: which file, how large, with which checksum; and its bytes.

`localnpm models pull` is the only caller, and this is the only module of localnpm that uses the network.
`hf_hub_download` is not used: it begins again from nothing after an interruption, and checks no checksum.
Errors come out as `DownloadError` that says what happened and what to do.
"""

import difflib
import os
import re
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from localnpm import units
from localnpm.errors import DownloadError, LocalnpmError
from localnpm.header import Header, parse

SECONDS_UNTIL_GIVEN_UP = 30
"""Without an answer, or without another byte."""
CHUNK = 1 << 18
HEADER_BYTES = 1 << 20
"""Enough for everything before the vocabulary, which is what the memory estimate needs."""
SHA256 = re.compile(r"[0-9a-f]{64}")
GATED = "accept its terms at {page} with an account of the hub, then set HF_TOKEN to a token of it"


@dataclass(frozen=True)
class RemoteFile:
    """One file as the hub describes it. `commit` fixes its version, so that its parts and header belong together."""

    repository: str
    file: str
    commit: str
    size_bytes: int
    sha256: str


def endpoint() -> str:
    """The hub's address: HF_ENDPOINT, or the public one."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def describe(repository: str, file: str) -> RemoteFile:
    """Ask for a file's size, checksum and version.

    Raises:
        DownloadError: no network, no such repository or file, no permission, or no checksum to check against.
    """
    from huggingface_hub import get_hf_file_metadata

    with _explained(repository, file):
        metadata = get_hf_file_metadata(_url(repository, file, "main"), timeout=SECONDS_UNTIL_GIVEN_UP)
    digest = (metadata.etag or "").lower()
    if metadata.size is None or not SHA256.fullmatch(digest):
        raise DownloadError(
            f"{endpoint()} gives no size and SHA-256 for {repository}/{file}, so what comes could not be checked; "
            "it is not downloaded"
        )
    return RemoteFile(repository, file, metadata.commit_hash or "main", metadata.size, digest)


def gguf_files(repository: str) -> dict[str, int]:
    """The GGUF files of a repository and their sizes in bytes, by name.

    Raises:
        DownloadError: as `describe`.
    """
    from huggingface_hub import HfApi

    _without_telemetry()
    with _explained(repository, ""):
        info = HfApi(endpoint=endpoint()).model_info(repository, files_metadata=True, timeout=SECONDS_UNTIL_GIVEN_UP)
    files = {entry.rfilename: entry.size or 0 for entry in info.siblings or ()}
    return {name: size for name, size in sorted(files.items()) if name.lower().endswith(".gguf")}


def peek(remote: RemoteFile) -> Header:
    """The header at the start of a remote file, as far as its first megabyte holds it.

    Raises:
        DownloadError: as `describe`.
        ModelError: what the hub has is not a GGUF file.
    """
    start = b""
    with closing(_stream(remote, 0, min(HEADER_BYTES, remote.size_bytes))) as chunks:
        while len(start) < HEADER_BYTES and (chunk := next(chunks, b"")):
            start += chunk
    return parse(start, Path(remote.file), remote.size_bytes, cut_short=len(start) < remote.size_bytes)


def fetch(remote: RemoteFile, file: IO[bytes]) -> Iterator[int]:
    """Append the bytes that a partial file lacks; yields its new length after each chunk. Stops if there are too many.

    A connection that breaks is opened again as long as each one brings something.

    Raises:
        DownloadError: as `describe`; the disk is full; or the hub stopped sending. What came stays in the file.
    """
    while (begin := file.seek(0, os.SEEK_END)) < remote.size_bytes:
        broken: LocalnpmError | None = None
        try:
            for chunk in _stream(remote, begin, remote.size_bytes, file):
                file.write(chunk)
                yield file.tell()
                if file.tell() > remote.size_bytes:
                    return
        except DownloadError as error:
            broken = error
        if file.seek(0, os.SEEK_END) <= begin:
            raise broken or DownloadError(
                f"{endpoint()} stopped sending {remote.file} at {begin:,} of {remote.size_bytes:,} bytes. "
                "Run the same command again: it goes on from there."
            )


def _stream(remote: RemoteFile, begin: int, end: int, file: IO[bytes] | None = None) -> Generator[bytes, None, None]:
    """Bytes `begin` to `end` of a remote file. A hub that ignores the range and sends all empties `file` first."""
    from huggingface_hub import get_session, hf_raise_for_status
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    _without_telemetry()
    headers = build_hf_headers(library_name="localnpm") | {
        "Range": f"bytes={begin}-{end - 1}",
        "Accept-Encoding": "identity",
    }
    url = _url(remote.repository, remote.file, remote.commit)
    with (
        _explained(remote.repository, remote.file),
        get_session().stream("GET", url, headers=headers, timeout=SECONDS_UNTIL_GIVEN_UP) as response,
    ):
        hf_raise_for_status(response)
        if begin and response.status_code != 206 and file is not None:
            file.truncate(0)
        yield from response.iter_bytes(CHUNK)


def _url(repository: str, file: str, revision: str) -> str:
    from huggingface_hub import hf_hub_url

    _without_telemetry()
    return hf_hub_url(repository, file, revision=revision, endpoint=endpoint())


def _without_telemetry() -> None:
    """The library would otherwise tell the hub what is installed here, and ask it for a list of agents to name."""
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_TELEMETRY = True


@contextmanager
def _explained(repository: str, file: str) -> Iterator[None]:
    """Turn the library's errors into ones that say what to do."""
    from huggingface_hub import errors

    page = f"{endpoint()}/{repository}"
    try:
        yield
    except errors.OfflineModeIsEnabled:
        raise DownloadError(
            "HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) is set, so nothing is downloaded; unset it to pull a model"
        ) from None
    except errors.GatedRepoError:
        raise DownloadError(f"{repository} is gated: {GATED.format(page=page)}") from None
    except errors.RepositoryNotFoundError:
        raise DownloadError(
            f"{endpoint()} has no repository {repository!r} that may be read without signing in; check the name, "
            "or, if it is private or gated, set HF_TOKEN"
        ) from None
    except errors.EntryNotFoundError:
        raise DownloadError(f"{repository} has no file {file!r}; {_files_in_words(repository, file)}") from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        why = {401: GATED.format(page=page), 403: GATED.format(page=page), 429: "too many requests: wait a while"}
        raise DownloadError(
            f"{endpoint()} answered {status} for {repository}/{file}; {why.get(status, 'try again later')}"
        ) from None
    except errors.HTTPError as error:  # type: ignore[attr-defined]
        raise DownloadError(
            f"{endpoint()} cannot be reached or broke off ({str(error) or type(error).__name__}). Look at the network "
            "connection (and HTTPS_PROXY, if there is a proxy), then run the same command again: it goes on where it "
            "stopped."
        ) from None


def _files_in_words(repository: str, wanted: str) -> str:
    """Which GGUF files a repository has instead, nearest first."""
    try:
        files = gguf_files(repository)
    except DownloadError:
        return f"look at {endpoint()}/{repository}"
    return list_in_words(files, wanted)


def list_in_words(files: dict[str, int], wanted: str = "") -> str:
    """GGUF files and their sizes, those most like `wanted` first, for a message."""
    if not files:
        return "it has no GGUF files at all"
    near = difflib.get_close_matches(wanted, files, n=8, cutoff=0.3) if wanted else []
    shown = (near + [name for name in files if name not in near])[:12]
    listed = ", ".join(f"{name} ({units.size(files[name])})" for name in shown)
    return f"it has {listed}" + (f" and {len(files) - len(shown)} more" if len(files) > len(shown) else "")
