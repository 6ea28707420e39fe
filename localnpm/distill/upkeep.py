"""What a pass does for all procedures at once: retire what does harm, and the least useful ones past the cap.

Nothing is deleted; a retired procedure can be enabled again. Not covered: what one kind says (policies.py), which
kinds are one (consolidate.py).
"""

from localnpm.memory.database import Database
from localnpm.memory.posterior import to_retire
from localnpm.memory.procedures import Procedures
from localnpm.memory.uses import all_statistics


def harmful(database: Database) -> dict[int, str]:
    """Procedures in use that do worse than doing without, each with the reason."""
    everything = all_statistics(database)
    found = {}
    for procedure in Procedures(database).all("active"):
        statistics = everything.of(procedure.id)
        if procedure.origin == "learned" and to_retire(statistics):
            found[procedure.id] = (
                f"it worked in {statistics.wins} of {statistics.uses} judged uses, less than without it"
            )
    return found


def surplus(database: Database, capacity: int) -> dict[int, str]:
    """The least useful learned procedures past the cap, each with the reason; of equals the older ones."""
    active = Procedures(database).all("active")
    over = len(active) - capacity
    if over <= 0:
        return {}
    everything = all_statistics(database)
    learned = [procedure for procedure in active if procedure.origin == "learned"]
    learned.sort(key=lambda procedure: (everything.of(procedure.id).utility, procedure.updated_at))
    why = f"the memory holds {capacity} procedures at most (setting memory.capacity), and this one was of least use"
    return {procedure.id: why for procedure in learned[:over]}
