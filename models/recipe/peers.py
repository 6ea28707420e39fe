"""Steering against its peers, on one model and the same pairs: localnpm, repeng, llama.cpp's cvector-generator.

    python export_hf.py --gguf ../apprentice-q8_0.gguf --out /tmp/apprentice-hf
    LOCALNPM_REPENG_PYTHON=… LOCALNPM_CVECTOR_GENERATOR=… python peers.py --hf /tmp/apprentice-hf --out peers.jsonl

For every user and kind each method makes directions from the same pairs (peers_pairs.py). All are then treated alike:
the same layers, rows at the residual stream's norm times c / sqrt(layers), c chosen as localnpm's calibration chooses
it, on held-out practice runs. Scored are tasks with held-out words. *KL at equal effect*: the 95th percentile of
KL(steered || unsteered) over tokens at the weakest c that raises the margins at held-out deciding positions by 2 nats.

A run that was killed goes on with the first user and kind that it had not finished; `--table` prints what there is.
Not covered: each program's own advice on strengths and layers; what is compared is the directions.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from localnpm.config import EngineSettings, Settings
from localnpm.distill import gate
from localnpm.distill.calibrate import calibrate, effects, windows
from localnpm.distill.directions import rows_at, steering_of
from localnpm.engine.arrays import Float32Array
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.steering import Steering
from localnpm.evals.conditions import Given
from localnpm.evals.environment import seed_of
from localnpm.evals.episode import Player
from localnpm.evals.habits_bench import KINDS, HabitsScenario, HabitsTasks
from peers_others import GENERATOR_METHODS, REPENG_METHODS, Made, Repeng, by_generator, programs
from peers_pairs import Evidence, evidence, our_directions
from peers_table import print_table

Line = dict[str, Any]

EFFECT = 2.0
"""Nats of margin at held-out deciding positions, mean, that count as equal effect."""
STRONGEST = 1.0
HALVINGS = 5
HELD_RUNS = 2
"""Held-out runs on which strengths are chosen and KL is measured."""


class Comparison:
    """The model, the other programs, and the tasks."""

    def __init__(self, options: argparse.Namespace, stack: ExitStack) -> None:
        python, self._generator = programs()
        self._path: Path = options.gguf
        self._methods: Sequence[str] = options.repeng.split(",")
        self._chat = stack.enter_context(LlamaChat.open(options.gguf, EngineSettings(threads=options.threads)))
        self._repeng = stack.enter_context(Repeng(python, options.hf)) if python and options.hf else None
        self._folder = Path(stack.enter_context(TemporaryDirectory(prefix="peers-")))
        kinds = tuple(options.kinds.split(",")) if options.kinds else KINDS
        self.tasks = HabitsTasks(seed=options.seed, users=options.users, kinds=kinds, tasks=options.tasks)
        self._player = Player(self.tasks, self._chat, Settings(), options.seed)
        self._layers = windows(self._chat.model.info.n_layer)[0]
        stack.callback(self._player.close)

    def cluster(self, user: int, kind: str) -> Iterator[Line]:
        """All lines of one user and kind; the last says that it is done."""
        about = {"user": user, "kind": kind}
        scenarios = [each for each in self.tasks.scored(user) if each.kind == kind]
        script = scenarios[0].oracle()[0]
        found = evidence(self._chat, self.tasks, user, kind, script)
        if found is None:
            yield {"type": "done", **about, "why": "the model needs no help, or too few decisions"}
            return
        for name, given in (("none", Given()), ("script", Given(script=script))):
            yield from self._episodes(scenarios, name, given)
        for name, made in self._directions(user, kind, found):
            if isinstance(made, str):
                yield {"type": "failed", **about, "method": name, "why": made}
                continue
            steering, measured = self._measured(found, made)
            yield {"type": "method", **about, "method": name, "seconds": made.seconds, **measured}
            yield from self._episodes(scenarios, name, Given(steering=steering))
        yield {"type": "done", **about, "pairs": len(found.pairs), "held": len(found.held_sites)}

    def _directions(self, user: int, kind: str, found: Evidence) -> Iterator[tuple[str, Made | str]]:
        yield from our_directions(self._chat, found, seed_of("peers", user, kind)).items()
        model = self._chat.model
        for method in self._methods if self._repeng else ():
            assert self._repeng is not None
            try:
                made = self._repeng.make(found.pairs, method, self._folder / f"repeng-{method}.gguf", model)
            except RuntimeError as error:
                yield f"repeng {method}", str(error)
            else:
                yield f"repeng {method}", made
        for method in GENERATOR_METHODS if self._generator else ():
            made = by_generator(self._generator, found.pairs, method, self._folder, model, self._path)
            yield f"cvector-generator {method}", made

    def _measured(self, found: Evidence, made: Made) -> tuple[Steering, Line]:
        """The direction at the strength that held-out practice runs ask for, and what it does to them."""
        model, runs = self._chat.model, found.held[:HELD_RUNS]

        def steered(c: float) -> Steering:
            return steering_of(rows_at(made.directions, found.norms, c, self._layers))

        chosen = calibrate(model, made.directions, found.norms, runs, bound=1.0, ranges=(self._layers,))
        reached = self._equal_effect(found, made.directions)
        kl = None if reached is None else effects(model, runs, [steered(reached)])[0].kl
        return steered(chosen.coefficient), {
            "coefficient": chosen.coefficient,
            "kl": chosen.effect.kl,
            "turns": chosen.effect.turns,
            "plain_turns": chosen.effect.plain_turns,
            "equal_coefficient": reached,
            "equal_kl": kl,
        }

    def _equal_effect(self, found: Evidence, directions: Float32Array) -> float | None:
        """The weakest coefficient whose mean margin gain is `EFFECT`; None if the strongest has less."""

        def gain(c: float) -> float:
            steering = steering_of(rows_at(directions, found.norms, c, self._layers))
            return float(np.mean(gate.margin_gains(self._chat.model, found.held_sites, [steering])))

        low, high = 0.0, STRONGEST
        # Not monotone where a direction breaks the model: what counts is the first rise.
        tried = next((c for c in (0.1, 0.2, 0.4, 0.7, STRONGEST) if gain(c) >= EFFECT), None)
        if tried is None:
            return None
        high = tried
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if gain(middle) >= EFFECT else (middle, high)
        return high

    def _episodes(self, scenarios: list[HabitsScenario], name: str, given: Given) -> Iterator[Line]:
        for scenario in scenarios:
            row = self._player.play(scenario, name, given)
            about = {"user": row.user, "kind": row.kind, "number": row.number, "method": name}
            yield {"type": "episode", **about, "success": row.success, "why": row.why}


def finished(path: Path) -> tuple[list[Line], set[tuple[int, str]]]:
    """The file's lines, and which users and kinds are done; the first line says what was asked."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    return lines, {(line["user"], line["kind"]) for line in lines if line["type"] == "done"}


