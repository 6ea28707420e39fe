"""What a confined command may see: readable system paths, hidden paths inside the workspace, and its environment.

Everything is a list of what is granted; what is not named here does not exist for the command. That is why a user's
home folder needs no list of secrets, unless the workspace itself holds it: `secrets` is for that case alone.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

SYSTEM = (
    "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr", "/opt", "/nix/store", "/run/current-system",
    "/snap", "/System", "/Library", "/sys/devices/system/cpu",
)  # fmt: skip

# Of /etc what programs need to start; the rest holds keys and passwords of the machine, which root could read.
ETC = (
    "alternatives", "bash.bashrc", "ca-certificates", "ca-certificates.conf", "crypto-policies", "debian_version",
    "default/locale", "environment.d", "fonts", "fstab", "gai.conf", "gitconfig", "group", "host.conf", "hostname",
    "hosts", "inputrc", "java", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.conf", "locale.gen", "localtime",
    "login.defs", "lsb-release", "machine-info", "magic", "mailcap", "mime.types", "nsswitch.conf", "os-release",
    "papersize", "passwd", "perl", "pki/tls/certs", "pki/ca-trust/extracted", "profile", "profile.d", "protocols",
    "python3", "redhat-release", "services", "shells", "ssl/certs", "ssl/openssl.cnf", "ssl/cert.pem", "static",
    "terminfo", "texmf", "timezone", "vim", "xdg", "zsh", "zshenv",
)  # fmt: skip

# Tool chains that live in a home folder, and the variable that tells a program where, since its home is another here.
TOOLS: Mapping[str, str] = {
    ".pyenv": "PYENV_ROOT", ".rbenv": "RBENV_ROOT", ".nvm": "NVM_DIR", ".volta": "VOLTA_HOME", ".asdf": "ASDF_DATA_DIR",
    ".rustup": "RUSTUP_HOME", ".sdkman": "SDKMAN_DIR", ".local/share/mise": "MISE_DATA_DIR", ".local/pipx/venvs": "",
    ".local/share/pipx/venvs": "", ".local/share/uv/python": "UV_PYTHON_INSTALL_DIR", ".local/share/uv/tools": "",
    "miniconda3": "", "miniforge3": "", "anaconda3": "",
}  # fmt: skip

DEVICES = ("null", "zero", "full", "random", "urandom")

_SECRETS = (
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", "_netrc", ".git-credentials", ".pgpass",
    ".my.cnf", ".npmrc", ".pypirc", ".password-store", ".vault-token", ".mozilla", ".thunderbird", ".config",
    ".local/share", ".local/state", ".cache", ".cargo/credentials.toml", ".gem/credentials", ".m2/settings.xml",
    ".terraform.d", ".var", ".bash_history", ".zsh_history", ".python_history", ".node_repl_history", ".psql_history",
    ".sqlite_history", "snap", "Library",
)  # fmt: skip

_PASSED_ON = ("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_COLLATE", "LC_MESSAGES", "LC_NUMERIC", "LC_TIME", "TZ")
_FALLBACK_PATH = "/usr/local/bin:/usr/bin:/bin"


def holds(folder: Path, path: Path) -> bool:
    """Whether a folder is the path or has it somewhere inside; both resolved."""
    return folder == path or folder in path.parents


def secrets(home: Path) -> tuple[Path, ...]:
    """Where programs keep keys, passwords and histories in a home folder, as far as they are there now."""
    return tuple(path for name in _SECRETS if (path := home / name).exists())


def search_path(outside: Mapping[str, str], kept_out: Sequence[Path]) -> str:
    """The user's search path without relative entries and without folders that hold something to be kept out."""
    entries = [entry for entry in outside.get("PATH", "").split(os.pathsep) if entry.startswith("/")]
    good = [entry for entry in entries if not any(holds(Path(entry).resolve(), path) for path in kept_out)]
    return os.pathsep.join(good) or _FALLBACK_PATH


def readable(
    search: str, homes: Sequence[Path], hidden: Sequence[Path], extra: Iterable[Path] = ()
) -> tuple[Path, ...]:
    """The existing paths that a command may read: the system, interpreter, tool chains, search path; none hidden.

    Folders of the search path are granted alone, not what lies beside them; none that holds something hidden. Symlinks
    are kept, since `/bin` often is one.
    """
    candidates = [Path(path) for path in SYSTEM] + [Path("/etc") / name for name in ETC]
    candidates += [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).parent, *extra]
    candidates += [home / name for home in homes for name in TOOLS]
    candidates += [Path(entry) for entry in search.split(os.pathsep)]
    granted: dict[Path, None] = {}
    for path in candidates:
        if path.exists() and path != Path("/"):
            granted.update(dict.fromkeys(_without(path, hidden)))
    return tuple(path for path in granted if not any(parent in granted for parent in path.parents))


def _without(path: Path, hidden: Sequence[Path]) -> Iterator[Path]:
    """The path, or what is left of it where something hidden lies inside."""
    real = path.resolve()
    if any(holds(secret, real) for secret in hidden):
        return
    if not any(holds(real, secret) for secret in hidden):
        yield path
        if path.is_symlink():
            yield real
    elif real.is_dir():
        for child in real.iterdir():
            yield from _without(child, hidden)


def environment(outside: Mapping[str, str], search: str, homes: Sequence[Path], temporary: str) -> dict[str, str]:
    """The command's whole environment: a search path, the language, a home and temporary folder of its own."""
    return {
        "PATH": search,
        "HOME": f"{temporary}/home",
        "TMPDIR": temporary,
        "SHELL": "/bin/sh",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "PAGER": "cat",
        **{TOOLS[name]: str(home / name) for home in homes for name in TOOLS if TOOLS[name] and (home / name).is_dir()},
        **{name: outside[name] for name in _PASSED_ON if name in outside},
    }
