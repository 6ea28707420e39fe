"""The table of peers.py: success with intervals over clusters (a user and a kind), KL at equal effect, seconds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from localnpm.evals.statistics import Estimate, cluster_bootstrap, paired_difference

Line = dict[str, Any]
Key = tuple[int, str, int]


def print_table(lines: Sequence[Line]) -> None:
    """Prints Markdown. A method that failed somewhere is compared over the tasks that it has."""
    successes: dict[str, dict[Key, float]] = {}
    measured: dict[str, list[Line]] = {}
    for line in lines:
        if line["type"] == "episode":
            key = line["user"], line["kind"], line["number"]
            successes.setdefault(line["method"], {})[key] = float(line["success"])
        elif line["type"] == "method":
            measured.setdefault(line["method"], []).append(line)
    done = [line for line in lines if line["type"] == "done"]
    compared = [line for line in done if "pairs" in line]
    print(
        f"{len(compared)} clusters of {len(done)} (in the others the model needs no help or decides too little), "
        f"{len(successes.get('none', {}))} scored tasks, {sum(line['pairs'] for line in compared)} pairs"
    )
    print("\n| directions | success | less none | less random | KL at equal effect (reached) | c | seconds |")
    print("|---|---|---|---|---|---|---|")
    for name, found in successes.items():
        clusters = {key: key[:2] for key in found}
        own = cluster_bootstrap(list(found.values()), list(clusters.values()))
        cells = [shown(own)]
        for other in ("none", "random"):
            against = successes.get(other, {})
            cells.append(
                "" if name == other or not against else shown(paired_difference(found, against, clusters), "+")
            )
        print("| " + " | ".join([name, *cells, *_measured(measured.get(name, []))]) + " |")
    for line in lines:
        if line["type"] == "failed":
            print(f"\nuser {line['user']}, {line['kind']}: {line['why']}")


def _measured(lines: Sequence[Line]) -> list[str]:
    if not lines:
        return ["", "", ""]
    reached = [line["equal_kl"] for line in lines if line["equal_kl"] is not None]
    kl = f"{np.median(reached):.3g} " if reached else ""
    return [
        f"{kl}({len(reached)} of {len(lines)})",
        f"{np.median([line['coefficient'] for line in lines]):.2g}",
        f"{np.median([line['seconds'] for line in lines]):.2f}",
    ]


def shown(estimate: Estimate, sign: str = "") -> str:
    """Mean and interval; `*` where the interval excludes zero and there are clusters enough for a claim."""
    mark = " *" if sign and estimate.excludes_zero else ""
    return f"{estimate.mean:{sign}.3f} [{estimate.low:{sign}.2f}, {estimate.high:{sign}.2f}]{mark}"