def asked(options: argparse.Namespace) -> Mapping[str, Any]:
    """What must be the same for lines to stand in one file; more users make it longer."""
    return {"seed": options.seed, "tasks": options.tasks, "model": options.gguf.name, "repeng": options.repeng}


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares ways to make control vectors, on the same pairs.")
    parser.add_argument("--gguf", type=Path, default=Path(__file__).parent.parent / "apprentice-q8_0.gguf")
    parser.add_argument(
        "--hf", type=Path, help="the same model as export_hf.py writes it; without it repeng is left out"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--tasks", type=int, default=4, help="scored tasks of each user and kind")
    parser.add_argument("--kinds", help="comma-separated; default: all")
    parser.add_argument("--repeng", default=",".join(REPENG_METHODS), help="its methods; umap takes far the longest")
    parser.add_argument("--seed", type=int, default=23)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="print what the file has, and end")
    options = parser.parse_args()
    lines, done = finished(options.out)
    if not options.table:
        head = {"type": "asked", **asked(options)}
        if lines and lines[0] != head:
            parser.error(f"{options.out} holds another comparison: {lines[0]}")
        with ExitStack() as stack, options.out.open("a", encoding="utf-8") as file:
            comparison = Comparison(options, stack)
            if not lines:
                file.write(json.dumps(head) + "\n")
            for user in range(options.users):
                for kind in comparison.tasks.kinds:
                    if (user, kind) in done:
                        continue
                    # Whole or not at all, so that a run that was killed can go on.
                    found = list(comparison.cluster(user, kind))
                    file.write("".join(json.dumps(line) + "\n" for line in found))
                    file.flush()
                    print(f"user {user}, {kind}: {len(found)} lines", flush=True)
        lines, _ = finished(options.out)
    print_table(lines)


if __name__ == "__main__":
    main()
