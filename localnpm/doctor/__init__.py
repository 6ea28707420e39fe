"""What this machine and installation can do: each finding with its status, and each problem with its fix.

It is for when something is broken, so nothing here relies on anything working: llama.cpp and the model are tried in a
process of their own, which may crash; a file that cannot be read is a finding, and so is a package that is missing.
Nothing is changed, and no network is used.
"""

from collections.abc import Iterator

from localnpm import config
from localnpm.config import Settings
from localnpm.doctor import installation
from localnpm.doctor.finding import Finding, Status, ok, problem
from localnpm.errors import ConfigError
from localnpm.home import Home
from localnpm.paths import is_file

__all__ = ["Finding", "Status", "examine"]


def examine(home: Home, settings: Settings | None = None) -> Iterator[Finding]:
    """Every finding, each as soon as it is known.

    Args:
        settings: those in force; None reads them, and where they cannot be read goes on with the defaults.
    """
    if settings is None:
        settings = Settings()
        try:
            settings = config.load(home)
        except ConfigError as error:
            yield problem("settings", str(error), "mend what the message names; a setting left out has its default")
        else:
            there = is_file(home.config)
            yield ok("settings", f"{home.config}" if there else f"no {home.config}; every setting has a default")
    yield from installation.examine()
    try:
        from localnpm.doctor import machine, model, storage
    except ImportError as error:
        yield problem("imports", f"localnpm cannot be imported whole: {error}", installation.REINSTALL)
        return
    yield from machine.examine()
    yield from model.examine(home, settings)
    yield from storage.examine(home)
