"""What came out, as a table, as one JSON object, and two runs beside each other.

Intervals are 95% bootstrap intervals over clusters (user x kind); a claim needs one that excludes zero. Differences are
paired with `none` over the tasks that both have. Not covered: curves over time (learning_curves.py).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from localnpm.distill.plots import to_terminal
from localnpm.evals.conditions import FIXED, ordered
from localnpm.evals.presentation import bars, heading
from localnpm.evals.results import Line, Results, Row, Task
from localnpm.evals.statistics import Estimate, cluster_bootstrap, harm, paired_difference

REFERENCE = "none"


@dataclass(frozen=True)
class Summary:
    """One condition. Steps, tokens and seconds are means a task; `recall` counts right, wrong and abstained."""

    condition: str
    success: Estimate
    difference: Estimate | None
    harmed: tuple[int, int] | None
    steps: float
    tokens: float
    seconds: float
    steered: float
    recall: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        values: dict[str, Any] = _estimate(self.success, "success") | {
            "steps": round(self.steps, 3),
            "tokens": round(self.tokens, 2),
            "seconds": round(self.seconds, 3),
            "steered": round(self.steered, 4),
        }
        if self.recall:
            values["recall"] = dict(self.recall)
        if self.harmed is not None:
            values["harm"] = {"failed": self.harmed[0], "of": self.harmed[1]}
        return values


def summarize(rows: Iterable[Row], *, seed: int = 0) -> list[Summary]:
    """Every condition, in the table's order."""
    by_condition: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_condition[row.condition].append(row)
    reference = {row.task: float(row.success) for row in by_condition.get(REFERENCE, [])}
    return [_summary(name, by_condition[name], reference, seed) for name in ordered(by_condition)]


def _summary(name: str, rows: Sequence[Row], reference: Mapping[Task, float], seed: int) -> Summary:
    values = {row.task: float(row.success) for row in rows}
    clusters = {row.task: row.cluster for row in rows}
    compared = name != REFERENCE and bool(reference)
    recall = {what: sum(row.recall == what for row in rows) for what in ("right", "wrong", "abstained")}
    return Summary(
        name,
        cluster_bootstrap([float(row.success) for row in rows], [row.cluster for row in rows], seed=seed),
        paired_difference(values, reference, clusters, seed=seed) if compared else None,
        harm(values, reference) if compared else None,
        float(np.mean([row.steps for row in rows])),
        float(np.mean([row.tokens for row in rows])),
        float(np.mean([row.seconds for row in rows])),
        float(np.mean([row.steered for row in rows])),
        recall if any(recall.values()) else {},
    )


def as_dict(results: Results) -> dict[str, Any]:
    """One object: `conditions`, `differences` from none, `by` label, `practice`, `header`."""
    rows = results.rows()
    summaries = summarize(rows)
    return {
        "conditions": {each.condition: each.as_dict() for each in summaries},
        "differences": {
            each.condition: _estimate(each.difference, "difference") for each in summaries if each.difference
        },
        **_auto(rows),
        "by": {label: _by(rows, label) for label in ("worded", "reasons") if any(label in row.labels for row in rows)},
        "practice": practice_figures(results.practice()),
        "passes": [{"user": line["user"], "seconds": line["seconds"]} for line in results.passes()],
        "header": {name: value for name, value in results.header.items() if name != "type"},
        "finished": results.finished,
    }


def _auto(rows: Sequence[Row]) -> dict[str, Any]:
    found = auto_less_fixed(rows)
    return {} if found is None else {"auto": {"best_fixed": found[0], **_estimate(found[1], "less_best_fixed")}}


def auto_less_fixed(rows: Iterable[Row]) -> tuple[str, Estimate] | None:
    """The best fixed channel, and how much better `auto` is, paired; None where `auto` or all fixed ones are missing.

    The best is chosen by these very rows, which favours it.
    """
    success: defaultdict[str, dict[Task, float]] = defaultdict(dict)
    clusters = {}
    for row in rows:
        success[row.condition][row.task] = float(row.success)
        clusters[row.task] = row.cluster
    fixed = [name for name in FIXED if name in success]
    if "auto" not in success or not fixed:
        return None
    best = max(fixed, key=lambda name: float(np.mean(list(success[name].values()))))
    return best, paired_difference(success["auto"], success[best], clusters)


def practice_figures(lines: Sequence[Line]) -> dict[str, Any]:
    """How practice went: first attempts, retries, reasons given."""
    firsts = [line for line in lines if not line["retry"]]
    retries = [line for line in lines if line["retry"]]
    guided = [line for line in firsts if line["script"]]
    return {
        "attempts": len(firsts),
        "succeeded": sum(line["success"] for line in firsts),
        "with_script": len(guided),
        "succeeded_with_script": sum(line["success"] for line in guided),
        "reasons": sum(bool(line["reason"]) for line in firsts),
        "retries": len(retries),
        "retries_succeeded": sum(line["success"] for line in retries),
    }


