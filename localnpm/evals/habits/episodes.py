"""Held-out episodes: tasks with names and wordings that training never used, for users with fixed profiles.

An *act* is what is evaluated: a function from the messages so far to the assistant's next text. `run_episode` plays
one against a workspace in memory. Not covered: acts that need no model (references.py).
"""

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from localnpm.evals.habits.families import BY_NAME, FAMILIES
from localnpm.evals.habits.names import Names, Split
from localnpm.evals.habits.profile import Profile, full_profile, other_variant
from localnpm.evals.habits.runs import remember
from localnpm.evals.habits.shares import Uniform
from localnpm.evals.habits.task import DESCRIBED, Habits, Task
from localnpm.evals.habits.transcript import system_prompt, tool_response
from localnpm.evals.habits.verdict import Verdict
from localnpm.evals.habits.workspace import Step, Workspace

ChatMessage = dict[str, str]
"""`role` and `content`."""

Act = Callable[[Sequence[ChatMessage]], str]
"""From the messages so far to the assistant's next text."""

MemoryKind = Literal["none", "script", "example", "proceduralization", "wrong_script", "wrong_example"]
"""What the prompt has: nothing, either form, both, or what shows another variant (a control condition)."""

MemoryPair = tuple[str | None, str | None]
"""A script and an example."""

DESCRIBED_SHARE = 0.4
"""How often memory is of a task whose file had to be found, in the families that can have both."""

_NEVER_DESCRIBED = frozenset(("tidy_name", "look_up", "list_kind", "make_index", "write_note", "merge_files"))
"""Families for which the mode is not even drawn. (A few of the others set it themselves, whatever was drawn.)"""

ATTEMPTS_AT_MISSING = 80

MAX_STEPS = 12


@dataclass(frozen=True)
class Episode:
    """A task, its user's profile, and what memory has from another task for the same user."""

    task: Task
    profile: dict[str, str]
    profile_id: int
    script: str | None
    example: str | None
    wrong_script: str | None
    wrong_example: str | None

    @property
    def family(self) -> str:
        """The name of the task's family."""
        return self.task.name

    @property
    def habits(self) -> tuple[str, ...]:
        """The habits that the verifier checks."""
        return self.task.habits

    @property
    def request(self) -> str:
        """What the user asks for."""
        return self.task.request

    @property
    def mode(self) -> str:
        """How the request names its file."""
        return self.task.mode

    @property
    def worded(self) -> str:
        """`new` for a request in a wording that training never uses, else `known`."""
        return self.task.worded

    @property
    def honest(self) -> bool:
        """Whether the thing asked for is missing, and only an honest answer is right."""
        return self.task.missing

    def workspace(self) -> Workspace:
        """A new workspace with the task's files."""
        return self.task.workspace()

    def check(self, before: Mapping[str, str], after: Mapping[str, str], answer: str) -> Verdict:
        """Whether the end state and the answer are what the profile asks for."""
        return self.task.check(before, after, answer, self.profile)

    def process(self, steps: Sequence[Step]) -> bool | None:
        """Whether the read-back habit was kept; None where nothing shows it."""
        return self.task.read_back_as_wanted(self.profile, steps)

    def memory(self, kind: MemoryKind | None) -> MemoryPair:
        """The script and the example that the prompt gets under a condition."""
        kinds: dict[MemoryKind | None, MemoryPair] = {
            None: (None, None),
            "none": (None, None),
            "script": (self.script, None),
            "example": (None, self.example),
            "proceduralization": (self.script, self.example),
            "wrong_script": (self.wrong_script, None),
            "wrong_example": (None, self.wrong_example),
        }
        return kinds[kind]


@dataclass(frozen=True)
class EpisodeResult:
    """How an episode ended.

    `process` is whether the read-back habit was kept (None: not applicable), `steps` the number of tool calls,
    `bad_calls` the number of turns with a call that could not be parsed.
    """

    success: bool
    reason: str
    steps: int
    bad_calls: int
    process: bool | None
    answer: str
    transcript: list[ChatMessage]


