"""What peers.py compares on: pairs of texts from experts' runs, and localnpm's own directions from the same pairs.

A pair is one deciding position of a right run (where the model by itself would go on otherwise, and the right script
helps) read twice: behind a prompt with the script and behind one without. That is the form in which repeng is meant to
be used (two prompts, one answer begun), and what counts for every method is the last token. Runs are of practice
words; the last ones are held out, for strengths. Not covered: the scored tasks.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from localnpm.distill import contrast
from localnpm.distill.calibrate import windows
from localnpm.distill.contrast import Site
from localnpm.distill.directions import mean_difference, principal_component, random_directions, site_slopes
from localnpm.distill.replay import Replay, replay, with_script
from localnpm.distill.runs import PROBES
from localnpm.engine.activations import capture
from localnpm.engine.arrays import Float32Array
from localnpm.engine.llama_chat import LlamaChat
from localnpm.evals.habits_bench import HabitsTasks
from peers_others import Made

HELD_OUT = 3
"""Runs of an expert that no direction is made from: the last ones."""
PAIRS = 8
PAIRS_OF_A_RUN = 3


@dataclass(frozen=True, eq=False)
class Evidence:
    """One user and kind.

    Attributes:
        pairs: texts with and without the script, equal in what follows the prompt.
        tokens: the same, as tokens.
        sites: the pairs' deciding positions, without the script.
        decisions: right and wrong runs of one request.
        held: runs that no direction comes from, and `held_sites` their deciding positions.
        norms: median norm of the residual stream after block i + 1: float32 [n_layer - 1].
    """

    pairs: tuple[tuple[str, str], ...]
    tokens: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    sites: tuple[Site, ...]
    decisions: tuple[tuple[Replay, Replay], ...]
    held: tuple[Replay, ...]
    held_sites: tuple[Site, ...]
    norms: Float32Array


def evidence(chat: LlamaChat, tasks: HabitsTasks, user: int, kind: str, script: str) -> Evidence | None:
    """What a user's expert runs of a kind give; None where the model needs no help or nothing is left to hold out."""
    pairs: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    sites: list[Site] = []
    decisions, held, held_sites, plain_runs = [], [], [], []
    experts = tasks.expert_pairs(user, kind)
    system = tasks.opening
    for number, (right, wrong) in enumerate(experts):
        holds_out = number >= len(experts) - HELD_OUT
        if not holds_out and len(pairs) == PAIRS:
            continue
        plain = replay(chat, right, system)[0]
        scripted = replay(chat, right, with_script(system, script))[0]
        found = [site for site in contrast.own_sites(chat.model, plain, number, 1.0, scripted) if not site.kept]
        if holds_out:
            held.append(plain)
            held_sites += found[:PAIRS_OF_A_RUN]
            continue
        plain_runs.append(plain)
        decisions.append((plain, replay(chat, wrong, system)[0]))
        for site in found[:PAIRS_OF_A_RUN]:
            turn = next(index for index, (first, _) in enumerate(plain.spans) if first == site.start)
            end = scripted.spans[turn][0] + site.position - site.start
            pair = scripted.tokens[: end + 1], plain.tokens[: site.position + 1]
            if len(pairs) < PAIRS and all(_read_alike(chat, text) for text in pair):
                pairs.append(pair)
                sites.append(site)
    if len(pairs) < 2 or not held_sites:
        return None
    texts = tuple((chat.model.detokenize(told), chat.model.detokenize(alone)) for told, alone in pairs)
    norms = contrast.median_norms(chat.model, plain_runs[:4])
    return Evidence(texts, tuple(pairs), tuple(sites), tuple(decisions), tuple(held), tuple(held_sites), norms)


def _read_alike(chat: LlamaChat, tokens: Sequence[int]) -> bool:
    """Whether a program that is given the text reads these tokens."""
    return chat.model.prompt_tokens(chat.model.detokenize(tokens)) == list(tokens)


def our_directions(chat: LlamaChat, found: Evidence, seed: int) -> Mapping[str, Made]:
    """Each of localnpm's ways, and one random direction."""
    rng = np.random.default_rng(seed)
    model = chat.model
    shape = found.norms.shape[0], model.info.n_embd
    made = {"random": Made(random_directions(shape, rng), 0.0)}
    started = time.perf_counter()
    differences = np.stack([_last(chat, told) - _last(chat, alone) for told, alone in found.tokens])
    read = time.perf_counter() - started
    for name, take in (("mean", mean_difference), ("principal", principal_component)):
        started = time.perf_counter()
        rows = take(differences)
        made[f"ours {name}"] = Made(rows, read + time.perf_counter() - started)
    started = time.perf_counter()
    layers = windows(model.info.n_layer)[0]
    slopes = site_slopes(model, found.sites, found.norms, layers, probes=PROBES, rng=rng)
    made["ours gradient"] = Made(np.tile(slopes.sum(axis=0), (shape[0], 1)), time.perf_counter() - started)
    started = time.perf_counter()
    between = [contrast.decision_difference(model, right, wrong) for right, wrong in found.decisions]
    if kept := [each for each in between if each is not None]:
        made["ours mean, decision pairs"] = Made(mean_difference(np.stack(kept)), time.perf_counter() - started)
    return made


def _last(chat: LlamaChat, tokens: Sequence[int]) -> Float32Array:
    return capture(chat.model, tokens, [len(tokens) - 1])[1:, 0]
