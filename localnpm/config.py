"""Settings: defaults, config.toml, environment variables and flags, in rising precedence.

Each field's type, bounds and meaning stand beside it; reading, checking and the list that `localnpm config show` prints
are all made from the fields. Writing the file is config_file.py's business.

An environment variable is LOCALNPM_ and the key in capitals: `engine.context` is LOCALNPM_ENGINE_CONTEXT.
Not covered: what a value may be (config_key.py). Rules that the user gave with "always here" are read here, but judged
in agent/permissions.py.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args, get_type_hints

from localnpm.config_key import Key
from localnpm.errors import ConfigError
from localnpm.home import Home


def setting(
    default: Any, meaning: str, *, allowed: Sequence[str] = (), least: float | None = None, most: float | None = None
) -> Any:
    """A field with its meaning and bounds, for the checks and for the commented file."""
    return field(default=default, metadata={"meaning": meaning, "allowed": allowed, "least": least, "most": most})


@dataclass(frozen=True)
class EngineSettings:
    """How a model is loaded. Zero, -1 and "auto" mean: chosen for this machine; `localnpm doctor` says why."""

    context: int = setting(
        0, "tokens that fit the model's context; 0: chosen by model and memory", least=0, most=1 << 20
    )
    threads: int = setting(0, "CPU threads; 0: one for each physical core", least=0, most=512)
    gpu_layers: int = setting(-1, "blocks computed on a GPU; -1: all where there is one", least=-1, most=1000)
    mmap: bool = setting(True, "map the file instead of reading it, so that it loads at once")
    kv_type: str = setting("auto", "precision of the context's keys and values", allowed=("auto", "f32", "f16", "q8_0"))
    batch: int = setting(0, "tokens read at once; 0: chosen for this machine", least=0, most=8192)


@dataclass(frozen=True)
class SamplingSettings:
    """How tokens are drawn. What is left out comes from the model's own recommendation; the bundled model is greedy."""

    temperature: float | None = setting(None, "0 always takes the likeliest token", least=0, most=5)
    top_k: int | None = setting(None, "draw from the k likeliest tokens only; 0: no limit", least=0, most=1_000_000)
    top_p: float | None = setting(None, "draw from the likeliest tokens that together reach p", least=0, most=1)
    min_p: float | None = setting(None, "draw from tokens at least p times as likely as the likeliest", least=0, most=1)
    repeat_penalty: float | None = setting(None, "above 1: repeated tokens become less likely", least=0.1, most=3)
    seed: int | None = setting(None, "fixes the draw; left out: a new one each time, logged", least=0, most=2**32 - 2)


@dataclass(frozen=True)
class AgentSettings:
    """Where an attempt ends if the model does not end it."""

    steps: int = setting(30, "tool calls in one attempt", least=1, most=1000)
    tokens: int = setting(8192, "tokens generated in one attempt", least=16, most=1_000_000)
    seconds: int = setting(
        900, "wall-clock seconds of one attempt, waiting for your approval not counted", least=1, most=86400
    )
    retention_days: int = setting(0, "forget attempts older than this; 0: keep them", least=0, most=36500)


@dataclass(frozen=True)
class JailSettings:
    """What one command run for the agent may use."""

    seconds: int = setting(60, "wall-clock seconds", least=1, most=86400)
    memory_mb: int = setting(2048, "megabytes of memory", least=64, most=1 << 20)
    output_kb: int = setting(256, "kilobytes of output that are kept", least=1, most=1 << 20)
    processes: int = setting(128, "processes and threads at once", least=1, most=100_000)


@dataclass(frozen=True)
class PermissionRule:
    """One "always here": what needs no question in one workspace. `allow` is `write` or `run:PATTERN`."""

    workspace: str
    allow: str


@dataclass(frozen=True)
class PermissionSettings:
    """What the agent may do without asking."""

    mode: str = setting(
        "ask",
        "ask: show each change first; auto: change files without asking; read-only: never",
        allowed=("ask", "auto", "read-only"),
    )
    always: tuple[PermissionRule, ...] = field(default=(), metadata={"meaning": "", "rules": True})


@dataclass(frozen=True)
class MemorySettings:
    """What is recalled for a task. Zeros mean: chosen for the model."""

    embedder: str = setting("", "a sentence-transformers folder; empty: the bundled embedder")
    key: str = setting(
        "query",
        "what recall compares: query (the request), avefact (its key terms), random (a control for evaluations)",
        allowed=("query", "avefact", "random"),
    )
    threshold: float | None = setting(
        None, "the least similarity at which anything is recalled; left out: calibrated", least=-1, most=1
    )
    scripts: int = setting(
        0, "procedures in one prompt; 0: one for the bundled model, three for others", least=0, most=20
    )
    tokens: int = setting(0, "tokens of memory in one prompt; 0: chosen by model and context", least=0, most=100_000)
    neighbours: int = setting(8, "trajectories that a vector is made from on the spot", least=1, most=100)
    holdout: float = setting(
        0.05, "share of tasks done without memory, so that its use can be measured", least=0, most=0.5
    )
    backups: int = setting(
        3,
        "routine copies of memory.db to keep; one is made before learning, at most daily; 0: none",
        least=0,
        most=1000,
    )
    capacity: int = setting(500, "procedures in use at most; the least useful are retired", least=1, most=1_000_000)


