"""The files of the workspace that can be mentioned with an @."""

from pathlib import Path

from localnpm.errors import LocalnpmError
from localnpm.home import Home

MOST_FILES = 5000


def mentionable(workspace: Path, home: Home) -> tuple[str, ...]:
    """Paths relative to the workspace; for a thread. None where it cannot be read: the agent's thread tells of that."""
    from localnpm.agent.workspace import Workspace

    try:
        return tuple(Workspace(workspace, protected=(home.root,)).files(MOST_FILES))
    except LocalnpmError:
        return ()