def make(
    seed: int,
    n_profiles: int = 4,
    per_family: int = 2,
    split: Split = "eval",
    families: Sequence[str] | None = None,
    missing: float = 0.1,
    uniform: bool = True,
) -> list[Episode]:
    """Episodes of `n_profiles` users, `per_family` of each family.

    Memory comes from training words, so that nothing of an episode can be copied from it but the procedure.
    `missing` is the share of tasks whose thing is not there; `uniform` profiles have rare variants as often as others.
    """
    rng = random.Random(seed)
    names, training_names = Names(rng, split), Names(rng, "train")
    chosen = [BY_NAME[name] for name in families] if families else FAMILIES
    episodes = []
    for profile_id in range(n_profiles):
        profile = full_profile(rng, uniform)
        for family in chosen:
            described = family.name not in _NEVER_DESCRIBED and rng.random() < DESCRIBED_SHARE
            mode = DESCRIBED if described else None
            right = remember(family, training_names, Profile(rng.random, profile), mode=mode)
            wrong_profile = Profile(rng.random, other_variants(rng.random, family.habits, profile))
            wrong = remember(family, training_names, wrong_profile, mode=mode)
            for _ in range(per_family):
                task = _draw_task(family, names, missing)
                episodes.append(
                    Episode(
                        task,
                        profile,
                        profile_id,
                        right.script,
                        right.example,
                        wrong.script,
                        wrong.example,
                    )
                )
    return episodes


def other_variants(uniform: Uniform, habits: Sequence[str], profile: Habits) -> dict[str, str]:
    """The profile with another variant of each of the habits."""
    return {**profile, **{habit: other_variant(uniform, habit, profile[habit]) for habit in habits}}


def _draw_task(family: type[Task], names: Names, missing: float) -> Task:
    """A task that can be done; with probability `missing` one that can't, if the family has such tasks."""
    task = family.make_solid(names)
    if names.random() < missing:
        for _ in range(ATTEMPTS_AT_MISSING):
            other = family.make(names)
            if other.missing:
                return other
    return task


_TOOL_CALL = re.compile(r"<tool_call>\s*(.*?)\s*(?:</tool_call>|$)", re.DOTALL)


def parse_call(text: str) -> tuple[str, dict[str, Any]] | None:
    """The tool and its arguments, or None for a final answer. Raises ValueError for a call that is none."""
    match = _TOOL_CALL.search(text)
    if not match:
        return None
    call = json.loads(match[1])
    if (
        not isinstance(call, dict)
        or not isinstance(call.get("name"), str)
        or not isinstance(call.get("arguments"), dict)
    ):
        raise ValueError(f"not a tool call: {match[1]}")
    return call["name"], call["arguments"]


def clean(text: str) -> str:
    """A turn's text up to the token that ends it."""
    for token in ("<|im_end|>", "<|endoftext|>"):
        text = text.partition(token)[0]
    return text.strip()


def run_episode(
    episode: Episode, act: Act, memory: MemoryKind | MemoryPair | None = None, max_steps: int = MAX_STEPS
) -> EpisodeResult:
    """Play an episode to its answer, or to `max_steps` calls. memory: a condition, or a script and an example."""
    script, example = memory if isinstance(memory, tuple) else episode.memory(memory)
    messages = [
        {"role": "system", "content": system_prompt(script, example)},
        {"role": "user", "content": episode.request},
    ]
    workspace = episode.workspace()
    before = workspace.snapshot()
    steps: list[Step] = []
    bad_calls = 0
    for _ in range(max_steps + 1):
        text = clean(act(messages))
        messages.append({"role": "assistant", "content": text})
        try:
            call = parse_call(text)
        except ValueError:
            bad_calls += 1
            result = "Error: the tool call is not valid JSON"
        else:
            if call is None:
                success, reason = episode.check(before, workspace.snapshot(), text)
                process = episode.process(steps)
                return EpisodeResult(success, reason, len(steps), bad_calls, process, text, messages)
            tool, arguments = call
            result = workspace.call(tool, arguments)
            steps.append(Step(tool, arguments, result))
        messages.append({"role": "user", "content": tool_response(result)})
    return EpisodeResult(False, "too many steps", len(steps), bad_calls, None, "", messages)