@dataclass(frozen=True)
class LearningSettings:
    """When and how procedures are made from the log."""

    build: str = setting(
        "proceduralization",
        "what a procedure holds: trajectory (an example), script, proceduralization (both)",
        allowed=("trajectory", "script", "proceduralization"),
    )
    update: str = setting(
        "adjustment",
        "vanilla (add), validation (successes only), adjustment (also rewrite a script that led to a failure)",
        allowed=("vanilla", "validation", "adjustment"),
    )
    every: int = setting(10, "newly judged attempts that make a pass due; 0: only when told to", least=0, most=100_000)
    idle_seconds: int = setting(60, "seconds without a task after which a due pass begins", least=1, most=86400)
    run_seconds: int = setting(20, "seconds that `run` may spend on a due pass after its answer", least=0, most=86400)
    weak_evidence: bool = setting(True, "also learn from undoing, declining, editing by hand, and leaving in place")
    direction: str = setting(
        "gradient",
        "how a control vector is found: gradient (what moves the deciding tokens), mean (difference of activations), "
        "principal (their first component)",
        allowed=("gradient", "mean", "principal"),
    )
    kl: float = setting(1.0, "how far steering may change the next token at most, in nats", least=0.01, most=20)
    activations_mb: int = setting(500, "megabytes of cached activations", least=0, most=1 << 20)


@dataclass(frozen=True)
class AppSettings:
    """The terminal app."""

    theme: str = setting("", "a name from the palette's list of themes; empty: localnpm's own choice")
    animation: bool = setting(True, "let things move; NO_COLOR and TEXTUAL_ANIMATIONS are heeded too")
    bell: bool = setting(True, "ring when a long task ends or asks while you look elsewhere")
    memory_panel: bool = setting(True, "show beside the chat what memory did, in terminals of 100 columns and more; F4")
    keys: str = setting("", "other keys: ID=KEY,... such as chat.good=f6,chat.bad=f7; F1 shows the ids")


@dataclass(frozen=True)
class Settings:
    """All settings, checked."""

    model: str = setting("", "a name from `localnpm models list` or a path to a GGUF file; empty: the bundled model")
    engine: EngineSettings = EngineSettings()
    sampling: SamplingSettings = SamplingSettings()
    agent: AgentSettings = AgentSettings()
    jail: JailSettings = JailSettings()
    permissions: PermissionSettings = PermissionSettings()
    memory: MemorySettings = MemorySettings()
    learning: LearningSettings = LearningSettings()
    app: AppSettings = AppSettings()


def keys(cls: type = Settings, prefix: str = "") -> Iterator[Key]:
    """Every setting, in the order of the file; rules are not among them."""
    hints = get_type_hints(cls)
    for entry in fields(cls):
        hint = hints[entry.name]
        if is_dataclass(hint):
            yield from keys(cast(type, hint), f"{prefix}{entry.name}.")
        elif "rules" not in entry.metadata:
            kinds = [kind for kind in get_args(hint) if kind is not type(None)]
            meta = entry.metadata
            yield Key(
                prefix + entry.name, kinds[0] if kinds else hint, bool(kinds), entry.default, meta["meaning"],
                tuple(meta["allowed"]), meta["least"], meta["most"],
            )  # fmt: skip


KEYS: Mapping[str, Key] = {key.name: key for key in keys()}


def get(settings: Settings, name: str) -> Any:
    """The value of a key such as `engine.context`."""
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def change(settings: Settings, name: str, value: Any) -> Settings:
    """The settings with one key changed to a value that `Key.check` has passed."""
    section, _, key = name.rpartition(".")
    if not section:
        return replace(settings, **{key: value})
    return replace(settings, **{section: replace(getattr(settings, section), **{key: value})})


def find_key(name: str, where: str) -> Key:
    """The key of that name.

    Raises:
        ConfigError: there is none; the message lists the keys of its section.
    """
    if name in KEYS:
        return KEYS[name]
    section = name.rpartition(".")[0]
    near = [key for key in KEYS if section and key.rpartition(".")[0] == section] or list(KEYS)
    raise ConfigError(f"{where}: there is no setting {name!r}; there are {', '.join(near)}")


def load(home: Home, environment: Mapping[str, str] | None = None) -> Settings:
    """Defaults, then HOME/config.toml, then LOCALNPM_* variables.

    Raises:
        ConfigError: the file cannot be read, or a key or value in it or in the environment is wrong.
    """
    environment = os.environ if environment is None else environment
    settings = _from_table(Settings(), _read(home.config), str(home.config))
    for key in KEYS.values():
        text = environment.get(key.variable)
        if text:
            settings = change(settings, key.name, key.parse(text, f"environment variable {key.variable}"))
    return settings


def _read(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); mend or move it, or run `localnpm config init`") from None
    # Most have no such file, and need not wait for its parser.
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def _from_table(settings: Settings, table: Mapping[str, Any], where: str, prefix: str = "") -> Settings:
    for name, value in table.items():
        full = prefix + name
        if full == "permissions.always":
            settings = replace(settings, permissions=replace(settings.permissions, always=_rules(value, where)))
        elif isinstance(value, Mapping) and not prefix and is_dataclass(getattr(settings, name, None)):
            settings = _from_table(settings, value, where, name + ".")
        else:
            settings = change(settings, full, find_key(full, where).check(value, where))
    return settings


def _rules(value: Any, where: str) -> tuple[PermissionRule, ...]:
    wanted = {"workspace", "allow"}
    if not isinstance(value, list) or any(not isinstance(rule, dict) or set(rule) != wanted for rule in value):
        raise ConfigError(f"{where}: permissions.always is a list of tables with the keys workspace and allow")
    for rule in value:
        if not all(isinstance(part, str) for part in rule.values()) or not (
            rule["allow"] == "write" or rule["allow"].startswith("run:")
        ):
            raise ConfigError(
                f"{where}: permissions.always: allow is {rule['allow']!r}; allowed is write or run:PATTERN"
            )
    return tuple(PermissionRule(**rule) for rule in value)
