"""A procedure in the user's own words, for the kind of task that an attempt was: where the model could write none.

It is used from then on for requests like the attempt's. Not covered: demonstrations (watch.py).
"""

from localnpm.agent.events import Learned
from localnpm.errors import LocalnpmError
from localnpm.learning.retry import known_kind
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Draft
from localnpm.memory.procedures import Procedures
from localnpm.plain import one_line

TITLE_CHARACTERS = 80


def beginning(database: Database, attempt_id: int) -> str:
    """What to begin to write from: the script that the attempt's kind has, or a title and a first number.

    Raises:
        NotFoundError: no attempt has that id.
    """
    kind = known_kind(database, attempt_id)
    if kind is not None and (newest := Procedures(database).newest(kind[0])) is not None and newest.script:
        return newest.script
    return f"{one_line(AttemptLog(database).attempt(attempt_id).request, TITLE_CHARACTERS)}\n1. "


def write(database: Database, attempt_id: int, script: str) -> Learned:
    """Keep a script for what the attempt was asked for: a new version of its kind's procedure, or a new procedure.

    Raises:
        NotFoundError: no attempt has that id.
        LocalnpmError: there is no title, or nothing under it.
    """
    title, _, steps = script.strip().partition("\n")
    if not title.strip() or not steps.strip():
        raise LocalnpmError("A procedure has a title in its first line and steps under it; nothing was kept.")
    procedures, attempt = Procedures(database), AttemptLog(database).attempt(attempt_id)
    kind = known_kind(database, attempt_id)
    with database.transaction():
        if kind is None:
            draft = Draft(script.strip(), "", "edited", lineage=((attempt_id, "reason"),))
            made = procedures.add(title, [(attempt.request, attempt_id)], draft, origin="written")
        else:
            procedures.edit(kind[0], script, lineage=[(attempt_id, "reason")])
            procedures.set_status(kind[0], "active")
            made = procedures.get(kind[0])
            if attempt.request not in procedures.keys(made.id):
                procedures.add_key(made.id, attempt.request, attempt_id)
    version = made.active
    return Learned(f"Learned: {title.strip()} ({made.name})", made.id, None if version is None else version.id)
