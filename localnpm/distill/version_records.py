"""How versions of a procedure have done in the attempts of its kind: their record, which policies decide by.

Not covered: what is decided (policies.py), and the statistics that users see (memory/uses.py).
"""

import json
from collections.abc import Collection, Sequence

from localnpm.distill.decisions import Record
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Version

_RECORDS = """
    SELECT uses.version_id, uses.attempt_id, outcomes.success, attempts.retry_of FROM uses
    JOIN outcomes ON outcomes.attempt_id = uses.attempt_id JOIN attempts ON attempts.id = uses.attempt_id
    WHERE uses.version_id IN (SELECT value FROM json_each(?)) AND uses.attempt_id IN (SELECT value FROM json_each(?))
    AND uses.channel IN ('script', 'both') AND NOT attempts.practice AND NOT attempts.surroundings
"""


def records(database: Database, versions: Sequence[Version], ids: Collection[int]) -> dict[int, Record]:
    """How each version has done in attempts of its kind; what it did where it was wrongly recalled tells nothing.

    What only got another example goes on with what its script has earned.
    """
    scripts = {version.id: version.script or version.example for version in versions}
    wins: dict[str, set[int]] = {}
    losses: dict[str, set[int]] = {}
    retries = set()
    for row in database.query(_RECORDS, (json.dumps(list(scripts)), json.dumps(sorted(ids)))):
        of = wins if row["success"] else losses
        of.setdefault(scripts.get(row["version_id"], ""), set()).add(row["attempt_id"])
        if row["retry_of"] is not None:
            retries.add(row["attempt_id"])
    return {
        version_id: Record(frozenset(wins.get(script, ())), frozenset(losses.get(script, ())), frozenset(retries))
        for version_id, script in scripts.items()
        if script
    }
