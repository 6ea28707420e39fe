"""Keys of the user's own: `[app] keys = "chat.good=f6, chat.bad=f7"`, and what is wrong with such a line.

`parse` is light, for the first paint. `actions` and `problems` import every screen; they are for a thread.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from textual.binding import Binding
from textual.keys import Keys, _character_to_key, format_key

MODIFIERS = ("ctrl", "shift", "alt", "super")
_NAMED = {key.value for key in Keys} | {f"f{number}" for number in range(1, 25)} | {"space", "minus"}
_TYPED_INTO = ("app", "chat", "composer")
"""Actions that must not take a letter: there is always something to type into."""


@dataclass(frozen=True)
class Action:
    """Something that a key does. `name` is the id that settings use; `keys` are those it has by itself."""

    name: str
    keys: tuple[str, ...]
    meaning: str
    beside_chat: bool
    """Whether it belongs to a screen other than the chat."""

    @property
    def area(self) -> str:
        """The first part of the name: `chat` of `chat.good`."""
        return self.name.partition(".")[0]

    def meets(self, other: "Action") -> bool:
        """Whether both may be meant by one key, because they are there at the same time."""
        if "app" in (self.area, other.area) or self.area == other.area:
            return True
        common = ("page", "list") if self.beside_chat else ("chat", "composer")
        return self.beside_chat == other.beside_chat and (self.area in common or other.area in common)


def parse(text: str) -> dict[str, str]:
    """Action -> keys, as Textual's keymap wants them; what is no pair is left out."""
    pairs = [pair.partition("=") for pair in text.split(",") if "=" in pair]
    return {name.strip(): key.strip().replace(" ", "") for name, _, key in pairs if name.strip() and key.strip()}


def displayed(text: str, name: str, key: str) -> str:
    """The key of an action under such a line, as it is shown to the user; `key` is the one that it has by itself."""
    return format_key(parse(text).get(name, key))


def actions() -> Mapping[str, Action]:
    """Every action with a name, by that name."""
    found: dict[str, Action] = {}
    for module in _modules():
        for thing in vars(import_module(module)).values():
            if isinstance(thing, type) and thing.__module__ == module:
                for action in _of_class(thing, module):
                    earlier = found.get(action.name)
                    keys = tuple(dict.fromkeys((earlier.keys if earlier else ()) + action.keys))
                    found[action.name] = Action(action.name, keys, action.meaning, action.beside_chat)
    return found


def in_force(text: str) -> Mapping[str, Action]:
    """Every action with the keys that it has under such a line of the settings."""
    chosen = parse(text)
    return {
        name: Action(name, (_plain(chosen[name]),), action.meaning, action.beside_chat) if name in chosen else action
        for name, action in actions().items()
    }


def problems(text: str) -> list[str]:
    """What is wrong with a line of the settings, a sentence each; the rest of the line holds all the same."""
    told = [
        f"{pair.strip()!r} is not ID=KEY, such as chat.good=f6"
        for pair in text.split(",")
        if pair.strip() and "=" not in pair
    ]
    known, chosen = in_force(text), parse(text)
    for name, key in chosen.items():
        action = known.get(name)
        if action is None:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            told.append(
                f"there is no action {name!r}" + (f"; did you mean {near[0]}?" if near else "; /help lists them")
            )
            continue
        if not _is_key(key):
            told.append(f"{name}={key}: there is no key {key!r}; keys are called f6, ctrl+t, alt+up, delete")
        elif action.area in _TYPED_INTO and (len(key) == 1 or _plain(key) in ("space", "enter", "backspace")):
            told.append(f"{name}={key}: that key is for typing; take a function key, or one with ctrl or alt")
        for other in known.values():
            if other.name != name and action.meets(other) and _plain(key) in other.keys:
                told.append(f"{name}={key}: {other.name} ({other.meaning}) has that key too")
    return told


def _modules() -> Iterator[str]:
    yield "localnpm.tui.app"
    for package in ("localnpm.tui.screens", "localnpm.tui.widgets"):
        for found in iter_modules(import_module(package).__path__):
            yield f"{package}.{found.name}"


def _of_class(thing: type, module: str) -> Iterator[Action]:
    for binding in vars(thing).get("BINDINGS", ()):
        if isinstance(binding, Binding) and binding.id:
            keys = tuple(_plain(key) for key in binding.key.split(","))
            beside = ".screens." in module and not module.endswith(".chat")
            yield Action(binding.id, keys, binding.description, beside)


def _plain(key: str) -> str:
    """A key as Textual calls it: `slash` for `/`."""
    key = key.strip()
    return _character_to_key(key) if len(key) == 1 else key


def _is_key(key: str) -> bool:
    *modifiers, base = key.split("+") if key != "+" else ("+",)
    if any(modifier not in MODIFIERS for modifier in modifiers):
        return False
    return len(base) == 1 or base in _NAMED
