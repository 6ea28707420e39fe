"""Does memory help the bundled model? Plays held-out habit episodes under several conditions, greedily.

    python score.py [MODEL.gguf] [--profiles 4] [--seed 11] [--conditions none,script] [--families add_todo] [--show]
    python score.py [MODEL.gguf] --todo          # the README's example, with ten lists and wordings

Every condition plays the same episodes. Intervals are 95% bootstrap intervals over episodes, which are not independent
where a profile's memory is shared; so they are a little too narrow.
"""

import argparse
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from localnpm.config import EngineSettings
from localnpm.engine.model import Model
from localnpm.evals.habits.episodes import (
    ChatMessage,
    Episode,
    EpisodeResult,
    MemoryKind,
    clean,
    make,
    parse_call,
    run_episode,
)
from localnpm.evals.habits.transcript import system_prompt, tool_response
from localnpm.evals.habits.workspace import Workspace

BUNDLED = Path(__file__).parent.parent / "apprentice-q8_0.gguf"
CONDITIONS: tuple[MemoryKind, ...] = ("none", "script", "example", "proceduralization", "wrong_script")
LONGEST_TURN = 220
"""Tokens."""
RESAMPLES = 2000


def chat_text(messages: Sequence[ChatMessage], generation_prompt: bool = True) -> str:
    """ChatML, as the model was trained on."""
    text = "".join(f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n" for message in messages)
    return text + ("<|im_start|>assistant\n" if generation_prompt else "")


class Player:
    """The model as an episode's actor; counts what it generates."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.tokens = 0

    def __call__(self, messages: Sequence[ChatMessage]) -> str:
        prompt = self._model.tokenize(chat_text(messages))
        # A conversation that outgrows the context loses its oldest tokens.
        generation = self._model.generate(prompt[-(self._model.context - LONGEST_TURN) :], max_tokens=LONGEST_TURN)
        text = "".join(generation)
        self.tokens += len(generation.tokens)
        return text


def interval(outcomes: Sequence[bool], seed: int = 0) -> tuple[float, float]:
    """95% bootstrap interval of the mean."""
    values = np.asarray(outcomes, float)
    means = np.random.default_rng(seed).choice(values, (RESAMPLES, len(values))).mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


@dataclass(frozen=True)
class Row:
    """A condition's results, in the order of the episodes."""

    condition: MemoryKind
    results: list[EpisodeResult]
    tokens: int
    seconds: float

    def line(self) -> str:
        outcomes = [result.success for result in self.results]
        low, high = interval(outcomes)
        steps = [result.steps for result in self.results]
        broken = sum(result.bad_calls for result in self.results)
        return (
            f"{self.condition:18} success {np.mean(outcomes):.3f} [{low:.2f}, {high:.2f}]  steps {np.mean(steps):.2f}  "
            f"broken calls {broken} of {sum(steps) + broken + len(steps)} turns  n={len(outcomes)}  "
            f"{self.tokens / self.seconds:.0f} tok/s"
        )


def play(model: Model, episodes: Sequence[Episode], condition: MemoryKind, show: bool) -> Row:
    """All episodes under one condition."""
    start = time.perf_counter()
    player = Player(model)
    results = []
    for episode in episodes:
        result = run_episode(episode, player, condition)
        results.append(result)
        if show and not result.success:
            print("=====", condition, episode.family, episode.profile_id, result.reason)
            print(chat_text(result.transcript, False)[-1500:])
    return Row(condition, results, player.tokens, time.perf_counter() - start)


def print_tables(rows: Sequence[Row], episodes: Sequence[Episode]) -> None:
    """Success by wording and by family."""
    by_wording: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
    by_family: defaultdict[str, defaultdict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for episode, result in zip(episodes, row.results, strict=True):
            by_wording[row.condition, episode.worded].append(result.success)
            by_family[episode.family][row.condition].append(result.success)
    for (condition, worded), outcomes in sorted(by_wording.items()):
        print(f"{condition:18} {worded:6} wordings {np.mean(outcomes):.2f} ({len(outcomes)})")
    print(f"{'family':18}" + "".join(f"{row.condition:>19}" for row in rows))
    for family, conditions in sorted(by_family.items()):
        print(f"{family:18}" + "".join(f"{np.mean(conditions[row.condition]):19.2f}" for row in rows))


@dataclass(frozen=True)
class TodoCase:
    """A request to add an item to a list."""

    request: str
    path: str
    before: str
    item: str

    def reached(self, files: dict[str, str]) -> bool:
        """One line has been added to the list, with the item alone, and no file has come or gone."""
        old = self.before.rstrip("\n").split("\n") if self.before else []
        new = files.get(self.path, "").rstrip("\n").split("\n")
        added = new[len(old) :]
        line = r"(?:[-*] )?(?:\[ \] )?" + re.escape(self.item)
        kept = new[: len(old)] == old
        return len(files) == 3 and kept and len(added) == 1 and re.fullmatch(line, added[0]) is not None


TODO_CASES = (
    TodoCase("Add 'buy milk' to my todo list", "todo.md", "- [ ] call the bank\n", "buy milk"),
    TodoCase('Add "buy milk" to my todo list', "todo.md", "- [ ] call the bank\n", "buy milk"),
    TodoCase(
        'Please add "water the plants" to my todo list.',
        "todo.md",
        "# Todo\n- [ ] call the bank\n- [ ] fix the door\n",
        "water the plants",
    ),
    TodoCase('put "pay the rent" on my todo list', "todo.txt", "* call Ann\n", "pay the rent"),
    TodoCase("Can you add 'order paper' to todo.md?", "todo.md", "", "order paper"),
    TodoCase("Add bread to my shopping list", "shopping.md", "# Shopping\n- [ ] eggs\n", "bread"),
    TodoCase(
        "Add 'renew the passport' to my todo list.",
        "notes/todo.md",
        "# Todo list\n- [ ] call the bank\n",
        "renew the passport",
    ),
    TodoCase("I have to call Tom. Put it on my todo list.", "todo.md", "- [ ] buy eggs\n", "call Tom"),
    TodoCase('Add the todo "book a table" to todo.txt', "todo.txt", "call the bank\n", "book a table"),
    TodoCase(
        "write 'clean the garage' on the todo list", "todo.md", "# Todo\n- [ ] sell the bike\n", "clean the garage"
    ),
)


def play_todo(model: Model, case: TodoCase) -> tuple[bool, str]:
    """Whether the item was added, and the answer."""
    workspace = Workspace({case.path: case.before, "readme.md": "Hello.\n", "notes/plan.md": "# Plan\nStart soon.\n"})
    messages = [{"role": "system", "content": system_prompt()}, {"role": "user", "content": case.request}]
    player, answer = Player(model), ""
    for _ in range(8):
        answer = clean(player(messages))
        messages.append({"role": "assistant", "content": answer})
        try:
            call = parse_call(answer)
        except ValueError:
            break
        if call is None:
            break
        messages.append({"role": "user", "content": tool_response(workspace.call(*call))})
    return case.reached(dict(workspace.files)), answer


def main() -> None:
    parser = argparse.ArgumentParser(description="Scores a model on held-out habit episodes.")
    parser.add_argument("model", type=Path, nargs="?", default=BUNDLED)
    parser.add_argument("--profiles", type=int, default=4, help="simulated users")
    parser.add_argument("--per-family", type=int, default=1, help="episodes of each family for each of them")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--conditions", default=",".join(CONDITIONS))
    parser.add_argument("--families")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--show", action="store_true", help="print the failures")
    parser.add_argument("--todo", action="store_true", help="the README's example instead")
    options = parser.parse_args()
    families = options.families.split(",") if options.families else None
    conditions = options.conditions.split(",")
    unknown = set(conditions) - set(get_args(MemoryKind))
    if unknown:
        parser.error(f"no such condition: {', '.join(sorted(unknown))}; there are {', '.join(get_args(MemoryKind))}")
    with Model.open(options.model, EngineSettings(threads=options.threads)) as model:
        if options.todo:
            outcomes = []
            for case in TODO_CASES:
                good, answer = play_todo(model, case)
                outcomes.append(good)
                print("ok  " if good else "FAIL", case.request, "|", answer[:80])
            print(f"todo: {sum(outcomes)} of {len(outcomes)}")
            return
        episodes = make(options.seed, options.profiles, options.per_family, missing=0.0, families=families)
        rows = []
        for condition in conditions:
            row = play(model, episodes, condition, options.show)
            print(row.line(), flush=True)
            rows.append(row)
        print_tables(rows, episodes)


if __name__ == "__main__":
    main()
