"""Every error that localnpm raises on purpose, as one tree.

    LocalnpmError               a message for the user: what happened, with the offending value, and what to do
    ├── ConfigError             config.toml, an environment variable or a flag holds something that cannot be used
    ├── ModelError              a GGUF file cannot be found, read, loaded or run
    │   ├── ContextFullError    the newest exchange alone does not fit the model's context
    │   ├── SteeringError       a control vector does not fit the model, or the model cannot be steered
    │   └── ScriptError         the model was asked for a procedure and wrote something that is none
    ├── CancelledError          work that was told to stop has stopped, and left everything as it was
    ├── BusyError               another process is doing what one may do at a time
    ├── ToolError               a tool call failed; its text goes back to the model as `Error: ...`, the attempt goes on
    ├── WorkspaceError          the workspace itself is unusable: gone, not a folder, not permitted
    ├── JailError               a command cannot be confined on this machine, so it is not run
    ├── UndoError               an undo or redo that would destroy what someone else has changed
    ├── MemoryFileError         memory.db cannot be opened, is damaged, or belongs to a newer version
    ├── NotFoundError           no attempt, session, model or file of that name
    └── DownloadError           a pull failed, or what came is not what was promised

The command line prints the message and exits with `exit_code`; a traceback is for `--debug` only.
"""

from typing import ClassVar


class LocalnpmError(Exception):
    """A failure that the user can understand and act on. `str(error)` is the whole message."""

    exit_code: ClassVar[int] = 1


class ConfigError(LocalnpmError):
    """A setting that cannot be used; the message names its place, its key and what is allowed."""

    exit_code = 2


class ModelError(LocalnpmError):
    """A model file that cannot be found, read, loaded or run."""

    exit_code = 4


class ContextFullError(ModelError):
    """The newest exchange alone is longer than the context."""


class SteeringError(ModelError):
    """A control vector that does not fit the model, or a model that cannot be steered."""


class ScriptError(ModelError):
    """What the model wrote is not a procedure."""


class CancelledError(LocalnpmError):
    """Work that was told to stop, and has."""

    exit_code = 130


class BusyError(LocalnpmError):
    """Another process is doing what only one may do at a time."""


class ToolError(LocalnpmError):
    """A tool call that failed. The text, after `Error: `, is what the model reads."""


class WorkspaceError(LocalnpmError):
    """A workspace that is not there, is not a folder, or may not be read."""

    exit_code = 5


class JailError(LocalnpmError):
    """A command that this machine cannot confine."""

    exit_code = 5


class UndoError(LocalnpmError):
    """Some files were left alone because something else has changed them since."""

    exit_code = 3


class MemoryFileError(LocalnpmError):
    """memory.db cannot be opened, is damaged, or was written by a newer version."""

    exit_code = 6


class NotFoundError(LocalnpmError):
    """Nothing has that id or name."""

    exit_code = 2


class DownloadError(LocalnpmError):
    """A download that failed or did not match its checksum."""

    exit_code = 7