def print_report(results: Results, console: Console, *, claims: bool = True) -> None:
    """The tables. `claims` False: of a run that is too small for any."""
    rows = results.rows()
    console.print(heading(results), markup=False, highlight=False)
    summaries = summarize(rows)
    console.print(_success_table(summaries))
    if len(summaries) > 1:
        picture = to_terminal(bars(summaries, "success"), width=min(console.width, 80))
        console.print(picture, markup=False, highlight=False)
    console.print(_cost_table(summaries))
    for label, title in (("worded", "requests"), ("reasons", "reasons")):
        if len({row.labels.get(label) for row in rows}) > 1:
            console.print(_split_table(rows, label, title))
    chosen = auto_less_fixed(rows)
    if chosen is not None:
        console.print(
            f"auto less the best fixed channel ({chosen[0]}): {interval(chosen[1], signed=True)}",
            markup=False,
            highlight=False,
        )
    lines = results.practice()
    if lines:
        figures = practice_figures(lines)
        console.print(
            f"practice: {figures['succeeded']} of {figures['attempts']} right at first "
            f"({figures['succeeded_with_script']} of {figures['with_script']} with a script recalled), "
            f"{figures['reasons']} reasons, {figures['retries_succeeded']} of {figures['retries']} retries right",
            highlight=False,
        )
    if claims:
        console.print("Brackets: 95% bootstrap intervals over user x kind; * where one excludes zero.", highlight=False)
    else:
        console.print("This size checks the machinery; nothing can be claimed of it.", highlight=False)


def _success_table(summaries: Sequence[Summary]) -> Table:
    table = _new_table("condition", "success", "less none", "harm", "n")
    for each in summaries:
        table.add_row(
            each.condition,
            interval(each.success),
            "" if each.difference is None else interval(each.difference, signed=True),
            "" if each.harmed is None else f"{each.harmed[0]} of {each.harmed[1]}",
            str(each.success.n),
        )
    return table


def _cost_table(summaries: Sequence[Summary]) -> Table:
    table = _new_table("condition", "steps", "tokens", "seconds", "right/wrong/abstained", "steered")
    for each in summaries:
        recall = each.recall
        table.add_row(
            each.condition,
            f"{each.steps:.2f}",
            f"{each.tokens:.0f}",
            f"{each.seconds:.2f}",
            "/".join(str(recall[what]) for what in ("right", "wrong", "abstained")) if recall else "",
            f"{each.steered:.2f}" if each.steered else "",
        )
    return table


def _new_table(*headings: str) -> Table:
    """Columns that never wrap: the whole is made for 80 characters."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for place, column in enumerate(headings):
        table.add_column(column, no_wrap=True, justify="left" if place == 0 else "right")
    return table


def _split_table(rows: Sequence[Row], label: str, title: str) -> Table:
    figures = _by(rows, label)
    names = sorted({name for each in figures.values() for name in each})
    table = _new_table(f"wording of the {title}", *names)
    for condition in ordered(figures):
        found = figures[condition]
        cells = [f"{found[name]['success']:.3f} ({found[name]['n']})" if name in found else "" for name in names]
        table.add_row(condition, *cells)
    return table


def _by(rows: Iterable[Row], label: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Condition -> value of the label -> success."""
    found: defaultdict[str, defaultdict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if label in row.labels:
            found[row.condition][row.labels[label]].append(row)
    return {
        condition: {
            name: _estimate(cluster_bootstrap([float(r.success) for r in some], [r.cluster for r in some]), "success")
            for name, some in sorted(values.items())
        }
        for condition, values in found.items()
    }


def compare(before: Results, after: Results, console: Console) -> dict[str, Any]:
    """Print and return how two runs differ, condition by condition, over the tasks that both have."""
    table = _new_table("condition", "A", "B", "B less A", "n")
    found: dict[str, Any] = {}
    for condition in ordered(row.condition for row in after.rows()):
        these = {row.task: row for row in after.rows() if row.condition == condition}
        those = {row.task: row for row in before.rows() if row.condition == condition}
        both = [task for task in these if task in those]
        if not both:
            continue
        clusters = {task: these[task].cluster for task in both}
        new = {task: float(these[task].success) for task in both}
        old = {task: float(those[task].success) for task in both}
        difference = paired_difference(new, old, clusters)
        means = float(np.mean(list(old.values()))), float(np.mean(list(new.values())))
        table.add_row(
            condition, f"{means[0]:.3f}", f"{means[1]:.3f}", interval(difference, signed=True), str(len(both))
        )
        found[condition] = {"a": means[0], "b": means[1], **_estimate(difference, "difference")}
    console.print(table)
    return found


def interval(estimate: Estimate, *, signed: bool = False) -> str:
    """`0.637 [0.53, 0.74]`, or with a sign, and a star where it excludes zero."""
    if not estimate.n:
        return "-"
    sign = "+" if signed else ""
    star = " *" if signed and estimate.excludes_zero else ""
    return f"{estimate.mean:{sign}.3f} [{estimate.low:{sign}.2f}, {estimate.high:{sign}.2f}]{star}"


def _estimate(estimate: Estimate, name: str) -> dict[str, Any]:
    if not estimate.n:
        return {name: None, "interval": None, "n": 0, "clusters": 0}
    return {
        name: round(estimate.mean, 6),
        "interval": [round(estimate.low, 6), round(estimate.high, 6)],
        "n": estimate.n,
        "clusters": estimate.clusters,
    }
