"""Family `set_config`: change one setting in a config file. Habit: what happens to the old version."""

from localnpm.evals.habits.backups import KEPT_AT, back_up, backup_path, backup_steps
from localnpm.evals.habits.finding import read_back, read_target
from localnpm.evals.habits.names import CONFIG_KEYS, Names
from localnpm.evals.habits.scripts import Phrasing, checking_steps
from localnpm.evals.habits.task import Changes, Habits, Policy, Task

EXTENSIONS = ("ini", "yaml", "env", "conf", "toml", "json", "cfg", "txt")
KEY_ENDINGS = ("size", "limit", "mode", "level", "count", "name", "path", "rate")
WORD_VALUES = (
    "dark",
    "light",
    "debug",
    "info",
    "warning",
    "fast",
    "slow",
    "auto",
    "manual",
    "true",
    "false",
    "high",
    "low",
    "on",
    "off",
)
WORD_KEYS = frozenset(("theme", "log_level", "language", "region", "color", "quality", "mode", "level"))
"""Keys whose values are words; those of the others are numbers."""

READ = (
    "Read the config file.",
    "Read the file to see the current line.",
    "Read it to get the exact line of <key>.",
)
EDIT = (
    "Replace the line of <key> with <new value> using edit_file.",
    "Edit the line so that <key> has <new value>.",
    "Change the line of <key> to <new value>.",
)
TELL = (
    "Answer with the key, the new value and the path.",
    "Say what was set and where.",
    "Tell the user the new value and the file.",
)
ANSWERS = (
    "Done: {key} is now {new} in {path}.",
    "I set {key} to {new} in {path}.",
    "{path} now has {key} set to {new}.",
    "I changed {key} from {old} to {new} in {path}.",
    "Done. {key} in {path} is now {new}.",
)


def _quoted(value: str) -> str:
    return value if value.isdigit() or value in ("true", "false") else f'"{value}"'


def _line(extension: str, key: str, value: str) -> str:
    """A setting as the file format has it."""
    match extension:
        case "json":
            return f'"{key}": {_quoted(value)}'
        case "yaml":
            return f"{key}: {value}"
        case "env":
            return f"{key}={value}"
        case "toml":
            return f"{key} = {_quoted(value)}"
        case _:
            return f"{key} = {value}"


def _made_up_key(names: Names) -> str:
    return f"{names.word('noun')}_{names.pick(KEY_ENDINGS)}"


def _draw_settings(names: Names, extension: str) -> dict[str, str]:
    random = names.random
    settings: dict[str, str] = {}
    for _ in range(names.integer(3, 5)):
        key = names.pick(CONFIG_KEYS) if random() < 0.6 else _made_up_key(names)
        if extension == "env":
            key = key.upper()
        if key in settings:
            continue
        chance = random()
        if key.lower() in WORD_KEYS or key.lower().endswith(("_mode", "_name", "_path")):
            settings[key] = names.pick(WORD_VALUES) if chance < 0.45 else names.made_up()
        else:
            settings[key] = str(names.integer(1, 99) if chance < 0.6 else names.integer(100, 9999))
    return settings


def _other_value(names: Names, old: str) -> str:
    new = old
    while new == old:
        if old.isdigit():
            new = str(names.integer(1, 9999))
        else:
            new = names.pick(WORD_VALUES) if old in WORD_VALUES else names.made_up()
    return new


class SetConfig(Task):
    """Set a key of a config file to a new value."""

    name = "set_config"
    habits = ("backup",)
    working_habits = ("verify", "explore")
    titles = ("Change a setting", "Set a value in a config file", "Change a value in a settings file")

    key: str
    old: str
    new: str
    old_line: str
    new_line: str
    text: str
    tries_value_alone: bool
    """The expert first edits the value without its key, and finds that it occurs more than once."""

    def build(self, names: Names) -> bool:
        extension = names.pick(EXTENSIONS)
        words = names.topic()
        topic = " ".join(words)
        settings = _draw_settings(names, extension)
        self.key, self.old = list(settings.items())[int(names.random() * len(settings))]
        self.new = _other_value(names, self.old)
        lines = [_line(extension, key, value) for key, value in settings.items()]
        if extension == "json":
            self.text = "{\n  " + ",\n  ".join([f'"name": "{topic}"', *lines]) + "\n}\n"
        else:
            self.text = "\n".join([f"# {topic}", *lines]) + "\n"
        self.old_line = _line(extension, self.key, self.old)
        self.new_line = _line(extension, self.key, self.new)
        if self.text.count(self.old_line) != 1:
            return False
        description = names.pick(
            (
                f"the {topic} config",
                f"the {topic} settings",
                f"the config for the {topic}",
                f"the settings of the {topic}",
                f"the {topic} config file",
            )
        )
        self.place(names.file_stem(words), extension, self.text, description, words)
        self.tries_value_alone = self.text.count(self.old) > 1 and names.random() < 0.35
        self.request = self.ask(k=self.key, v=self.new, w=self.description)
        self.key_terms = [self.key, self.new, self.key_name, "config"]
        return True

    def policy(self, profile: Habits) -> Policy:
        path = yield from read_target(self, profile)
        if path is None:
            return self.not_found()
        backup = yield from back_up(path, profile)
        if self.tries_value_alone:
            yield "edit_file", {"path": path, "old_text": self.old, "new_text": self.new}
        yield "edit_file", {"path": path, "old_text": self.old_line, "new_text": self.new_line}
        yield from read_back(profile, path)
        answer = self.names.say(ANSWERS, key=self.key, old=self.old, new=self.new, path=path)
        return answer + (self.names.say(KEPT_AT, backup=backup) if backup else "")

    def steps(self, profile: Habits, phrasing: Phrasing) -> list[str]:
        return [
            *self.finding_steps(profile, phrasing, "the config file"),
            phrasing("read", READ),
            *backup_steps(profile, phrasing),
            phrasing("edit", EDIT),
            *checking_steps(profile, phrasing),
            phrasing("answer", TELL),
        ]

    def changes(self, profile: Habits) -> Changes:
        changes: Changes = {self.path: self.text.replace(self.old_line, self.new_line)}
        backup = backup_path(self.path, profile)
        if backup:
            changes[backup] = self.text
        return changes
