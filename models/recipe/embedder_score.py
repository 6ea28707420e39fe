"""Scores recall with an embedder on kinds and wordings that it was not trained on, beside TF-IDF.

    python embedder_score.py ../embedder [--household FOLDER] [--draws 5]

A memory has one to six requests of each kind, as a log gives them, one to four where there are but five. Asked for are
requests in other wordings. *First*: the best procedure is of the right kind. *Recalled* and *abstained*: of requests
whose kind is there, and of the same requests with their kind taken out, at the threshold that recall calibrates on this
memory. Brackets are 95% bootstrap intervals over kinds. FOLDER has query_bank.json and agentinstruct_trajectories.json
of the benchmark qpiai/Proced_mem_bench on GitHub: household requests in other people's words, with the stored tasks
that fit each; used for scoring only. Needs scikit-learn.
"""

import argparse
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedder_requests import FAMILY_KINDS, Requests, pairs, parts
from localnpm.evals.habits.families import BY_NAME
from localnpm.evals.habits.names import Names
from localnpm.memory.calibration import by_probes, calibrate
from localnpm.memory.embedding import Embedder, open_embedder
from localnpm.memory.index import Index
from localnpm.memory.recall_keys import RecallKeys, members_of
from localnpm.memory.wording import Wording

MOST_KEYS = 6
ASKED = 10
PAIRED_KINDS = 40
RESAMPLES = 2000

Labelled = list[tuple[str, str]]
"""(text, kind)."""


@dataclass(frozen=True)
class Draw:
    """A memory, and what is asked of it."""

    stored: Labelled
    asked: Labelled


def habits(rng: random.Random) -> Draw:
    """The families of file tasks: stored in known wordings and words, asked for in held-out ones."""
    known, held_out = Names(rng, "train"), Names(rng, "eval")
    stored, asked = [], []
    for _, family in FAMILY_KINDS:
        stored += [(BY_NAME[family].make(known).request, family) for _ in range(rng.randint(1, MOST_KEYS))]
        found: list[str] = []
        while len(found) < ASKED:
            task = BY_NAME[family].make(held_out)
            if task.worded == "new":
                found.append(task.request)
        asked += [(text, family) for text in found]
    return Draw(stored, asked)


def paired(rng: random.Random) -> Draw:
    """Actions with objects, both held out of training; kinds share actions and objects with each other."""
    requests = Requests(rng, "eval")
    stored, asked = [], []
    for kind in pairs(rng, parts("actions", held_out=True), parts("objects", held_out=True), PAIRED_KINDS):
        name = " ".join(kind)
        stored += [(requests.worded(*kind), name) for _ in range(rng.randint(1, MOST_KEYS))]
        asked += [(requests.worded(*kind), name) for _ in range(ASKED)]
    return Draw(stored, asked)


def written(rng: random.Random) -> Draw:
    """Forty kinds of everyday requests, each written five times by hand and in no training text."""
    stored, asked = [], []
    for kind, texts in written_requests().items():
        order = rng.sample(texts, len(texts))
        keys = rng.randint(1, len(texts) - 1)
        stored += [(text, kind) for text in order[:keys]]
        asked += [(text, kind) for text in order[keys:]]
    return Draw(stored, asked)


def written_requests() -> Mapping[str, list[str]]:
    """Kind -> requests, from `requests/held_out.txt`."""
    kinds: dict[str, list[str]] = {}
    for line in (Path(__file__).parent / "requests" / "held_out.txt").read_text("utf-8").splitlines():
        if line.startswith("# "):
            texts = kinds.setdefault(line[2:], [])
        elif line:
            texts.append(line)
    return kinds


SETS: Mapping[str, Callable[[random.Random], Draw]] = {"habits": habits, "paired": paired, "written": written}


def keys_of(stored: Labelled, embedder: Embedder) -> tuple[RecallKeys, list[str]]:
    """The stored requests as recall holds them; procedure number i is of the i-th kind."""
    kinds = sorted({kind for _, kind in stored})
    procedures = np.array([kinds.index(kind) for _, kind in stored], np.int64)
    texts = tuple(text for text, _ in stored)
    index = Index(embedder.embed(texts))
    return RecallKeys(0, procedures, (None,) * len(texts), texts, index, Wording(texts), members_of(procedures)), kinds


