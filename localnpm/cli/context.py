"""What every command is given: the home folder, the settings, and the memory, opened when first asked for."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from localnpm import config
from localnpm.home import Home

if TYPE_CHECKING:
    from localnpm.memory.database import Database


@dataclass
class Context:
    """Passed to commands by `@click.pass_obj`. Nothing is read before it is needed, so that `doctor` always works."""

    home: Home
    debug: bool = False
    overrides: dict[str, str] = field(default_factory=dict)

    @cached_property
    def settings(self) -> config.Settings:
        """Settings from file, environment and flags.

        Raises:
            ConfigError: a key or a value that is not allowed.
        """
        settings = config.load(self.home)
        for name, text in self.overrides.items():
            key = config.find_key(name, "command line")
            settings = config.change(settings, name, key.parse(text, "command line"))
        return settings

    def open_database(self) -> "Database":
        """memory.db, made on first use; attempts whose process has died are marked as interrupted.

        Raises:
            MemoryFileError: it cannot be opened.
        """
        from localnpm.memory.database import Database
        from localnpm.memory.process import recover

        self.home.prepare()
        database = Database.open(self.home.memory)
        recover(database, self.home.run)
        if any(self.home.undo.glob("commands/*")):
            # A command was running when its process died: journal what it had changed, so that it can be undone.
            from localnpm.agent.command import recover as recover_commands

            recover_commands(database, self.home.undo)
        return database
