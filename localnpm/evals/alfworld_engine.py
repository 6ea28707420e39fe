"""ALFWorld's text games through its own engine: where the games lie, and one game as it runs.

The `alfworld` package (arXiv 2010.03768) is an extra and is imported only when a game is opened. All games share a
domain and, but for the task, a grammar, which the engine reads again for each game, and it translates each problem
several times. These are pure functions, so their results are kept. Not covered: what a game is to the agent
(alfworld_env.py).
"""

import os
import re
import weakref
from collections.abc import Callable
from copy import deepcopy
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from localnpm.errors import ConfigError

VARIABLE = "ALFWORLD_DATA"
FOLDER = "json_2.1.1"
SCORED = "valid_seen"
WELCOME = "-= Welcome to TextWorld, ALFRED! =-\n\n"
LEFT_OUT = ("movable", "Sliced")
"""Games of these names are in no published figure: ALFWorld leaves them out."""

_TASK = re.compile(r'(?<=Your task is to: )[a-z ]+(?=\.")')


def data() -> Path:
    """The folder that `ALFWORLD_DATA` names, as ALFWorld's own tools use it: `~/.cache/alfworld` where it is not set.

    Raises:
        ConfigError: there is no such folder, or it holds no games.
    """
    folder = Path(os.environ.get(VARIABLE) or "~/.cache/alfworld").expanduser()
    if not (folder / FOLDER).is_dir():
        where = f"{VARIABLE} names" if os.environ.get(VARIABLE) else f"{VARIABLE} is not set, and the usual place is"
        raise ConfigError(
            f"{where} {folder}, which has no folder {FOLDER}. Run `alfworld-download`, or set {VARIABLE} to the folder "
            f"that holds {FOLDER}."
        )
    return folder / FOLDER


def check(split: str) -> None:
    """Make sure that there are games of this split and that the engine can be loaded.

    Raises:
        ConfigError: what is missing, and how to get it.
    """
    games(split)
    _engine()


def games(split: str) -> dict[str, list[Path]]:
    """The games of a split in a fixed order, by their kind of task.

    Raises:
        ConfigError: there are none.
    """
    found: dict[str, list[Path]] = {}
    folder = data() / split
    for path in sorted(folder.glob("*/*/game.tw-pddl")):
        if not any(name in str(path.relative_to(folder)) for name in LEFT_OUT):
            found.setdefault(path.parts[-3].split("-")[0], []).append(path)
    if not found:
        raise ConfigError(f"{folder}: no games (*/*/game.tw-pddl); run `alfworld-download`, or set {VARIABLE}")
    return found


@cache
def _engine() -> tuple[Any, Any, Any]:
    """(textworld, the two wrappers of ALFWorld's own text environment), with what it works out again kept.

    Raises:
        ConfigError: a package is missing.
    """
    try:
        import textworld
        from alfworld.agents.environment.alfred_tw_env import AlfredDemangler, AlfredInfos

        _keep_results()
    except ImportError as error:
        raise ConfigError(
            f"ALFWorld's engine cannot be loaded ({error}). Install it with `pip install 'localnpm[alfworld]'`; its "
            "planner is compiled then, which takes some minutes and needs cmake and a C++ compiler."
        ) from None
    return textworld, AlfredDemangler, AlfredInfos


class Game:
    """One running game. Everything of the engine's is let go when it is."""

    def __init__(self, path: Path) -> None:
        textworld, demangler, infos = _engine()
        wanted = textworld.EnvInfos(won=True)
        wrappers = [lambda env: demangler(env, shuffle=False), infos]
        self._engine: Any = textworld.start(str(path), request_infos=wanted, wrappers=wrappers)
        weakref.finalize(self, self._engine.close)
        self.first: str = self._engine.reset().feedback.removeprefix(WELCOME).strip()
        """The room, a blank line and the task."""
        self.won = False
        """Whether the goal was reached at any time: ALFWorld ends a game there."""

    def step(self, command: str) -> str:
        """Do a command and return what is observed."""
        state, _, _ = self._engine.step(command)
        self.won = self.won or bool(state.won)
        return str(state.feedback).strip()


def _keep_results() -> None:
    """Keep what the engine's pure functions return; what a game does stays the same."""
    import fast_downward
    from textworld.envs.pddl import logic, textgen
    from textworld.logic import Rule

    translate = fast_downward.pddl2sas

    @lru_cache(1)
    def translated(domain: str, problem: str) -> Any:
        # Optimizing is for the planner, which nobody asks here.
        return translate(domain, problem, verbose=False, optimize=False)

    def pddl2sas(domain: str, problem: str, verbose: bool = False, optimize: bool = False) -> Any:
        return translated(domain, problem)

    fast_downward.pddl2sas = pddl2sas
    logic._parse_and_convert = _grammar_reader(logic._parse_and_convert, textgen)
    parse = textgen._parse_and_convert
    symbols = lru_cache(4096)(lambda text, rule: parse(text, rule_name=rule))

    def fresh_symbols(text: str, rule_name: str = "symbols", trace: bool = False) -> Any:
        return deepcopy(symbols(text, rule_name))

    textgen._parse_and_convert = fresh_symbols
    Rule.parse_conjunctive_query = staticmethod(lru_cache(4096)(Rule.parse_conjunctive_query))


def _grammar_reader(parse: Callable[..., Any], textgen: Any) -> Callable[..., Any]:
    """Reads a game's grammar once for all tasks and puts each game's task into a copy."""
    without_task = lru_cache(8)(lambda text, rule: parse(text, rule_name=rule))

    def read(text: str, rule_name: str) -> Any:
        tasks = _TASK.findall(text)
        if len(tasks) != 1:
            return parse(text, rule_name=rule_name)
        actions, shared = without_task(_TASK.sub("TASK", text), rule_name)
        own = textgen.ContextSensitiveGrammar()
        own.update(shared)
        rule = deepcopy(shared._rules["task"][0])
        rule.rhs = [textgen.TerminalSymbol(f"Your task is to: {tasks[0]}.")]
        own._rules["task"] = [rule]
        return actions, own

    return read
