"""Writing config.toml: the commented default, one value, one "always here" rule. What the user wrote stays as it is."""

import os
import tomllib
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from localnpm.config import KEYS, PermissionRule, find_key, load
from localnpm.errors import ConfigError
from localnpm.home import Home


def _toml(value: Any) -> str:
    return str(tomlkit.item(value).as_string())


def default_file() -> str:
    """config.toml with every setting as a comment, its meaning and what is allowed."""
    lines = ["# Settings of localnpm. Remove the # before a line to change it.", ""]
    section = ""
    for key in KEYS.values():
        head, _, name = key.name.rpartition(".")
        if head != section:
            section = head
            lines += [f"[{section}]"]
        value = "..." if key.default is None else _toml(key.default)
        lines += [f"# {key.meaning} ({key.describe_allowed()}; {key.variable})", f"# {name} = {value}", ""]
    lines += [
        '# What needs no question in one workspace; "always here" writes these. allow: write, or run:PATTERN.',
        "# [[permissions.always]]",
        '# workspace = "/home/me/notes"',
        '# allow = "write"',
    ]
    return "\n".join(lines) + "\n"


def set_value(home: Home, name: str, value: Any) -> None:
    """Write one setting into config.toml and leave the rest of the file as it is, comments included.

    Raises:
        ConfigError: no such key, a value that is not allowed, or a file that cannot be read or written.
    """
    value = find_key(name, "config set").check(value, "config set")
    document = _document(home)
    section, _, key = name.rpartition(".")
    if section:
        document.setdefault(section, tomlkit.table())[key] = value
    elif key in document:
        document[key] = value
    else:
        # A top-level key must stand before the first table.
        document = tomlkit.parse(tomlkit.dumps({key: value}) + tomlkit.dumps(document))
    _write(home, document)


def unset_value(home: Home, name: str) -> None:
    """Take one setting out of config.toml, so that its default holds; fine if it is not there.

    Raises:
        ConfigError: no such key, or a file that cannot be read or written.
    """
    find_key(name, "config unset")
    document = _document(home)
    section, _, key = name.rpartition(".")
    table: Any = document.get(section, {}) if section else document
    if key in table:
        del table[key]
        _write(home, document)


def add_rule(home: Home, rule: PermissionRule) -> None:
    """Append an "always here" rule to config.toml, once.

    Raises:
        ConfigError: the file cannot be read or written.
    """
    if rule in load(home, {}).permissions.always:
        return
    document = _document(home)
    rules = document.setdefault("permissions", tomlkit.table()).setdefault("always", tomlkit.aot())
    rules.append(tomlkit.item({"workspace": rule.workspace, "allow": rule.allow}))
    _write(home, document)


def write_default(home: Home) -> Path:
    """Write the commented default file.

    Raises:
        ConfigError: there is a file already, or it cannot be written.
    """
    if home.config.exists():
        raise ConfigError(f"{home.config} is there already; move it away first, or edit it")
    _write(home, tomlkit.parse(default_file()))
    return home.config


def _document(home: Home) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(home.config.read_text("utf-8"))
    except FileNotFoundError:
        return tomlkit.parse(default_file())
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise ConfigError(f"{home.config}: cannot be read: {error}") from None


def _write(home: Home, document: tomlkit.TOMLDocument) -> None:
    partial = home.config.with_name(f"config.toml.{os.getpid()}")
    try:
        home.prepare()
        partial.write_text(tomlkit.dumps(document), "utf-8")
        partial.replace(home.config)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ConfigError(f"{home.config}: cannot be written: {error}") from None


def keys_in_file(home: Home) -> set[str]:
    """The settings that HOME/config.toml sets, as `engine.context`; empty where there is no file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        table = tomllib.loads(home.config.read_text("utf-8"))
    except FileNotFoundError:
        return set()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{home.config}: {error}") from None
    inner = {f"{section}.{key}" for section, part in table.items() if isinstance(part, dict) for key in part}
    return inner | set(table)
