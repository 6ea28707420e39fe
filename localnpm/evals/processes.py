"""Shares of an evaluation done in this process, or by as many processes as help and fit in memory.

Processes are spawned, not forked: forked ones would share llama.cpp's threads and SQLite's connections with their
parent. Which process does what does not change what comes out.
"""

import multiprocessing
import os
import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from multiprocessing.queues import Queue
from pathlib import Path

import psutil

from localnpm.engine.llama_chat import LlamaChat
from localnpm.errors import LocalnpmError, ModelError
from localnpm.evals.job import Share
from localnpm.evals.results import Line
from localnpm.memory.embedding import Embedder

PROCESSES = 2
MEMORY_FACTOR = 2.5
"""A process needs its model so many times over: weights, caches, and what Python brings."""
MEMORY_FLOOR = 600 << 20
POLL_SECONDS = 1.0


def lines_of(shares: Sequence[Share], processes: int = 0) -> Iterator[Line]:
    """What the shares yield. `processes` 0: as many as help and fit.

    Raises:
        ModelError: the model cannot be loaded, or a process has ended.
    """
    if not shares:
        return
    count = processes or fitting(shares[0].model, len(shares))
    yield from _alone(shares) if count == 1 else _together(shares, count)


def fitting(model: Path, shares: int) -> int:
    """Up to two, as far as there are shares, cores and memory for them."""
    each = max(MEMORY_FLOOR, int(model.stat().st_size * MEMORY_FACTOR))
    return max(1, min(PROCESSES, shares, _cores(), psutil.virtual_memory().available // each))


def _cores() -> int:
    return len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else os.cpu_count() or 1


def _alone(shares: Sequence[Share]) -> Iterator[Line]:
    with _open_model(shares[0], 0) as model:
        embedder = _open_embedder(shares[0])
        for share in shares:
            yield from share.play(model, embedder)


def _together(shares: Sequence[Share], processes: int) -> Iterator[Line]:
    context = multiprocessing.get_context("spawn")
    waiting, lines = context.Queue(), context.Queue()
    for share in [*shares, *([None] * processes)]:
        waiting.put(share)
    threads = max(1, _cores() // processes)
    workers = [context.Process(target=work, args=(waiting, lines, threads)) for _ in range(processes)]
    for each in workers:
        each.start()
    try:
        idle = 0
        while idle < processes:
            try:
                line = lines.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if any(each.exitcode not in (None, 0) for each in workers):
                    raise ModelError("a process of the evaluation has ended; run the same command again") from None
                continue
            if line["type"] == "idle":
                idle += 1
            elif line["type"] == "error":
                raise ModelError(line["text"])
            else:
                yield line
    finally:
        for each in workers:
            each.terminate()
        for each in workers:
            each.join()


def end_with_parent() -> None:
    """End this process when its parent has ended, however that went: nobody takes what it makes any more."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, name="end with parent", daemon=True).start()


def work(shares: "Queue[Share | None]", lines: "Queue[Line]", threads: int) -> None:
    """Do shares until there is none left, in a process of its own; what they yield goes into `lines`."""
    end_with_parent()
    model: LlamaChat | None = None
    embedder: Embedder | None = None
    try:
        while (share := shares.get()) is not None:
            model = model or _open_model(share, threads)
            embedder = embedder or _open_embedder(share)
            for line in share.play(model, embedder):
                lines.put(line)
        lines.put({"type": "idle"})
    except (LocalnpmError, KeyboardInterrupt) as error:
        lines.put({"type": "error", "text": str(error) or "cancelled"})
    finally:
        if model is not None:
            model.close()


def _open_model(share: Share, threads: int) -> LlamaChat:
    """The share's model, on so many threads where the settings leave that open."""
    engine = share.settings.engine
    return LlamaChat.open(share.model, engine if engine.threads else replace(engine, threads=threads))


def _open_embedder(share: Share) -> Embedder:
    from localnpm.learning.learner import embedder_opener

    return embedder_opener(share.settings)()
