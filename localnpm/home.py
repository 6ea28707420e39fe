"""Where things live: the home folder with memory.db and all else of the user's, and the bundled model with the package.

Path functions and nothing else; nothing here creates a folder but `Home.prepare`.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from localnpm.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Home:
    """The folder that holds everything one user of localnpm has. Tools can never write to it."""

    root: Path

    @property
    def memory(self) -> Path:
        """The memory: sessions, attempts, procedures, vectors."""
        return self.root / "memory.db"

    @property
    def config(self) -> Path:
        """The settings file; it need not exist."""
        return self.root / "config.toml"

    @property
    def models(self) -> Path:
        """Models that were pulled. The bundled one is never here; see `bundled`."""
        return self.root / "models"

    @property
    def undo(self) -> Path:
        """Before-images too large for memory.db, by SHA-256."""
        return self.root / "undo"

    @property
    def run(self) -> Path:
        """One locked file for each running process, named by its PID."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        """What llama.cpp and the program itself print while they work."""
        return self.root / "logs"

    @property
    def backups(self) -> Path:
        """Copies of memory.db made before a migration or on request."""
        return self.root / "backups"

    @property
    def cache(self) -> Path:
        """What can be computed again: model fingerprints, compiled grammars."""
        return self.root / "cache"

    def prepare(self) -> None:
        """Make the home folder, readable by its owner only.

        Raises:
            ConfigError: it cannot be made.
        """
        try:
            self.root.mkdir(parents=True, mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{self.root}: cannot be made or used as the home ({error.strerror}); choose another one with --home"
            ) from None


def checkout() -> Path | None:
    """The source checkout that this package is imported from, or None for an installed package."""
    root = PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "models").is_dir() else None


def find_home(explicit: str | Path | None = None) -> Home:
    """`--home`, else LOCALNPM_HOME, else the checkout, else the platform's data folder."""
    chosen = explicit or os.environ.get("LOCALNPM_HOME") or checkout() or platformdirs.user_data_path("localnpm")
    return Home(Path(chosen).expanduser().absolute())


def bundled() -> Path:
    """The folder with the bundled model and embedder: models/ in a checkout, inside the package when installed."""
    root = checkout()
    return root / "models" if root else PACKAGE / "bundled"


def bundled_model() -> Path:
    """The bundled model's GGUF file."""
    return bundled() / "apprentice-q8_0.gguf"


def bundled_embedder() -> Path:
    """The bundled sentence embedder's folder."""
    return bundled() / "embedder"