def score_draw(draw: Draw, embedder: Embedder, prior: float) -> dict[str, NDArray[np.bool_]]:
    """For each request that is asked for, whether it went right."""
    keys, kinds = keys_of(draw.stored, embedder)
    least = calibrate(keys, prior)
    texts = [text for text, _ in draw.asked]
    by_words = _tf_idf([text for text, _ in draw.stored], texts)
    figures: dict[str, list[bool]] = {name: [] for name in ("first", "first by TF-IDF", "recalled", "abstained")}
    for row, (vector, (text, kind)) in enumerate(zip(embedder.embed(texts), draw.asked, strict=True)):
        near = keys.nearest(text, vector, count=len(keys))
        others = [each.similarity for each in near if kinds[each.procedure_id] != kind]
        figures["first"].append(kinds[near[0].procedure_id] == kind)
        figures["first by TF-IDF"].append(draw.stored[int(by_words[row].argmax())][1] == kind)
        figures["recalled"].append(max(each.similarity for each in near) >= least)
        figures["abstained"].append(max(others) < least)
    return {name: np.array(values) for name, values in figures.items()}


def score(embedder: Embedder, draws: int, seed: int = 5) -> dict[str, dict[str, str]]:
    """Every set's figures with their intervals."""
    prior = by_probes(embedder)
    result = {}
    for name, make in SETS.items():
        drawn = [make(random.Random(seed + each)) for each in range(draws)]
        scored = [score_draw(draw, embedder, prior) for draw in drawn]
        kinds = np.array([kind for draw in drawn for _, kind in draw.asked])
        result[name] = {
            figure: interval(np.concatenate([each[figure] for each in scored]), kinds) for figure in scored[0]
        }
    return result


def household(folder: Path, embedder: Embedder) -> dict[str, str]:
    """Other people's requests: whether the first hit fits, and the share of the first ten that do."""
    queries = json.loads((folder / "query_bank.json").read_text("utf-8"))["queries"]
    tasks = json.loads((folder / "agentinstruct_trajectories.json").read_text("utf-8"))["trajectories"]
    place = {task["task_instance_id"]: row for row, task in enumerate(tasks)}
    texts = [str(task["task_description"]) for task in tasks]
    asked = [str(query["query_text"]) for query in queries]
    fits = np.zeros((len(asked), len(texts)), np.bool_)
    for row, query in enumerate(queries):
        fits[row, [place[each["trajectory_id"]] for each in query["relevant_trajectories"]]] = True
    keys, _ = keys_of([(text, f"{row:04}") for row, text in enumerate(texts)], embedder)
    vectors = embedder.embed(asked)
    by_recall = np.zeros(fits.shape)
    for row, text in enumerate(asked):
        for each in keys.nearest(text, vectors[row], count=len(keys)):
            by_recall[row, each.procedure_id] = each.joined
    figures = {}
    ways = (("recall", by_recall), ("cosine", vectors @ keys.index.vectors.T), ("TF-IDF", _tf_idf(texts, asked)))
    for name, similarity in ways:
        order = np.argsort(-similarity, axis=1, kind="stable")
        first = np.take_along_axis(fits, order[:, :1], axis=1)[:, 0]
        ten = np.take_along_axis(fits, order[:, :10], axis=1).mean()
        figures[name] = f"first {interval(first, np.arange(len(first)))}, of ten {ten:.3f}"
    return figures


def interval(right: NDArray[np.bool_], clusters: NDArray[Any]) -> str:
    """The share with its 95% bootstrap interval over clusters."""
    rng = np.random.default_rng(0)
    _, inverse = np.unique(clusters, return_inverse=True)
    sums, counts = np.bincount(inverse, weights=right), np.bincount(inverse)
    drawn = rng.integers(0, len(sums), (RESAMPLES, len(sums)))
    low, high = np.percentile(sums[drawn].sum(1) / counts[drawn].sum(1), (2.5, 97.5))
    return f"{right.mean():.3f} [{low:.2f}, {high:.2f}]"


def _tf_idf(stored: Sequence[str], asked: Sequence[str]) -> NDArray[Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(sublinear_tf=True, token_pattern=r"[A-Za-z]+").fit(stored)
    similarity: NDArray[Any] = (vectorizer.transform(asked) @ vectorizer.transform(stored).T).toarray()
    return similarity


def main() -> None:
    parser = argparse.ArgumentParser(description="Scores recall with an embedder, beside TF-IDF.")
    parser.add_argument("embedder", type=Path)
    parser.add_argument("--household", type=Path)
    parser.add_argument("--draws", type=int, default=5)
    options = parser.parse_args()
    embedder = open_embedder(options.embedder)
    figures: dict[str, Any] = score(embedder, options.draws)
    figures["threshold by probes"] = round(by_probes(embedder), 3)
    if options.household:
        figures["household"] = household(options.household, embedder)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
